"""A trained recognizer on clips of real people: what it answers, how sure it is, where it fails.

    python -m benchmarks.real_people models/fusion FOLDER [FOLDER ...]

A FOLDER is a data set and has a folder per label. `benchmarks/real_people.yaml` says what the label
folders of known data sets count as, and who is in their files; those of any other data set must be
labels of the recognizer, or `none` for other actions, and its `metadata.csv` can name the people.

A row is a label folder. "Best action" is the accuracy where only actions are answers, "answer" that
of the recognizer's own answers, where of other actions `none` and `unsure` are both right. "Taken"
are the other actions that are taken for one of the recognizer's with a probability above 50 %: at
most 15 % should be. Intervals are over people. "Nobody" counts clips in which nobody is found.

The result is written to docs/real-people.json, which `make repro` reads.
"""

import argparse
import datetime
import hashlib
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.timing import ROOT, is_met, print_heading, print_table
from har.dataset.none_label import UNSURE
from har.dataset.videos import find_videos
from har.engine.files import write_json
from har.engine.steps import Limits
from har.evaluation.real_people import RESULT, SURE, judge, share_of, summarize
from har.recognizer.prediction import predict_videos
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.settings import load_settings

TABLE = ROOT / "benchmarks" / "real_people.yaml"
MOST_TAKEN = 0.15  # share of other actions
COLUMNS = ["path", "folder", "dataset", "label_folder", "label", "is_none", "shown", "subject"]


@dataclass(frozen=True)
class Watched(Recognizer):
    """A recognizer that keeps whether it found nobody in a clip.

    Attributes:
        nobody: Of each clip that it was shown, in order; False where it looks for nobody.
    """

    nobody: list[bool] = field(default_factory=list)

    def inputs(self, clip: np.ndarray, *, aspect: float = 1.0) -> np.ndarray:
        """Return what the network takes of a clip; see `Recognizer.inputs`."""
        made = super().inputs(clip, aspect=aspect)
        self.nobody.append(self.sees_nobody(made))
        return made


def main() -> None:
    """Print the tables and write the result."""
    parser = _parser()
    options = parser.parse_args()
    try:
        recognizer = watch(load_recognizer(options.recognizer))
        table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
        clips, problems = find_clips(options.folders, recognizer, table["datasets"])
        limits = load_settings(ROOT / "params.yaml").limits("convert")
    except ValueError as error:
        parser.error(str(error))
    warn("Not all is scored as it could be:", problems)
    print_heading("Real people", "ai-edge-litert")
    answered = ask(recognizer, clips, replace(limits, workers=options.workers))
    failed = answered.loc[answered["problem"] != "", ["path", "problem"]]
    warn(
        f"{len(failed)} of {len(answered)} videos cannot be read and are left out:",
        [
            problem if path in problem else f"{path}: {problem}"
            for path, problem in failed.itertuples(index=False)
        ],
    )
    judged = judge(answered[answered["problem"] == ""], recognizer.none_label)
    if judged.empty:
        sys.exit("There is nothing to score.")
    result = {
        "date": datetime.date.today().isoformat(),
        "command": describe_command(options),
        "recognizer": identify(recognizer),
        **summarize(judged, table),
        "problems": problems,
        "unreadable": failed["path"].tolist(),
    }
    print_result(result, recognizer)
    write_json(result, options.out)
    print(f"Written to {options.out}.")


def describe_command(options: argparse.Namespace) -> str:
    """Return the command with the names of the data sets, which lie elsewhere for everybody."""
    names = [folder.resolve().name for folder in options.folders]
    return shlex.join(["python", "-m", "benchmarks.real_people", f"{options.recognizer}", *names])


def warn(opening: str, problems: Sequence[str]) -> None:
    """Print problems to stderr as one message, if there are any."""
    if problems:
        print("\n  ".join([f"warning: {opening}", *problems]), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recognizer", type=Path, metavar="RECOGNIZER")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument(
        "--out", type=Path, default=ROOT / RESULT, metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that decode; 0 (default): one per core"
    )
    return parser


