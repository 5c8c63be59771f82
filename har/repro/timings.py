"""How long the stages take, by earlier runs; before the first by what the demo took."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from har.engine.files import read_json, write_json
from har.engine.progress import say
from har.engine.repository import project_root

# Seconds of the demo's 120 videos on two cores, with the default model.
NUM_DEMO_VIDEOS = 120
OF_DEMO = {
    "settings": 1.0,
    "demo": 54.0,
    "convert": 6.0,
    "extract": 7.0,
    "pose": 42.0,
    "split": 2.0,
    "downsample": 2.0,
    "augment": 41.0,
    "features": 3.0,
    "train": 44.0,
    "evaluate": 24.0,
}
OTHER_STAGE = 10.0  # seconds of a stage that is not among them
BY_VIDEO = ("demo", "convert", "extract", "pose", "features")  # take longer with more videos
BY_MODEL = ("train", "evaluate")  # take longer with some models


@dataclass(frozen=True)
class Timings:
    """Expected and measured times.

    Attributes:
        kept: Seconds and number of videos of each stage's last run, by `name_of`.
        model: The value of `model`.
        num_videos: Of the data set.
        is_demo: Whether that is the demo, which is drawn first.
    """

    kept: dict[str, dict[str, Any]]
    model: str
    num_videos: int
    is_demo: bool

    def expect(self, stage: str) -> float:
        """Return how many seconds a stage may take."""
        if stage == "demo" and not self.is_demo:
            return 1.0
        default = {"seconds": OF_DEMO.get(stage, OTHER_STAGE), "videos": NUM_DEMO_VIDEOS}
        last = self.kept.get(self.name_of(stage), default)
        share = self.num_videos / max(1, last["videos"]) if stage in BY_VIDEO else 1.0
        return last["seconds"] * share

    def keep(self, stage: str, seconds: float) -> None:
        """Note how long a stage took, for the next run."""
        self.kept[self.name_of(stage)] = {"seconds": round(seconds, 1), "videos": self.num_videos}
        write_json(self.kept, timings_file())

    def name_of(self, stage: str) -> str:
        """Return the name that a stage's time is kept by."""
        return f"{stage}: {self.model}" if stage in BY_MODEL else stage


def timings_file() -> Path:
    """Return the file with the times of earlier runs."""
    return project_root() / ".har" / "timings.json"


def read_timings(*, model: str, num_videos: int, is_demo: bool) -> Timings:
    """Return what is known of earlier runs; nothing where the file cannot be used, which is said.

    Args:
        model: The value of `model`.
        num_videos: Of the data set.
        is_demo: Whether that is the demo.
    """
    file, kept = timings_file(), {}
    if file.is_file():
        try:
            kept = {
                name: {"seconds": float(last["seconds"]), "videos": int(last["videos"])}
                for name, last in read_json(file).items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            say(f"note: {file} is damaged and written again; times left are those of the demo.")
    return Timings(kept, model, num_videos, is_demo)


class Pace:
    """How fast a stage gets on with what it says it is doing."""

    def __init__(self):
        self._doing: tuple[str, str] | None = None
        self._began, self._first = 0.0, 0

    def seconds_left(self, stage: str, progress: dict[str, Any], now: float) -> float:
        """Return how long the rest of this may take; 0 where that cannot be told yet.

        Args:
            stage: The one that runs.
            progress: What it is `doing`, and `done` of `total`.
            now: Seconds, of the same clock each time.
        """
        doing = (stage, progress["doing"])
        if doing != self._doing:
            self._doing, self._began, self._first = doing, now, progress["done"]
        num_done = progress["done"] - self._first
        if not num_done:
            return 0.0
        return (now - self._began) / num_done * (progress["total"] - progress["done"])


def describe_seconds(seconds: float) -> str:
    """Return about how long that is, in words.

    Example:
        >>> [describe_seconds(seconds) for seconds in (0.4, 12, 58, 100, 5000)]
        ['a second', '12 s', '60 s', '2 minutes', '83 minutes']
    """
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds if seconds < 20 else 5 * round(seconds / 5):.0f} s"
    return f"{seconds / 60:.0f} minutes"
