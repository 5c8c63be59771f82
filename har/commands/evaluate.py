"""`har evaluate`: how good is a trained model on the videos of another labelled folder?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from har.commands.inspect import Folder, SubjectPattern
from har.commands.printing import Json
from har.commands.trained import Model, load_trained

if TYPE_CHECKING:
    import numpy as np

    from har.evaluation.labelled_folder import Answered
    from har.recognizer.recognizer import Recognizer

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Folder for scores, predictions, pictures and a page. Default: nothing is written.",
    ),
]


def evaluate(
    folder: Folder,
    model: Model = None,
    subject_pattern: SubjectPattern = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Score a trained model on another folder of labelled videos.

    The scores are those of the stage `evaluate` on its test people: accuracy with its 95 % interval
    over people, macro F1, loss, calibration, the share it is unsure of, and each label. People and
    files that were in the model's training are named, and the scores are given without them too.
    Videos of labels that the model does not know are left out. Videos become frames as in the
    pipeline; each is one clip. Exit code: 0 if all videos were scored, 1 if one failed.
    """
    from har.evaluation.labelled_folder import (
        ask,
        describe_seen,
        find_labelled_videos,
        find_warnings,
        score_folder,
    )
    from har.pages.labelled_folder import describe_folder
    from har.recognizer.trained_on import read_trained_on

    settings, recognizer, model_folder = load_trained(model)
    trained_on, pattern = read_trained_on(model_folder), subject_pattern
    pattern = pattern or settings.dataset.subject_pattern
    options = {"none": settings.dataset.none, "subject_pattern": pattern}
    found = find_labelled_videos(folder, recognizer, trained_on, **options)
    answered = ask(recognizer, found, settings.limits("convert"))
    options = {"num_bootstrap": settings.evaluate.num_bootstrap, "seed": settings.seed}
    scores, baselines = score_folder(recognizer, found, answered, **options)
    seen, failed = describe_seen(found, trained_on), found.failed + answered.failed
    about = {"folder": folder.as_posix(), "model_folder": model_folder.as_posix()}
    scores = about | scores | {"seen_in_training": seen, "left_out": found.left_out}
    scores |= {"failed": failed, "warnings": find_warnings(found, seen, recognizer)}
    _say(scores, failed)
    if out:
        _write(scores, answered, baselines, recognizer, out)
    if as_json:
        scores["videos"] = _list_videos(answered, recognizer)
        typer.echo(json.dumps(scores, ensure_ascii=False))
    else:
        typer.echo(describe_folder(scores, recognizer.none_label))
        typer.echo(f"\nWritten to {out}." if out else "\nNothing is written; --out DIR does that.")
    if failed:
        raise typer.Exit(1)


def _say(scores: dict[str, Any], failed: list[dict[str, str]]) -> None:
    """Print the warnings and the videos that failed, to stderr."""
    for warning in scores["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    for one in failed:
        typer.echo(f"failed: {one['reason']}", err=True)


def _write(
    scores: dict[str, Any],
    answered: "Answered",
    baselines: "dict[str, np.ndarray]",
    recognizer: "Recognizer",
    out: Path,
) -> None:
    """Write the files of the stage `evaluate`, as far as they apply, and a page."""
    from har.engine.files import write_text
    from har.evaluation.held_out import uncalibrated
    from har.pages.labelled_folder import render_folder
    from har.pages.results import plot_calibration, write_results

    videos, probabilities = answered.videos, answered.probabilities
    write_results(scores, videos, probabilities, baselines, recognizer, out)
    none_label = recognizer.none_label
    labels = [label for label in recognizer.labels if label != none_label]
    is_action = videos["label"].isin(labels).to_numpy()
    after, actual = probabilities[is_action], videos["label"][is_action]
    before = uncalibrated(recognizer, after)
    plot_calibration(before, after, scores, actual, recognizer.labels, out)
    page = render_folder(scores, answered, none_label, out / "plots")
    write_text(page, out / "evaluate.html")


def _list_videos(answered: "Answered", recognizer: "Recognizer") -> list[dict[str, Any]]:
    """Return what is said of each video."""
    rows = answered.videos.to_dict("records")
    return [
        row
        | {
            "predicted": recognizer.labels[int(shares.argmax())],
            "answer": recognizer.answer(shares),
            "probability": float(shares.max()),
        }
        for row, shares in zip(rows, answered.probabilities, strict=True)
    ]
