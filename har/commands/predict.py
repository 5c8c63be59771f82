"""`har predict`: what do people do in these new videos?"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.commands.trained import Model, load_trained, no_window_error

if TYPE_CHECKING:
    from har.engine.steps import Limits
    from har.recognizer.prediction import Prediction
    from har.recognizer.recognizer import Recognizer
    from har.timeline.prediction import Said
    from har.timeline.watching import Pace

Videos = Annotated[
    list[Path],
    typer.Argument(
        metavar="VIDEO",
        exists=True,
        help="Videos of any kind, or folders, searched recursively.",
    ),
]
Table = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="A table to write.")
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="A page to write.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Folder for what is said of each longer video: VIDEO.csv, .json, .srt, .vtt, .png.",
    ),
]
Drawn = Annotated[
    Path | None,
    typer.Option(
        "--video",
        metavar="FILE",
        dir_okay=False,
        help="Write the video, one alone, as MP4 with label and skeleton drawn in.",
    ),
]
Window = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Slide a window so long over every video that is longer. Default: "
        "predict.window_seconds, or as long as the training clips, over longer videos.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of text.")]


def predict(
    videos: Videos,
    model: Model = None,
    table: Table = None,
    html: Html = None,
    out: Out = None,
    drawn: Drawn = None,
    window: Window = None,
    as_json: Json = False,
) -> None:
    """Predict the action in each video with a trained model.

    Prints one line per video as it finishes: the label, its probability and the runner-up, or
    `unsure` where the label is not probable enough: the action may be none of the labels. A model
    that was trained with a folder of other things (`dataset.none`) also answers `none of these`.
    Of a video that is longer than the training clips it prints from when to when people do what.
    Videos become frames as in the pipeline; nothing is kept of them. Exit code: 0 if all were
    predicted, 1 if one failed.
    """
    from har.recognizer.prediction import list_videos
    from har.timeline.prediction import choose_pace, predict_any

    settings, recognizer, folder = load_trained(model)
    found, limits = list_videos(videos), settings.limits("convert")
    if drawn and len(found) > 1:
        raise typer.BadParameter(f"takes one video; {len(found)} are named", param_hint="--video")
    pace, longest = choose_pace(
        recognizer,
        window_seconds=window or settings.predict.window_seconds,
        step_seconds=settings.predict.step_seconds,
    )
    if drawn and pace is None:
        raise no_window_error(folder)
    said = predict_any(recognizer, found, pace=pace, longest_seconds=longest, limits=limits)
    said = _kept(said, recognizer, table=table, out=out, drawn=drawn, pace=pace, limits=limits)
    with contextlib.closing(said):  # ends the workers at an interrupt too
        if _show(said, recognizer, model=folder, html=html, as_json=as_json)[None]:
            raise typer.Exit(1)


def _kept(
    said: "Iterable[Said]",
    recognizer: "Recognizer",
    *,
    table: Path | None,
    out: Path | None,
    drawn: Path | None,
    pace: "Pace | None",
    limits: "Limits",
) -> "Iterator[Prediction]":
    """Yield the predictions, each once the files about it are written."""
    from har.recognizer.prediction import write_table
    from har.timeline.overlay import write_annotated

    def written() -> "Iterator[Prediction]":
        for one in said:
            if out and one.timeline:
                _write_timeline(one, out, recognizer)
            if drawn and not one.prediction.problem:
                write_annotated(one, drawn, recognizer, pace=pace, limits=limits)
            yield one.prediction

    return write_table(table, written(), recognizer.labels) if table else written()


def _write_timeline(said: "Said", out: Path, recognizer: "Recognizer") -> None:
    """Write the table, the subtitles and the picture of a longer video."""
    from har.pages.prediction import plot_timeline
    from har.timeline.answers import none_label_of
    from har.timeline.writing import write_segments

    none_label, segments = none_label_of(recognizer), said.timeline.segments
    for ending in (".csv", ".json", ".srt", ".vtt"):
        path = out / f"{said.prediction.video.name}{ending}"
        write_segments(segments, path, none_label=none_label)
    picture = out / f"{said.prediction.video.name}.png"
    answers, labels = said.timeline.answers, recognizer.labels
    plot_timeline(segments, answers, labels, picture, none_label=none_label)


def _show(
    predictions: "Iterable[Prediction]",
    recognizer: "Recognizer",
    *,
    model: Path,
    html: Path | None,
    as_json: bool,
) -> Counter[str | None]:
    """Print each prediction as it is made, and write the page; return how many had which answer."""
    from har.engine.files import write_text
    from har.engine.progress import say
    from har.timeline import describing

    if html:  # what draws takes longer to import than all else
        from har.pages.prediction import MAX_SHOWN, render_page, show_prediction

    counts: Counter[str | None] = Counter()
    shown, none_label = [], recognizer.none_label
    try:
        for one in predictions:
            counts[one.answer and describing.name_answer(one.answer, none_label)] += 1
            if as_json:
                say(json.dumps(describing.prediction_as_dict(one), ensure_ascii=False))
            else:
                say(describing.describe_prediction(one, none_label), err=bool(one.problem))
            if html and len(shown) < MAX_SHOWN:
                shown.append(show_prediction(one, none_label))
    finally:
        if html and counts:  # what is finished is kept, however the rest ends
            about = {"unsure_below": recognizer.unsure_below, "knows_none": none_label is not None}
            page = render_page(shown, counts, model=model.as_posix(), **about)
            write_text(page, html)
    typer.echo(describing.describe_counts(counts), err=as_json)
    return counts
