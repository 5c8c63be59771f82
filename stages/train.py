"""Stage `train`: the chosen model, going on from its checkpoint where there is one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from har.backbone import build_backbone
from har.calibration import fit_temperature, fold_temperature
from har.clips import read_views
from har.dataset import read_table
from har.examples import Examples, clip_examples, feature_examples, join_examples
from har.fine_tune import check_fine_tuning, fine_tune, split_backbone
from har.models import count_parameters, deployable, find_model
from har.params import load_params
from har.plots import plot_history
from har.recognizer import Recognizer
from har.runtime import keras, setup_tensorflow
from har.stage import project_root, run_stage
from har.tracking import (
    HistoryMirror,
    connect,
    ended_run,
    explained_errors,
    find_run,
    open_run,
)
from har.training import Progress, check_settings, fingerprint, predict, train

# The sections of params.yaml that decide the weights, beside the model's own settings.
DECIDING_PARAMS = ("seed", "downsample", "augment", "backbone", "train")


@dataclass(frozen=True)
class Trained:
    """What `fit` made.

    Attributes:
        model: As it was built: on frames, or on features.
        tuned: Backbone and model together, on frames, where the backbone was trained too.
        results: The epochs of the model and, where there are any, those of the fine-tuning.
        validated: What it said of the validation videos before it was trained with them too,
            float32, shape (num_videos, num_classes).
    """

    model: keras.Model
    tuned: keras.Model | None
    results: list[Progress]
    validated: np.ndarray


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
    made_by["trained_on"] = trained_on(params)
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


def fit(
    read: Callable[..., Examples],
    params: dict[str, Any],
    *,
    num_classes: int,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> Trained:
    """Train `model`, and then again with the validation videos, or the last blocks of its backbone.

    The first where its `refit` says so: the validation people have chosen the epoch, and taught
    nothing yet. The second where `fine_tune` says so; both are not done.

    Args:
        read: `read_examples` but for its last arguments, `split` and `inputs`.
        params: The content of params.yaml.
        num_classes: Number of labels.
        checkpoint: As for `har.training.train`; what comes second has another one beside it.
        on_epoch: Called with the new rows of the history after each epoch.

    Raises:
        ValueError: A parameter has a value that it cannot have.
    """
    module, settings = find_model(params["model"]), params["models"][params["model"]]
    num_blocks = params["fine_tune"]["num_blocks"]
    tuning = {key: params["fine_tune"][key] for key in ("epochs", "learning_rate", "batch_size")}
    check_fine_tuning(
        num_blocks,
        model=params["model"],
        model_input=module.INPUT,
        weights=params["backbone"]["weights"],
    )
    if module.INPUT == "features":
        check_streams_of_model(params)
    training, validation = read("train"), read("val")
    build = partial(
        module.build,
        num_classes=num_classes,
        num_frames=settings["num_frames"],
        frame_size=params["extract"]["size"],
        num_features=training.read(0, 0).shape[-1] if module.INPUT == "features" else 0,
        params=settings,
    )
    model = build()
    if num_blocks:  # what is wrong with it is said before the first training, not after
        check_settings(settings | tuning, "fine_tune")
        backbone = make_backbone(params)
        split_backbone(backbone, num_blocks)
    options = {
        "balanced": params["downsample"]["method"] != "class_weight",
        "seed": params["seed"],
    }
    result = train(
        model,
        training,
        validation,
        settings=settings,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        **options,
    )
    if not num_blocks:
        validated = predict(model, validation, batch_size=settings["batch_size"])
        if "val" in trained_on(params):
            keras.utils.set_random_seed(params["seed"])  # as after a kill, when nothing was drawn
            model = build()
            train(
                model,
                join_examples(training, validation),
                None,
                settings=settings,
                checkpoint=second_checkpoint(checkpoint),
                num_epochs=result.best_epoch,
                **options,
            )
        return Trained(model, None, [result], validated)
    tuned_result = fine_tune(
        model,
        backbone,
        read("train", "clips"),
        read("val", "clips"),
        streams=settings["streams"],
        context=params["features"]["context"],
        num_blocks=num_blocks,
        settings=settings | tuning,
        checkpoint=second_checkpoint(checkpoint),
        num_epochs_before=result.epoch,
        on_epoch=on_epoch,
        **options,
    )
    tuned = put_together(model, backbone, params)
    validated = predict(tuned, read("val", "clips"), batch_size=1)
    return Trained(model, tuned, [result, tuned_result], validated)


def predict_split(
    trained: Trained, read: Callable[..., Examples], params: dict[str, Any], split: str
) -> np.ndarray:
    """Return what was trained says of the videos of a split, shape (num_videos, num_classes)."""
    if trained.tuned is not None:  # a clip at a time: frames in the backbone take much memory
        return predict(trained.tuned, read(split, "clips"), batch_size=1)
    batch_size = params["models"][params["model"]]["batch_size"]
    return predict(trained.model, read(split), batch_size=batch_size)


def trained_on(params: dict[str, Any]) -> list[str]:
    """Return the splits whose videos the model has been trained with in the end."""
    is_refit = params["models"][params["model"]]["refit"] and not params["fine_tune"]["num_blocks"]
    return ["train", "val"] if is_refit else ["train"]


def make_backbone(params: dict[str, Any]) -> keras.Model:
    """Build the backbone that the features are from."""
    size = params["extract"]["size"]
    return build_backbone(**params["backbone"], seed=params["seed"], frame_size=size)


def put_together(model: keras.Model, backbone: keras.Model, params: dict[str, Any]) -> keras.Model:
    """Return the model on frames, for one that was trained on features."""
    streams = params["models"][params["model"]]["streams"]
    return deployable(model, backbone, streams, context=params["features"]["context"])


def check_streams_of_model(params: dict[str, Any]) -> None:
    """Check that a model on features is shown what the stage `features` has made, as it was made.

    Raises:
        ValueError: A stream is missing, or the model would see other frames than were compared.
    """
    name = params["model"]
    settings, made = params["models"][name], params["features"]["streams"]
    missing = [stream for stream in settings["streams"] if stream not in made]
    if missing or not settings["streams"]:
        raise ValueError(
            f"models.{name}.streams is {settings['streams']}; expected one or more of "
            f"features.streams, which is {made}. Change the one or the other in params.yaml."
        )
    num_frames = params["extract"]["num_frames"]
    if settings["streams"] != ["frames"] and settings["num_frames"] != num_frames:
        raise ValueError(
            f"models.{name}.num_frames is {settings['num_frames']}, and all {num_frames} frames of "
            "a clip were compared to make its streams. Set it to extract.num_frames in "
            "params.yaml, or its streams to [frames]."
        )


def second_checkpoint(checkpoint: Path) -> Path:
    """Return where what comes after the first training keeps its own."""
    return checkpoint.with_name(f"{checkpoint.stem}-second.npz")


def read_examples(
    videos: pd.DataFrame,
    labels: list[str],
    params: dict[str, Any],
    views: Path,
    features: Path,
    split: str,
    inputs: str | None = None,
) -> Examples:
    """Return the examples of one split: `clips`, `features`, or None for what the model takes."""
    name = params["model"]
    num_frames = params["models"][name]["num_frames"]
    module = find_model(name)
    videos = videos[videos["split"] == split]
    if (inputs or module.INPUT) == "clips":
        return clip_examples(videos, labels, num_frames=num_frames, views=read_views(views))
    packed = read_table(features).set_index("video_id")
    packed = packed.loc[videos["video_id"]]
    return feature_examples(
        videos.assign(features_path=packed["path"].to_numpy()),
        labels,
        streams=params["models"][name]["streams"],
        made=params["features"]["streams"],
        num_frames=num_frames,
        num_views=int(packed["num_views"].min()),
    )


def summarize(results: list[Progress]) -> dict[str, Any]:
    """Return the epochs, the scores of the kept one and the time of an epoch.

    Args:
        results: Of `Trained`.
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
    (metrics / "train.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    history.to_csv(metrics / "plots" / "history.csv", index=False)
    plot_history(history, metrics / "plots" / "history.png", kept_epoch=summary["best_epoch"])


if __name__ == "__main__":
    run_stage(main)
