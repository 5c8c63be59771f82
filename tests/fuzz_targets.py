"""What reads files of people: each is given a damaged one, in a process with limits.

A target may refuse a file by an error of the project that names it, and nothing else. It returns
whether it took the file.
"""

import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from mutating import mutate

from har.backbones.litert import try_network
from har.dataset.videos import survey_videos
from har.engine.errors import VideoError
from har.engine.files import read_json
from har.engine.workers import run_in_workers
from har.inspection.looking import look_at
from har.integrity.digests import DIGESTS_NAME
from har.recognizer.described import check_described
from har.recognizer.using import DESCRIBED, UsedRecognizer
from har.settings.loading import SettingsError, load_settings
from har.video.converting import convert_step
from har.video.extracting import extract_step
from har.video.preview import PreviewTask

NUM_FRAMES = 8
CODECS = {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4", "webm": "libvpx-vp9"}


class UnexpectedError(Exception):
    """Something else than a refusal that names the file; the text is its traceback."""


@dataclass(frozen=True)
class Trial:
    """A damaged file and who reads it.

    Attributes:
        target: The name of the target.
        base: The file before the damage.
        seed: Decides the damage.
        folder: To work in.
    """

    target: str
    base: Path
    seed: int
    folder: Path


def attempt(trial: Trial) -> bool:
    """Read a damaged file; return whether it was taken rather than refused.

    Raises:
        UnexpectedError: The target raised anything but the project's error with the file's name.
    """
    rng = np.random.default_rng([trial.seed, sum(trial.base.name.encode())])
    work = trial.folder / f"{trial.target}-{trial.base.name}-{trial.seed}"
    work.mkdir(parents=True)
    damaged = work / trial.base.name
    damaged.write_bytes(mutate(trial.base.read_bytes(), rng))
    refuses, read = TARGETS[trial.target]
    try:
        read(damaged, trial.base)
    except refuses as error:
        if damaged.name not in str(error):
            raise UnexpectedError(f"not named: {traceback.format_exc()}") from error
        return False
    except MemoryError:
        raise
    except Exception as error:
        raise UnexpectedError(traceback.format_exc()) from error
    finally:
        shutil.rmtree(work)
    return True


def _look(path: Path, _: Path) -> None:
    look_at(PreviewTask(path, 32, True, NUM_FRAMES))


def _convert(path: Path, _: Path) -> None:
    made = path.with_name("made")
    made.mkdir()
    converted, clip = made / "a.mp4", made / "a.npy"
    convert_step(path, converted, max_side=64)
    try:
        extract_step(converted, clip, num_frames=NUM_FRAMES, size=32, aspect="stretch")
    except VideoError as error:  # its report has the name of the video beside the reason
        raise VideoError(f"{path}: {error}") from error
    frames = np.load(clip)
    assert (frames.dtype, frames.shape) == (np.uint8, (NUM_FRAMES, 32, 32, 3))


def _survey(path: Path, _: Path) -> None:
    for label in ("walking", "waving"):
        (path.parent / label).mkdir()
        for number in range(2):
            (path.parent / label / f"{number}.mp4").write_bytes(b"\0video")
    survey = survey_videos(path.parent)
    if survey.problems:
        raise ValueError("; ".join(survey.problems))


def _load_model(path: Path, base: Path) -> None:
    for file in base.parent.iterdir():
        if file.name not in (path.name, DIGESTS_NAME):  # which whoever means harm writes anew
            shutil.copy(file, path.parent)
    described = {name: read_json(path.with_name(f"{name}.json")) for name in DESCRIBED}
    check_described(path.parent, described)
    UsedRecognizer.load(path.parent)


def _open_network(path: Path, _: Path) -> None:
    try:
        try_network(path)
    except ValueError as error:  # who has the folder names the file
        raise ValueError(f"{path}: {error}") from error


TARGETS: dict[str, tuple[type[Exception], Callable[[Path, Path], object]]] = {
    "look": (VideoError, _look),
    "convert": (VideoError, _convert),
    "metadata": (ValueError, _survey),
    "params": (SettingsError, lambda path, _: load_settings(path)),
    "model": (ValueError, _load_model),
    "network": (ValueError, _open_network),
}
# They work in processes with limits in use too, so that what hangs or crashes costs itself only.
LIMITED = ("look", "convert", "network")
STOPPED = ("crashed the process", "took longer than", "needed more than")


def failures_of(target: str, bases: list[Path], folder: Path, *, least: int) -> dict[str, str]:
    """Return what went wrong by seed and file; nothing is wrong with a file that is refused.

    Args:
        target: One of `TARGETS`.
        bases: Files to damage.
        folder: To work in.
        least: How many damaged files of each there are, unless HAR_FUZZ_FILES says more.
    """
    number = max(least, int(os.environ.get("HAR_FUZZ_FILES", 0)))
    trials = [Trial(target, base, seed, folder) for base in bases for seed in range(number)]
    results = run_in_workers(
        attempt,
        trials,
        total=len(trials),
        num_workers=2,
        timeout_seconds=30,
        memory_gigabytes=1.5,
        description="fuzz",
        failures=(Exception,),
    )
    reasons = zip(trials, results, strict=True)
    return {
        f"{trial.base.name}, seed {trial.seed}": result.reason
        for trial, result in reasons
        if result.reason and not (target in LIMITED and result.reason.startswith(STOPPED))
    }


def write_base_videos(folder: Path) -> list[Path]:
    """Write a small video of a second in each of four containers."""
    rng, paths = np.random.default_rng(0), []
    frames = rng.integers(0, 256, (12, 48, 64, 3), dtype=np.uint8)
    frames[:, 10:40] = 90
    for ending, codec in CODECS.items():
        path = folder / f"video.{ending}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=12)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.gop_size = 6
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            container.mux(stream.encode(None))
        paths.append(path)
    return paths
