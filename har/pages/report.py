"""A finished run for whoever must decide whether to trust it: one page, a model card, a data card.

All three are rendered from the files that the run left, so they say what those say. What is missing
is an error; what does not belong together is said at the top of all three.

References: Mitchell et al., "Model Cards for Model Reporting", FAT* 2019; Gebru et al., "Datasheets
for Datasets", CACM 2021; Pushkarna et al., "Data Cards", FAccT 2022.
"""

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from har.clips.clip import even_indices, load_clip
from har.dataset.splits import SPLITS
from har.dataset.tables import read_table
from har.dataset.videos import METADATA_NAME
from har.engine.repository import changed_stages, git, has_changes
from har.evaluation.gradcam import find_heat, find_maps_layer, paint_heat
from har.evaluation.summary import BASELINES
from har.models import find_model
from har.pages.inspection import MAX_NAMED, commonest
from har.pages.templating import picture_uri, render, strip_uri
from har.recognizer.recognizer import MODEL_NAME, Recognizer, load_recognizer

LEFT_OUT = ("failed", "duplicate", "ignored")  # in the report of the conversion
DEMO_VIDEOS = Path("data/demo")
MODELS = Path("models")
FILES = {
    name: Path(path)
    for name, path in {
        "lock": "dvc.lock",
        "metrics": "metrics/metrics.json",
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
    }.items()
}
OUTPUTS = {
    "index.html": "report.html",
    "model-card.md": "model-card.md",
    "data-card.md": "data-card.md",
}

# What the templates say and no file of the run does.
INTERVAL = "95 %"  # of har.evaluation.scores
SOURCES = {
    "model_card": "Mitchell et al., Model Cards for Model Reporting, 2019",
    "data_card": "Gebru et al., Datasheets for Datasets, 2021",
    "gradcam": "Selvaraju et al., Grad-CAM, 2017; without averaging the gradient, Draelos and "
    "Carin, 2020",
    "calibration": "Guo et al., On Calibration of Modern Neural Networks, 2017",
}
SAID_ELSEWHERE = ("model", "settings", "fingerprint", "temperature")  # of a model's params.json
SAME_PROBABILITY = 1e-3  # other processors differ by less than this
MAX_MATRIX_LABELS = 20  # more are listed by their commonest confusions
MAX_LISTED = 30  # people, confusions, unusable files
MAX_STRIPS = 8  # of errors, and as many of right answers


@dataclass(frozen=True)
class Run:
    """What a run left in the folder of the project.

    Attributes:
        files: Content of each file of `FILES` that is JSON or YAML (a dictionary) or a table of
            text (a `pandas.DataFrame`), by its name there.
        recognizer: The model that the metrics score.
        doubts: Why these may not belong together, one sentence each.
    """

    files: dict[str, Any]
    recognizer: Recognizer
    doubts: tuple[str, ...]


def read_run(*, model: str, changes: list[str]) -> Run:
    """Read the run in the current folder and check that its parts belong together.

    Args:
        model: The parameter `model`.
        changes: From `pipeline_changes`.

    Raises:
        ValueError: A file is missing, or parts are of different models.
    """
    _check_there(list(FILES.values()))
    files = {name: _read(path) for name, path in FILES.items() if path.suffix != ".png"}
    for name in ("metrics", "train"):
        if files[name]["model"] != model:
            raise ValueError(
                f"{FILES[name]} is of the model {files[name]['model']!r} and `model` in "
                f"params.yaml is {model!r}. Run `dvc repro`, or set `model` back."
            )
    folder = MODELS / model
    names = (MODEL_NAME, "labels.json", "params.json", "preprocessing.json")
    _check_there([folder / name for name in names])
    recognizer = load_recognizer(folder)
    scored = list(files["metrics"]["per_class"])
    if recognizer.labels != scored:
        raise ValueError(
            f"{folder} knows the labels {', '.join(recognizer.labels)}; {FILES['metrics']} scores "
            f"{', '.join(scored)}. Run `dvc repro` to score the model that is there."
        )
    doubts = _find_doubts(files, recognizer)
    if changes:
        said = "; ".join(changes)
        doubts.append(f"Changed since the stages ran: {said}. `dvc repro` runs them again")
    return Run(files, recognizer, tuple(doubts))


