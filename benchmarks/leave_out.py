"""Everybody tested in turn, by models and baselines trained without them.

The folds are those of the pipeline, as are the stages that make clips, views and features.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.choice import without_refit
from benchmarks.timing import ROOT, wall_seconds
from har.clips.views import draw_views, write_views
from har.dataset.balancing import balance
from har.dataset.splits import SPLITS, choose_splits, fold_names
from har.dataset.tables import read_table
from har.engine.progress import progress
from har.engine.runtime import keras, setup_tensorflow
from har.engine.seeds import generator_for
from har.evaluation.baselines import predict_baselines
from har.settings import Settings
from har.settings.loading import changed_settings
from har.training.examples import Examples, join_examples, read_examples
from har.training.fit import Trained, fit, second_checkpoint, trained_on
from har.training.loop import predict
from har.training.threshold import fit_confidence

CHOSEN = "chosen"  # the row of what was chosen in each fold
VIEWS, FEATURES = Path("data/augment/views.csv"), Path("data/features/features.csv")

Choose = Callable[..., str]  # `choose_candidate` but for those not tested, the labels and the seed


def prepare(settings: Settings, work: Path) -> pd.DataFrame:
    """Make clips, folds, and the views and features of every video; return the manifest."""
    (work / "params.yaml").write_text(yaml.safe_dump(settings.as_params()), encoding="utf-8")
    run_stage("convert", out="data/converted_videos")
    run_stage("extract", converted="data/converted_videos", out="data/clips")
    report, clips = "data/converted_videos/report.csv", "data/clips/clips.csv"
    run_stage("split", report=report, clips=clips, out="data/split")
    manifest = read_table(Path("data/split/manifest.csv"))
    views = {
        video_id: draw_views(video_id, seed=settings.seed, **settings.augment.model_dump())
        for video_id in manifest["video_id"]
    }
    VIEWS.parent.mkdir(parents=True, exist_ok=True)
    write_views(VIEWS, views)
    run_stage("pose", clips=clips, out="data/landmarks")
    tables = {"manifest": "data/split/manifest.csv", "landmarks": "data/landmarks/landmarks.csv"}
    run_stage("features", **tables, clips=clips, views=VIEWS, out=FEATURES.parent)
    manifest["fold"] = split_people(manifest, settings, settings.seed, None)[1]
    packed = read_table(FEATURES)[["video_id", "path"]]
    return manifest.merge(packed.rename(columns={"path": "features_path"}), on="video_id")


def run_stage(name: str, **arguments: str | Path) -> None:
    """Run a stage of the pipeline in the current folder, with its options."""
    command = [sys.executable, "-m", f"stages.{name}"]
    for option, value in arguments.items():
        command += [f"--{option}", str(value)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(Path.cwd())}
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)


def split_people(
    manifest: pd.DataFrame, settings: Settings, seed: int, test_fold: str | None
) -> tuple[pd.Series, pd.Series]:
    """Return splits and folds: the folds are the same for all seeds, the validation is not."""
    given = manifest if "fold" in manifest else manifest.assign(fold="")
    return choose_splits(
        given.assign(split=""),
        fractions={name: getattr(settings.split, name) for name in SPLITS},
        folds=settings.split.folds,
        test_fold=test_fold,
        rng=generator_for(seed, "split"),
    )


def run_all(
    manifest: pd.DataFrame,
    settings: Settings,
    models: dict[str, Settings],
    choose: Choose | None,
    *,
    seeds: list[int],
    num_people: int | None,
) -> dict[str, dict[str, Any]]:
    """Return for each model and baseline what it predicted, (num_seeds, num_videos), and facts.

    Args:
        manifest: One row a video, as `prepare` returns it.
        settings: Of the folds and the baselines.
        models: The settings of each model and candidate, by name.
        choose: As for `run_fold`.
        seeds: Of everything that is drawn but the folds.
        num_people: As for `keep_people`; None: all.
    """
    names = fold_names(manifest["fold"])
    rounds = [(number, seed, name) for number, seed in enumerate(seeds) for name in names]
    results: dict[str, dict[str, Any]] = {}
    shown = progress(rounds, total=len(rounds), description="accuracy", unit="folds")
    for number, seed, name in shown:
        split, _ = split_people(manifest, settings, seed, name)
        is_test = (split == "test").to_numpy()
        is_kept = keep_people(manifest["subject"], split, num_people=num_people, seed=seed)
        rows = run_fold(manifest[is_kept], split[is_kept], settings, models, choose, seed)
        for model, predicted, facts in rows:
            result = results.setdefault(model, _no_result(len(seeds), manifest))
            result["predicted"][number, is_test] = predicted
            if "probabilities" in facts:
                result["said"][number, is_test] = facts.pop("probabilities")
                result["seconds"].append(facts.pop("seconds"))
            if "choice" in facts:
                result["choices"].append(facts.pop("choice"))
            result |= facts
    # With `num_people` each seed has other training people, so an ensemble would have had more.
    return results | (ensembles(results) if len(seeds) > 1 and num_people is None else {})


def _no_result(num_seeds: int, manifest: pd.DataFrame) -> dict[str, Any]:
    shape = (num_seeds, len(manifest))
    said = np.full((*shape, manifest["label"].nunique()), np.nan)
    return {"predicted": np.full(shape, -1), "said": said, "seconds": [], "choices": []}


def keep_people(
    subjects: pd.Series, split: pd.Series, *, num_people: int | None, seed: int
) -> pd.Series:
    """Return which videos are of those tested, those who validate, and as many others as allowed.

    The same seed keeps the same people first, so more are those of fewer and some others.

    Args:
        subjects: Of each video.
        split: Of each video.
        num_people: How many train and validate together; None: all.
        seed: Decides who.

    Raises:
        SystemExit: There are not as many, or nobody would be left to train.
    """
    people = {name: set(subjects[split == name]) for name in SPLITS}
    num_train = len(people["train"]) if num_people is None else num_people - len(people["val"])
    if not 0 < num_train <= len(people["train"]):
        raise SystemExit(
            f"--train-people is {num_people}, and of {len(people['train'] | people['val'])} who "
            f"are not tested {len(people['val'])} validate; expected more than those and no more "
            "than there are."
        )
    order = generator_for(seed, "people").permutation(sorted(set(subjects)))
    trained = [person for person in order if person in people["train"]][:num_train]
    return (split != "train") | subjects.isin(trained)


def ensembles(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a row for each model: the ensemble over seeds, the mean of their probabilities."""
    return {
        f"{name}, ensemble over seeds": {
            "predicted": result["said"].mean(axis=0).argmax(axis=-1)[np.newaxis]
        }
        for name, result in results.items()
        if result["seconds"]  # has been trained
    }