def watch(recognizer: Recognizer) -> Watched:
    """Return the same recognizer, watched."""
    return Watched(**{part.name: getattr(recognizer, part.name) for part in fields(Recognizer)})


def identify(recognizer: Recognizer) -> dict[str, Any]:
    """Return what tells a recognizer from others: what made it, its network, and its labels."""
    return {
        "model": recognizer.params.get("model", "unknown"),
        "fingerprint": recognizer.params.get("fingerprint", "unknown"),
        "network_sha256": hashlib.sha256(recognizer.network).hexdigest(),
        "labels": recognizer.labels,
        "none_label": recognizer.none_label,
        "unsure_below": recognizer.unsure_below,
    }


def find_clips(
    folders: Sequence[Path], recognizer: Recognizer, datasets: dict[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the clips of the data sets, and what of them is not scored as it should be.

    Args:
        folders: One a data set.
        recognizer: Knows the labels.
        datasets: Of `benchmarks/real_people.yaml`.

    Returns:
        One row a video: `path`, `folder` and `dataset` (the data set's folder and its name),
        `label_folder`, `label` (what it counts as), `is_none` (whether as another action), `shown`
        (the action in words) and `subject`; and a sentence for each problem, with its fix.

    Raises:
        ValueError: Two folders have the same name, or there are no clips.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise ValueError(f"Data sets have the same name: {', '.join(names)}. Rename the folders.")
    found, problems = [], []
    for folder, name in zip(folders, names, strict=True):
        try:
            videos = find_videos(folder)
        except ValueError as error:
            problems.append(str(error))
            continue
        files = videos.loc[videos["problem"] != "", ["path", "problem"]]
        problems += [f"{path}: {problem}" for path, problem in files.itertuples(index=False)]
        known = {"name": name} | datasets.get(name, {})
        videos = name_labels(videos[videos["problem"] == ""], known, recognizer)
        problems += _unknown_labels(videos[videos["label"] == ""], folder, recognizer)
        videos = videos[videos["label"] != ""].assign(folder=name, dataset=known["name"])
        videos, strangers = name_people(videos, known.get("subject"))
        problems += strangers
        found.append(videos)
    if not sum(map(len, found)):
        raise ValueError("\n".join(["There are no clips to score.", *problems]))
    return pd.concat(found, ignore_index=True)[COLUMNS], problems


def name_labels(
    videos: pd.DataFrame, known: dict[str, Any], recognizer: Recognizer
) -> pd.DataFrame:
    """Return the videos with the columns on labels; `label` is empty where it is unknown.

    Args:
        videos: As of `har.dataset.videos.find_videos`.
        known: What `benchmarks/real_people.yaml` says of the data set.
        recognizer: Knows the labels.
    """
    none, others = recognizer.none_label or "none", known.get("none", {})

    def label_of(folder: str) -> str:
        if folder in others or folder.casefold() == none.casefold():
            return none
        label = known.get("labels", {}).get(folder, folder)
        return label if label in recognizer.labels else ""

    folders, labels = videos["label"], videos["label"].map(label_of)
    is_none = labels == none
    words = folders.map(lambda folder: others.get(folder, "another action"))
    shown = words.where(is_none, labels)
    return videos.assign(label_folder=folders, label=labels, is_none=is_none, shown=shown)


def _unknown_labels(videos: pd.DataFrame, folder: Path, recognizer: Recognizer) -> list[str]:
    """Return a sentence on the videos whose label is unknown, if there are any."""
    if videos.empty:
        return []
    counts = videos["label_folder"].value_counts(sort=False)
    named = ", ".join(f"{label} ({count})" for label, count in counts.items())
    return [
        f"{folder}: left out, since the recognizer has no such label: {named}. It has "
        f"{', '.join(recognizer.labels)}. Rename the folders, to `none` if they show "
        f"other actions, or say in {TABLE.relative_to(ROOT)} what they count as."
    ]


def name_people(videos: pd.DataFrame, pattern: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Return the videos with `subject`, and a sentence on those of nobody known, if there are any.

    Args:
        videos: With `video_id`, `path`, `folder` and `subject`, which wins where it is not empty.
        pattern: A regular expression whose first group finds the person in a file name.
    """
    found = videos["path"].map(lambda path: re.search(pattern or "()", Path(path).name))
    named = found.map(lambda match: match[1] if match else "")
    named = videos["subject"].where(videos["subject"] != "", named)
    problems, is_stranger = [], named == ""
    if is_stranger.any():
        problems.append(
            f"{videos['folder'].iloc[0]}: nobody says who is in {is_stranger.sum()} of "
            f"{len(videos)} videos, so each counts as a person of its own and the intervals are "
            "too narrow. Name the people in metadata.csv (docs/own-videos.md)."
        )
    # The same name in two data sets is of two people.
    subjects = videos["folder"] + "/" + named.where(~is_stranger, videos["video_id"])
    return videos.assign(subject=subjects), problems


def ask(recognizer: Watched, clips: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Return the clips with what the recognizer says of each.

    Args:
        recognizer: To ask.
        clips: Of `find_clips`.
        limits: What one video may use.

    Returns:
        The same rows with `problem`, empty or why a video cannot be read, `answer` (a label or
        `unsure`), `best` (the most probable action), `probability` (of that, beside `none`) and
        `nobody` (whether nobody is found).
    """
    said = []
    files = [Path(path) for path in clips["path"]]
    for one in predict_videos(recognizer, files, limits=limits):
        actions = {
            label: share
            for label, share in one.probabilities.items()
            if label != recognizer.none_label
        }
        best = next(iter(actions), "")  # the most probable one is the first
        nobody = bool(not one.problem and recognizer.nobody and recognizer.nobody[-1])
        said.append((one.problem, one.answer or "", best, actions.get(best, 0.0), nobody))
    columns = ["problem", "answer", "best", "probability", "nobody"]
    return pd.concat([clips, pd.DataFrame(said, columns=columns, index=clips.index)], axis=1)


def print_result(result: dict[str, Any], recognizer: Recognizer) -> None:
    """Print the scores, the confusion matrix and the commonest wrong answers.

    Args:
        result: As it is written.
        recognizer: That was asked.
    """
    rows, none, nobody = result["rows"], result["none"], result["nobody"]
    sums = result["totals"] + ([{"name": "other actions"} | none] if none else [])
    totals = [{"dataset": "total", "label_folder": one["name"], "label": ""} | one for one in sums]
    columns = ["data set", "folder", "counts as", "clips", "people", "best action (95 %)"]
    columns += ["answer (95 %)", "unsure", "taken (95 %)", "nobody"]
    print_table(columns, [describe_row(row) for row in [*rows, *totals]])
    answers = [*recognizer.labels, UNSURE]
    print_table(
        ["data set", "folder", *(f"answer {answer}" for answer in answers)],
        [
            (row["dataset"], row["label_folder"], *(row["answers"].get(one, 0) for one in answers))
            for row in rows
        ],
    )
    if none:
        share = none["taken"] / none["clips"]
        print(
            f"Other actions taken for one of the recognizer's with more than {100 * SURE:.0f} %: "
            f"{100 * share:.1f} %. At most {100 * MOST_TAKEN:.0f} %: {is_met(share <= MOST_TAKEN)}."
        )
    named = ", ".join(f"{answer} {count}" for answer, count in nobody.items())
    print(f"Clips in which nobody is found: {sum(nobody.values())}. Their answers: {named or '-'}.")
    if result["failures"]:
        print("\n".join(["Commonest wrong answers:", *result["failures"]]))


def describe_row(row: dict[str, Any]) -> tuple[object, ...]:
    """Return the cells of a row of the table.

    Args:
        row: Scores, with `dataset`, `label_folder` and `label`.
    """
    names = (row["dataset"], row["label_folder"], row["label"])
    action, answer, taken = (
        share_of(row, name) if name in row else ""
        for name in ("action_right", "answer_right", "taken")
    )
    unsure = f"{row['unsure'] / row['clips']:.0%}"
    return (*names, row["clips"], row["people"], action, answer, unsure, taken, row["nobody"])


if __name__ == "__main__":
    main()
