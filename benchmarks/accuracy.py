"""Accuracy of models on people never seen: leave people out, several seeds, a table.

    python -m benchmarks.accuracy VIDEOS --subject-pattern '^([a-z]+)_' --models fusion
    python -m benchmarks.accuracy VIDEOS --folds 3 --seeds 1 2 -S downsample.method=none
    python -m benchmarks.accuracy VIDEOS --candidates FILE --inner-folds 3

VIDEOS has a folder per label. Everybody is tested, by models trained without them; as in the
pipeline, some of the others validate, drawn by the seed, and nothing is chosen on those tested.
Settings are those of params.yaml. The baselines are fitted on the same videos and views as the
models. What is made of the videos is kept in `.har/accuracy`.

Candidates are configurations to choose among, as in `benchmarks/candidates.yaml`. Each is a row,
and `chosen` is one more: in each fold and seed, those who are not tested are divided into groups,
each validates once what the others train, and the candidate with the fewest errors predicts.

With several seeds there is a row more for each model: the mean of what its trainings by all seeds
say of a video, as an ensemble.

A row is one model: of all seeds and videos the accuracy and macro F1 with 95 % intervals over
people, its difference to the linear model on pooled features with a paired interval and the p value
of an exact sign-flip test over people, its parameters, seconds to train and milliseconds a clip.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import permutation_test

from benchmarks.choice import (
    choose_candidate,
    describe_choices,
    read_candidates,
    set_param,
    with_settings,
)
from benchmarks.timing import ROOT, print_heading, print_table, wall_seconds
from har.balance import balance
from har.baselines import predict_baselines
from har.clips import draw_views, generator_for, load_clip, write_views
from har.compare import people_spread
from har.dataset import read_table
from har.evaluation import accuracy_interval, mean_f1, resample_subjects
from har.examples import Examples, join_examples, read_examples
from har.fitting import (
    Trained,
    fit,
    make_backbone,
    predict_split,
    put_together,
    second_checkpoint,
    trained_on,
)
from har.models import count_parameters
from har.progress import progress
from har.recognizer import Recognizer
from har.runtime import keras, setup_tensorflow
from har.splits import SPLITS, choose_splits, fold_names
from har.summary import BASELINES

REFERENCE = "pooled_linear"
CHOSEN = "chosen"  # the row of what was chosen in each fold
VIEWS, FEATURES = Path("data/augment/views.csv"), Path("data/features/features.csv")

Choose = Callable[..., str]  # `choose_candidate` but for those not tested, the labels and the seed


def main() -> None:
    """Print the table."""
    options = _parse()
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for change in options.set_param:
        name, value = change.split("=", 1)
        set_param(params, name, yaml.safe_load(value))
    params["dataset"] |= {
        "videos": str(options.videos.resolve()),
        "subject_pattern": options.subject_pattern,
    }
    params["split"]["folds"] = options.folds
    models, choose = _models_and_choice(options, params)
    print_heading(f"Accuracy on {options.videos.name}", "tensorflow", "scikit-learn")
    work = ROOT / ".har" / "accuracy" / options.videos.name
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    manifest = _prepare(params, work)
    results = _run_all(manifest, params, models, choose, options.seeds)
    people, videos = manifest["subject"].nunique(), len(manifest)
    num_folds = manifest["fold"].nunique()
    print(
        f"{videos} videos of {people} people in {manifest['label'].nunique()} actions, "
        f"{num_folds} folds, seeds {', '.join(map(str, options.seeds))}:\n"
    )
    _print_results(manifest, results)
    if choose:
        print(f"{CHOSEN}: {describe_choices(results[CHOSEN]['choices'])}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, metavar="VIDEOS")
    parser.add_argument("--subject-pattern", help="who is in a video, by its file name")
    parser.add_argument(
        "--models", nargs="+", help="default: fusion and mobilenet_lstm; none with --candidates"
    )
    parser.add_argument("--candidates", type=Path, metavar="FILE", help="YAML, to choose among")
    parser.add_argument(
        "--inner-folds",
        type=int,
        default=3,
        metavar="K",
        help="groups of people who validate the candidates in turn (default: %(default)s)",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--folds", default="people", type=lambda text: yaml.safe_load(text))
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    if options.inner_folds < 2:
        parser.error(f"--inner-folds is {options.inner_folds}; expected 2 or more.")
    if options.candidates and not options.candidates.is_file():
        parser.error(f"--candidates: there is no file {options.candidates}.")
    return options


def _models_and_choice(
    options: argparse.Namespace, params: dict[str, Any]
) -> tuple[dict[str, dict[str, Any]], Choose | None]:
    """Return the parameters of all models and candidates by name, and what chooses among these."""
    names = options.models or ([] if options.candidates else ["fusion", "mobilenet_lstm"])
    models = {name: params | {"model": name} for name in names}
    if not options.candidates:
        return models, None
    candidates = read_candidates(options.candidates, params)
    for name in sorted(candidates.keys() & {*models, *BASELINES, CHOSEN}):
        raise SystemExit(f"{options.candidates}: another row is {name!r}; name it differently.")
    choose = partial(
        choose_candidate, candidates, num_groups=options.inner_folds, validate=validate
    )
    return models | candidates, choose


def _prepare(params: dict[str, Any], work: Path) -> pd.DataFrame:
    """Make clips, folds, and the views and features of every video; return the manifest."""
    (work / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    _stage("convert", videos=params["dataset"]["videos"], out="data/converted_videos")
    _stage("extract", converted="data/converted_videos", out="data/clips")
    report, clips = "data/converted_videos/report.csv", "data/clips/clips.csv"
    _stage("split", report=report, clips=clips, out="data/split")
    manifest = read_table(Path("data/split/manifest.csv"))
    views = {
        video_id: draw_views(video_id, seed=params["seed"], **params["augment"])
        for video_id in manifest["video_id"]
    }
    VIEWS.parent.mkdir(parents=True, exist_ok=True)
    write_views(VIEWS, views)
    table = "data/split/manifest.csv"
    _stage("features", manifest=table, clips=clips, views=VIEWS, out=FEATURES.parent)
    manifest["fold"] = _choose(manifest, params, params["seed"], None)[1]
    packed = read_table(FEATURES)[["video_id", "path"]]
    return manifest.merge(packed.rename(columns={"path": "features_path"}), on="video_id")


def _stage(name: str, **arguments: str | Path) -> None:
    command = [sys.executable, "-m", f"stages.{name}"]
    for option, value in arguments.items():
        command += [f"--{option}", str(value)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(Path.cwd())}
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)


def _choose(
    manifest: pd.DataFrame, params: dict[str, Any], seed: int, test_fold: str | None
) -> tuple[pd.Series, pd.Series]:
    """Return splits and folds: the folds are the same for all seeds, the validation is not."""
    given = manifest if "fold" in manifest else manifest.assign(fold="")
    return choose_splits(
        given.assign(split=""),
        fractions={name: params["split"][name] for name in SPLITS},
        folds=params["split"]["folds"],
        test_fold=test_fold,
        rng=generator_for(seed, "split"),
    )


def _run_all(
    manifest: pd.DataFrame,
    params: dict[str, Any],
    models: dict[str, dict[str, Any]],
    choose: Choose | None,
    seeds: list[int],
) -> dict[str, dict[str, Any]]:
    """Return for each model and baseline what it predicted, (num_seeds, num_videos), and facts."""
    names = fold_names(manifest["fold"])
    rounds = [(number, seed, name) for number, seed in enumerate(seeds) for name in names]
    results: dict[str, dict[str, Any]] = {}
    shown = progress(rounds, total=len(rounds), description="accuracy", unit="folds")
    for number, seed, name in shown:
        split, _ = _choose(manifest, params, seed, name)
        is_test = (split == "test").to_numpy()
        for model, predicted, facts in run_fold(manifest, split, params, models, choose, seed):
            shape = (len(seeds), len(manifest))
            result = results.setdefault(
                model, {"predicted": np.full(shape, -1), "seconds": [], "choices": []}
            )
            result["predicted"][number, is_test] = predicted
            if "probabilities" in facts:
                said = result.setdefault("said", np.zeros((*shape, manifest["label"].nunique())))
                said[number, is_test] = facts.pop("probabilities")
            result["seconds"].append(facts.pop("seconds", 0.0))
            result["choices"].append(facts.pop("choice", model))
            result |= facts
    return results | (ensembles(results) if len(seeds) > 1 else {})


def ensembles(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a row for each model: what its trainings by all seeds say together, on average."""
    return {
        f"{name}, all seeds": {"predicted": result["said"].mean(axis=0).argmax(axis=-1)[np.newaxis]}
        for name, result in results.items()
        if "said" in result
    }


