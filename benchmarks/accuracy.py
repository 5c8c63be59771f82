"""Accuracy of models on people never seen: leave people out, several seeds, a table.

    python -m benchmarks.accuracy VIDEOS --subject-pattern '^([a-z]+)_' --models fusion
    python -m benchmarks.accuracy VIDEOS --folds 3 --seeds 1 2 -S downsample.method=none

VIDEOS has a folder per label. Everybody is tested, by models trained without them; as in the
pipeline, some of the others validate, drawn by the seed, and nothing is chosen on those tested.
Settings are those of params.yaml. The baselines are fitted on the same videos and views as the
models. What is made of the videos is kept in `.har/accuracy`.

A row is one model: of all seeds and videos the accuracy and macro F1 with 95 % intervals over
people, its difference to the linear model on pooled features with a paired interval and the p value
of an exact sign-flip test over people, its parameters, seconds to train and milliseconds a clip.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import permutation_test

from benchmarks.timing import ROOT, print_heading, print_table, wall_seconds
from har.balance import balance
from har.baselines import predict_baselines
from har.clips import draw_views, generator_for, load_clip, write_views
from har.compare import people_spread
from har.dataset import read_table
from har.evaluation import accuracy_interval, mean_f1, resample_subjects
from har.examples import read_examples
from har.fitting import (
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

REFERENCE = "pooled_linear"
VIEWS, FEATURES = Path("data/augment/views.csv"), Path("data/features/features.csv")


def main() -> None:
    """Print the table."""
    options = _parse()
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for change in options.set_param:
        _set(params, *change.split("=", 1))
    params["dataset"] |= {
        "videos": str(options.videos.resolve()),
        "subject_pattern": options.subject_pattern,
    }
    params["split"]["folds"] = options.folds
    print_heading(f"Accuracy on {options.videos.name}", "tensorflow", "scikit-learn")
    work = ROOT / ".har" / "accuracy" / options.videos.name
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    manifest = _prepare(params, work)
    results = _run_all(manifest, params, options.models, options.seeds)
    people, videos = manifest["subject"].nunique(), len(manifest)
    num_folds = manifest["fold"].nunique()
    print(
        f"{videos} videos of {people} people in {manifest['label'].nunique()} actions, "
        f"{num_folds} folds, seeds {', '.join(map(str, options.seeds))}:\n"
    )
    _print_results(manifest, results)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, metavar="VIDEOS")
    parser.add_argument("--subject-pattern", help="who is in a video, by its file name")
    parser.add_argument("--models", nargs="+", default=["fusion", "mobilenet_lstm"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--folds", default="people", type=lambda text: yaml.safe_load(text))
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def _set(params: dict[str, Any], name: str, value: str) -> None:
    *sections, key = name.split(".")
    for section in sections:
        params = params[section]
    if key not in params:
        raise SystemExit(f"params.yaml has no {name}; see its names there.")
    params[key] = yaml.safe_load(value)


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
    manifest: pd.DataFrame, params: dict[str, Any], models: list[str], seeds: list[int]
) -> dict[str, dict[str, Any]]:
    """Return for each model and baseline what it predicted, (num_seeds, num_videos), and facts."""
    labels = sorted(manifest["label"].unique())
    names = fold_names(manifest["fold"])
    rounds = [(number, seed, name) for number, seed in enumerate(seeds) for name in names]
    results: dict[str, dict[str, Any]] = {}
    shown = progress(rounds, total=len(rounds), description="accuracy", unit="folds")
    for number, seed, name in shown:
        split, _ = _choose(manifest, params, seed, name)
        videos = balance(manifest.assign(split=split), seed=seed, **params["downsample"])
        is_test = (manifest["split"].index[split == "test"]).to_numpy()
        for model, predicted, facts in _fit_fold(videos, labels, params, models, seed):
            shape = (len(seeds), len(manifest))
            result = results.setdefault(model, {"predicted": np.full(shape, -1), "seconds": []})
            result["predicted"][number, is_test] = predicted
            result["seconds"].append(facts.pop("seconds", 0.0))
            result |= facts
    return results


def _fit_fold(
    videos: pd.DataFrame, labels: list[str], params: dict[str, Any], models: list[str], seed: int
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield of each baseline and model its name, what it says of the test videos, and facts."""
    # On all that any of the models is trained on.
    fit_on = max((trained_on(params | {"model": name}) for name in models), key=len)
    for name, predicted in predict_baselines(videos, labels, fit_on=fit_on).items():
        yield name, predicted, {}
    for name in models:
        chosen = params | {"model": name, "seed": seed}
        setup_tensorflow(**params["train"], seed=seed)
        read = partial(read_examples, videos, labels, chosen, VIEWS, FEATURES)
        start = wall_seconds()
        checkpoint = Path(f"{name}.npz")
        for path in (checkpoint, second_checkpoint(checkpoint)):
            path.unlink(missing_ok=True)
        trained = fit(read, chosen, num_classes=len(labels), checkpoint=checkpoint)
        seconds = wall_seconds() - start
        probabilities = predict_split(trained, read, chosen, "test")
        model = trained.tuned or trained.model
        yield name, probabilities.argmax(axis=1), {"seconds": seconds, "model": model}
        keras.utils.clear_session()


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
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    model = result["model"]
    if len(model.input_shape) == 3:  # features
        model = put_together(model, make_backbone(params), params | {"model": model.name})
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