def pipeline_changes() -> list[str]:
    """Return for each stage that is not up to date its name and what has changed."""
    return [f"{stage} ({_shorten(names)})" for stage, names in changed_stages().items()]


def write_report(run: Run, out: Path) -> list[str]:
    """Write the page and the two cards, `OUTPUTS`, and return why they may not be trusted.

    The same run gives the same bytes.

    Args:
        run: From `read_run`.
        out: A folder, made if it is not there.

    Returns:
        One sentence a doubt, as the three say them at their top.
    """
    surest = run.files["predictions"].sort_values("probability", ascending=False, kind="stable")
    is_right = surest["label"] == surest["predicted"]
    wrong, right = surest[~is_right], surest[is_right]
    # Without errors, what came nearest to one.
    telling = wrong if len(wrong) else right[::-1]
    strips = _draw_strips(run, telling.head(MAX_STRIPS))
    right_strips = _draw_strips(run, right.drop_duplicates("label").head(MAX_STRIPS))
    doubts = [*run.doubts, *_compare_answers(run, strips + right_strips)]
    values = _describe_data(run) | _describe_model(run) | _describe_scores(run)
    values |= {
        "strips": strips,
        "right_strips": right_strips,
        "num_errors": len(wrong),
        "has_heat": find_maps_layer(run.recognizer.model) is not None,
        "doubts": doubts,
        "interval": INTERVAL,
        "sources": SOURCES,
        "files": {name: path.as_posix() for name, path in FILES.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, template in OUTPUTS.items():
        (out / name).write_text(render(template, **values), encoding="utf-8")
    return doubts


def _check_there(paths: list[Path]) -> None:
    missing = [path.as_posix() for path in paths if not path.is_file()]
    if missing:
        raise ValueError(
            f"A report needs a finished run; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Run `dvc repro`, which makes what is "
            "missing, or fetch it with `dvc pull`."
        )


def _read(path: Path) -> Any:
    if path.suffix == ".csv":
        table = read_table(path)
        numbers = ("probability", "duration_seconds", "fps", "num_repeated")
        return table.assign(
            **{name: pd.to_numeric(table[name]) for name in numbers if name in table}
        )
    load = json.loads if path.suffix == ".json" else yaml.safe_load
    return load(path.read_text(encoding="utf-8"))


def _find_doubts(files: dict[str, Any], recognizer: Recognizer) -> list[str]:
    """Return why the files may be of different runs, whatever DVC says."""
    doubts = []
    metrics, predictions = files["metrics"], files["predictions"]
    accuracy = float((predictions["label"] == predictions["predicted"]).mean())
    if len(predictions) != metrics["num_test_videos"] or not np.isclose(
        accuracy, metrics["accuracy"]
    ):
        doubts.append(
            f"{FILES['metrics']} has accuracy {metrics['accuracy']:.4f} of "
            f"{metrics['num_test_videos']} videos; by {FILES['predictions']} it is {accuracy:.4f} "
            f"of {len(predictions)}"
        )
    tested = files["manifest"].loc[files["manifest"]["split"] == "test", "video_id"]
    if set(tested) != set(predictions["video_id"]):
        doubts.append(
            f"{FILES['predictions']} is not of the test videos that {FILES['manifest']} names"
        )
    if not np.isclose(files["train"]["temperature"], recognizer.params["temperature"]):
        doubts.append(f"{FILES['train']} is of another training than the model in {MODELS}")
    return doubts


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMED]) + (" and more" if len(names) > MAX_NAMED else "")


