"""Predictions for people: lines for the terminal, JSON, a page, a picture."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from har.dataset.none_label import NONE_OF_THESE, UNSURE
from har.names.escaping import visible
from har.pages.plots import save_figure
from har.pages.templating import as_count, frame_uris, render
from har.recognizer.prediction import Prediction, Segment, with_share
from har.timeline.answers import Answer
from har.timeline.writing import segment_as_dict

MAX_SHOWN = 300  # videos on a page, some 30 kB each

GREY, PALE = "#bbbbbb", "#e4e4e4"  # no action, and unsure
MAX_COLOURS = 20
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


def show_prediction(
    prediction: Prediction, none_label: str | None, *, num_answers: int | None = NUM_ANSWERS
) -> dict[str, Any]:
    """Return what `render_page` shows of a video: a few frames, as the model was given them.

    Args:
        prediction: Of one video.
        none_label: The label that is no action; None: the model has none.
        num_answers: Labels shown, the most probable ones; None: all.
    """
    answers = list(prediction.probabilities.items())[:num_answers]
    has_clip = prediction.clip is not None
    return {
        "video": prediction.video.as_posix(),
        "pictures": frame_uris([prediction.clip]) if has_clip else [],
        "answers": [(name_answer(label, none_label), share) for label, share in answers],
        "is_unsure": prediction.answer == UNSURE,
        "segments": [
            (f"{clock(one.start)} to {clock(one.end)}", name_answer(one.label, none_label), one)
            for one in prediction.segments
        ],
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


def plot_timeline(
    segments: Sequence[Segment],
    answers: Sequence[Answer],
    labels: Sequence[str],
    path: Path,
    *,
    none_label: str,
) -> None:
    """Draw a video's segments over its time, and below the probability of each label.

    Args:
        segments: From the start of the video to its end.
        answers: Of each place of the window.
        labels: The model's.
        path: The PNG to write.
        none_label: The label that is no action.
    """
    colours = label_colours(labels, none_label)
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2])
    for one in segments:
        length = one.end - one.start
        above.barh(0, length, left=one.start, color=colours[one.label], edgecolor="white")
        if length > 0.06 * segments[-1].end:
            middle = (one.start + one.end) / 2
            above.text(middle, 0, one.label, ha="center", va="center", fontsize=9)
    above.set_yticks([])
    middles = [answer.middle for answer in answers]
    rows = np.stack([answer.probabilities for answer in answers], axis=1)
    below.stackplot(middles, rows, labels=labels, colors=[colours[label] for label in labels])
    below.set(ylabel="probability", ylim=(0, 1), xlim=(0, segments[-1].end))
    below.xaxis.set_major_formatter(FuncFormatter(lambda at, _: clock(at)))
    below.set_xlabel("time")
    below.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    save_figure(figure, path)


def timeline_bars(
    segments: Sequence[Segment], labels: Sequence[str], none_label: str
) -> list[dict[str, Any]]:
    """Return the segments of a video as bars for a page: label, share of the time, colour.

    Args:
        segments: From the start of the video to its end.
        labels: The model's.
        none_label: The label that is no action.
    """
    colours = label_colours(labels, none_label)
    return [
        {
            "label": name_answer(one.label, none_label),
            "time": f"{clock(one.start)} to {clock(one.end)}",
            "share": (one.end - one.start) / segments[-1].end,
            "colour": to_hex(colours[one.label]),
        }
        for one in segments
    ]


def label_colours(labels: Sequence[str], none_label: str) -> dict[str, str]:
    """Return the colour of each label; grey where there is no action."""
    palette = matplotlib.colormaps["tab20"].colors
    # Light and dark ones of a hue alternate there: dark ones last, as text stands on them.
    order = [*range(1, MAX_COLOURS, 2), *range(0, MAX_COLOURS, 2)]
    colours = {label: palette[order[number % MAX_COLOURS]] for number, label in enumerate(labels)}
    return colours | {UNSURE: PALE, none_label: GREY}
