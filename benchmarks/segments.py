"""Long videos: clips joined with gaps between them, and which segments a model finds.

    python -m benchmarks.segments MODEL CLIPS [--gaps FOLDER]
    python -m benchmarks.segments VIDEOS --subject-pattern '^([^_]+)_' --folds 6

With two folders, a trained model is asked about joined clips of CLIPS, which has one folder per
label, with the model's names. With one, VIDEOS has a folder per label and one of other actions
(`dataset.none`): in each fold a model is trained, as by the pipeline, and asked about joined clips
of the test people, who are none of those it was trained or validated with, and between them about
other actions: of those people themselves, if VIDEOS has such clips, and of others. Settings are
those of params.yaml; what is made of the videos is kept in `.har/accuracy`.

Each joined video has five clips, each three to six seconds long, and two seconds between them: a
grey picture without anybody, or clips of other actions. The table has the share of the time with
the right label, of the ends of clips and gaps that are found within half a second, of the clips and
gaps whose middle has the right label, with 95 % intervals over people (over joined videos for a
trained model), and how many segments are found for those that there are.
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import (
    data_options,
    describe_accuracy,
    prepare_videos,
    read_settings,
    resampled,
)
from benchmarks.joined import Clip, Fit, compare, join
from benchmarks.leave_out import fit_with_confidence, split_people
from benchmarks.timing import print_heading, print_table
from har.dataset.none_label import find_none_label
from har.dataset.splits import fold_names
from har.dataset.tables import read_table
from har.engine.progress import progress
from har.engine.runtime import keras
from har.engine.steps import Limits
from har.folder.listing import VIDEO_SUFFIXES
from har.recognizer.making import make_recognizer
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.settings import Settings
from har.settings.loading import changed_settings
from har.timeline.answers import none_label_of
from har.timeline.prediction import choose_pace
from har.timeline.watching import Pace, watch_video
from har.training.calibration import fold_temperature

LIMITS = Limits(workers=1, timeout_seconds=600, memory_gigabytes=3, max_gigabytes=0)
COLUMNS = ["between the clips", "joined videos", "time with the right label"]
COLUMNS += ["ends within half a second", "clips", "gaps", "segments found of"]


@dataclass(frozen=True)
class Watched:
    """What was found in a joined video.

    Attributes:
        between: What the gaps show.
        who: Whose clips they are.
        fit: How well the segments fit.
    """

    between: str
    who: str
    fit: Fit


def main() -> None:
    """Print the table."""
    parser = data_options(__doc__, seeds=[42])
    parser.add_argument("clips", type=Path, nargs="?", metavar="CLIPS", help="of a trained MODEL")
    parser.add_argument("--gaps", type=Path, metavar="FOLDER", help="clips of something else")
    parser.add_argument("--repeats", type=int, default=4, help="joined videos of each kind")
    options = parser.parse_args()
    print_heading(f"Segments, {options.videos.name}", "tensorflow", "av", "ai-edge-litert")
    watched = list(_ask_trained(options) if options.clips else _train_and_ask(options))
    kinds = dict.fromkeys(one.between for one in watched)
    print_table(COLUMNS, [describe([one for one in watched if one.between == k]) for k in kinds])


def _ask_trained(options: argparse.Namespace) -> Iterator[Watched]:
    """Yield what a trained model finds in each joined video."""
    recognizer = load_recognizer(options.videos)
    clips = [clip for clip in find_clips(options.clips) if clip.label in recognizer.labels]
    gaps = find_clips(options.gaps) if options.gaps else []
    between = f"clips of {options.gaps.name}" if gaps else "nobody"
    pace, _ = choose_pace(recognizer, **read_settings(options).predict.model_dump())
    for turn in range(options.repeats):
        fit = watch(recognizer, pace, clips, gaps, random.Random(turn))
        yield Watched(between, str(turn), fit)


def _train_and_ask(options: argparse.Namespace) -> Iterator[Watched]:
    """Yield what the model of each fold finds in each joined video of its test people."""
    settings = read_settings(options)
    videos = prepare_videos(options.videos, settings)
    sources = read_table(Path("data/converted_videos/report.csv")).set_index("video_id")["path"]
    seconds = read_table(Path("data/clips/clips.csv")).set_index("video_id")["duration_seconds"]
    videos["source"] = videos["video_id"].map(sources)
    videos["seconds"] = videos["video_id"].map(seconds).astype(float)
    rounds = [(seed, fold) for seed in options.seeds for fold in fold_names(videos["fold"])]
    for seed, fold in progress(rounds, total=len(rounds), description="segments", unit="folds"):
        split, _ = split_people(videos, settings, seed, fold)
        seeded = changed_settings(settings, {"seed": seed})
        recognizer = train_recognizer(videos.assign(split=split), seeded)
        pace, _ = choose_pace(recognizer, **settings.predict.model_dump())
        tested = videos[split == "test"]
        for between, who, clips, gaps in kinds_of_gaps(tested, recognizer.none_label):
            for turn in range(options.repeats):
                fit = watch(recognizer, pace, clips, gaps, random.Random(f"{seed} {fold} {turn}"))
                yield Watched(between, who, fit)


def find_clips(folder: Path) -> list[Clip]:
    """Return the videos below a folder, in order, labelled by their folders."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise SystemExit(f"{folder} has no videos.")
    return [Clip(path, path.parent.name) for path in found]


