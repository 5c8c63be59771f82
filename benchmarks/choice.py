"""Choosing among configurations by validation people, without those who are tested.

The people of a fold who are not tested are divided into groups, and each group validates once what
the other groups have trained. Nothing here is given a row of the people tested, so they cannot
choose.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from har.dataset.balancing import balance
from har.dataset.splits import draw_folds
from har.engine.seeds import generator_for
from har.models.contract import find_model
from har.settings import Settings, SettingsError
from har.settings.loading import changed_settings

EPSILON = 1e-7  # the smallest probability that a cross entropy is taken of

# Trains on the split `train` of videos and returns what it says of `val` without having learned
# from it, shape (num_videos, num_classes): of a table of videos, the labels and the settings.
Validate = Callable[[pd.DataFrame, list[str], Settings], np.ndarray]


def without_refit(settings: Settings) -> Settings:
    """Return settings by which the model is not trained with the validation videos."""
    return changed_settings(settings, {f"models.{settings.model}.refit": False})


def read_candidates(path: Path, settings: Settings) -> dict[str, Settings]:
    """Return the candidates of a file, the settings of each by its name.

    Args:
        path: YAML, name -> settings by dotted parameter name; `model` must be among them.
        settings: They hold for what a candidate does not set.

    Raises:
        SystemExit: The file is not like that, or a parameter or a model is unknown.
    """
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    is_table = isinstance(given, dict) and given
    if not is_table or not all(isinstance(changes, dict) for changes in given.values()):
        raise SystemExit(f"{path}: expected names with settings, as `fusion: {{model: fusion}}`.")
    candidates = {}
    for name, changes in given.items():
        where = f"{path}, {name}"
        _check_candidate(changes, where)
        try:
            candidates[str(name)] = changed_settings(settings, changes)
        except SettingsError as error:
            raise SystemExit(f"{where}: {error}") from error
    return candidates


def _check_candidate(changes: dict[str, Any], where: str) -> None:
    """Check the model, and that nothing is set that all candidates share, as the features."""
    if "model" not in changes:
        raise SystemExit(f"{where}: there is no model; add one, as `model: fusion`.")
    try:
        find_model(changes["model"])
    except ValueError as error:
        raise SystemExit(f"{where}: {error}") from error
    own = f"models.{changes['model']}."
    shared = [name for name in changes if name != "model" and not name.startswith(own)]
    if shared:
        raise SystemExit(
            f"{where}: a candidate sets `model` and what begins with {own}, not "
            f"{shared[0]}, which is the same for all; set it by -S."
        )


def choose_candidate(
    candidates: dict[str, Settings],
    others: pd.DataFrame,
    labels: list[str],
    *,
    seed: int,
    num_groups: int,
    validate: Validate,
) -> str:
    """Return the name of the candidate with the fewest errors on people it has not learned from.

    A tie goes to the lower mean cross entropy, and then to the first. Where a candidate stops early
    (`patience`), the group that validates also chooses its epoch, so its score flatters it a little
    beside one that trains all epochs.

    Args:
        candidates: The settings of each, by name.
        others: One row a video of the people who are not tested, and of nobody else: `video_id`,
            `label`, `subject` and what `validate` takes.
        labels: Names of the classes, in order.
        seed: Draws the groups, and is that of the trainings.
        num_groups: Groups of people; as many as there are people, if those are fewer.
        validate: Trains and predicts.
    """
    num_people = others["subject"].nunique()
    group = draw_folds(
        others, folds=min(num_groups, num_people), rng=generator_for(seed, "candidates")
    )
    label_indices = others["label"].map(labels.index).to_numpy()
    scores = {}
    for name, settings in candidates.items():
        # Nobody is left to choose an epoch by where validation people are trained with.
        settled = changed_settings(without_refit(settings), {"seed": seed})
        probabilities = _validate_everybody(settled, others, group, labels, validate)
        scores[name] = _score(probabilities, label_indices)
    return min(scores, key=lambda name: scores[name])  # the first of equals


def describe_choices(choices: list[str]) -> str:
    """Return how often each candidate was chosen, the one chosen most often first.

    Example:
        >>> describe_choices(["fusion", "with_person", "with_person"])
        'with_person in 2 of 3 folds, fusion in 1'
    """
    (first, times), *rest = Counter(choices).most_common()
    parts = [f"{first} in {times} of {len(choices)} folds"]
    return ", ".join(parts + [f"{name} in {number}" for name, number in rest])


def _validate_everybody(
    settings: Settings,
    others: pd.DataFrame,
    group: pd.Series,
    labels: list[str],
    validate: Validate,
) -> np.ndarray:
    """Return what is said of each video by a training without its group.

    Returns:
        float, shape (num_videos, num_classes), in the order of `others`.
    """
    probabilities = np.zeros((len(others), len(labels)))
    for name in group.unique():
        is_validated = group == name
        split = is_validated.map({True: "val", False: "train"})
        method = settings.downsample.method
        videos = balance(others.assign(split=split), method=method, seed=settings.seed)
        probabilities[is_validated.to_numpy()] = validate(videos, labels, settings)
    return probabilities


def _score(probabilities: np.ndarray, label_indices: np.ndarray) -> tuple[int, float]:
    """Return the errors and the mean cross entropy of probabilities (num_videos, num_classes)."""
    right = probabilities[np.arange(len(label_indices)), label_indices]
    errors = int((probabilities.argmax(axis=1) != label_indices).sum())
    return errors, float(-np.log(np.maximum(right, EPSILON)).mean())
