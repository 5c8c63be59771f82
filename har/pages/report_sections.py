"""What the page and the cards say of the data, the model and the scores of a finished run.

Each function returns values for the templates in `har/pages/templates/`, by the names there.
"""

import inspect
from pathlib import Path
from typing import Any

import pandas as pd

from har.dataset.splits import SPLITS
from har.dataset.subjects import NO_WORD_ON_OTHERS, SAME_PEOPLE, knows_people
from har.dataset.training_people import UNUSED
from har.engine.repository import git, has_changes
from har.evaluation.summary import BASELINES
from har.folder.metadata import find_metadata, read_metadata
from har.models.contract import find_model
from har.pages.finished_run import FILES, MODELS, FinishedRun
from har.pages.inspection import MAX_NAMED, commonest
from har.pages.templating import picture_uri
from har.recognizer.recognizer import MODEL_NAME
from har.settings import DEMO
from har.training.threshold import MOST_LOST

LEFT_OUT = ("failed", "duplicate", "ignored")  # in the report of the conversion
# Of a model's params.json.
SAID_ELSEWHERE = ("model", "settings", "fingerprint", "temperature", "unsure_below", "none_label")
MAX_MATRIX_LABELS = 20  # more are listed by their commonest confusions
MAX_LISTED = 30  # people, confusions, unusable files


def describe_data(run: FinishedRun) -> dict[str, Any]:
    """Return what the templates say of the data and the split."""
    videos, manifest = run.files["videos"], run.files["manifest"]
    divided = manifest
    manifest = divided[divided["split"] != UNUSED]
    is_left_out = videos["status"].isin(LEFT_OUT)  # one can share the video_id of another
    made = videos[~is_left_out]
    failed = run.files["failed_clips"].merge(made[["video_id", "source", "label"]], on="video_id")
    left_out = pd.concat([videos[is_left_out], failed])
    made = made[made["video_id"].isin(manifest["video_id"])]
    used = manifest.merge(made[["video_id", "duration_seconds"]], on="video_id")
    convert = run.files["lock"]["stages"]["convert"]
    grouped_by = run.files["split"]["grouped_by"]
    folder = Path(convert["params"]["params.yaml"]["dataset.videos"])
    record = next((dep for dep in convert["deps"] if Path(dep["path"]) == folder), {})
    return {
        "videos_folder": folder.as_posix(),
        "is_demo": folder == DEMO,
        "data_digest": record.get("md5", "unknown"),
        "num_videos": len(manifest),
        "num_people": manifest["subject"].nunique(),
        "grouped_by": grouped_by,
        "knows_people": knows_people(grouped_by),
        "is_same_people": grouped_by == SAME_PEOPLE,
        "no_word_on_others": NO_WORD_ON_OTHERS,
        "num_minutes": used["duration_seconds"].sum() / 60,
        "label_rows": _label_rows(used, left_out, run.files["balanced"]),
        "split_rows": [
            {"split": name, "videos": len(part), "people": part["subject"].nunique()}
            for name in (*SPLITS, UNUSED)
            for part in [divided[divided["split"] == name]]
            if name != UNUSED or len(part)
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


def _label_rows(
    used: pd.DataFrame, left_out: pd.DataFrame, balanced: pd.DataFrame
) -> list[dict[str, Any]]:
    """Return the counts and lengths of each label's videos.

    Args:
        used: The manifest of the split, with `duration_seconds`.
        left_out: The videos that are in no split.
        balanced: The manifest after balancing.
    """
    training = balanced.loc[balanced["split"] == "train", "label"]
    return [
        {
            "label": label,
            "videos": len(group),
            "people": group["subject"].nunique(),
            "left_out": int((left_out["label"] == label).sum()),
            **{name: int((group["split"] == name).sum()) for name in SPLITS},
            "balanced": int((training == label).sum()),
            "shortest": group["duration_seconds"].min(),
            "median": group["duration_seconds"].median(),
            "longest": group["duration_seconds"].max(),
        }
        for label, group in used.groupby("label")
    ]


def _read_terms(folder: Path) -> list[str]:
    """Return the licences that `metadata.csv` names, as `python -m har import` writes them."""
    table = find_metadata(folder) if folder.is_dir() else None
    rows = read_metadata(table).rows if table else []
    named = dict.fromkeys(row.get("licence", "") for row in rows)
    return [terms for terms in named if terms][:MAX_NAMED]


def describe_model(run: FinishedRun) -> dict[str, Any]:
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
    num_again = train["best_epoch"] if train["refit"] else 0
    return (train["epochs"] + num_again) * train["seconds_per_epoch"]


def describe_scores(run: FinishedRun) -> dict[str, Any]:
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
        "num_tested": len(predictions),
        "none_label": run.recognizer.none_label,
        "unsure_below": run.recognizer.unsure_below,
        "most_lost": MOST_LOST,
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