def run_fold(
    manifest: pd.DataFrame,
    split: pd.Series,
    settings: Settings,
    models: dict[str, Settings],
    choose: Choose | None,
    seed: int,
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield each baseline's and model's name, what it says of the test videos, and facts.

    What is chosen comes last: it says what the candidate of that name has said.

    Args:
        manifest: One row a video.
        split: Of each row.
        settings: Of the baselines: how the classes are balanced.
        models: The settings of each model and candidate, by name.
        choose: What chooses a candidate, by the people who are not tested alone; None: nothing.
        seed: Of the balancing, the training and the choice.
    """
    labels = sorted(manifest["label"].unique())
    method = settings.downsample.method
    videos = balance(manifest.assign(split=split), method=method, seed=seed)
    said = {}
    for name, predicted, facts in _fit_fold(videos, labels, models, seed):
        said[name] = predicted
        yield name, predicted, facts
    if choose:
        choice = choose(manifest[split != "test"], labels, seed=seed)
        yield CHOSEN, said[choice], {"choice": choice}


def _fit_fold(
    videos: pd.DataFrame, labels: list[str], models: dict[str, Settings], seed: int
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield what `run_fold` does, but for what is chosen."""
    # On all that any of the models is trained on.
    fit_on = max(map(trained_on, models.values()), key=len)
    for name, predicted in predict_baselines(videos, labels, fit_on=fit_on).items():
        yield name, predicted, {}
    for name, settings in models.items():
        seeded = changed_settings(settings, {"seed": seed})
        read = partial(read_examples, videos, labels, seeded, VIEWS, FEATURES)
        start = wall_seconds()
        trained = fit_fresh(*at_once(read, seeded), num_classes=len(labels))
        facts = {"seconds": wall_seconds() - start, "settings": seeded, "model": trained.model}
        said = predict(trained.model, read("test"), batch_size=seeded.chosen.batch_size)
        yield name, said.argmax(axis=1), facts | {"probabilities": said}
        keras.utils.clear_session()


def at_once(
    read: Callable[..., Examples], settings: Settings
) -> tuple[Callable[..., Examples], Settings]:
    """Return what makes `fit` train once where it would train twice, to the same weights.

    With `refit` and without `patience` the first of two trainings decides nothing but the
    temperature, by which no label changes: so the validation videos train at once.
    """
    if not settings.chosen.refit or settings.chosen.patience is not None:
        return read, settings

    def read_joined(split: str) -> Examples:
        return join_examples(read("train"), read("val")) if split == "train" else read(split)

    return read_joined, without_refit(settings)


def validate(videos: pd.DataFrame, labels: list[str], settings: Settings) -> np.ndarray:
    """Train, and return what is said of the validation videos, shape (num_videos, num_classes)."""
    read = partial(read_examples, videos, labels, settings, VIEWS, FEATURES)
    validated = fit_fresh(read, settings, num_classes=len(labels)).validated
    keras.utils.clear_session()
    return validated


def fit_with_confidence(
    videos: pd.DataFrame, labels: list[str], settings: Settings, none_label: str | None
) -> tuple[Trained, dict[str, float], pd.DataFrame]:
    """Train, and choose the temperature and the threshold, as the stages `downsample` and `train`.

    Args:
        videos: One row a video, with `split`.
        labels: Those of the videos, in order.
        settings: All settings.
        none_label: That of other actions; None if there is none.

    Returns:
        What was trained, what `fit_confidence` chose, and the videos that were kept.
    """
    method = settings.downsample.method
    kept = balance(videos, method=method, seed=settings.seed, none_label=none_label)
    read = partial(read_examples, kept, labels, settings, VIEWS, FEATURES)
    trained = fit_fresh(read, settings, num_classes=len(labels))
    validation = read("val").label_indices
    is_action = np.array(labels)[validation] != none_label
    return trained, fit_confidence(trained.validated, validation, is_action), kept


def fit_fresh(read: Callable[..., Examples], settings: Settings, *, num_classes: int) -> Trained:
    """Train as `fit` does, whatever was trained before."""
    setup_tensorflow(**settings.train.runtime, seed=settings.seed)
    checkpoint = Path(f"{settings.model}.npz")
    for path in (checkpoint, second_checkpoint(checkpoint)):
        path.unlink(missing_ok=True)
    return fit(read, settings, num_classes=num_classes, checkpoint=checkpoint)