def run_fold(
    manifest: pd.DataFrame,
    split: pd.Series,
    params: dict[str, Any],
    models: dict[str, dict[str, Any]],
    choose: Choose | None,
    seed: int,
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield each baseline's and model's name, what it says of the test videos, and facts.

    What is chosen comes last: it says what the candidate of that name has said.

    Args:
        manifest: One row a video.
        split: Of each row.
        params: Of the baselines: how the classes are balanced.
        models: The parameters of each model and candidate, by name.
        choose: What chooses a candidate, by the people who are not tested alone; None: nothing.
        seed: Of the balancing, the training and the choice.
    """
    labels = sorted(manifest["label"].unique())
    videos = balance(manifest.assign(split=split), seed=seed, **params["downsample"])
    said = {}
    for name, predicted, facts in _fit_fold(videos, labels, models, seed):
        said[name] = predicted
        yield name, predicted, facts
    if choose:
        choice = choose(manifest[split != "test"], labels, seed=seed)
        yield CHOSEN, said[choice], {"choice": choice}


def _fit_fold(
    videos: pd.DataFrame, labels: list[str], models: dict[str, dict[str, Any]], seed: int
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield what `run_fold` does, but for what is chosen."""
    # On all that any of the models is trained on.
    fit_on = max(map(trained_on, models.values()), key=len)
    for name, predicted in predict_baselines(videos, labels, fit_on=fit_on).items():
        yield name, predicted, {}
    for name, params in models.items():
        params = params | {"seed": seed}
        read = partial(read_examples, videos, labels, params, VIEWS, FEATURES)
        start = wall_seconds()
        trained = _fit_anew(*_at_once(read, params), num_classes=len(labels))
        seconds = wall_seconds() - start
        probabilities = predict_split(trained, read, params, "test")
        facts = {"seconds": seconds, "probabilities": probabilities, "params": params}
        facts["model"] = trained.tuned or trained.model
        yield name, probabilities.argmax(axis=1), facts
        keras.utils.clear_session()


def _at_once(
    read: Callable[..., Examples], params: dict[str, Any]
) -> tuple[Callable[..., Examples], dict[str, Any]]:
    """Return what makes `fit` train once where it would train twice, to the same weights.

    With `refit` and without `patience` the first of two trainings decides nothing but the
    temperature, by which no label changes: so the validation videos train at once.
    """
    settings = params["models"][params["model"]]
    if "val" not in trained_on(params) or settings["patience"] is not None:
        return read, params

    def read_joined(split: str) -> Examples:
        return join_examples(read("train"), read("val")) if split == "train" else read(split)

    return read_joined, with_settings(params, refit=False)


def validate(videos: pd.DataFrame, labels: list[str], params: dict[str, Any]) -> np.ndarray:
    """Train, and return what is said of the validation videos, shape (num_videos, num_classes)."""
    read = partial(read_examples, videos, labels, params, VIEWS, FEATURES)
    validated = _fit_anew(read, params, num_classes=len(labels)).validated
    keras.utils.clear_session()
    return validated


def _fit_anew(
    read: Callable[..., Examples], params: dict[str, Any], *, num_classes: int
) -> Trained:
    """Train as `fit` does, whatever was trained before."""
    setup_tensorflow(**params["train"], seed=params["seed"])
    checkpoint = Path(f"{params['model']}.npz")
    for path in (checkpoint, second_checkpoint(checkpoint)):
        path.unlink(missing_ok=True)
    return fit(read, params, num_classes=num_classes, checkpoint=checkpoint)


def _print_results(manifest: pd.DataFrame, results: dict[str, dict[str, Any]]) -> None:
    labels = sorted(manifest["label"].unique())
    actual = manifest["label"].map(labels.index).to_numpy()
    subjects = manifest["subject"].to_numpy()
    samples = resample_subjects(subjects, num_bootstrap=2000, rng=np.random.default_rng(0))
    right = {name: (result["predicted"] == actual).mean(axis=0) for name, result in results.items()}
    rows = []
    for name, result in results.items():
        low, high = accuracy_interval(right[name], samples)
        f1 = [_macro_f1(result["predicted"], actual, rows) for rows in samples]
        f1_low, f1_high = np.quantile(f1, [0.025, 0.975])
        every = np.arange(len(actual))
        facts = _describe(result, manifest["path"].iloc[0]) if "model" in result else ("", "", "")
        row = (
            f"`{name}`",
            f"{right[name].mean():.1%} ({low:.0%} to {high:.0%})",
            f"{_macro_f1(result['predicted'], actual, every):.2f} ({f1_low:.2f} to {f1_high:.2f})",
            _difference(right[name] - right[REFERENCE], subjects) if name != REFERENCE else "",
            *facts,
        )
        rows.append(row)
    columns = ["model", "accuracy (95 %)", "macro F1 (95 %)", f"against `{REFERENCE}` (95 %), p"]
    columns += ["parameters", "s to train", "ms a clip"]
    print_table(columns, rows)


def _macro_f1(predicted: np.ndarray, actual: np.ndarray, rows: np.ndarray) -> float:
    return float(np.mean([mean_f1(actual[rows], one[rows]) for one in predicted]))


def _difference(change: np.ndarray, subjects: np.ndarray) -> str:
    """Return the mean difference with its interval and p value, both over people."""
    spread = people_spread(
        lambda rows: change[rows].mean(),
        subjects,
        num_bootstrap=2000,
        rng=np.random.default_rng(0),
    )
    by_person = pd.Series(change).groupby(subjects).mean().to_numpy()
    nothing = np.zeros_like(by_person)
    test = permutation_test(
        (by_person, nothing),
        lambda one, other, axis: np.mean(one - other, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=2**16,
        rng=np.random.default_rng(0),
    )
    mean = 100 * change.mean()
    return (
        f"{mean:+.1f} points ({mean - 100 * spread:+.0f} to {mean + 100 * spread:+.0f}), "
        f"p {test.pvalue:.2f}"
    )


def _describe(result: dict[str, Any], clip: str) -> tuple[str, str, str]:
    """Return a model's parameters, seconds to train and milliseconds for a clip."""
    params, model = result["params"], result["model"]
    if len(model.input_shape) == 3:  # features
        model = put_together(model, make_backbone(params), params)
    recognizer = Recognizer(model, [], {"model_frames": model.input_shape[1]}, {})
    frames, seconds = np.array(load_clip(clip))[np.newaxis], []
    for _ in range(6):
        start = time.perf_counter()
        recognizer.predict(frames)
        seconds.append(time.perf_counter() - start)
    return (
        f"{count_parameters(model)['total']:,}",
        f"{median(result['seconds']):.0f}",
        f"{1000 * median(seconds[1:]):.0f}",
    )


if __name__ == "__main__":
    main()
