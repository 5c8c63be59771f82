"""What a folder of videos holds, and whether it can be trained on, before anything is run.

It judges with the pipeline's own functions: what counts as a video, whether it can be read, who is
in it, and whether people can be split. Only damage inside a video that shows when every frame is
decoded is left to the run itself, unless `decode` asks for it.
"""

import contextlib
import io
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from har.clips.camera import camera_state
from har.dataset.cutting import name_of, readable_files
from har.dataset.report import start_row
from har.dataset.splits import SPLITS, choose_splits
from har.dataset.subjects import UNKNOWN, find_subjects, knows_people
from har.dataset.videos import survey_videos
from har.engine.errors import VideoError
from har.engine.seeds import generator_for
from har.engine.steps import Limits, digests
from har.engine.workers import run_in_workers
from har.inspection.looking import Look, look_at
from har.inspection.problems import (
    Problem,
    camera_problems,
    choice_problems,
    colour_problems,
    duplicate_problems,
    failure_problems,
    label_problems,
    length_problems,
    meaning_problems,
    spelling_problems,
)
from har.inspection.proposals import describe_proposal
from har.video.preview import PreviewTask

LISTED_COLUMNS = [
    *("video_id", "path", "source", "start", "end", "label", "subject", "split", "fold"),
    *("status", "reason"),
]
STRIPS_PER_LABEL = 6
MAX_STRIPS = 180  # on the page; more labels get one each, of half the height
STRIP_HEIGHT = 96  # pixels
MAX_STRIP_BYTES = 2_400_000  # of all strips; a third more once written as text, and a skeleton each
INFO_COLUMNS = (
    *("container", "codec", "pixel_format", "beyond_sdr", "width", "height", "rotation", "angle"),
    *("other_tracks", "fps", "num_frames", "num_promised", "duration_seconds"),
    *("constant_frame_rate", "interlaced"),
)


@dataclass(frozen=True)
class InspectionSettings:
    """What decides whether videos can be trained on; the names are those of params.yaml.

    Attributes:
        subject_pattern: Finds the subject in a file name; None for none.
        by: What is never in two splits, `person` or `video`.
        max_failed_fraction: Share of videos that may be unreadable.
        none: Folder of what is no action; None for none.
        num_frames: Frames in a clip.
        fractions: The share of videos for each split.
        folds: Into how many to draw the people, or `people`; None for one split.
        test_fold: The fold to test on; None for the first.
        seed: Of the split.
        limits: What looking at a video may take.
    """

    subject_pattern: str | None
    by: str
    max_failed_fraction: float
    none: str | None
    num_frames: int
    fractions: dict[str, float]
    folds: int | str | None
    test_fold: str | None
    seed: int
    limits: Limits


@dataclass(frozen=True)
class Inspection:
    """What a folder of videos holds.

    Attributes:
        folder: The folder.
        videos: One row a video: `path` (with the part of the file where it is one), `source` (the
            file), `start` and `end` (in seconds, of a part; else empty), `label`, `subject`,
            `split`, `status` (ok, failed, duplicate or ignored), `reason`, the columns of
            `INFO_COLUMNS` (None unless ok), `strip`, a JPEG picture (empty for most), and, of the
            videos looked into, `frames` (as `har.video.preview.Preview` says; else empty),
            `camera` (as `har.clips.camera.camera_state`; else empty), `camera_motion` (None if not
            told). `har.pose.looking` fills in `person` (found or nobody; else empty) and `skeleton`
            (which of the frames, and the landmarks in it; else None).
        labels: One row a label: `label`, `videos`, `people`, `failed`, `duplicates`,
            `min_seconds`, `median_seconds`, `max_seconds`, and videos in `train`, `val`, `test`.
        grouped_by: As `har.dataset.subjects` says; empty if that failed.
        problems: Those that stop the pipeline first.
    """

    folder: Path
    videos: pd.DataFrame
    labels: pd.DataFrame
    grouped_by: str
    problems: tuple[Problem, ...]

    @property
    def can_train(self) -> bool:
        """Whether the pipeline would take these videos."""
        return not any(problem.blocks for problem in self.problems)

    @property
    def usable(self) -> pd.DataFrame:
        """The rows of the videos that can be used."""
        return self.videos[self.videos["status"] == "ok"]


