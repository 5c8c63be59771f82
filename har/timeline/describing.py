"""What is said of a video: lines for the terminal, and JSON.

The command `predict` starts with these alone: what draws pictures takes longer to import.
"""

from collections import Counter
from typing import Any

from har.dataset.none_label import NONE_OF_THESE, UNSURE
from har.names.escaping import visible
from har.recognizer.prediction import Prediction, with_share
from har.timeline.writing import segment_as_dict


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
        return f"failed: {visible(prediction.problem, one_line=True)}"
    name = visible(str(prediction.video), one_line=True)
    if prediction.segments:
        return describe_segments(prediction, none_label)
    first, second = (
        with_share(name_answer(label, none_label), share)
        for label, share in list(prediction.probabilities.items())[:2]
    )
    if prediction.answer == UNSURE:
        return f"{name}: {UNSURE} ({first})"
    return f"{name}: {first} ({second})"


def describe_segments(prediction: Prediction, none_label: str | None) -> str:
    """Return the lines for the terminal of a longer video: from when to when there is what.

    Example:
        >>> from pathlib import Path
        >>> from har.recognizer.prediction import Segment
        >>> parts = (Segment(0, 2.5, "sit", 0.9), Segment(2.5, 70, "none", 1.0))
        >>> said = Prediction(Path("a.mov"), {"sit": 1.0}, "", None, "sit", 70.0, parts)
        >>> print(describe_segments(said, "none"))
        a.mov, 1:10:
             0:00    0:02.5  sit 90 %
           0:02.5      1:10  none of these
    """
    name = visible(str(prediction.video), one_line=True)
    lines = [f"{name}, {clock(prediction.seconds)}:"]
    for one in prediction.segments:
        what = name_answer(one.label, none_label)
        if what != NONE_OF_THESE:
            what = with_share(what, one.probability)
        lines.append(f"  {clock(one.start):>7}  {clock(one.end):>8}  {what}")
    return "\n".join(lines)


def describe_counts(counts: Counter[str | None]) -> str:
    """Return how many videos were named what, None being those that failed.

    Example:
        >>> describe_counts(Counter(["sit", "walk", "sit", None]))
        'predict: 4 videos: 2 sit, 1 walk, 1 failed'
    """
    parts = [f"{number} {label}" for label, number in counts.most_common() if label]
    if counts[None]:
        parts.append(f"{counts[None]} failed")
    videos = "video" if counts.total() == 1 else "videos"
    return f"predict: {counts.total():,} {videos}: {', '.join(parts)}"


def clock(seconds: float) -> str:
    """Return a time as people write it.

    Example:
        >>> clock(75), clock(3675), clock(7.25)
        ('1:15', '1:01:15', '0:07.2')
    """
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{rest:02.0f}" if rest == int(rest) else f"{rest:04.1f}"
    return f"{hours}:{minutes:02}:{whole}" if hours else f"{minutes}:{whole}"


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
        "segments": [segment_as_dict(one) for one in prediction.segments],
        "problem": prediction.problem,
    }
