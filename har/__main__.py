"""The command line: `python -m har VERB`, also installed as `har`.

What a verb needs is imported within it, so that `--help` answers at once.
"""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from har.engine.errors import plain_errors

# As har.importers.importer_names(); a test compares the two.
DatasetName = Literal["kth", "ucf101", "hmdb51", "weizmann", "kinetics"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text: it starts faster and reads the same in every terminal
    pretty_exceptions_enable=False,
    help="Human action recognition, from a folder of videos. "
    "The pipeline itself is run by `dvc repro`.",
    epilog="Run in the folder of the project. Exit codes: 0 yes or done, 1 no or failed, 2 wrong "
    "options, 130 interrupted.",
)


@app.command(
    short_help="Look at videos before any run.",
    epilog="Example: python -m har inspect data/videos --subject-pattern '^([a-z]+)_'",
)
def inspect(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help="One folder per label in it."
        ),
    ],
    subject_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Who is in a video, by its file name; else dataset.subject_pattern.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page to write; else inspect-DIR.html, here."),
    ] = None,
    decode: Annotated[
        bool,
        typer.Option(
            "--decode", help="Decode every frame too: slower, finds damage inside videos."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say what is in a folder of videos and whether it can be trained on, before any run.

    Lists labels, people, lengths, sizes, codecs, duplicates and problems with their fix, and writes
    a page with a few frames of a few videos of each label. Changes nothing. Exit code: 0 if the
    videos can be trained on, 1 if not.
    """
    from har.dataset.inspection import Settings, inspect_videos
    from har.pages.inspection import describe_inspection, inspection_as_json, render_page
    from har.settings import load_params

    settings = Settings.from_params(load_params(), subject_pattern=subject_pattern)
    page = html or Path(f"inspect-{folder.resolve().name}.html")
    inspection = inspect_videos(folder, settings, report=page, decode=decode)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_page(inspection), encoding="utf-8")
    write = inspection_as_json if as_json else describe_inspection
    typer.echo(write(inspection, page=str(page)))
    if not inspection.can_train:
        raise typer.Exit(1)


@app.command(
    name="import",
    short_help="Lay out a public data set.",
    epilog="Example: python -m har import ucf101 ~/downloads/UCF-101 data/ucf101 --split 1",
)
def import_(
    name: Annotated[DatasetName, typer.Argument(metavar="NAME", help="Which data set.")],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC", exists=True, file_okay=False, help="The folder it was downloaded to."
        ),
    ],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="The folder to make.")],
    split: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of ucf101 and hmdb51: which official split; else 1."),
    ] = None,
) -> None:
    """Turn a downloaded public data set into videos by label with a metadata.csv.

    NAME is kth, ucf101, hmdb51, weizmann or kinetics. Official splits are kept, videos are linked
    where the disk allows and cut where the data set says so. Nothing outside DEST is written; run
    again, it goes on. Exit code: 0 if there are videos in DEST, 1 if not.
    """
    from har.importers.importing import import_dataset
    from har.settings import load_params

    params = load_params()
    limits = {key: params["convert"][key] for key in ("timeout_seconds", "memory_gigabytes")}
    summary = import_dataset(
        name, source, destination, split=split, workers=params["workers"], **limits
    )
    for problem in summary.problems:
        typer.echo(f"note: {problem}")
    typer.echo(
        f"import: {summary.num_videos} videos in {destination} ({summary.num_linked} linked, "
        f"{summary.num_copied} copied, {summary.num_cut} cut, {summary.num_reused} there before), "
        f"{summary.num_skipped} left out\nterms: {summary.licence}\n"
        f"next: python -m har inspect {shlex.quote(str(destination))}"
    )
    if not summary.num_videos:
        raise typer.Exit(1)


@app.command(
    short_help="Check this computer.",
    epilog="Example: python -m har doctor",
)
def doctor() -> None:
    """Say whether this computer can run the project, and how to mend what is missing.

    Exit code: 0 if it can, 1 if not.
    """
    from har.commands.doctor import examine

    failed = False
    for check in examine():
        typer.echo(f"{check.result:<5} {check.name:<14} {check.what}")
        if check.fix:
            typer.echo(f"{'':20} -> {check.fix}")
        failed |= check.result == "fail"
    if failed:
        raise typer.Exit(1)


@app.command(
    short_help="Is one model better than another, or was it luck?",
    epilog="Example: python -m har compare HEAD tidy-lamb",
)
def compare(
    reference: Annotated[
        str, typer.Argument(metavar="A", help="The model that the others are compared with.")
    ],
    others: Annotated[list[str], typer.Argument(metavar="B...", help="One or more others.")],
    html: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")] = Path(
        "compare.html"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    promote: Annotated[
        bool,
        typer.Option("--promote", help="Make B the champion in MLflow if it is better than A."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --promote: even if it is not better.")
    ] = False,
) -> None:
    """Compare models on the same test videos, with the doubt of each difference.

    A model is named by a DVC experiment, a git revision, `workspace` (what is here now), an MLflow
    run, `champion` or `challenger`, a folder in models/, or a folder with a predictions.csv. Exit
    code: 0 if they were compared and a promotion was made if one was asked for, 1 if not.
    """
    from har.engine.repository import project_root
    from har.evaluation import comparison as statistics
    from har.evaluation.predictions import find_predictions
    from har.pages.comparison import comparison_as_json, describe_comparison, render_page
    from har.settings import load_params

    if promote and len(others) > 1:
        raise typer.BadParameter("--promote takes one A and one B")
    if force and not promote:
        raise typer.BadParameter("--force goes with --promote")
    params, root = load_params(), project_root()
    found = [
        find_predictions(name, root=root, extract=params["extract"])
        for name in [reference, *others]
    ]
    compared = statistics.compare(
        [(one.name, one.table) for one in found],
        num_bootstrap=params["evaluate"]["num_bootstrap"],
        seed=params["seed"],
    )
    compared = {"models": [{"name": one.name, "about": one.about} for one in found]} | compared
    html.parent.mkdir(parents=True, exist_ok=True)
    html.write_text(render_page(compared), encoding="utf-8")
    write = comparison_as_json if as_json else describe_comparison
    typer.echo(write(compared, page=str(html)))
    if promote:
        from har.tracking.connection import connect, explained_errors
        from har.tracking.registry import promote as promote_model

        first, second = (one.find_fingerprint() for one in found)
        with explained_errors(required=True):
            said = promote_model(
                connect(root),
                name=found[1].name,
                fingerprint=second,
                reference_fingerprint=first,
                compared=compared,
                force=force,
            )
        typer.echo(said, err=as_json)


@app.command(
    short_help="Test on everybody in turn.",
    epilog="Example: python -m har crossval --folds people -S model=cnn3d",
)
def crossval(
    folds: Annotated[
        str,
        typer.Option(
            metavar="N|people", help="How many groups of people, or `people`: each by itself."
        ),
    ] = "5",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set-param", "-S", metavar="NAME=VALUE", help="A parameter, as for `dvc exp run`."
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Beginning of the experiments' names.")
    ] = "crossval",
) -> None:
    """Cross-validate by people: each video is tested by a model that never saw its person.

    Runs a DVC experiment for each fold; nothing is decoded or extracted again, and folds that have
    ended are kept. Prints the pooled scores with 95 % intervals beside the baselines, the mean and
    the deviation over the folds, and writes them with the predictions and the confusion matrix
    into crossval/NAME-.../. Folds in metadata.csv are used as they are. Exit code: 0 if all folds
    ended, 1 if one failed.
    """
    from har.engine.repository import project_root
    from har.evaluation.cross_validation import (
        experiment_prefix,
        pool_folds,
        run_folds,
        score_folds,
    )
    from har.evaluation.summary import describe_metrics
    from har.pages.cross_validation import describe_fold, write_crossval
    from har.tracking.connection import connect, explained_errors
    from har.tracking.runs import log_crossval

    if folds != "people" and (not folds.isdecimal() or int(folds) < 2):
        raise typer.BadParameter(
            f"{folds!r} is neither 2 or more nor `people`", param_hint="--folds"
        )
    overrides = changes or []
    prefix = experiment_prefix(name, folds=folds, overrides=overrides)
    folder = Path("crossval") / prefix
    typer.echo(f"crossval: the folds' logs come to {folder / 'logs'}")
    done = []
    for fold in run_folds(prefix, folds=folds, overrides=overrides, logs=folder / "logs"):
        done.append(fold)
        typer.echo(f"crossval: {describe_fold(done)}")
    pooled, params = pool_folds(done), done[0].params
    scores = score_folds(
        done, pooled, num_bootstrap=params["evaluate"]["num_bootstrap"], seed=params["seed"]
    )
    files = write_crossval(scores, pooled, folder)
    required = params["tracking"]["required"]
    client = connect(project_root(), required=required)
    if client:
        with explained_errors(required=required):
            runs = [fold.mlflow_run for fold in done if fold.mlflow_run]
            log_crossval(client, name=prefix, scores=scores, files=files, runs=runs, params=params)
    typer.echo(
        f"\n{describe_metrics(scores)}\n\nMean of the {len(done)} folds "
        f"{scores['mean_accuracy']:.1%}, deviation {scores['deviation_of_accuracy']:.1%}.\n"
        f"Written to {folder}; compare two such folders with `python -m har compare`."
    )


@app.command(
    short_help="Write one page about the run.",
    epilog="Example: python -m har report --out report",
)
def report(
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="Where to write.")
    ] = Path("report"),
) -> None:
    """Write a page to send, a model card and a data card about the run in this folder.

    index.html is one file with the data, the split, the scores with intervals, the surest errors
    and where the model looks; model-card.md and data-card.md beside it are for those who use the
    model or the data. All are made from the run's files, after `dvc repro`. Exit code: 0 if
    written, 1 if something is missing or of another model.
    """
    from har.engine.runtime import setup_tensorflow
    from har.pages.finished_run import pipeline_changes, read_run
    from har.pages.report import OUTPUTS, write_report
    from har.settings import load_params

    params = load_params()
    setup_tensorflow(**params["train"], seed=params["seed"])
    run = read_run(model=params["model"], changes=pipeline_changes())
    for doubt in write_report(run, out):
        typer.echo(f"doubt: {doubt}")
    typer.echo(f"report: {', '.join((out / name).as_posix() for name in OUTPUTS)}")


@app.command(
    short_help="Say what people do in new videos.",
    epilog="Example: python -m har predict ~/clips one.mov --html said.html",
)
def predict(
    videos: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIDEO...", exists=True, help="Videos of any kind, or folders with videos."
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", exists=True, file_okay=False, help="Else that of `model`, in models/."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", dir_okay=False, help="A table to write."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="A page to write.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line instead of text.")
    ] = False,
) -> None:
    """Say what people do in videos, by a trained model.

    Prints a line a video as it comes: its label, how probable that is, and the next one. A model
    always names one of its labels; a low probability may mean that it is none of them. Videos
    become frames as in the pipeline; nothing is kept of them. Exit code: 0 if all were named, 1 if
    one failed.
    """
    import json
    from collections import Counter

    from har.engine.progress import say
    from har.engine.runtime import setup_tensorflow
    from har.engine.steps import Limits
    from har.pages.prediction import (
        MAX_SHOWN,
        describe_counts,
        describe_prediction,
        prediction_as_dict,
        render_page,
        show_prediction,
    )
    from har.recognizer.prediction import list_videos, predict_videos, write_table
    from har.recognizer.recognizer import load_recognizer
    from har.settings import load_params

    params, found = load_params(), list_videos(videos)
    folder = model or Path("models") / params["model"]
    setup_tensorflow(**params["train"], seed=params["seed"])
    recognizer = load_recognizer(folder)
    predictions = predict_videos(recognizer, found, limits=Limits.from_params(params, "convert"))
    if table:
        predictions = write_table(table, predictions, recognizer.labels)
    counts: Counter[str | None] = Counter()
    shown = []
    for one in predictions:
        counts[one.label] += 1
        if as_json:
            say(json.dumps(prediction_as_dict(one), ensure_ascii=False))
        else:
            say(describe_prediction(one), err=bool(one.problem))
        if html and len(shown) < MAX_SHOWN:
            shown.append(show_prediction(one))
    if html:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(render_page(shown, counts, model=folder.as_posix()), encoding="utf-8")
    typer.echo(describe_counts(counts), err=as_json)
    if counts[None]:
        raise typer.Exit(1)


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and end the process.

    Args:
        arguments: Of the command line; None for those of the process.
    """
    with plain_errors():
        app(args=arguments, prog_name="python -m har")


if __name__ == "__main__":
    main()
