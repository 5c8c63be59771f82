"""Predictions to look at: a page, a picture of the time."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from har.dataset.none_label import UNSURE
from har.pages.plots import save_figure
from har.pages.templating import frame_uris, render
from har.recognizer.prediction import Prediction, Segment
from har.timeline.answers import Answer
from har.timeline.describing import clock, name_answer

MAX_SHOWN = 300  # videos on a page, some 30 kB each

GREY, PALE = "#bbbbbb", "#e4e4e4"  # no action, and unsure
MAX_COLOURS = 20
NUM_ANSWERS = 3  # labels shown of a video there


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
