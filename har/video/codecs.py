"""What the installed PyAV, with the FFmpeg in it, can do."""

import av
from av.codec.codec import UnknownCodecError


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