def inspect_videos(
    folder: Path, settings: InspectionSettings, *, report: Path, decode: bool = False
) -> Inspection:
    """Look at every video of a folder.

    Args:
        folder: The data set, laid out as `har.dataset.videos` says.
        settings: What decides whether it can be trained on.
        report: File that will list all failures, to be named in messages.
        decode: Whether to decode every frame too, which finds damage inside videos.

    Raises:
        ValueError: The folder or every video in it is missing.
    """
    survey = survey_videos(folder)
    rows = [start_row(video) for video in survey.videos.to_dict("records")]
    videos = pd.DataFrame([{**row, "path": name_of(row)} for row in rows])[LISTED_COLUMNS]
    two_labels, again = _mark_duplicates(videos)
    videos = videos.assign(**_look(videos, settings, decode=decode))
    videos.loc[videos["status"] == "", "status"] = "ok"
    grouped_by, subject_problems = _find_subjects(videos, settings)
    split_problems = _split(videos, settings, grouped_by) if grouped_by else []
    problems = [
        *(Problem(True, problem) for problem in survey.problems),
        *(Problem(False, note) for note in survey.notes),
        *failure_problems(videos, max_failed_fraction=settings.max_failed_fraction, report=report),
        *duplicate_problems(two_labels, again),
        *label_problems(videos, none=settings.none),
        *subject_problems,
        *spelling_problems(videos, grouped_by),
        *split_problems,
        *length_problems(videos, settings.num_frames),
        *colour_problems(videos),
        *choice_problems(videos),
        *camera_problems(videos),
    ]
    problems.sort(key=lambda problem: not problem.blocks)
    return Inspection(folder, videos, _count_labels(videos), grouped_by, tuple(problems))


