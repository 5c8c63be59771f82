"""The results of an evaluation in MLflow: scores, pictures, the model and its version."""

from pathlib import Path

import pandas as pd

from har.engine.files import read_json
from har.engine.progress import say
from har.engine.repository import project_root
from har.recognizer.recognizer import Recognizer
from har.settings import Settings
from har.tracking.connection import connect, explained_errors
from har.tracking.logged_model import find_model, log_model
from har.tracking.registry import register
from har.tracking.runs import ended_run, log_history, log_results, open_run, resume_run


def log_evaluation(
    recognizer: Recognizer, metrics: Path, settings: Settings, *, description: str
) -> str | None:
    """Add the results to the training's run, or to a new one where there was no training.

    The model becomes a version in MLflow's registry, the `challenger`, but for that of a fold.

    Args:
        recognizer: The model that was evaluated.
        metrics: The folder of the metrics and their pictures; its `metrics.json` and `speed.json`
            have what is compared in MLflow, `scores.json` all.
        settings: All settings.
        description: Of the result, a sentence.

    Returns:
        The run's identifier; None where there is no MLflow and none is required.
    """
    required, run_id = settings.tracking.required, None
    client = connect(project_root(), required=required)
    if client is None:
        return None
    fingerprint = recognizer.params["fingerprint"]
    say("evaluate: scores and pictures go into MLflow")
    with explained_errors(required=required):
        run_id = resume_run(client, fingerprint) or open_run(
            client,
            model=recognizer.params["model"],
            fingerprint=fingerprint,
            params=settings.as_params(),
        )
        with ended_run(client, run_id):
            history = pd.read_csv(metrics / "plots" / "history.csv")
            log_history(client, run_id, history.to_dict("records"))
            log_results(
                client,
                run_id,
                metrics=read_json(metrics / "metrics.json") | read_json(metrics / "speed.json"),
                description=description,
                files=_files(metrics),
                lock=Path("dvc.lock"),
                videos=Path(settings.dataset.videos),
            )
            model_uri = find_model(client, run_id)
            if model_uri is None:
                say("evaluate: the model goes into MLflow, which tries it once")
                model_uri = log_model(run_id, recognizer)
            if settings.split.folds is None:  # a fold's model is to be scored, not to be used
                of = {"fingerprint": fingerprint, "run_id": run_id, "description": description}
                register(client, model_uri=model_uri, **of)
    return run_id


def _files(metrics: Path) -> list[Path]:
    """Return the pictures and tables to show with a run."""
    pictures = [*sorted(metrics.glob("plots/*.png")), *sorted(Path("data").glob("*/*.png"))]
    tables = (metrics / name for name in ("metrics.json", "scores.json", "predictions.csv"))
    return [*pictures, *tables]
