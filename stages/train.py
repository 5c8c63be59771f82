"""Stage `train`: the chosen model, going on from its checkpoint where there is one."""

from pathlib import Path

import pandas as pd

from har.dataset.tables import read_table
from har.engine.files import read_json, write_json, write_table
from har.engine.runtime import setup_tensorflow
from har.engine.stage import run_stage
from har.pages.plots import plot_history
from har.recognizer.kept import KeptTrainings
from har.recognizer.trained_on import describe_training, write_trained_on
from har.settings import load_settings
from har.tracking.tracked_training import Tables, TrackedTraining


def main(
    report: Path,
    split: Path,
    manifest: Path,
    clips: Path,
    views: Path,
    drawn: Path,
    features: Path,
    models: Path,
    metrics: Path,
) -> None:
    """Train `model` on the training split and write it, into its folder, with its curves."""
    settings = load_settings()
    out = models / settings.model
    training = TrackedTraining(settings, Tables(manifest, clips, views, drawn, features))
    kept, history_file = KeptTrainings(settings.cache.max_gigabytes), metrics / "plots/history.csv"
    was_kept = training.is_alone and kept.restore(training.fingerprint)
    if not was_kept:
        setup_tensorflow(**settings.train.runtime, seed=settings.seed)
        made = training.run(out)
        if made is None:  # another process writes it
            return
        history, summary = made
        write_json(summary, metrics / "train.json")
        write_table(history, history_file)
        kept.keep(training.fingerprint, [metrics / "train.json", history_file, *out.iterdir()])
    # Not among what is kept: the names of people and files decide no weights.
    grouped_by = read_json(split / "split.json")["grouped_by"]
    people = describe_training(read_table(manifest), read_table(report), grouped_by=grouped_by)
    write_trained_on(people, out)
    summary, history = read_json(metrics / "train.json"), pd.read_csv(history_file)
    plot_history(history, metrics / "plots/history.png", kept_epoch=summary["best_epoch"])
    if was_kept:
        print("train: this was trained before, with the same settings, data and code: reused")
    print(
        f"train: {summary['model']}, weights of epoch {summary['best_epoch']} of "
        f"{summary['epochs']}, accuracy {summary['val_accuracy']:.2f} on "
        f"{summary['num_validation_videos']} validation videos"
    )


if __name__ == "__main__":
    run_stage(main)
