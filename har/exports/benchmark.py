"""Exports beside the model that they were made of: size, time for a clip and accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.exports.agreement import accuracy_on, agree, ask_all
from har.exports.clips import Clips
from har.exports.folder import load_exported
from har.exports.writing import folder_size, is_export
from har.recognizer.recognizer import Recognizer
from har.recognizer.using import UsedRecognizer


@dataclass(frozen=True)
class Measured:
    """A model on some clips.

    Attributes:
        name: Its folder.
        megabytes: 10^6 bytes that the folder takes.
        p50_ms: Milliseconds on the clock for a clip, the median.
        p95_ms: That 95 of 100 clips take at most.
        difference: Of a probability from the recognizer's, the largest.
        num_changed: Clips whose most probable label is not the recognizer's.
        accuracy: With its 95 % interval over people; None where no label is known.
    """

    name: str
    megabytes: float
    p50_ms: float
    p95_ms: float
    difference: float
    num_changed: int
    accuracy: tuple[float, float, float] | None


def load_exports(recognizer: Recognizer, folders: Sequence[Path]) -> list[UsedRecognizer]:
    """Return what exports of a model hold, each run by the code that it carries.

    Raises:
        ValueError: A folder is no export, or one of another model.
    """
    exports = []
    for folder in folders:
        if not is_export(folder):
            raise ValueError(f"{folder} is no export. Make one with `har export --out {folder}`.")
        exports.append(load_exported(folder))
        if exports[-1].params != recognizer.params:
            raise ValueError(
                f"{folder} is an export of another model or of an earlier training. Name its model "
                f"with --model, or make it again with `har export --out {folder}`."
            )
    return exports


def measure(
    recognizer: Recognizer,
    folder: Path,
    exports: Sequence[Path],
    clips: Clips,
    *,
    num_bootstrap: int,
    seed: int,
) -> list[Measured]:
    """Return a model and its exports, measured on the same clips in turn.

    Args:
        recognizer: The model.
        folder: Where it was read from.
        exports: Folders.
        clips: At least one.
        num_bootstrap: Resamplings of people behind an interval.
        seed: Of the resamplings.

    Raises:
        ValueError: A folder is no export of the model.
    """
    models = [recognizer, *load_exports(recognizer, exports)]
    answers = ask_all(models, clips, description="benchmark")
    options = {"num_bootstrap": num_bootstrap, "seed": seed}
    measured = []
    for place, one in zip((folder, *exports), answers, strict=True):
        agreement = agree(answers[0], one)
        p50, p95 = np.percentile(1000 * one.seconds, (50, 95)).tolist()
        measured.append(
            Measured(
                name=place.as_posix(),
                megabytes=folder_size(place) / 1e6,
                p50_ms=p50,
                p95_ms=p95,
                difference=agreement.difference,
                num_changed=agreement.num_changed,
                accuracy=accuracy_on(clips, one.probabilities, recognizer, **options),
            )
        )
    return measured


def describe_measured(measured: Sequence[Measured], clips: Clips) -> str:
    """Return what was measured as a table for a terminal."""
    wide = max(len("model"), *(len(one.name) for one in measured))
    known = [one.accuracy for one in measured if one.accuracy is not None]
    first = (
        f"{'model':{wide}}  {'MB':>6}  {'p50 ms':>7}  {'p95 ms':>7}  {'difference':>10}  changed"
    )
    lines = [f"On {len(clips)} {clips.what}:", first + ("  accuracy (95 %)" if known else "")]
    for one in measured:
        line = (
            f"{one.name:{wide}}  {one.megabytes:6.1f}  {one.p50_ms:7.1f}  {one.p95_ms:7.1f}  "
            f"{one.difference:10.1e}  {one.num_changed:7d}"
        )
        if one.accuracy is not None:
            value, low, high = (100 * share for share in one.accuracy)
            line += f"  {value:.0f} % ({low:.0f} to {high:.0f})"
        lines.append(line)
    return "\n".join(lines)
