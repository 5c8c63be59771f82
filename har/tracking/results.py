"""The results of an evaluation in MLflow: scores, pictures, the model and its version."""

from pathlib import Path
from typing import Any

import pandas as pd

from har.engine.repository import project_root
from har.recognizer.recognizer import Recognizer
from har.settings import Settings
from har.tracking.connection import connect, explained_errors
from har.tracking.registry import register
from har.tracking.runs import ended_run, find_run, log_history, log_results, open_run


def log_evaluation(
    recognizer: Recognizer,
    scores: dict[str, Any],
    metrics: Path,
    settings: Settings,
) -> str | None:
    """Add the results to the training's run, or to a new one where there was no training.

    The model becomes a version in MLflow's registry, with the alias `challenger`, but for that of
    a fold.

    Args:
        recognizer: The model that was evaluated.
        scores: Its scores, nested.
        metrics: The folder of the metrics and their pictures.
        settings: All settings.

    Returns:
        The run's identifier; None where there is no MLflow and none is required.
    """
    required, run_id = settings.tracking.required, None
    client = connect(project_root(), required=required)
    if client is None:
        return None
    history = pd.read_csv(metrics / "plots" / "history.csv")
    fingerprint = recognizer.params["fingerprint"]
    with explained_errors(required=required):
        run_id = find_run(client, fingerprint) or open_run(
            client,
            model=recognizer.params["model"],
            fingerprint=fingerprint,
            params=settings.as_params(),
        )
        with ended_run(client, run_id):
            log_history(client, run_id, history.to_dict("records"))
            model_uri = log_results(
                client,
                run_id,
                metrics=scores,
                files=_files(metrics),
                recognizer=recognizer,
                lock=Path("dvc.lock"),
                requirements=Path("requirements.txt"),
            )
            if settings.split.folds is None:  # a fold's model is to be scored, not to be used
                register(client, model_uri=model_uri, fingerprint=fingerprint, run_id=run_id)
    return run_id


def _files(metrics: Path) -> list[Path]:
    """Return the pictures and tables to show with a run."""
    pictures = [*sorted(metrics.glob("plots/*.png")), *sorted(Path("data").glob("*/*.png"))]
    return [*pictures, *(metrics / name for name in ("metrics.json", "predictions.csv"))]
