"""Predictions for people: lines for the terminal, JSON, a page."""

from collections import Counter
from typing import Any

from har.dataset.none_label import NONE_OF_THESE, UNSURE
from har.pages.templating import as_count, render, strip_uri
from har.recognizer.prediction import Prediction

MAX_SHOWN = 300  # videos on a page, some 30 kB each

NUM_ANSWERS = 3  # labels shown of a video there


def describe_prediction(prediction: Prediction, none_label: str | None) -> str:
    """Return the line for the terminal: the video, its label, how sure, and what else it may be.

    Args:
        prediction: Of one video.
        none_label: The label that is no action; None: the model has none.

    Example:
        >>> from pathlib import Path
        >>> said = Prediction(Path("a.mov"), {"sit": 0.9, "walk": 0.1}, "", None, "sit")
        >>> describe_prediction(said, None)
        'a.mov: sit 90 % (walk 10 %)'
        >>> said = Prediction(Path("a.mov"), {"sit": 0.4, "walk": 0.3}, "", None, "unsure")
        >>> describe_prediction(said, None)
        'a.mov: unsure (sit 40 %)'
    """
    if prediction.problem:
        return f"failed: {prediction.problem}"
    first, second = (
        f"{name_answer(label, none_label)} {share:.0%}".replace("%", " %")
        for label, share in list(prediction.probabilities.items())[:2]
    )
    if prediction.answer == UNSURE:
        return f"{prediction.video}: {UNSURE} ({first})"
    return f"{prediction.video}: {first} ({second})"


def name_answer(answer: str, none_label: str | None) -> str:
    """Return an answer as people read it: `none of these` for the label that is no action."""
    return NONE_OF_THESE if answer == none_label else answer


def prediction_as_dict(prediction: Prediction) -> dict[str, Any]:
    """Return what JSON holds of a prediction."""
    return {
        "video": prediction.video.as_posix(),
        "predicted": prediction.label,
        "answer": prediction.answer,
        "probabilities": prediction.probabilities,
        "problem": prediction.problem,
    }


def show_prediction(prediction: Prediction, none_label: str | None) -> dict[str, Any]:
    """Return what `render_page` shows of a video: a few frames, as the model was given them."""
    answers = list(prediction.probabilities.items())[:NUM_ANSWERS]
    has_clip = prediction.clip is not None
    return {
        "video": prediction.video.as_posix(),
        "picture": strip_uri([prediction.clip]) if has_clip else None,
        "answers": [(name_answer(label, none_label), share) for label, share in answers],
        "is_unsure": prediction.answer == UNSURE,
        "problem": prediction.problem,
    }


def render_page(
    shown: list[dict[str, Any]],
    counts: Counter[str | None],
    *,
    model: str,
    unsure_below: float,
    knows_none: bool,
) -> str:
    """Return a page about predictions.

    Args:
        shown: Of `show_prediction`, one a video, `MAX_SHOWN` of them at most.
        counts: How many videos got which answer; None: failed.
        model: Where the model is.
        unsure_below: The probability below which it is unsure.
        knows_none: Whether it was trained on what is none of its actions.
    """
    return render(
        "predict.html",
        videos=shown,
        counts=counts.most_common(),
        model=model,
        unsure_below=unsure_below,
        knows_none=knows_none,
    )


def describe_counts(counts: Counter[str | None]) -> str:
    """Return how many videos were named what, None being those that failed.

    Example:
        >>> describe_counts(Counter(["sit", "walk", "sit", None]))
        'predict: 4 videos: 2 sit, 1 walk, 1 failed'
    """
    parts = [f"{number} {label}" for label, number in counts.most_common() if label]
    if counts[None]:
        parts.append(f"{counts[None]} failed")
    return f"predict: {as_count(counts.total(), 'video')}: {', '.join(parts)}"
