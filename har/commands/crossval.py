"""`har crossval`: how good is the model on people it has never seen, each tested once?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from har.commands import PROGRAM
from har.commands.printing import Json, print_json

if TYPE_CHECKING:
    import pandas as pd

    from har.compute.place import Compute
    from har.evaluation.cross_validation import Fold
    from har.evaluation.learning_curve import Point

OVER_FOLDS = ("num_folds", "mean_accuracy", "deviation_of_accuracy")

Folds = Annotated[
    str,
    typer.Option(
        metavar="N|people", help="How many groups of people, or `people`: one person a fold."
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set-param", "-S", metavar="NAME=VALUE", help="A parameter, as for `dvc exp run`."
    ),
]
Name = Annotated[str, typer.Option(metavar="NAME", help="Beginning of the experiments' names.")]
TrainPeople = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="A learning curve: cross-validate with so many people to learn from.",
    ),
]


def crossval(
    folds: Folds = "5",
    changes: Changes = None,
    train_people: TrainPeople = None,
    name: Name = "crossval",
    as_json: Json = False,
) -> None:
    """Cross-validate by people: each video is tested by a model that never saw its person.

    Runs a DVC experiment for each fold; nothing is decoded or extracted again, and folds that have
    ended are kept. Prints the pooled scores with 95 % intervals beside the baselines, the mean and
    the standard deviation over the folds, and writes them with the predictions and the confusion
    matrix into crossval/NAME-.../. Folds in metadata.csv are used as they are. With --train-people,
    how many people must be filmed: a table and a picture of the accuracy by the number of people
    learned from, and the labels and people with most errors. Exit code: 0 if all folds ended, 1 if
    one failed.
    """
    if folds != "people" and (not folds.isdecimal() or int(folds) < 2):
        raise typer.BadParameter(
            f"{folds!r} is neither 2 or more nor `people`", param_hint="--folds"
        )
    if train_people is None:
        _validate(folds, changes or [], name, as_json)
    else:
        _learning_curve(_numbers(train_people), folds, changes or [], name, as_json)


def _numbers(text: str) -> list[int]:
    """Return the numbers in a list as `1,2,4`."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(
            f"{text!r} is no list of numbers from 1, as 1,2,4,8", param_hint="--train-people"
        )
    return sorted({int(part) for part in parts})


def _validate(folds: str, overrides: list[str], name: str, as_json: bool) -> None:
    """Run the folds, and print and write their scores."""
    from har.evaluation.cross_validation import experiment_prefix, run_folds
    from har.evaluation.summary import describe_metrics
    from har.pages.cross_validation import describe_fold
    from har.settings import load_settings

    prefix = experiment_prefix(name, folds=folds, overrides=overrides)
    folder = Path("crossval") / prefix
    typer.echo(f"crossval: the logs of the folds are in {folder / 'logs'}", err=as_json)
    done, options = [], {"folds": folds, "overrides": overrides, "logs": folder / "logs"}
    for fold in run_folds(prefix, **options, compute=load_settings().place):
        done.append(fold)
        typer.echo(f"crossval: {describe_fold(done)}", err=as_json)
    scores, _, files = _score(done, folder)
    _log(done, scores, files, name=prefix)
    if as_json:
        print_json({"folder": folder} | scores)
        return
    typer.echo(
        f"\n{describe_metrics(scores)}\n\nMean of the {len(done)} folds "
        f"{scores['mean_accuracy']:.1%}, standard deviation "
        f"{scores['deviation_of_accuracy']:.1%}.\n"
        f"Written to {folder}; compare two such folders with `{PROGRAM} compare`."
    )


