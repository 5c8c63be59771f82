"""What the installed PyAV, with the FFmpeg in it, can do, and which it is."""

import av
from av.codec.codec import UnknownCodecError

from har.engine.code import code_digest


def has_encoder(name: str) -> bool:
    """Return whether videos can be written by an encoder, such as `libx264`.

    Example:
        >>> has_encoder("mpeg4"), has_encoder("no such encoder")
        (True, False)
    """
    try:
        av.codec.Codec(name, "w")
    except UnknownCodecError:
        return False
    return True


def code_version(module: str) -> str:
    """Return what tells the code of a module here, and the decoders, from other ones.

    Args:
        module: Name of the module that makes a result, as `har.video.converting`.
    """
    return f"{code_digest(module)}, PyAV {av.__version__}"
