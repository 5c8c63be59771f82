"""An inspection for its readers: a text for the terminal, JSON for programs, a page to look at.

The page is one file that needs nothing else: pictures are within it, and it has no script.
"""

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from har.dataset.splits import SPLITS
from har.dataset.subjects import SAME_PEOPLE, UNKNOWN, knows_people
from har.inspection.inspection import INFO_COLUMNS, STRIP_HEIGHT, Inspection
from har.pages.templating import as_seconds, data_uri, encode_jpeg, render
from har.pose.drawing import draw_skeletons
from har.settings import DEMO

MAX_NAMED = 6  # kinds of sizes, codecs and the like that are named one by one
MAX_DETAILS_IN_TERMINAL = 5
MAX_ROWS = 2000  # files listed on the page, and lines of details of one problem
NUM_BINS = 24
VERDICTS = {True: "These videos can be trained on.", False: "These videos cannot be trained on."}
GROUPED_BY = {
    "metadata.csv": "by metadata.csv",
    "dataset.subject_pattern": "by their file names",
    UNKNOWN: "nobody says who is who",
    SAME_PEOPLE: "split by video",
    "": "who is who is unclear",
}
CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4 or mov", "matroska,webm": "mkv or webm"}
NOT_LOOKED = "not looked into"
FILE_COLUMNS = (
    *("path", "label", "subject", "split", "status", "reason", *INFO_COLUMNS),
    *("person", "camera", "camera_motion"),
)


def describe_inspection(inspection: Inspection, *, page: str) -> str:
    """Return the text for the terminal.

    Args:
        inspection: What was found.
        page: Where the page was written.
    """
    lines = [f"{inspection.folder}: {_headline(inspection)}", ""]
    lines += _aligned(*_label_table(inspection))
    lines.append("")
    for name, kinds in count_kinds(inspection).items():
        said = ", ".join(f"{kind} ({number})" for kind, number in kinds)
        lines.append(f"{name:<12}{said}")
    for problem in inspection.problems:
        lines += ["", f"{'error' if problem.blocks else 'note'}: {problem.what}"]
        lines += [f"  {line}" for line in problem.details[:MAX_DETAILS_IN_TERMINAL]]
        if len(problem.details) > MAX_DETAILS_IN_TERMINAL:
            lines.append(f"  and {len(problem.details) - MAX_DETAILS_IN_TERMINAL} more, in {page}")
    lines += ["", VERDICTS[inspection.can_train], f"Look at them in {page}", _next(inspection)]
    return "\n".join(lines)


def _next(inspection: Inspection) -> str:
    """Return a line on what to do next."""
    if not inspection.can_train:
        return "Next: fix the errors above, then run the same command again."
    folder, named = inspection.folder, shlex.quote(str(inspection.folder))
    if folder == DEMO:  # a stage's output, which DVC has already
        return "Next: make repro, with dataset.videos as it is by default."
    if Path.cwd() not in folder.resolve().parents:  # DVC adds only what is in the project
        return f"Next: set dataset.videos to {folder.resolve()} in params.yaml; then make repro."
    return (
        f"Next: dvc add --no-relink {named}; set dataset.videos to {folder} in params.yaml; "
        "then make repro."
    )