def _learning_curve(
    numbers: list[int], folds: str, overrides: list[str], name: str, as_json: bool
) -> None:
    """Run the folds of each number of people, and print and write the curve."""
    from har.dataset.none_label import only_actions
    from har.evaluation.cross_validation import experiment_prefix
    from har.evaluation.learning_curve import curve_table, last_step, plan_points
    from har.evaluation.summary import describe_tested
    from har.pages.cross_validation import describe_curve, describe_errors, write_curve
    from har.settings import load_settings

    here = load_settings()
    model = here.model
    points = plan_points(numbers, name=name, folds=folds, overrides=overrides, model=model)
    whole = [*overrides, f"people={numbers}"]
    folder = Path("crossval") / experiment_prefix(f"{name}-curve", folds=folds, overrides=whole)
    done = _run_points(points, folds, folder / "logs", here.place, as_json)
    scores, pooled, files = {}, {}, {}
    for point in points:
        number = point.num_people
        part = folder / f"{number}-people"
        scores[number], pooled[number], files[number] = _score(done[number], part)
    most, settings = numbers[-1], done[numbers[-1]][0].settings
    options = {"num_bootstrap": settings.evaluate.num_bootstrap, "seed": settings.seed}
    none, model = settings.dataset.none, settings.model
    compared = {number: only_actions(table, none) for number, table in pooled.items()}
    curve, step = curve_table(scores), last_step(compared, **options)
    title = f"{model}, {describe_tested(scores[most])}"
    files[most] += write_curve(curve, pooled[most], folder, title=title)
    for point in points:
        number = point.num_people
        _log(done[number], scores[number], files[number], name=point.prefix)
    if as_json:
        print_json({"folder": folder, "points": curve.to_dict("records"), "last_step": step})
        return
    typer.echo(
        f"\n{describe_curve(curve, step, model)}\n\n{describe_errors(pooled[most], most)}\n\n"
        f"Written to {folder}; the picture is learning_curve.png."
    )


def _run_points(
    points: "list[Point]", folds: str, logs: Path, compute: "Compute", as_json: bool
) -> "dict[int, list[Fold]]":
    """Run the folds of all points, print a line for each as it ends, and return them by point."""
    from har.evaluation.learning_curve import run_points
    from har.pages.cross_validation import describe_fold

    typer.echo(f"crossval: the logs of the folds are in {logs}", err=as_json)
    done, in_order = {point.num_people: [] for point in points}, []
    for point, fold in run_points(points, folds=folds, logs=logs, compute=compute):
        done[point.num_people].append(fold)
        in_order.append(fold)
        said = describe_fold(in_order, num_points=len(points))
        typer.echo(f"crossval: {point.num_people} people, {said}", err=as_json)
    return done


def _score(done: "list[Fold]", folder: Path) -> "tuple[dict[str, Any], pd.DataFrame, list[Path]]":
    """Pool and score folds and write what comes of it; return scores, predictions and files."""
    from har.evaluation.cross_validation import pool_folds, score_folds
    from har.pages.cross_validation import write_crossval

    pooled, settings = pool_folds(done), done[0].settings
    scores = score_folds(
        done, pooled, num_bootstrap=settings.evaluate.num_bootstrap, seed=settings.seed
    )
    return scores, pooled, write_crossval(scores, pooled, folder)


def _log(done: "list[Fold]", scores: dict[str, Any], files: list[Path], *, name: str) -> None:
    """Log the pooled scores in MLflow, as the parent of the folds' runs."""
    from har.engine.repository import project_root
    from har.pages.results import compared_scores, describe_scores
    from har.tracking.connection import connect, explained_errors
    from har.tracking.runs import log_crossval

    settings = done[0].settings
    required = settings.tracking.required
    client = connect(project_root(), required=required)
    if client:
        with explained_errors(required=required):
            runs = [fold.mlflow_run for fold in done if fold.mlflow_run]
            params = settings.as_params()
            log_crossval(
                client,
                name=name,
                scores=compared_scores(scores) | {key: scores[key] for key in OVER_FOLDS},
                description=describe_scores(scores),
                files=files,
                runs=runs,
                params=params,
            )
