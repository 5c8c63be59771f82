"""Whether an export says what the recognizer says, how well it still recognizes, and how fast."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from har.engine.progress import progress
from har.engine.seeds import generator_for
from har.evaluation.scores import accuracy_interval, resample_subjects
from har.exports.clips import Clips
from har.recognizer.using import UsedRecognizer

MAX_DIFFERENCE = 1e-4  # of a probability, of an export that is not quantized


class Answers(NamedTuple):
    """What a model says of some clips.

    Attributes:
        probabilities: Shape (num_clips, num_classes).
        seconds: That each clip took, on the clock, shape (num_clips,).
    """

    probabilities: np.ndarray
    seconds: np.ndarray


class Agreement(NamedTuple):
    """How an export compares with the recognizer.

    Attributes:
        difference: Of a probability, the largest.
        num_changed: Clips whose most probable label is another one.
    """

    difference: float
    num_changed: int


@dataclass(frozen=True)
class Comparison:
    """An export and the recognizer on the same clips.

    Attributes:
        clips: The clips.
        agreement: Of the two.
        accuracies: Of the recognizer and of the export, each with its 95 % interval over people;
            empty where no label is known.
    """

    clips: Clips
    agreement: Agreement
    accuracies: tuple[tuple[float, float, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for a program."""
        accuracies = zip(("recognizer", "export"), self.accuracies, strict=False)
        return {
            "clips": f"{len(self.clips)} {self.clips.what}",
            "difference": self.agreement.difference,
            "num_changed": self.agreement.num_changed,
            "accuracies": {
                name: dict(zip(("accuracy", "accuracy_low", "accuracy_high"), one, strict=True))
                for name, one in accuracies
            },
        }

    def describe(self) -> str:
        """Return it as lines for a terminal."""
        lines = [
            f"on {len(self.clips)} {self.clips.what}: largest difference of a probability "
            f"{self.agreement.difference:.1e}, labels that change {self.agreement.num_changed}"
        ]
        for name, accuracy in zip(("recognizer", "export"), self.accuracies, strict=False):
            value, low, high = (f"{100 * share:.0f} %" for share in accuracy)
            lines.append(f"accuracy of the {name} {value}, 95 % interval {low} to {high}")
        return "\n".join(lines)


def compare_on_clips(
    recognizer: UsedRecognizer,
    exported: UsedRecognizer,
    clips: Clips,
    *,
    num_bootstrap: int,
    seed: int,
) -> Comparison:
    """Run both on the same clips.

    Args:
        recognizer: What was exported.
        exported: What an export's folder holds.
        clips: At least one.
        num_bootstrap: Resamplings of people behind an interval.
        seed: Of the resamplings.
    """
    answers = ask_all([recognizer, exported], clips, description="compare")
    options = {"num_bootstrap": num_bootstrap, "seed": seed}
    accuracies = [accuracy_on(clips, one.probabilities, recognizer, **options) for one in answers]
    return Comparison(
        clips=clips,
        agreement=agree(*answers),
        accuracies=tuple(one for one in accuracies if one is not None),
    )


def ask_all(models: Sequence[UsedRecognizer], clips: Clips, *, description: str) -> list[Answers]:
    """Return what models say of clips; each is shown a clip before the next clip comes.

    Args:
        models: To ask.
        clips: At least one.
        description: Of the work, beside its progress.
    """
    asked = [([], []) for _ in models]
    for clip, aspect in progress(clips, total=len(clips), description=description, unit="clips"):
        for model, (probabilities, seconds) in zip(models, asked, strict=True):
            if not seconds:
                model.predict(clip, aspect=aspect)  # the first time its networks are made ready
            start = time.perf_counter()
            probabilities.append(model.predict(clip, aspect=aspect))
            seconds.append(time.perf_counter() - start)
    return [Answers(*map(np.array, one)) for one in asked]


def agree(answers: Answers, others: Answers) -> Agreement:
    """Return how the answers of two models about the same clips agree."""
    before, after = answers.probabilities, others.probabilities
    return Agreement(
        difference=float(np.abs(before - after).max()),
        num_changed=int((before.argmax(axis=1) != after.argmax(axis=1)).sum()),
    )


def accuracy_on(
    clips: Clips,
    probabilities: np.ndarray,
    recognizer: UsedRecognizer,
    *,
    num_bootstrap: int,
    seed: int,
) -> tuple[float, float, float] | None:
    """Return the accuracy on clips with its 95 % interval over people; None if no label is known.

    Args:
        clips: What was asked about.
        probabilities: Of each label, shape (num_clips, num_classes).
        recognizer: Whose labels they are.
        num_bootstrap: Resamplings of people behind the interval.
        seed: Of the resamplings.
    """
    if clips.videos is None:
        return None
    is_action = (clips.videos["label"] != recognizer.none_label).to_numpy()
    if not is_action.any():
        return None
    predicted = np.array(recognizer.labels)[probabilities.argmax(axis=1)]
    is_right = (predicted == clips.videos["label"])[is_action].to_numpy(float)
    people = clips.videos["subject"].to_numpy()[is_action]
    rng = generator_for(seed, "bootstrap")
    samples = resample_subjects(people, num_bootstrap=num_bootstrap, rng=rng)
    return (is_right.mean(), *accuracy_interval(is_right, samples))