def _mark_duplicates(videos: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Mark each video whose bytes were there before.

    Returns:
        The paths of each group of such videos, with two labels and with one.
    """
    todo = videos.index[videos["status"] == ""]
    sources = videos.loc[todo, "source"].unique()
    digest = dict(zip(sources, digests(list(map(Path, sources)), "comparing"), strict=True))
    videos["source_sha256"] = videos["source"].map(digest).fillna("")
    two_labels, again = [], []
    same_bytes = ["source_sha256", "start", "end"]
    for _, same in videos.loc[todo].groupby(same_bytes, sort=False):
        first = same["path"].iloc[0]
        videos.loc[same.index[1:], "status"] = "duplicate"
        videos.loc[same.index[1:], "reason"] = f"the same bytes as {first}"
        if same["label"].nunique() > 1:
            two_labels.append(" = ".join(same["path"]))
        elif len(same) > 1:
            again.append(" = ".join(same["path"]))
    return two_labels, again


def _look(
    videos: pd.DataFrame, settings: InspectionSettings, *, decode: bool
) -> dict[str, pd.Series]:
    """Look into the videos that have no status yet, and give one to those that fail.

    Returns:
        The new columns by name.
    """
    todo, limits = videos[videos["status"] == ""], settings.limits
    strip_heights = choose_strips(todo["label"])
    with readable_files(todo.to_dict("records"), limits) as files:
        tasks = [
            PreviewTask(
                one.file, strip_heights.get(row, 0), decode, settings.num_frames, one.reason
            )
            for row, one in zip(todo.index, files, strict=True)
        ]
        results = run_in_workers(
            look_at,
            tasks,
            total=len(tasks),
            **limits.of_workers,
            description="inspect",
            section="convert",  # whose limits are used
            failures=(VideoError,),
        )
        results = list(results)
    looks: dict[int, Look] = {}
    for row, result in zip(todo.index, results, strict=True):
        if result.reason:
            videos.loc[row, ["status", "reason"]] = ["failed", result.reason]
        else:
            looks[row] = result.value
    return _columns_of(looks, videos)


def _columns_of(looks: dict[int, Look], videos: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what was seen as columns, empty or None for videos that were not looked into."""
    strips = keep_small({row: look.preview.strip for row, look in looks.items()}, videos["label"])
    infos = {row: asdict(look.preview.info) for row, look in looks.items()}
    motions = {row: look.camera_motion for row, look in looks.items()}
    motions = {row: motion for row, motion in motions.items() if motion is not None}
    columns = {
        **{name: {row: info[name] for row, info in infos.items()} for name in INFO_COLUMNS},
        "strip": strips,
        "frames": {row: look.preview.frames for row, look in looks.items()},
        "camera": {row: camera_state(motion) for row, motion in motions.items()},
        "camera_motion": {row: one for row, one in motions.items() if not math.isnan(one)},
        "person": {},
        "skeleton": {},
    }
    empty = {"strip": b"", "frames": (), "camera": "", "person": ""}
    # As objects: a column with gaps would else become floats, and 25 frames 25.0.
    return {
        name: pd.Series(
            [of.get(row, empty.get(name)) for row in videos.index], videos.index, object
        )
        for name, of in columns.items()
    }


def choose_strips(labels: pd.Series) -> dict[int, int]:
    """Choose the videos to show: a few of each label, evenly spaced.

    Args:
        labels: The label of each video, by its row.

    Returns:
        The height of the strip in pixels, by row.

    Example:
        >>> choose_strips(pd.Series(["a"] * 100))
        {8: 96, 25: 96, 41: 96, 58: 96, 75: 96, 91: 96}
    """
    groups = [group.index for _, group in labels.groupby(labels)]
    per_label = max(1, min(STRIPS_PER_LABEL, MAX_STRIPS // max(1, len(groups))))
    height = STRIP_HEIGHT if len(groups) <= MAX_STRIPS else STRIP_HEIGHT // 2
    chosen = {}
    for rows in groups:
        num_strips = min(per_label, len(rows))
        chosen |= {
            rows[(2 * i + 1) * len(rows) // (2 * num_strips)]: height for i in range(num_strips)
        }
    return chosen


def keep_small(strips: dict[int, bytes], labels: pd.Series) -> dict[int, bytes]:
    """Return those strips, early ones of each label first, that are small enough for one page.

    Args:
        strips: JPEG files by the row of their video; empty ones are left out.
        labels: The label of each video, by its row.
    """
    sizes = pd.Series({row: len(strip) for row, strip in strips.items()}, dtype=int)
    place_in_label = sizes[sizes > 0].groupby(labels.loc[sizes.index]).cumcount()
    total = sizes[place_in_label.sort_values(kind="stable").index].cumsum()
    return {row: strips[row] for row in sizes.index if total.get(row, math.inf) <= MAX_STRIP_BYTES}


def _find_subjects(videos: pd.DataFrame, settings: InspectionSettings) -> tuple[str, list[Problem]]:
    """Fill in who is in the usable videos; return what says so, and the problems."""
    usable = videos[videos["status"] == "ok"]
    if usable.empty:
        return "", []
    said = io.StringIO()  # the stage prints its warning; here it is one of the problems
    try:
        with contextlib.redirect_stdout(said):
            subjects, grouped_by = find_subjects(usable, settings.subject_pattern, by=settings.by)
    except ValueError as error:
        return "", [Problem(True, str(error))]
    videos.loc[usable.index, "subject"] = subjects
    warning = said.getvalue().partition(": ")[2].strip()
    if grouped_by == UNKNOWN:
        warning += f" {describe_proposal(usable['source'].tolist(), usable['label'].tolist())}"
    return grouped_by, [Problem(False, warning[:1].upper() + warning[1:])] if warning else []


def _split(videos: pd.DataFrame, settings: InspectionSettings, grouped_by: str) -> list[Problem]:
    """Try the split as the stage does and fill it in."""
    manifest = videos[videos["status"] == "ok"]
    try:
        split, _ = choose_splits(
            manifest,
            fractions=settings.fractions,
            folds=settings.folds,
            test_fold=settings.test_fold,
            rng=generator_for(settings.seed, "split"),
            by="person" if knows_people(grouped_by) else "video",
        )
    except ValueError as error:
        return [Problem(True, str(error))]
    videos.loc[manifest.index, "split"] = split
    return meaning_problems(int((split == "test").sum()), grouped_by)


def _count_labels(videos: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for label, group in videos[videos["label"] != ""].groupby("label"):
        usable = group[group["status"] == "ok"]
        if not (group["status"] != "ignored").any():
            continue
        seconds = usable["duration_seconds"].astype(float)
        rows.append(
            {
                "label": label,
                "videos": len(usable),
                "people": usable.loc[usable["subject"] != "", "subject"].nunique(),
                "failed": int((group["status"] == "failed").sum()),
                "duplicates": int((group["status"] == "duplicate").sum()),
                "min_seconds": seconds.min() if len(usable) else None,
                "median_seconds": seconds.median() if len(usable) else None,
                "max_seconds": seconds.max() if len(usable) else None,
                **{name: int((usable["split"] == name).sum()) for name in SPLITS},
            }
        )
    return pd.DataFrame(rows, dtype=object)  # None stays None: a label without a usable video
