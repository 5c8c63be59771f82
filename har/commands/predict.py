"""`har predict`: what do people do in these new videos?"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from har.recognizer.prediction import Prediction
    from har.recognizer.recognizer import Recognizer

Videos = Annotated[
    list[Path],
    typer.Argument(
        metavar="VIDEO",
        exists=True,
        help="Videos of any kind, or folders, searched recursively.",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder of the trained model. Default: models/<model in params.yaml>.",
    ),
]
Table = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="A table to write.")
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="A page to write.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of text.")]


def predict(
    videos: Videos,
    model: Model = None,
    table: Table = None,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Predict the action in each video with a trained model.

    Prints one line per video as it finishes: the label, its probability and the runner-up, or
    `unsure` where the label is not probable enough: the action may be none of the labels. A model
    that was trained with a folder of other things (`dataset.none`) also answers `none of these`.
    Videos become frames as in the pipeline; nothing is kept of them. Exit code: 0 if all were
    predicted, 1 if one failed.
    """
    from har.recognizer.prediction import list_videos, predict_videos, write_table
    from har.recognizer.recognizer import load_recognizer
    from har.settings import load_settings

    if model is None and not Path("params.yaml").is_file():
        raise typer.BadParameter(
            f"there is no params.yaml in {Path.cwd()} that names a model; add --model DIR",
            param_hint="--model",
        )
    settings, found = load_settings(required=False), list_videos(videos)
    folder = model or Path("models") / settings.model
    recognizer = load_recognizer(folder)
    predictions = predict_videos(recognizer, found, limits=settings.limits("convert"))
    if table:
        predictions = write_table(table, predictions, recognizer.labels)
    if _show(predictions, recognizer, model=folder, html=html, as_json=as_json)[None]:
        raise typer.Exit(1)


def _show(
    predictions: "Iterable[Prediction]",
    recognizer: "Recognizer",
    *,
    model: Path,
    html: Path | None,
    as_json: bool,
) -> Counter[str | None]:
    """Print each prediction as it comes and write the page; return how many had which answer."""
    from har.engine.progress import say
    from har.pages.prediction import (
        MAX_SHOWN,
        describe_counts,
        describe_prediction,
        name_answer,
        prediction_as_dict,
        render_page,
        show_prediction,
    )

    counts: Counter[str | None] = Counter()
    shown, none_label = [], recognizer.none_label
    for one in predictions:
        counts[one.answer and name_answer(one.answer, none_label)] += 1
        if as_json:
            say(json.dumps(prediction_as_dict(one), ensure_ascii=False))
        else:
            say(describe_prediction(one, none_label), err=bool(one.problem))
        if html and len(shown) < MAX_SHOWN:
            shown.append(show_prediction(one, none_label))
    if html:
        html.parent.mkdir(parents=True, exist_ok=True)
        about = {"unsure_below": recognizer.unsure_below, "knows_none": none_label is not None}
        page = render_page(shown, counts, model=model.as_posix(), **about)
        html.write_text(page, encoding="utf-8")
    typer.echo(describe_counts(counts), err=as_json)
    return counts
