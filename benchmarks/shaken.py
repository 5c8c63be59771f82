"""What a shaking hand costs: a model tested on still clips and on the same clips shaken.

    python -m benchmarks.shaken VIDEOS --subject-pattern '^([a-z]+)_'
    python -m benchmarks.shaken VIDEOS --shake 0.03 -S augment.shake=0

VIDEOS has a folder per label and cameras that stand still. Each person is tested by a model of the
others. The test clips are shaken as by `augment.shake`, but whole: before anybody is looked for in
them and before the camera's motion is taken out. Settings are those of params.yaml; what is made of
the videos is kept in `.har/accuracy`. The interval is over people.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import (
    data_options,
    describe_accuracy,
    describe_change,
    prepare_videos,
    read_settings,
    resampled,
)
from benchmarks.leave_out import FEATURES, VIEWS, fit_fresh, run_stage, split_people
from benchmarks.timing import print_heading, print_table
from har.clips.clip import load_clip
from har.clips.views import View, apply_view, write_views
from har.dataset.balancing import balance
from har.dataset.splits import fold_names
from har.dataset.tables import read_table
from har.engine.cache import file_digest
from har.engine.progress import progress
from har.engine.runtime import keras
from har.engine.seeds import generator_for
from har.settings import Settings
from har.settings.loading import changed_settings
from har.training.examples import read_examples
from har.training.loop import predict

SHAKEN = Path("data/shaken")


def main() -> None:
    """Print the table."""
    parser = data_options(__doc__, seeds=[42])
    parser.add_argument(
        "--shake",
        type=float,
        default=0.06,
        help="how far a hand moves the picture, as a share of its side (default: %(default)s)",
    )
    options = parser.parse_args()
    settings = read_settings(options)
    print_heading(f"A shaking hand on {options.videos.name}", "tensorflow", "scikit-learn")
    manifest = prepare_videos(options.videos, settings)
    shaken = shake_videos(manifest, options.shake)
    tested = pd.concat(leave_people_out(manifest, shaken, settings, options.seeds))
    print_table(["test clips", "accuracy (95 %)", "against still (95 %), p"], describe(tested))


def shake_videos(manifest: pd.DataFrame, shake: float) -> pd.DataFrame:
    """Shake each clip another way, look for the person in it, and make its features.

    Args:
        manifest: As `benchmarks.leave_out.prepare` returns it.
        shake: As the parameter `augment.shake`.

    Returns:
        The manifest of the shaken clips.
    """
    clips = read_table(Path("data/clips/clips.csv")).set_index("video_id")
    (SHAKEN / "clips").mkdir(parents=True, exist_ok=True)
    for number, video_id in enumerate(clips.index):
        seed = int(generator_for(0, "shaken", video_id).integers(2**31))
        path = SHAKEN / "clips" / f"{number}.npy"
        clip = load_clip(clips.loc[video_id, "path"])
        np.save(path, apply_view(clip, View(shake=shake, shake_seed=seed)))
        clips.loc[video_id, ["path", "sha256"]] = path.as_posix(), file_digest(path)
    tables = {name: SHAKEN / f"{name}.csv" for name in ("clips", "manifest", "views")}
    clips.reset_index().to_csv(tables["clips"], index=False)
    shaken = manifest.assign(path=clips.loc[manifest["video_id"], "path"].to_numpy())
    shaken.to_csv(tables["manifest"], index=False)
    write_views(tables["views"], {})
    run_stage("pose", clips=tables["clips"], out=SHAKEN / "landmarks")
    tables["landmarks"] = SHAKEN / "landmarks" / "landmarks.csv"
    run_stage("features", **tables, out=SHAKEN / "features")
    return shaken


def leave_people_out(
    manifest: pd.DataFrame, shaken: pd.DataFrame, settings: Settings, seeds: list[int]
) -> Iterator[pd.DataFrame]:
    """Yield what `train_and_test` returns, for each seed and fold."""
    rounds = [(seed, fold) for seed in seeds for fold in fold_names(manifest["fold"])]
    for seed, fold in progress(rounds, total=len(rounds), description="shaken", unit="folds"):
        split, _ = split_people(manifest, settings, seed, fold)
        seeded = changed_settings(settings, {"seed": seed})
        yield train_and_test(manifest.assign(split=split), shaken.assign(split=split), seeded)


def train_and_test(videos: pd.DataFrame, shaken: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Train on still clips and return which test clips are right.

    Args:
        videos: One row a video, with `split`.
        shaken: The same videos in the same order, shaken.
        settings: All settings.

    Returns:
        One row a test video: `subject`, and whether it is right `still` and `shaken`.
    """
    labels = sorted(videos["label"].unique())
    balanced = balance(videos, method=settings.downsample.method, seed=settings.seed)
    read = partial(read_examples, balanced, labels, settings, VIEWS, FEATURES)
    model = fit_fresh(read, settings, num_classes=len(labels)).model
    tables = {"still": (videos, FEATURES), "shaken": (shaken, SHAKEN / "features/features.csv")}
    tested = videos.loc[videos["split"] == "test", ["subject"]].copy()
    for name, (clips, features) in tables.items():
        clips = clips.assign(weight=1.0)
        examples = read_examples(clips, labels, settings, VIEWS, features, "test")
        said = predict(model, examples, batch_size=settings.chosen.batch_size)
        tested[name] = said.argmax(axis=1) == examples.label_indices
    keras.utils.clear_session()
    return tested


def describe(tested: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the rows of the table.

    Args:
        tested: As of `train_and_test`, of all folds.
    """
    subjects = tested["subject"].to_numpy()
    samples, rows = resampled(subjects), []
    for name in ("still", "shaken"):
        right = tested[name].to_numpy(dtype=float)
        change = describe_change(right - tested["still"].to_numpy(), subjects)
        accuracy = describe_accuracy(right, samples)
        rows.append((name, accuracy, "" if name == "still" else change))
    return rows


if __name__ == "__main__":
    main()
