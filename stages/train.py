"""Stage `train`: the chosen model, going on from its checkpoint where there is one."""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from har.dataset.tables import read_table
from har.engine.files import write_json
from har.engine.repository import project_root
from har.engine.runtime import setup_tensorflow
from har.engine.stage import run_stage
from har.models import count_parameters, find_model
from har.pages.plots import plot_history
from har.recognizer.recognizer import Recognizer
from har.settings import load_params
from har.tracking.connection import connect, explained_errors
from har.tracking.runs import HistoryMirror, ended_run, find_run, open_run
from har.training.calibration import fit_temperature, fold_temperature
from har.training.examples import read_examples
from har.training.fit import fit, make_backbone, put_together, second_checkpoint, shown, trained_on
from har.training.loop import Progress, fingerprint

# The sections of params.yaml that decide the weights, beside the model's own settings.
DECIDING_PARAMS = ("seed", "downsample", "augment", "backbone", "train")


def main(
    manifest: Path, clips: Path, views: Path, features: Path, out: Path, metrics: Path
) -> None:
    """Train `model` on the training split and write it with its curves."""
    params = load_params()
    name = params["model"]
    module, settings = find_model(name), params["models"][name]
    made_by = {"model": name, "settings": settings, **{key: params[key] for key in DECIDING_PARAMS}}
    if params["fine_tune"]["num_blocks"]:
        made_by["fine_tune"] = params["fine_tune"]
    preprocessing = {key: params["extract"][key] for key in ("num_frames", "size", "aspect")}
    preprocessing["max_side"] = params["convert"]["max_side"]
    preprocessing["model_frames"] = settings["num_frames"]
    identity = fingerprint(
        made_by | preprocessing, files=[Path(module.__file__), manifest, clips, views, features]
    )

    setup_tensorflow(**params["train"], seed=params["seed"])
    videos = read_table(manifest)
    labels = sorted(videos["label"].unique())
    read = partial(read_examples, videos, labels, params, views, features)
    checkpoint = project_root() / ".har" / "checkpoints" / f"{identity}.npz"
    required, run_id = params["tracking"]["required"], None
    client = connect(project_root(), required=required)
    if client:
        with explained_errors(required=required):
            run_id = find_run(client, identity) if checkpoint.exists() else None
            run_id = run_id or open_run(client, model=name, fingerprint=identity, params=params)
    with ended_run(client, run_id):
        trained = fit(
            read,
            params,
            num_classes=len(labels),
            checkpoint=checkpoint,
            on_epoch=HistoryMirror(client, run_id),
        )
    label_indices = read("val").label_indices
    temperature = fit_temperature(trained.validated, label_indices)
    fold_temperature(trained.model, temperature)
    whole = trained.tuned or trained.model
    if module.INPUT == "features" and trained.tuned is None:
        whole = put_together(trained.model, make_backbone(params), params)
    made_by |= {"fingerprint": identity, "temperature": temperature}
    made_by |= {"trained_on": trained_on(params), "shown": shown(params)}
    Recognizer(whole, labels, preprocessing, made_by).save(out)
    summary = summarize(trained.results) | {
        "refit": "val" in trained_on(params),
        "temperature": temperature,
        "parameters": count_parameters(whole),
    }
    history = pd.DataFrame([row for result in trained.results for row in result.history])
    write_results(history, {"model": name} | summary, metrics)
    for path in (checkpoint, second_checkpoint(checkpoint)):
        path.unlink(missing_ok=True)
    print(
        f"train: {name}, weights of epoch {summary['best_epoch']} of {summary['epochs']}, accuracy "
        f"{summary['val_accuracy']:.2f} on {len(label_indices)} validation videos"
    )


def summarize(results: list[Progress]) -> dict[str, Any]:
    """Return the epochs, the scores of the kept one and the time of an epoch.

    Args:
        results: Of `har.training.fit.Trained`.
    """
    first, last = results[0], results[-1]
    kept = {row["split"]: row for row in last.history if row["epoch"] == last.best_epoch}
    summary = {
        "epochs": last.epoch,
        "best_epoch": last.best_epoch,
        **{f"{split}_{key}": kept[split][key] for split in kept for key in ("accuracy", "loss")},
        "seconds_per_epoch": round(median(first.seconds), 3),
    }
    if last is not first:
        summary["fine_tune"] = {
            "epochs": last.epoch - first.epoch,
            "seconds_per_epoch": round(median(last.seconds), 3),
        }
    return summary


def write_results(history: pd.DataFrame, summary: dict[str, Any], metrics: Path) -> None:
    """Write the summary, the history and its picture into the folder of the metrics."""
    (metrics / "plots").mkdir(parents=True, exist_ok=True)
    write_json(summary, metrics / "train.json")
    history.to_csv(metrics / "plots" / "history.csv", index=False)
    plot_history(history, metrics / "plots" / "history.png", kept_epoch=summary["best_epoch"])


if __name__ == "__main__":
    run_stage(main)