def _describe_data(run: Run) -> dict[str, Any]:
    """Return what the templates say of the data and the split."""
    videos, manifest = run.files["videos"], run.files["manifest"]
    is_left_out = videos["status"].isin(LEFT_OUT)  # one can share the video_id of another
    made = videos[~is_left_out]
    failed = run.files["failed_clips"].merge(made[["video_id", "source", "label"]], on="video_id")
    left_out = pd.concat([videos[is_left_out], failed])
    made = made[made["video_id"].isin(manifest["video_id"])]
    used = manifest.merge(made[["video_id", "duration_seconds"]], on="video_id")
    convert = run.files["lock"]["stages"]["convert"]
    folder = Path(convert["params"]["params.yaml"]["dataset.videos"])
    record = next((dep for dep in convert["deps"] if Path(dep["path"]) == folder), {})
    return {
        "videos_folder": folder.as_posix(),
        "is_demo": folder == DEMO_VIDEOS,
        "data_digest": record.get("md5", "unknown"),
        "num_videos": len(manifest),
        "num_people": manifest["subject"].nunique(),
        "grouped_by": run.files["split"]["grouped_by"],
        "knows_people": run.files["split"]["grouped_by"] != "video",
        "num_minutes": used["duration_seconds"].sum() / 60,
        "label_rows": [
            {
                "label": label,
                "videos": len(group),
                "people": group["subject"].nunique(),
                "left_out": int((left_out["label"] == label).sum()),
                **_split_counts(group),
                "balanced": _count_training(run.files["balanced"], label),
                "shortest": group["duration_seconds"].min(),
                "median": group["duration_seconds"].median(),
                "longest": group["duration_seconds"].max(),
            }
            for label, group in used.groupby("label")
        ],
        "split_rows": [
            {"split": name, "videos": len(part), "people": part["subject"].nunique()}
            for name in SPLITS
            for part in [manifest[manifest["split"] == name]]
        ],
        "left_out": left_out[["source", "reason"]].head(MAX_LISTED).to_dict("records"),
        "num_left_out": len(left_out),
        "num_repeated": int((run.files["clips"]["num_repeated"] > 0).sum()),
        "kinds": {
            "size in pixels": commonest(list(made["width"] + "x" + made["height"]), MAX_NAMED),
            "frames a second": commonest([f"{fps:g}" for fps in made["fps"]], MAX_NAMED),
            "codec": commonest(list(made["codec"]), MAX_NAMED),
            "conversion": commonest(list(made["status"]), MAX_NAMED),
        },
        "terms": _read_terms(folder),
        "balance_picture": picture_uri(FILES["balance"]),
        "contact_sheet": picture_uri(FILES["contact_sheet"]),
    }


def _split_counts(group: pd.DataFrame) -> dict[str, int]:
    return {name: int((group["split"] == name).sum()) for name in SPLITS}


def _count_training(balanced: pd.DataFrame, label: str) -> int:
    return int(((balanced["split"] == "train") & (balanced["label"] == label)).sum())


def _read_terms(folder: Path) -> list[str]:
    """Return the licences that `metadata.csv` names, as `python -m har import` writes them."""
    table = folder / METADATA_NAME
    if not table.is_file():
        return []
    metadata = read_table(table)
    named = metadata["licence"].unique() if "licence" in metadata else []
    return [terms for terms in named if terms][:MAX_NAMED]


def _describe_model(run: Run) -> dict[str, Any]:
    """Return what the templates say of the model and how it was made."""
    params, name = run.recognizer.params, run.recognizer.params["model"]
    settings = {f"models.{name}": params["settings"]} | {
        key: value for key, value in params.items() if key not in SAID_ELSEWHERE
    }
    revision = git("rev-parse", "HEAD")
    return {
        "model": name,
        "model_folder": (MODELS / name).as_posix(),
        "architecture": inspect.getdoc(find_model(name)).splitlines()[0],
        "labels": run.recognizer.labels,
        "preprocessing": run.recognizer.preprocessing,
        "fingerprint": params["fingerprint"],
        "settings": pd.json_normalize(settings).iloc[0].to_dict(),
        "train": run.files["train"],
        "training_seconds": _training_seconds(run.files["train"]),
        "milliseconds_per_clip": run.files["speed"]["milliseconds_per_clip"],
        "model_bytes": (MODELS / name / MODEL_NAME).stat().st_size,
        "revision": revision or "unknown",
        "revision_date": git("log", "-1", "--format=%cs") or "unknown",
        "is_changed": has_changes(),
    }


def _training_seconds(train: dict[str, Any]) -> float:
    """Return about how long the training took, with what came second."""
    tuning = train.get("fine_tune", {"epochs": 0, "seconds_per_epoch": 0.0})
    num_first = train["epochs"] - tuning["epochs"]
    tuning_seconds = tuning["epochs"] * tuning["seconds_per_epoch"]
    num_again = train["best_epoch"] if train["refit"] else 0
    return (num_first + num_again) * train["seconds_per_epoch"] + tuning_seconds


