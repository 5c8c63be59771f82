"""What the stages `train` and `evaluate` do in MLflow, of an experiment without any training.

Run as `python one_experiment.py NUMBER` in a folder that `prepare` wrote; as a user does, the same
command is run again where the server was lost.
"""

import json
import shutil
import sys
import time
from pathlib import Path

from places import ROOT

NUM_EPOCHS, EPOCH_SECONDS, MAX_TRIES = 12, 1.2, 12


def history_of(number: int) -> list[dict]:
    """Return the rows of a history that no other experiment has."""
    return [
        {"epoch": epoch, "split": split, "accuracy": number / 100, "loss": 1 / epoch}
        for epoch in range(1, NUM_EPOCHS + 1)
        for split in ("train", "val")
    ]


def prepare(folder: Path, number: int, model: Path) -> None:
    """Write what the two stages read: settings, a model of its own, and its scores."""
    import pandas as pd

    shutil.copytree(model, folder / "model")
    shutil.copy(ROOT / "params.yaml", folder)
    params = json.loads((folder / "model" / "params.json").read_text())
    params |= {"model": "cnn3d", "fingerprint": f"experiment{number}"}
    (folder / "model" / "params.json").write_text(json.dumps(params))
    (folder / "model" / "digests.json").unlink()
    metrics = folder / "metrics"
    (metrics / "plots").mkdir(parents=True)
    pd.DataFrame(history_of(number)).to_csv(metrics / "plots" / "history.csv", index=False)
    for name in ("metrics", "scores", "speed"):
        (metrics / f"{name}.json").write_text(json.dumps({f"{name}_number": number}))
    (metrics / "predictions.csv").write_text(f"video_id\nof experiment {number}\n")


def main(number: int) -> None:
    """Log the experiment."""
    from har.recognizer.recognizer import load_recognizer
    from har.settings import load_settings
    from har.tracking.connection import connect, explained_errors
    from har.tracking.results import log_evaluation
    from har.tracking.runs import HistoryMirror, ended_run, open_run

    settings, recognizer = load_settings(), load_recognizer(Path("model"))
    fingerprint = recognizer.params["fingerprint"]
    client = connect(Path())
    if not Path("trained").exists():
        with explained_errors(required=True):
            params = settings.as_params()
            run_id = open_run(client, model="cnn3d", fingerprint=fingerprint, params=params)
        mirror = HistoryMirror(client, run_id)
        with ended_run(client, run_id):
            for row in history_of(number):
                mirror([row])
                time.sleep(EPOCH_SECONDS / 2)
            mirror.flush()
        Path("trained").touch()
    log_evaluation(recognizer, Path("metrics"), settings, description=f"number {number}")


def run_until_done(number: int) -> None:
    """Run it again where the server was lost, and not for any other reason."""
    for _ in range(MAX_TRIES):
        try:
            return main(number)
        except ValueError as error:
            if "cannot be used" not in str(error):
                raise
            print(f"again: {error}", flush=True)
            time.sleep(3)
    raise SystemExit("the server was lost too often")


if __name__ == "__main__":
    run_until_done(int(sys.argv[1]))
