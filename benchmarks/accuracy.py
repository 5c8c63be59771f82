"""Accuracy of models on people never seen: leave people out, several seeds, a table.

    python -m benchmarks.accuracy VIDEOS --subject-pattern '^([a-z]+)_' --models fusion
    python -m benchmarks.accuracy VIDEOS --folds 3 --seeds 1 2 -S downsample.method=none
    python -m benchmarks.accuracy VIDEOS --candidates FILE --inner-folds 3
    python -m benchmarks.accuracy VIDEOS --models fusion --train-people 2

VIDEOS has a folder per label. Everybody is tested, by models trained without them; as in the
pipeline, some of the others validate, drawn by the seed, and nothing is chosen on those tested.
Settings are those of params.yaml. The baselines are fitted on the same videos and views as the
models. What is made of the videos is kept in `.har/accuracy`.

Candidates are configurations to choose among, as in `benchmarks/candidates.yaml`. Each is a row,
and `chosen` is one more: in each fold and seed, those who are not tested are divided into groups,
each validates once what the others train, and the candidate with the fewest errors predicts.

With `--train-people N`, only N of those who are not tested are there to train and validate.

With several seeds there is a row more for each model, the ensemble over seeds: the mean of the
probabilities of all seeds.

A row is one model: of all seeds and videos the accuracy and macro F1 with 95 % intervals over
people, its difference to the linear model on pooled features with a paired interval and the p value
of an exact sign-flip test over people, its parameters, seconds to train and milliseconds a clip.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import permutation_test

from benchmarks.choice import choose_candidate, describe_choices, read_candidates
from benchmarks.leave_out import CHOSEN, Choose, prepare, run_all, validate
from benchmarks.timing import ROOT, print_heading, print_table
from har.clips.clip import load_clip
from har.evaluation.paired_statistics import people_spread
from har.evaluation.scores import accuracy_interval, mean_f1, resample_subjects
from har.evaluation.summary import BASELINES
from har.recognizer.making import count_all_parameters, make_recognizer
from har.settings import Settings, SettingsError, load_settings
from har.settings.loading import changed_settings

REFERENCE = "pooled_linear"


def main() -> None:
    """Print the table."""
    options = _parse()
    settings = read_settings(options)
    models, choose = _models_and_choice(options, settings)
    print_heading(f"Accuracy on {options.videos.name}", "tensorflow", "scikit-learn")
    manifest = prepare_videos(options.videos, settings)
    results = run_all(
        manifest,
        settings,
        models,
        choose,
        seeds=options.seeds,
        num_people=options.train_people,
    )
    people, videos = manifest["subject"].nunique(), len(manifest)
    num_folds = manifest["fold"].nunique()
    learned_from = f", {options.train_people} people to learn from" if options.train_people else ""
    print(
        f"{videos} videos of {people} people in {manifest['label'].nunique()} actions, "
        f"{num_folds} folds{learned_from}, seeds {', '.join(map(str, options.seeds))}:\n"
    )
    _print_results(manifest, results)
    if options.by:
        print_groups(manifest, results, options.by)
    if choose:
        print(f"{CHOSEN}: {describe_choices(results[CHOSEN]['choices'])}")


def data_options(description: str | None, *, seeds: list[int]) -> argparse.ArgumentParser:
    """Return a parser with the options of the videos, the folds and the settings.

    Args:
        description: Of the benchmark.
        seeds: By default.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, metavar="VIDEOS")
    parser.add_argument("--subject-pattern", help="who is in a video, by its file name")
    parser.add_argument("--seeds", nargs="+", type=int, default=seeds)
    parser.add_argument("--folds", default="people", type=lambda text: yaml.safe_load(text))
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="NAME=VALUE")
    return parser


def prepare_videos(videos: Path, settings: Settings) -> pd.DataFrame:
    """Go to the folder that keeps what is made of the videos, make it, and return the manifest."""
    work = ROOT / ".har" / "accuracy" / videos.name
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    return prepare(settings, work)


def _parse() -> argparse.Namespace:
    parser = data_options(__doc__, seeds=[42, 43, 44])
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
    parser.add_argument(
        "--train-people",
        type=int,
        metavar="N",
        help="drawn by the seed: how many of those not tested there are (default: all)",
    )
    parser.add_argument(
        "--by",
        metavar="REGEX",
        help="also by what its group finds in the videos' names, as '[-_](cm|nm)[-_]'",
    )
    options = parser.parse_args()
    if options.inner_folds < 2:
        parser.error(f"--inner-folds is {options.inner_folds}; expected 2 or more.")
    if options.train_people is not None and options.train_people < 2:
        parser.error(
            f"--train-people is {options.train_people}; expected 2 or more: one validates."
        )
    if options.candidates and not options.candidates.is_file():
        parser.error(f"--candidates: there is no file {options.candidates}.")
    return options