def _describe_scores(run: Run) -> dict[str, Any]:
    """Return what the templates say of the scores."""
    metrics, predictions = run.files["metrics"], run.files["predictions"]
    baselines = metrics["baselines"]
    rows = [{"name": metrics["model"], **_interval_of(metrics, "accuracy")}]
    rows += [{"name": said, **_interval_of(baselines, name)} for name, said in BASELINES.items()]
    best = max(rows[1:], key=lambda row: row["value"])
    is_right = predictions["label"] == predictions["predicted"]
    people = is_right.groupby(predictions["subject"]).agg(["sum", "size", "mean"])
    people = people.sort_values("mean", kind="stable").head(MAX_LISTED)
    confusions = predictions[~is_right].groupby(["label", "predicted"]).size()
    confusions = confusions.sort_values(ascending=False, kind="stable")
    return {
        "metrics": metrics,
        "score_rows": rows,
        "best_baseline": best,
        "is_ahead": metrics["accuracy"] > best["value"],
        "is_clearly_ahead": metrics["accuracy_low"] > best["value"],
        "people_rows": [
            {"subject": subject, "right": int(row["sum"]), "videos": int(row["size"])}
            for subject, row in people.iterrows()
        ],
        "confusion_rows": _confusion_rows(predictions, run.recognizer.labels),
        "confusions": [
            {"label": label, "predicted": predicted, "videos": int(videos)}
            for (label, predicted), videos in confusions.head(MAX_LISTED).items()
        ],
        "history_picture": picture_uri(FILES["history"]),
        "reliability_picture": picture_uri(FILES["reliability"]),
    }


def _interval_of(scores: dict[str, float], name: str) -> dict[str, float]:
    return {"value": scores[name], "low": scores[f"{name}_low"], "high": scores[f"{name}_high"]}


def _confusion_rows(predictions: pd.DataFrame, labels: list[str]) -> list[dict[str, Any]]:
    """Return the counts by actual and predicted label; nothing if there are too many labels."""
    if len(labels) > MAX_MATRIX_LABELS:
        return []
    counts = pd.crosstab(predictions["label"], predictions["predicted"])
    counts = counts.reindex(index=labels, columns=labels, fill_value=0)
    return [
        {
            "label": label,
            "counts": [int(count) for count in row],
            "shares": [float(count / max(1, row.sum())) for count in row],
        }
        for label, row in zip(labels, counts.to_numpy(), strict=True)
    ]


def _draw_strips(run: Run, chosen: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the chosen test videos, each with its frames, where the model looked, and its answer.

    The clips are read one at a time.
    """
    recognizer = run.recognizer
    maps_layer = find_maps_layer(recognizer.model)
    paths = run.files["manifest"].set_index("video_id")["path"]
    strips = []
    for row in chosen.to_dict("records"):
        path = Path(paths.get(row["video_id"], f"the clip of {row['video_id']}"))
        _check_there([path])
        clip = load_clip(path)
        frames = np.array(clip[even_indices(len(clip), recognizer.preprocessing["model_frames"])])
        shown = [frames]
        if maps_layer is not None:
            index = recognizer.labels.index(row["predicted"])
            heat = find_heat(
                recognizer.model, maps_layer, frames, index, **recognizer.params["shown"]
            )
            shown.append(paint_heat(frames, heat))
        answer = recognizer.predict(clip[np.newaxis])[0]
        strips.append(
            row
            | {
                "picture": strip_uri(shown),
                "answer": dict(zip(recognizer.labels, answer.tolist(), strict=True)),
            }
        )
    return strips


def _compare_answers(run: Run, strips: list[dict[str, Any]]) -> list[str]:
    """Return a doubt if the model does not say of the shown videos what the predictions say."""
    other = [
        strip["video_id"]
        for strip in strips
        if abs(strip["answer"][strip["predicted"]] - strip["probability"]) > SAME_PROBABILITY
    ]
    if not other:
        return []
    return [
        f"The model in {MODELS / run.recognizer.params['model']} does not say of {other[0]} what "
        f"{FILES['predictions']} says: it is not the model that was scored, or the clips are others"
    ]
