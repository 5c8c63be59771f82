"""Whether an export says what the recognizer says, and how well it still recognizes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from har.engine.progress import progress
from har.engine.seeds import generator_for
from har.evaluation.scores import accuracy_interval, resample_subjects
from har.exports.clips import Clips
from har.recognizer.using import UsedRecognizer

MAX_DIFFERENCE = 1e-4  # of a probability, of an export that is not quantized


@dataclass(frozen=True)
class Agreement:
    """How an export compares with the recognizer.

    Attributes:
        clips: On what.
        difference: Of a probability, the largest.
        num_changed: Clips whose most probable label is another one.
        accuracies: Of the recognizer and of the export, each with its 95 % interval over people;
            empty where no label is known.
    """

    clips: Clips
    difference: float
    num_changed: int
    accuracies: tuple[tuple[float, float, float], ...]

    def describe(self) -> str:
        """Return it as lines for a terminal."""
        lines = [
            f"on {len(self.clips)} {self.clips.what}: largest difference of a probability "
            f"{self.difference:.1e}, labels that change {self.num_changed}"
        ]
        for name, shares in zip(("recognizer", "export"), self.accuracies, strict=False):
            value, low, high = (f"{100 * share:.0f} %" for share in shares)
            lines.append(f"accuracy of the {name} {value}, 95 % interval {low} to {high}")
        return "\n".join(lines)


def compare_on_clips(
    recognizer: UsedRecognizer,
    exported: UsedRecognizer,
    clips: Clips,
    *,
    num_bootstrap: int,
    seed: int,
) -> Agreement:
    """Run both on the same clips.

    Args:
        recognizer: What was exported.
        exported: What an export's folder holds.
        clips: At least one.
        num_bootstrap: Resamplings of people behind an interval.
        seed: Of the resamplings.
    """
    rows = [
        [model.predict(clip, aspect=aspect) for model in (recognizer, exported)]
        for clip, aspect in _shown(clips)
    ]
    before, after = np.array(rows).swapaxes(0, 1)
    accuracies = []
    if clips.videos is not None:
        is_action = (clips.videos["label"] != recognizer.none_label).to_numpy()
        for probabilities in (before, after) if is_action.any() else ():
            predicted = np.array(recognizer.labels)[probabilities.argmax(axis=1)]
            is_right = (predicted == clips.videos["label"])[is_action].to_numpy(float)
            people = clips.videos["subject"].to_numpy()[is_action]
            rng = generator_for(seed, "bootstrap")
            samples = resample_subjects(people, num_bootstrap=num_bootstrap, rng=rng)
            accuracies.append((is_right.mean(), *accuracy_interval(is_right, samples)))
    return Agreement(
        clips=clips,
        difference=float(np.abs(before - after).max()),
        num_changed=int((before.argmax(axis=1) != after.argmax(axis=1)).sum()),
        accuracies=tuple(accuracies),
    )


def _shown(clips: Clips) -> Iterable[tuple[np.ndarray, float]]:
    return progress(clips, total=len(clips), description="compare", unit="clips")
