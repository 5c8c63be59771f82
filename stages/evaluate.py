"""Stage `evaluate`: scores on the test people, with intervals and baselines."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from har.clips.clip import even_indices, load_clip
from har.dataset.tables import read_table
from har.engine.files import read_json, write_json
from har.engine.progress import progress
from har.engine.repository import project_root
from har.engine.runtime import setup_tensorflow
from har.engine.seeds import generator_for
from har.engine.stage import run_stage
from har.evaluation.baselines import predict_baselines
from har.evaluation.scores import (
    NUM_CALIBRATION_BINS,
    confusion_counts,
    evaluate,
    expected_calibration_error,
    resample_subjects,
    score_baselines,
)
from har.pages.plots import plot_confusion, plot_reliability
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.settings import load_params
from har.tracking.connection import connect, explained_errors
from har.tracking.registry import register
from har.tracking.runs import find_run, log_history, log_results, open_run
from har.training.calibration import at_temperature

NUM_TIMED_CLIPS = 10


def main(model: Path, split: Path, manifest: Path, features: Path, metrics: Path) -> None:
    """Score the model and the baselines on the test split, draw and log the result."""
    params = load_params()
    setup_tensorflow(**params["train"], seed=params["seed"])
    recognizer = load_recognizer(model)
    videos = read_table(manifest)
    packed = read_table(features)[["video_id", "path"]]
    videos = videos.merge(packed.rename(columns={"path": "features_path"}), on="video_id")
    test = videos[videos["split"] == "test"].reset_index(drop=True)
    label_indices = test["label"].map(recognizer.labels.index).to_numpy()
    subjects = test["subject"].to_numpy()
    num_bootstrap = params["evaluate"]["num_bootstrap"]

    probabilities = predict(recognizer, test["path"].tolist())
    scores = evaluate(
        probabilities,
        label_indices,
        subjects,
        recognizer.labels,
        num_bootstrap=num_bootstrap,
        rng=generator_for(params["seed"], "bootstrap"),
    )
    trained_on = recognizer.params["trained_on"]
    baselines = predict_baselines(videos, recognizer.labels, fit_on=trained_on)
    samples = resample_subjects(
        subjects, num_bootstrap=num_bootstrap, rng=generator_for(params["seed"], "bootstrap")
    )
    grouped_by = read_json(split / "split.json")["grouped_by"]
    scores = {"model": recognizer.params["model"], "grouped_by": grouped_by} | scores
    scores["baselines"] = score_baselines(baselines, label_indices, samples=samples)
    before = at_temperature(probabilities, 1 / recognizer.params["temperature"])
    error_before = expected_calibration_error(before, label_indices)
    scores["expected_calibration_error_before"] = error_before
    plot_reliability(
        {
            f"before calibration: error {error_before:.2f}": before,
            f"after: error {scores['expected_calibration_error']:.2f}": probabilities,
        },
        label_indices,
        metrics / "plots" / "reliability.png",
        num_bins=NUM_CALIBRATION_BINS,
    )
    speed = {"milliseconds_per_clip": time_clip(recognizer, test["path"].tolist())}
    write_results(scores, speed, test, probabilities, baselines, recognizer.labels, metrics)
    run_id = log_to_mlflow(recognizer, scores | speed, test["path"].iloc[0], metrics, params)
    write_json({"mlflow_run": run_id or "not logged"}, metrics / "run.json")
    print(
        f"evaluate: {scores['model']}, accuracy {scores['accuracy']:.2f} (95 % interval "
        f"{scores['accuracy_low']:.2f} to {scores['accuracy_high']:.2f}) on "
        f"{scores['num_test_videos']} videos of {scores['num_test_subjects']} people never seen"
    )


def predict(recognizer: Recognizer, paths: list[str]) -> np.ndarray:
    """Return the probabilities of each clip, float32, shape (num_clips, num_classes)."""
    shown = progress(paths, total=len(paths), description="evaluate", unit="clips")
    return np.concatenate([recognizer.predict(load_clip(path)[np.newaxis]) for path in shown])


def time_clip(recognizer: Recognizer, paths: list[str]) -> float:
    """Return the median time of predicting one clip, in milliseconds, after a first one."""
    seconds = []
    for path in [paths[0], *paths[:NUM_TIMED_CLIPS]]:
        clip = np.array(load_clip(path))[np.newaxis]
        start = time.perf_counter()
        recognizer.predict(clip)
        seconds.append(time.perf_counter() - start)
    return round(1000 * median(seconds[1:]), 1)


def write_results(
    scores: dict[str, Any],
    speed: dict[str, float],
    test: pd.DataFrame,
    probabilities: np.ndarray,
    baselines: dict[str, np.ndarray],
    labels: list[str],
    metrics: Path,
) -> None:
    """Write scores, predictions, and the confusion matrix as a table and a picture."""
    plots = metrics / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    write_json(scores, metrics / "metrics.json")
    write_json(speed, metrics / "speed.json")
    predicted = probabilities.argmax(axis=1)
    names = pd.Series(labels)[predicted].to_numpy()
    table = test[["video_id", "subject", "label"]].assign(
        predicted=names,
        probability=probabilities.max(axis=1),
        **{name: pd.Series(labels)[says].to_numpy() for name, says in baselines.items()},
    )
    table.to_csv(metrics / "predictions.csv", index=False)
    pd.DataFrame({"actual": test["label"], "predicted": names}).to_csv(
        plots / "confusion.csv", index=False
    )
    indices = test["label"].map(labels.index).to_numpy()
    title = (
        f"{scores['model']}: accuracy {scores['accuracy']:.2f} "
        f"({scores['accuracy_low']:.2f} to {scores['accuracy_high']:.2f}), "
        f"{scores['num_test_videos']} videos of {scores['num_test_subjects']} people"
    )
    confusion = confusion_counts(indices, predicted, len(labels))
    plot_confusion(confusion, labels, title, plots / "confusion.png")


def log_to_mlflow(
    recognizer: Recognizer,
    scores: dict[str, Any],
    clip_path: str,
    metrics: Path,
    params: dict[str, Any],
) -> str | None:
    """Add the results to the training's run, or to a new one where DVC had the training cached.

    The model becomes a version in MLflow's registry, with the alias `challenger`, but for that of
    a fold.

    Returns:
        The run's identifier; None where there is no MLflow and none is required.
    """
    required, run_id = params["tracking"]["required"], None
    client = connect(project_root(), required=required)
    if client is None:
        return None
    history = pd.read_csv(metrics / "plots" / "history.csv")
    clip = load_clip(clip_path)
    places = even_indices(len(clip), recognizer.preprocessing["model_frames"])
    fingerprint = recognizer.params["fingerprint"]
    with explained_errors(required=required):
        run_id = find_run(client, fingerprint) or open_run(
            client, model=recognizer.params["model"], fingerprint=fingerprint, params=params
        )
        log_history(client, run_id, history.to_dict("records"))
        model_uri = log_results(
            client,
            run_id,
            metrics=scores,
            files=[
                *sorted(metrics.glob("plots/*.png")),
                *sorted(Path("data").glob("*/*.png")),
                metrics / "metrics.json",
                metrics / "predictions.csv",
            ],
            recognizer=recognizer,
            clip=np.array(clip[places])[np.newaxis],
            lock=Path("dvc.lock"),
            requirements=Path("requirements.txt"),
        )
        if params["split"]["folds"] is None:  # a fold's model is to be scored, not to be used
            register(client, model_uri=model_uri, fingerprint=fingerprint, run_id=run_id)
    return run_id


if __name__ == "__main__":
    run_stage(main)
