"""Predictions for people: lines for the terminal, JSON, a page."""

from collections import Counter
from typing import Any

from har.pages.templating import as_count, render, strip_uri
from har.recognizer.prediction import Prediction

MAX_SHOWN = 300  # videos on a page, some 30 kB each

NUM_ANSWERS = 3  # labels shown of a video there


def describe_prediction(prediction: Prediction) -> str:
    """Return the line for the terminal: the video, its label, how sure, and what else it may be.

    Example:
        >>> from pathlib import Path
        >>> describe_prediction(Prediction(Path("a.mov"), {"sit": 0.9, "walk": 0.1}, "", None))
        'a.mov: sit 90 % (walk 10 %)'
    """
    if prediction.problem:
        return f"failed: {prediction.problem}"
    first, second = (
        f"{label} {share:.0%}".replace("%", " %")
        for label, share in list(prediction.probabilities.items())[:2]
    )
    return f"{prediction.video}: {first} ({second})"


def prediction_as_dict(prediction: Prediction) -> dict[str, Any]:
    """Return what JSON holds of a prediction."""
    return {
        "video": prediction.video.as_posix(),
        "predicted": prediction.label,
        "probabilities": prediction.probabilities,
        "problem": prediction.problem,
    }


def show_prediction(prediction: Prediction) -> dict[str, Any]:
    """Return what `render_page` shows of a video: a few frames, as the model was given them."""
    has_clip = prediction.clip is not None
    return {
        "video": prediction.video.as_posix(),
        "picture": strip_uri([prediction.clip]) if has_clip else None,
        "answers": list(prediction.probabilities.items())[:NUM_ANSWERS],
        "problem": prediction.problem,
    }


def render_page(shown: list[dict[str, Any]], counts: Counter[str | None], *, model: str) -> str:
    """Return a page about predictions.

    Args:
        shown: Of `show_prediction`, one a video, `MAX_SHOWN` of them at most.
        counts: How many videos were named what; None: failed.
        model: Where the model is.
    """
    return render("predict.html", videos=shown, counts=counts.most_common(), model=model)


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
