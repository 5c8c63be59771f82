"""Stage `train`: the chosen model, going on from its checkpoint where there is one."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from har.backbone import build_backbone
from har.calibration import fit_temperature, fold_temperature
from har.clips import read_views
from har.dataset import read_table
from har.examples import Examples, clip_examples, feature_examples
from har.models import count_parameters, deployable, find_model
from har.params import load_params
from har.plots import plot_history
from har.recognizer import Recognizer
from har.runtime import setup_tensorflow
from har.stage import project_root, run_stage
from har.tracking import (
    HistoryMirror,
    connect,
    ended_run,
    explained_errors,
    find_run,
    open_run,
)
from har.training import Progress, fingerprint, predict, train

# The sections of params.yaml that decide the weights, beside the model's own settings.
DECIDING_PARAMS = ("seed", "downsample", "augment", "backbone", "train")


def main(
    manifest: Path, clips: Path, views: Path, features: Path, out: Path, metrics: Path
) -> None:
    """Train `model` on the training split and keep the weights with the lowest validation loss."""
    params = load_params()
    name = params["model"]
    module, settings = find_model(name), params["models"][name]
    made_by = {"model": name, "settings": settings, **{key: params[key] for key in DECIDING_PARAMS}}
    preprocessing = {key: params["extract"][key] for key in ("num_frames", "size", "aspect")}
    preprocessing["model_frames"] = settings["num_frames"]
    identity = fingerprint(
        made_by | preprocessing, files=[Path(module.__file__), manifest, clips, views, features]
    )

    setup_tensorflow(**params["train"], seed=params["seed"])
    videos = read_table(manifest)
    labels = sorted(videos["label"].unique())
    training, validation = (
        read_examples(videos[videos["split"] == split], labels, params, views, features)
        for split in ("train", "val")
    )
    model = module.build(
        num_classes=len(labels),
        num_frames=settings["num_frames"],
        frame_size=params["extract"]["size"],
        num_features=training.read(0, 0).shape[-1] if module.INPUT == "features" else 0,
        params=settings,
    )
    checkpoint = project_root() / ".har" / "checkpoints" / f"{identity}.npz"
    required, run_id = params["tracking"]["required"], None
    client = connect(project_root(), required=required)
    if client:
        with explained_errors(required=required):
            run_id = find_run(client, identity) if checkpoint.exists() else None
            run_id = run_id or open_run(client, model=name, fingerprint=identity, params=params)
    with ended_run(client, run_id):
        result = train(
            model,
            training,
            validation,
            settings=settings,
            balanced=params["downsample"]["method"] != "class_weight",
            seed=params["seed"],
            checkpoint=checkpoint,
            on_epoch=HistoryMirror(client, run_id),
        )
    temperature = fit_temperature(
        predict(model, validation, batch_size=settings["batch_size"]), validation.label_indices
    )
    fold_temperature(model, temperature)
    whole = model
    if module.INPUT == "features":
        backbone = build_backbone(
            **params["backbone"], seed=params["seed"], frame_size=params["extract"]["size"]
        )
        whole = deployable(model, backbone, module.STREAMS)
    made_by |= {"fingerprint": identity, "temperature": temperature}
    Recognizer(whole, labels, preprocessing, made_by).save(out)
    summary = summarize(result) | {
        "temperature": temperature,
        "parameters": count_parameters(whole),
    }
    write_results(pd.DataFrame(result.history), {"model": name} | summary, metrics)
    checkpoint.unlink()
    print(
        f"train: {name}, weights of epoch {result.best_epoch} of {result.epoch}, accuracy "
        f"{summary['val_accuracy']:.2f} on {len(validation.label_indices)} validation videos"
    )


def read_examples(
    videos: pd.DataFrame, labels: list[str], params: dict[str, Any], views: Path, features: Path
) -> Examples:
    """Return the examples of one split as the model takes them."""
    name = params["model"]
    num_frames = params["models"][name]["num_frames"]
    module = find_model(name)
    if module.INPUT == "clips":
        return clip_examples(videos, labels, num_frames=num_frames, views=read_views(views))
    packed = read_table(features).set_index("video_id")
    packed = packed.loc[videos["video_id"]]
    return feature_examples(
        videos.assign(features_path=packed["path"].to_numpy()),
        labels,
        streams=module.STREAMS,
        num_frames=num_frames,
        num_views=int(packed["num_views"].min()),
    )


def summarize(result: Progress) -> dict[str, Any]:
    """Return the epochs, the scores of the best one and the time of an epoch."""
    best = {row["split"]: row for row in result.history if row["epoch"] == result.best_epoch}
    return {
        "epochs": result.epoch,
        "best_epoch": result.best_epoch,
        **{f"{split}_{key}": best[split][key] for split in best for key in ("accuracy", "loss")},
        "seconds_per_epoch": round(median(result.seconds), 3),
    }


def write_results(history: pd.DataFrame, summary: dict[str, Any], metrics: Path) -> None:
    """Write the summary, the history and its picture into the folder of the metrics."""
    (metrics / "plots").mkdir(parents=True, exist_ok=True)
    (metrics / "train.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    history.to_csv(metrics / "plots" / "history.csv", index=False)
    plot_history(history, metrics / "plots" / "history.png", kept_epoch=summary["best_epoch"])


if __name__ == "__main__":
    run_stage(main)
