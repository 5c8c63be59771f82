"""The files of a finished run, read and checked for whether they belong together."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from har.dataset.tables import read_table
from har.engine.repository import changed_stages
from har.evaluation.gradcam import FromFrames, load_from_frames
from har.pages.inspection import MAX_NAMED
from har.recognizer.recognizer import (
    MODEL_NAME,
    TRAINED_NAME,
    Recognizer,
    load_recognizer,
)

MODELS = Path("models")
FILES = {
    name: Path(path)
    for name, path in {
        "lock": "dvc.lock",
        "metrics": "metrics/scores.json",
        "train": "metrics/train.json",
        "speed": "metrics/speed.json",
        "predictions": "metrics/predictions.csv",
        "history": "metrics/plots/history.png",
        "reliability": "metrics/plots/reliability.png",
        "videos": "data/converted_videos/report.csv",
        "clips": "data/clips/clips.csv",
        "failed_clips": "data/clips/failed.csv",
        "split": "data/split/split.json",
        "manifest": "data/split/manifest.csv",
        "balanced": "data/downsample/manifest.csv",
        "balance": "data/downsample/class_balance.png",
        "contact_sheet": "data/augment/contact_sheet.png",
        "landmarks": "data/landmarks/landmarks.csv",
        "camera": "data/landmarks/camera.csv",
    }.items()
}
SKELETONS = Path("data/landmarks/contact_sheet.png")  # not there if features.streams has no pose


@dataclass(frozen=True)
class FinishedRun:
    """What a run left in the folder of the project.

    Attributes:
        files: Content of each file of `FILES` that is JSON or YAML (a dictionary) or a table of
            text (a `pandas.DataFrame`), by its name there.
        recognizer: The model that the metrics score.
        looks: The same from frames to probabilities, with gradients, for Grad-CAM.
        warnings: Why these may not belong together, one sentence each.
    """

    files: dict[str, Any]
    recognizer: Recognizer
    looks: FromFrames
    warnings: tuple[str, ...]


def read_run(*, model: str, changes: list[str]) -> FinishedRun:
    """Read the run in the current folder and check that its parts belong together.

    Args:
        model: The parameter `model`.
        changes: From `pipeline_changes`.

    Raises:
        ValueError: A file is missing, or parts are of different models.
    """
    check_there(list(FILES.values()))
    files = {name: _read(path) for name, path in FILES.items() if path.suffix != ".png"}
    for name in ("metrics", "train"):
        if files[name]["model"] != model:
            raise ValueError(
                f"{FILES[name]} is of the model {files[name]['model']!r} and `model` in "
                f"params.yaml is {model!r}. Run `dvc repro`, or set `model` back."
            )
    folder = MODELS / model
    names = (MODEL_NAME, TRAINED_NAME, "labels.json", "params.json", "preprocessing.json")
    check_there([folder / name for name in names])
    recognizer = load_recognizer(folder)
    scored = list(files["metrics"]["per_class"])
    if recognizer.labels != scored:
        raise ValueError(
            f"{folder} knows the labels {', '.join(recognizer.labels)}; {FILES['metrics']} scores "
            f"{', '.join(scored)}. Run `dvc repro` to score the model that is there."
        )
    warnings = _find_warnings(files, recognizer)
    if changes:
        said = "; ".join(changes)
        warnings.append(f"Changed since the stages ran: {said}. `dvc repro` runs them again")
    return FinishedRun(files, recognizer, load_from_frames(folder, recognizer), tuple(warnings))


def pipeline_changes() -> list[str]:
    """Return for each stage that is not up to date its name and what has changed."""
    return [f"{stage} ({_shorten(names)})" for stage, names in changed_stages().items()]


def check_there(paths: list[Path]) -> None:
    """Check that files of a finished run are there.

    Raises:
        ValueError: One is missing.
    """
    missing = [path.as_posix() for path in paths if not path.is_file()]
    if missing:
        more = f" and {len(missing) - MAX_NAMED} more files" if len(missing) > MAX_NAMED else ""
        raise ValueError(
            f"A report needs a finished run; {', '.join(missing[:MAX_NAMED])}{more} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Run `dvc repro`, which makes what is "
            "missing, or fetch it with `dvc pull`."
        )


def _read(path: Path) -> Any:
    if path.suffix == ".csv":
        table = read_table(path)
        numbers = ("probability", "duration_seconds", "fps", "num_repeated")
        numbers += ("share_found", "camera_motion")
        return table.assign(
            **{name: pd.to_numeric(table[name]) for name in numbers if name in table}
        )
    load = json.loads if path.suffix == ".json" else yaml.safe_load
    return load(path.read_text(encoding="utf-8"))


def _find_warnings(files: dict[str, Any], recognizer: Recognizer) -> list[str]:
    """Return why the files may be of different runs, whatever DVC says."""
    warnings = []
    metrics, predictions = files["metrics"], files["predictions"]
    actions = predictions[predictions["label"] != recognizer.none_label]
    accuracy = float((actions["label"] == actions["predicted"]).mean())
    if len(actions) != metrics["num_test_videos"] or not np.isclose(accuracy, metrics["accuracy"]):
        warnings.append(
            f"{FILES['metrics']} has accuracy {metrics['accuracy']:.4f} of "
            f"{metrics['num_test_videos']} videos; by {FILES['predictions']} it is {accuracy:.4f} "
            f"of {len(actions)}"
        )
    tested = files["manifest"].loc[files["manifest"]["split"] == "test", "video_id"]
    if set(tested) != set(predictions["video_id"]):
        warnings.append(
            f"{FILES['predictions']} is not of the test videos that {FILES['manifest']} names"
        )
    if not np.isclose(files["train"]["temperature"], recognizer.params["temperature"]):
        warnings.append(f"{FILES['train']} is of another training than the model in {MODELS}")
    return warnings


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMED]) + (" and more" if len(names) > MAX_NAMED else "")
