"""A learning curve over people: how accurate is a model that learned from so many of them?

Each point is a cross-validation of `har.evaluation.cross_validation` with `split.train_people`: in
every fold the model learns from so many of the training people, those of a smaller number among
them, and everybody is tested once. A model that would be refit on the validation people is not, so
that the number is that of all people whom it learned from; the validation people choose its epoch
and its temperature only.

The interval of a point is over the people tested, as in `har.evaluation.scores`. It does not hold
the luck of who was drawn to learn from; that each fold draws others evens it out.

Reference: Figueroa et al., "Predicting sample size required for classification performance", BMC
Medical Informatics and Decision Making 12, 2012.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from har.compute.place import LOCAL, Compute
from har.evaluation.comparison import compare
from har.evaluation.cross_validation import Fold, experiment_prefix, parameter_of, run_folds

LINEAR = "pooled_linear"  # the baseline of the curve
OWN_PARAM = "split.train_people"


@dataclass(frozen=True)
class Point:
    """A point of the curve, before it is run.

    Attributes:
        num_people: How many people each fold learns from.
        prefix: The beginning of its experiments' names.
        overrides: Parameters of its experiments, as `model=cnn3d`.
    """

    num_people: int
    prefix: str
    overrides: tuple[str, ...]


def plan_points(
    numbers: Sequence[int], *, name: str, folds: int | str, overrides: Sequence[str], model: str
) -> list[Point]:
    """Return the points, the one with most people first: if there are too few, it says so at once.

    Args:
        numbers: Numbers of training people.
        name: As for `experiment_prefix`.
        folds: As for `experiment_prefix`.
        overrides: As for `experiment_prefix`.
        model: The model in params.yaml; one in `overrides` wins.

    Raises:
        ValueError: A parameter is one that the curve sets, or as for `experiment_prefix`.
    """
    chosen = [text.split("=", 1)[1] for text in overrides if parameter_of(text) == "model"]
    refit = f"models.{[model, *chosen][-1]}.refit"
    for override in overrides:
        if parameter_of(override) in (OWN_PARAM, refit):
            raise ValueError(
                f"-S {override} cannot be given: each point of a learning curve sets {OWN_PARAM}, "
                f"and {refit} to false. Use --train-people for the numbers."
            )
    points = []
    for number in sorted(numbers, reverse=True):
        own = (*overrides, f"++{OWN_PARAM}={number}", f"++{refit}=false")
        prefix = experiment_prefix(f"{name}-{number}-people", folds=folds, overrides=own)
        points.append(Point(number, prefix, own))
    return points


def run_points(
    points: Sequence[Point], *, folds: int | str, logs: Path, compute: Compute = LOCAL
) -> Iterator[tuple[Point, Fold]]:
    """Run the first fold of each point, then the second, and yield each as it ends.

    What the number of people does not allow is so said before the second fold, and the curve of
    the first folds is there early.

    Args:
        points: From `plan_points`.
        folds: As for `run_folds`.
        logs: As for `run_folds`.
        compute: As for `run_folds`.

    Raises:
        ValueError: As for `run_folds`.
    """
    options = {"folds": folds, "logs": logs, "compute": compute}
    running = [
        (point, run_folds(point.prefix, overrides=point.overrides, **options)) for point in points
    ]
    while True:
        for point, run in running:
            fold = next(run, None)
            if fold is None:
                return
            yield point, fold


def curve_table(scores: dict[int, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a point, the fewest people first.

    Args:
        scores: From `score_folds`, by the number of people.

    Returns:
        `people`, `accuracy` and `linear`, the two with `_low` and `_high`, and `macro_f1`.
    """
    rows = []
    for number, point in sorted(scores.items()):
        row = {"people": number}
        for column, name, values in (
            ("accuracy", "accuracy", point),
            ("linear", LINEAR, point["baselines"]),
        ):
            row |= {
                f"{column}{end}": float(values[f"{name}{end}"]) for end in ("", "_low", "_high")
            }
        rows.append(row | {"macro_f1": float(point["macro_f1"])})
    return pd.DataFrame(rows)


def last_step(
    pooled: dict[int, pd.DataFrame], *, num_bootstrap: int, seed: int
) -> dict[str, Any] | None:
    """Return whether the most people gave a better model than the second most, or there was luck.

    Args:
        pooled: From `pool_folds`, by the number of people.
        num_bootstrap: Resamplings of people behind the interval.
        seed: Draws them.

    Returns:
        `fewer` and `more`, the numbers, `difference`, `low` and `high` of the accuracy, and
        `verdict`, as `har.evaluation.comparison` has it; None for a single point.
    """
    if len(pooled) < 2:
        return None
    fewer, more = sorted(pooled)[-2:]
    tables = [(str(number), pooled[number]) for number in (fewer, more)]
    compared = compare(tables, num_bootstrap=num_bootstrap, seed=seed)["comparisons"][0]
    bounds = {name: compared["accuracy"][name] for name in ("difference", "low", "high")}
    return {"fewer": fewer, "more": more, "verdict": compared["verdict"]} | bounds


def count_errors(pooled: pd.DataFrame, column: str) -> pd.DataFrame:
    """Count the errors of each label or person, the most first.

    Args:
        pooled: From `pool_folds`.
        column: `label` or `subject`.

    Returns:
        `column`, `errors`, `videos` and `mistake`: of a label, what it is most often taken for, of
        a person, the label that is most often missed; empty without errors.
    """
    other = "predicted" if column == "label" else "label"
    rows = []
    for name, videos in pooled.groupby(column):
        wrong = videos[videos["label"] != videos["predicted"]]
        mistake = wrong[other].value_counts(sort=False).sort_index().idxmax() if len(wrong) else ""
        rows.append({column: name, "errors": len(wrong), "videos": len(videos), "mistake": mistake})
    table = pd.DataFrame(rows)
    order = table.assign(share=-table["errors"] / table["videos"], most=-table["errors"])
    return table.loc[order.sort_values(["most", "share", column]).index].reset_index(drop=True)