def read_settings(options: argparse.Namespace) -> Settings:
    """Return the settings of params.yaml with those of the command line."""
    given = (change.split("=", 1) for change in options.set_param)
    changes = {name: yaml.safe_load(value) for name, value in given} | {
        "dataset.videos": str(options.videos.resolve()),
        "dataset.subject_pattern": options.subject_pattern,
        "split.folds": options.folds,
    }
    if getattr(options, "models", None):
        changes["model"] = options.models[0]
    try:
        return changed_settings(load_settings(ROOT / "params.yaml"), changes)
    except SettingsError as error:
        raise SystemExit(str(error)) from error


def _models_and_choice(
    options: argparse.Namespace, settings: Settings
) -> tuple[dict[str, Settings], Choose | None]:
    """Return the settings of all models and candidates by name, and what chooses among these."""
    names = options.models or ([] if options.candidates else ["fusion", "mobilenet_lstm"])
    try:
        models = {name: changed_settings(settings, {"model": name}) for name in names}
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    if not options.candidates:
        return models, None
    candidates = read_candidates(options.candidates, settings)
    for name in sorted(candidates.keys() & {*models, *BASELINES, CHOSEN}):
        raise SystemExit(f"{options.candidates}: another row is {name!r}; name it differently.")
    choose = partial(
        choose_candidate, candidates, num_groups=options.inner_folds, validate=validate
    )
    return models | candidates, choose


def _print_results(manifest: pd.DataFrame, results: dict[str, dict[str, Any]]) -> None:
    labels = sorted(manifest["label"].unique())
    actual = manifest["label"].map(labels.index).to_numpy()
    subjects = manifest["subject"].to_numpy()
    samples = resampled(subjects)
    right = {name: (result["predicted"] == actual).mean(axis=0) for name, result in results.items()}
    rows = []
    for name, result in results.items():
        f1 = [_macro_f1(result["predicted"], actual, rows) for rows in samples]
        f1_low, f1_high = np.quantile(f1, [0.025, 0.975])
        every = np.arange(len(actual))
        facts = _describe(result, manifest["path"].iloc[0]) if "model" in result else ("", "", "")
        row = (
            f"`{name}`",
            describe_accuracy(right[name], samples),
            f"{_macro_f1(result['predicted'], actual, every):.2f} ({f1_low:.2f} to {f1_high:.2f})",
            describe_change(right[name] - right[REFERENCE], subjects) if name != REFERENCE else "",
            *facts,
        )
        rows.append(row)
    columns = ["model", "accuracy (95 %)", "macro F1 (95 %)", f"against `{REFERENCE}` (95 %), p"]
    columns += ["parameters", "s to train", "ms a clip"]
    print_table(columns, rows)


def print_groups(manifest: pd.DataFrame, results: dict[str, dict[str, Any]], pattern: str) -> None:
    """Print the accuracy on the videos in whose names a pattern finds the same."""
    labels = sorted(manifest["label"].unique())
    actual = manifest["label"].map(labels.index).to_numpy()
    found = manifest["video_id"].str.extract(pattern, expand=True)[0].to_numpy()
    rows = []
    for group in sorted(set(found[pd.notna(found)])):
        is_in = found == group
        subjects = manifest.loc[is_in, "subject"].to_numpy()
        right = {
            name: (result["predicted"] == actual)[:, is_in].mean(axis=0)
            for name, result in results.items()
        }
        samples = resampled(subjects)
        for name, one in right.items():
            change = describe_change(one - right[REFERENCE], subjects) if name != REFERENCE else ""
            accuracy = describe_accuracy(one, samples)
            rows.append((group, f"{is_in.sum()}", f"`{name}`", accuracy, change))
    print()
    columns = ["in the name", "videos", "model", "accuracy (95 %)"]
    print_table([*columns, f"against `{REFERENCE}` (95 %), p"], rows)


def resampled(subjects: np.ndarray) -> list[np.ndarray]:
    """Return the rows of people drawn again and again, always the same."""
    return resample_subjects(subjects, num_bootstrap=2000, rng=np.random.default_rng(0))


def describe_accuracy(right: np.ndarray, samples: list[np.ndarray]) -> str:
    """Return the mean with its interval over people.

    Args:
        right: Of each video, the share of seeds by which it is right, shape (num_videos,).
        samples: As of `resampled`.
    """
    low, high = accuracy_interval(right, samples)
    return f"{right.mean():.1%} ({low:.0%} to {high:.0%})"


def _macro_f1(predicted: np.ndarray, actual: np.ndarray, rows: np.ndarray) -> float:
    return float(np.mean([mean_f1(actual[rows], one[rows]) for one in predicted]))


def describe_change(change: np.ndarray, subjects: np.ndarray) -> str:
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
    settings, model = result["settings"], result["model"]
    labels = [str(index) for index in range(model.output_shape[-1])]
    recognizer = make_recognizer(model, labels, settings, {})
    frames, seconds = np.array(load_clip(clip)), []
    for _ in range(6):
        start = time.perf_counter()
        recognizer.predict(frames)
        seconds.append(time.perf_counter() - start)
    return (
        f"{count_all_parameters(model, settings)['total']:,}",
        f"{median(result['seconds']):.0f}",
        f"{1000 * median(seconds[1:]):.0f}",
    )


if __name__ == "__main__":
    main()
