"""Stage `evaluate`: scores on the test people, with intervals and baselines."""

from pathlib import Path

from har.dataset.none_label import find_actions
from har.dataset.tables import check_named_files, read_table
from har.engine.files import read_json, write_json
from har.engine.stage import run_stage
from har.evaluation.held_out import score_test_videos, uncalibrated
from har.pages.results import describe_scores, plot_calibration, write_results
from har.recognizer.recognizer import load_recognizer
from har.recognizer.scoring import predict_clips
from har.settings import load_settings
from har.tracking.results import log_evaluation
from har.training.examples import read_drawn


def main(
    models: Path,
    split: Path,
    manifest: Path,
    clips: Path,
    drawn: Path,
    features: Path,
    metrics: Path,
) -> None:
    """Score `model` and the baselines on the test split, draw and log the result."""
    settings = load_settings()
    recognizer = load_recognizer(models / settings.model)
    packed = read_table(features)[["video_id", "path"]]
    packed = packed.rename(columns={"path": "features_path"})
    videos = read_table(manifest).merge(packed, on="video_id")
    test = videos[videos["split"] == "test"].reset_index(drop=True)
    check_named_files(clips, set(test["video_id"]), description="evaluate")
    check_named_files(features, set(videos["video_id"]), description="evaluate")
    if settings.takes_drawn:
        check_named_files(drawn, description="evaluate")
    probabilities, milliseconds = predict_clips(recognizer, test)
    options = {"num_bootstrap": settings.evaluate.num_bootstrap, "seed": settings.seed}
    options["drawn"] = read_drawn(drawn, recognizer.labels, settings)
    scores, baselines = score_test_videos(recognizer, videos, probabilities, **options)
    scores["grouped_by"] = read_json(split / "split.json")["grouped_by"]
    write_results(scores, test, probabilities, baselines, recognizer, metrics)
    is_action = find_actions(test["label"], recognizer.none_label)
    after, actual = probabilities[is_action], test["label"][is_action]
    before = uncalibrated(recognizer, after)
    plot_calibration(before, after, scores, actual, recognizer.labels, metrics)
    write_json({"milliseconds_per_clip": milliseconds}, metrics / "speed.json")
    described = describe_scores(scores)
    run_id = log_evaluation(recognizer, metrics, settings, description=described)
    write_json({"mlflow_run": run_id or "not logged"}, metrics / "run.json")
    print(f"evaluate: {described}")


if __name__ == "__main__":
    run_stage(main)