def inspection_as_json(inspection: Inspection, *, page: str) -> str:
    """Return the inspection as JSON: verdict, problems, labels, kinds, and every file.

    Args:
        inspection: What was found.
        page: Where the page was written.
    """
    videos = inspection.videos[list(FILE_COLUMNS)].astype(object)
    content = {
        "folder": inspection.folder.as_posix(),
        "can_train": inspection.can_train,
        "grouped_by": inspection.grouped_by,
        "page": page,
        "problems": [
            {"blocks": problem.blocks, "what": problem.what, "details": list(problem.details)}
            for problem in inspection.problems
        ],
        "labels": inspection.labels.to_dict("records"),
        "kinds": {
            name: dict(kinds) for name, kinds in count_kinds(inspection, max_named=None).items()
        },
        "videos": videos.to_dict("records"),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def render_page(inspection: Inspection) -> str:
    """Return the page as HTML; names of files and labels are escaped."""
    usable = inspection.usable
    header, rows = _label_table(inspection)
    most = max([1, *inspection.labels.get("videos", [])])
    return render(
        "inspect.html",
        title=inspection.folder.resolve().name,
        headline=_headline(inspection),
        verdict=VERDICTS[inspection.can_train],
        can_train=inspection.can_train,
        problems=inspection.problems,
        header=header,
        rows=rows,
        most=most,
        kinds=count_kinds(inspection),
        num_usable=len(usable),
        bars=_histogram(usable["duration_seconds"].astype(float).to_numpy()),
        sheets=_sheets(usable),
        files=inspection.videos.head(MAX_ROWS).to_dict("records"),
        num_files=len(inspection.videos),
        max_rows=MAX_ROWS,
    )


def count_kinds(
    inspection: Inspection, *, max_named: int | None = MAX_NAMED
) -> dict[str, list[tuple[str, int]]]:
    """Count what differs between the usable videos, the commonest first.

    Args:
        inspection: What was found.
        max_named: How many kinds to name; the rest are counted together. None for all.

    Returns:
        Kinds and their numbers of videos, by what they are kinds of.
    """
    usable = inspection.usable
    kinds = {
        "sizes": [f"{row.width}x{row.height}" for row in usable.itertuples()],
        "frame rates": [_frame_rate(row) for row in usable.itertuples()],
        "codecs": [f"{row.codec} {row.pixel_format}" for row in usable.itertuples()],
        "containers": [CONTAINERS.get(name, name) for name in usable["container"]],
        "rotation": [f"{rotation}°" for rotation in usable["rotation"]],
    }
    if usable["beyond_sdr"].any():
        kinds["colours"] = [name or "SDR" for name in usable["beyond_sdr"]]
    for name in ("person", "camera"):
        if usable[name].any():
            kinds[name] = [seen or NOT_LOOKED for seen in usable[name]]
    if knows_people(inspection.grouped_by):
        kinds["people"] = list(usable["subject"])
    return {name: commonest(values, max_named) for name, values in kinds.items()}


def commonest(values: list[str], max_named: int | None) -> list[tuple[str, int]]:
    """Count equal values, the commonest first; from `max_named` on they are counted together."""
    counts = sorted(Counter(values).items(), key=lambda kind: (-kind[1], kind[0]))
    if max_named is None or len(counts) <= max_named:
        return counts
    others = counts[max_named - 1 :]
    return [
        *counts[: max_named - 1],
        (f"{len(others)} others", sum(number for _, number in others)),
    ]


def _frame_rate(row: Any) -> str:
    if not row.constant_frame_rate:
        return "varying"
    # 29.97 and 23.98 keep their decimals, 30.0 becomes 30.
    return f"{row.fps:.2f}".rstrip("0").rstrip(".")


def _headline(inspection: Inspection) -> str:
    usable = inspection.usable
    minutes = usable["duration_seconds"].astype(float).sum() / 60
    people = usable.loc[usable["subject"] != "", "subject"].nunique()
    who = GROUPED_BY[inspection.grouped_by]
    if knows_people(inspection.grouped_by):
        who = f"{people} people ({who})"
    parts = usable[usable["start"] != ""]
    of_parts = ""
    if len(parts):
        of_parts = f" ({len(parts)} are parts of {parts['source'].nunique()} long files)"
    return (
        f"{len(usable)} usable videos of {inspection.videos['source'].nunique()} files{of_parts}, "
        f"{usable['label'].nunique()} labels, {who}, {minutes:.1f} minutes"
    )


def _has_split(inspection: Inspection) -> bool:
    return bool(len(inspection.labels)) and bool(inspection.labels[list(SPLITS)].to_numpy().any())


def _label_table(inspection: Inspection) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows; columns that have nothing to say are left out."""
    labels = inspection.labels
    counts = ["videos", "people", *(SPLITS if _has_split(inspection) else ())]
    counts += [name for name in ("failed", "duplicates") if len(labels) and labels[name].any()]
    seconds = {"shortest": "min_seconds", "median": "median_seconds", "longest": "max_seconds"}
    rows = [
        [
            row["label"],
            *(str(row[name]) for name in counts),
            *(as_seconds(row[name]) for name in seconds.values()),
        ]
        for row in labels.to_dict("records")
    ]
    return ["label", *counts, *seconds], rows


def _aligned(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return lines with the first column to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])],
        )
        for row in [header, *rows]
    ]


def _histogram(seconds: np.ndarray) -> list[dict[str, Any]]:
    """Return the bars of a histogram, each with its height from 0 to 100 and its range."""
    if not len(seconds):
        return []
    counts, edges = np.histogram(seconds, bins=NUM_BINS, range=(0, max(1.0, seconds.max())))
    return [
        {
            "height": 100 * int(count) / int(counts.max()),
            "count": int(count),
            "start": float(start),
            "end": float(end),
        }
        for count, start, end in zip(counts, edges, edges[1:], strict=False)
    ]


def _sheets(usable: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each label the videos that have a strip, each as a data URI."""
    shown = usable[usable["strip"].map(len) > 0]
    return [
        {
            "label": label,
            "num_videos": int((usable["label"] == label).sum()),
            "videos": [
                {
                    "path": row.path,
                    "name": row.video_id.removeprefix(f"{label}/"),
                    "seconds": row.duration_seconds,
                    "uri": data_uri(row.strip),
                    "skeleton": _skeleton_uri(row.frames, row.skeleton),
                }
                for row in group.itertuples()
            ],
        }
        for label, group in shown.groupby("label")
    ]


def _skeleton_uri(frames: tuple[np.ndarray, ...], skeleton: tuple[int, np.ndarray] | None) -> str:
    """Return a picture of the frame with a skeleton as a data URI; empty without a person."""
    if skeleton is None:
        return ""
    place, landmarks = skeleton
    height, width = frames[place].shape[:2]
    # One that is as wide as high takes places as shares of its height.
    shares = landmarks[np.newaxis] / [height, height, *[1] * 6]
    drawn = draw_skeletons(frames[place][np.newaxis], shares, aspect=1.0)[0]
    size = (max(1, round(width * STRIP_HEIGHT / height)), STRIP_HEIGHT)
    return data_uri(encode_jpeg(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)))