def train_recognizer(videos: pd.DataFrame, settings: Settings) -> Recognizer:
    """Train as the stage `train` does, and return the recognizer.

    Args:
        videos: One row a video, with `split` and `seconds`.
        settings: All settings.

    Raises:
        SystemExit: No label is that of other actions.
    """
    labels = sorted(videos["label"].unique())
    none_label = find_none_label(labels, settings.dataset.none)
    if none_label is None:
        raise SystemExit(
            f"No folder is named {settings.dataset.none!r} (dataset.none): the gaps show its clips."
        )
    trained, confidence, kept = fit_with_confidence(videos, labels, settings, none_label)
    fold_temperature(trained.model, confidence["temperature"])
    params = confidence | {"none_label": none_label}
    seconds = kept.loc[kept["split"] == "train", "seconds"].tolist()
    recognizer = make_recognizer(trained.model, labels, settings, params, clip_seconds=seconds)
    keras.utils.clear_session()
    return recognizer


def kinds_of_gaps(
    tested: pd.DataFrame, none_label: str
) -> Iterator[tuple[str, str, list[Clip], list[Clip]]]:
    """Yield what the gaps show, whose clips they are between, these clips and those of the gaps.

    Args:
        tested: The videos of the test people, with `source`.
        none_label: Of those of other actions.
    """
    is_none = tested["label"] == none_label
    people = tested.loc[~is_none, "subject"].unique()
    other = tested[is_none]
    for who in people:
        actions = _clips_of(tested[~is_none & (tested["subject"] == who)])
        own, others = other[other["subject"] == who], other[~other["subject"].isin(people)]
        for between, gaps in (("their own other actions", own), ("others' other actions", others)):
            if len(gaps):
                yield between, who, actions, _clips_of(gaps)
        yield "nobody", who, actions, []


def _clips_of(videos: pd.DataFrame) -> list[Clip]:
    return [Clip(Path(one.source), one.label) for one in videos.itertuples()]


def watch(
    recognizer: Recognizer, pace: Pace, clips: list[Clip], gaps: list[Clip], rng: random.Random
) -> Fit:
    """Join clips and gaps, and return how well the segments fit that the model finds."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "joined.mp4"
        truth = join(video, clips, gaps, rng, none_label_of(recognizer))
        timeline = watch_video(recognizer, video, seconds=truth[-1].end, pace=pace, limits=LIMITS)
    return compare(truth, timeline.segments)


def describe(watched: list[Watched]) -> list[str]:
    """Return the row of joined videos whose gaps show the same."""
    total = sum((one.fit for one in watched[1:]), start=watched[0].fit)
    shares = []
    for name in ("right", "near", "clips", "gaps"):
        values = [getattr(one.fit, name) for one in watched]
        who = np.repeat([one.who for one in watched], [len(value) for value in values])
        rows = np.concatenate(values).astype(float)
        shares.append(describe_accuracy(rows, resampled(who)))
    found = f"{total.num_found} of {total.num_true}"
    return [watched[0].between, str(len(watched)), *shares, found]


if __name__ == "__main__":
    main()
