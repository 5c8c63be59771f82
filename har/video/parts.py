"""The parts of downloaded videos that are to be cut out, and videos inside a .zip."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from har.engine.errors import VideoError
from har.engine.files import writing
from har.integrity.unpacking import Archive


@dataclass(frozen=True)
class Origin:
    """A downloaded video: a file, or one inside a .zip.

    Attributes:
        file: The video, or the .zip that holds it.
        member: Its name inside the .zip; empty for a plain file.
    """

    file: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The video's file name without folders."""
        return PurePosixPath(self.member).name if self.member else self.file.name

    def __str__(self) -> str:
        return f"{self.file}:{self.member}" if self.member else str(self.file)


@dataclass(frozen=True)
class Span:
    """The part of a video to cut out, from `start` up to and without `stop`.

    Attributes:
        start: Frames or seconds since the first frame.
        stop: In the same unit.
        unit: `frames` or `seconds`.
    """

    start: float
    stop: float
    unit: str

    def __str__(self) -> str:
        """Return the span as the data sets write it: frames from 1, the last one included."""
        if self.unit == "frames":
            return f"frames {self.start + 1:g} to {self.stop:g}"
        return f"seconds {self.start:g} to {self.stop:g}"


@dataclass(frozen=True)
class Cut:
    """A part to cut out of a video.

    Attributes:
        destination: The .mp4 to write; it gets its name only when it is whole.
        span: Which part.
    """

    destination: Path
    span: Span


def unpack(origin: Origin, destination: Path) -> None:
    """Copy a video out of its .zip.

    Raises:
        VideoError: The .zip is damaged there, locked or too large.
    """
    try:
        with Archive(origin.file) as archive, writing(destination), destination.open("wb") as file:
            file.writelines(archive.chunks(origin.member))
    except ValueError as error:
        raise VideoError(f"{origin} cannot be unpacked ({error}). Download it again.") from error
