"""What a browser sends: checked before use, called by its own name, and removed after use."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from har.engine.errors import VideoError, explain
from har.engine.steps import Limits
from har.engine.workers import run_in_workers
from har.video.reading import VideoInfo, probe_video


@dataclass(frozen=True)
class Accepted:
    """What a video that is sent may be.

    Attributes:
        megabytes: Its size at most, in 10^6 bytes.
        seconds: Its length at most.
    """

    megabytes: int = 200
    seconds: float = 300.0


@contextlib.contextmanager
def used_once(upload: Path) -> Iterator[None]:
    """Remove a file that was sent, and its folder if that is empty then, after the body.

    Errors of the body name the file as the sender knows it, and not the folder here.

    Raises:
        VideoError: The body has failed in a way that the sender can fix.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        said = explain(error, "the page").replace(str(upload), upload.name)
        raise VideoError(said) from error
    finally:
        remove_upload(upload)


def remove_upload(upload: Path) -> None:
    """Remove a file that was sent, and its folder if that is empty then."""
    upload.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: the same file was sent twice at once
        upload.parent.rmdir()


def check_upload(upload: Path, accepted: Accepted, limits: Limits) -> VideoInfo:
    """Return what a video holds that was sent, if it may be used.

    It is opened in a process of its own, since anybody can send anything.

    Args:
        upload: The file.
        accepted: What it may be.
        limits: What opening it may use.

    Raises:
        VideoError: It is too large, too long, or no video.
    """
    size = upload.stat().st_size
    if size > accepted.megabytes * 10**6:
        raise VideoError(
            f"{upload} has {size / 1e6:.0f} MB; this page takes videos of up to "
            f"{accepted.megabytes} MB. Cut it or make it smaller, or start the page with a larger "
            "--max-megabytes."
        )
    (looked,) = run_in_workers(
        probe_video,
        [upload],
        total=1,
        **limits.of_workers | {"num_workers": 1},
        description="open",
        section="convert",
        failures=(VideoError, FileNotFoundError),
    )
    if looked.reason:
        reason = looked.reason
        raise VideoError(reason if str(upload) in reason else f"{upload}: {reason}")
    if looked.value.duration_seconds > accepted.seconds:
        raise VideoError(
            f"{upload} is {looked.value.duration_seconds:.0f} s long; this page takes videos of up "
            f"to {accepted.seconds:g} s. Cut it, or start the page with a larger --max-seconds."
        )
    return looked.value
