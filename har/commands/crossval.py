"""`har crossval`: how good is the model on people it has never seen, each tested once?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from har.commands import PROGRAM

if TYPE_CHECKING:
    from har.evaluation.cross_validation import Fold

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


def crossval(folds: Folds = "5", changes: Changes = None, name: Name = "crossval") -> None:
    """Cross-validate by people: each video is tested by a model that never saw its person.

    Runs a DVC experiment for each fold; nothing is decoded or extracted again, and folds that have
    ended are kept. Prints the pooled scores with 95 % intervals beside the baselines, the mean and
    the standard deviation over the folds, and writes them with the predictions and the confusion
    matrix into crossval/NAME-.../. Folds in metadata.csv are used as they are. Exit code: 0 if all
    folds ended, 1 if one failed.
    """
    from har.evaluation.cross_validation import experiment_prefix, pool_folds, score_folds
    from har.evaluation.summary import describe_metrics
    from har.pages.cross_validation import write_crossval

    if folds != "people" and (not folds.isdecimal() or int(folds) < 2):
        raise typer.BadParameter(
            f"{folds!r} is neither 2 or more nor `people`", param_hint="--folds"
        )
    overrides = changes or []
    prefix = experiment_prefix(name, folds=folds, overrides=overrides)
    folder = Path("crossval") / prefix
    done = _run(prefix, folder / "logs", folds=folds, overrides=overrides)
    pooled, params = pool_folds(done), done[0].params
    scores = score_folds(
        done, pooled, num_bootstrap=params["evaluate"]["num_bootstrap"], seed=params["seed"]
    )
    files = write_crossval(scores, pooled, folder)
    _log(done, scores, files, name=prefix, params=params)
    typer.echo(
        f"\n{describe_metrics(scores)}\n\nMean of the {len(done)} folds "
        f"{scores['mean_accuracy']:.1%}, standard deviation "
        f"{scores['deviation_of_accuracy']:.1%}.\n"
        f"Written to {folder}; compare two such folders with `{PROGRAM} compare`."
    )


def _run(prefix: str, logs: Path, *, folds: str, overrides: list[str]) -> "list[Fold]":
    """Run the folds and print a line for each as it ends."""
    from har.evaluation.cross_validation import run_folds
    from har.pages.cross_validation import describe_fold

    typer.echo(f"crossval: the logs of the folds are in {logs}")
    done = []
    for fold in run_folds(prefix, folds=folds, overrides=overrides, logs=logs):
        done.append(fold)
        typer.echo(f"crossval: {describe_fold(done)}")
    return done


def _log(
    done: "list[Fold]",
    scores: dict[str, Any],
    files: list[Path],
    *,
    name: str,
    params: dict[str, Any],
) -> None:
    """Log the pooled scores in MLflow, as the parent of the folds' runs."""
    from har.engine.repository import project_root
    from har.tracking.connection import connect, explained_errors
    from har.tracking.runs import log_crossval

    required = params["tracking"]["required"]
    client = connect(project_root(), required=required)
    if client:
        with explained_errors(required=required):
            runs = [fold.mlflow_run for fold in done if fold.mlflow_run]
            log_crossval(client, name=name, scores=scores, files=files, runs=runs, params=params)
