"""MLflow's registry of models: each evaluated training is a version, and two versions have a name.

The alias `challenger` is the version evaluated last, `champion` the one that won a comparison. A
version knows its training by the fingerprint, so evaluating that training again makes no new one;
its tag `har.run` names the run of the last evaluation.
"""

import contextlib
import io
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from har.tracking.locations import artifacts_found
from har.tracking.runs import FINGERPRINT_TAG

MODEL_NAME = "har"
RUN_TAG = "har.run"
CHAMPION, CHALLENGER = "champion", "challenger"
PREDICTIONS_NAME = "predictions.csv"
CARD = """What people do in videos: labels with probabilities, from when to when in long ones.

Each version is a training, with its scores on people it has never seen. The alias `challenger` is
the one evaluated last, `champion` the one that won a comparison. On whom a version was tested and
what it does not know is in the model card that `python -m har report` writes."""


def register(
    client: MlflowClient, *, model_uri: str, fingerprint: str, run_id: str, description: str
) -> str:
    """Make an evaluated model a version, where it is none yet, and the challenger.

    Args:
        client: From `har.tracking.connection.connect`.
        model_uri: The logged model, with signature and input example.
        fingerprint: Of its training.
        run_id: The run with its predictions.
        description: Of the result, a sentence.

    Returns:
        The version.
    """
    version = find_version(client, fingerprint)
    if version is None:
        with contextlib.redirect_stderr(io.StringIO()):  # it says what it does, in three lines
            version = mlflow.register_model(
                model_uri, MODEL_NAME, tags={FINGERPRINT_TAG: fingerprint}
            )
        if str(version.version) == "1":
            client.update_registered_model(MODEL_NAME, CARD)
    client.update_model_version(MODEL_NAME, version.version, description)
    client.set_model_version_tag(MODEL_NAME, version.version, RUN_TAG, run_id)
    _set_alias(client, CHALLENGER, version.version)
    return str(version.version)


def _set_alias(client: MlflowClient, alias: str, version: str) -> None:
    try:
        client.set_registered_model_alias(MODEL_NAME, alias, version)
    except MlflowException as error:
        if error.error_code != "BAD_REQUEST":
            raise
        # It was new, and another experiment has made it at this moment: now it can be changed.
        client.set_registered_model_alias(MODEL_NAME, alias, version)


def find_version(client: MlflowClient, fingerprint: str) -> ModelVersion | None:
    """Return the version of a training, or None."""
    chosen = f"name = '{MODEL_NAME}' and tags.`{FINGERPRINT_TAG}` = '{fingerprint}'"
    versions = client.search_model_versions(chosen, max_results=1)
    return versions[0] if versions else None


def find_alias(client: MlflowClient, alias: str) -> ModelVersion | None:
    """Return the version that has an alias, or None."""
    models = client.search_registered_models(f"name = '{MODEL_NAME}'")
    if not models or alias not in models[0].aliases:
        return None
    return client.get_model_version(MODEL_NAME, models[0].aliases[alias])


def find_run_fingerprint(client: MlflowClient, run_id: str) -> str | None:
    """Return the fingerprint of a run's training, or None where there is no such run."""
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        # The latter where it is no identifier, as the `not logged` in a run.json.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return run.data.tags.get(FINGERPRINT_TAG, "")


def read_run_predictions(client: MlflowClient, run_id: str) -> str:
    """Return the content of a run's predictions.csv.

    Raises:
        ValueError: The run has none.
    """
    # Without its bar for a small file.
    with artifacts_found(), contextlib.redirect_stderr(io.StringIO()):
        if PREDICTIONS_NAME not in {file.path for file in client.list_artifacts(run_id)}:
            raise ValueError(
                f"The MLflow run {run_id} has no {PREDICTIONS_NAME}: its model was never "
                "evaluated, or the evaluation failed. Run `dvc repro` where it was trained."
            )
        return mlflow.artifacts.load_text(f"runs:/{run_id}/{PREDICTIONS_NAME}")


def promote(
    client: MlflowClient,
    *,
    name: str,
    fingerprint: str | None,
    reference_fingerprint: str | None,
    compared: dict[str, Any],
    force: bool,
) -> str:
    """Make a model the champion, if it is better than the champion, or than any where none is.

    Args:
        client: From `har.tracking.connection.connect`.
        name: What the user calls the model.
        fingerprint: Of its training, None where that is unknown.
        reference_fingerprint: Of what it was compared with.
        compared: What `har.evaluation.comparison.compare` returned for these two.
        force: Promote it even if it is not better; the version's tags say so.

    Returns:
        What was done, to be printed.

    Raises:
        ValueError: The model is not registered, or, without `force`, it is not better, or it was
            not compared with the champion.
    """
    version = find_version(client, fingerprint) if fingerprint else None
    if version is None:
        raise ValueError(
            f"{name} is not registered in MLflow at {mlflow.get_tracking_uri()}, so it cannot be "
            "promoted. Evaluating a model registers it: run `dvc repro` or `dvc exp run` here, or "
            "name another."
        )
    champion = find_alias(client, CHAMPION)
    refusal = _why_not(name, champion, reference_fingerprint, compared)
    if refusal and not force:
        raise ValueError(f"{name} is not promoted: {refusal}. `--force` does it anyway.")
    tags = _promotion_tags(name, compared, forced=bool(refusal)) | {
        "promotion.compared_with_fingerprint": reference_fingerprint or "",
        "promotion.replaced_version": str(champion.version) if champion else "",
    }
    for key, value in tags.items():
        client.set_model_version_tag(MODEL_NAME, version.version, key, value)
    _set_alias(client, CHAMPION, version.version)
    by_force = f", by force: {refusal}" if refusal else ""
    return f"{name} is the champion now: version {version.version} of {MODEL_NAME}{by_force}"


def _why_not(
    name: str,
    champion: ModelVersion | None,
    reference_fingerprint: str | None,
    compared: dict[str, Any],
) -> str:
    """Return why a model should not be promoted, to end a sentence; empty if it should."""
    reference, verdict = compared["reference"], compared["comparisons"][0]["verdict"]
    if champion and champion.tags.get(FINGERPRINT_TAG, "") != reference_fingerprint:
        return (
            f"the champion is version {champion.version} and {name} was compared with another "
            f"model, {reference}. Compare it with the champion: `python -m har compare champion "
            f"{name} --promote`"
        )
    if verdict != "better":
        return f"the comparison does not show that {name} is better than {reference}"
    return ""


def _promotion_tags(name: str, compared: dict[str, Any], *, forced: bool) -> dict[str, str]:
    comparison = compared["comparisons"][0]
    winners = {"better": name, "worse": compared["reference"], "undecided": "neither"}
    return {
        "promotion.winner": winners[comparison["verdict"]],
        "promotion.compared_with": compared["reference"],
        "promotion.forced": str(forced).lower(),
        "promotion.difference": f"{comparison['accuracy']['difference']:.4f}",
        "promotion.low": f"{comparison['accuracy']['low']:.4f}",
        "promotion.high": f"{comparison['accuracy']['high']:.4f}",
        "promotion.p_value": f"{comparison['p_value']:.4g}",
        "promotion.num_videos": str(compared["num_videos"]),
        "promotion.num_people": str(compared["num_subjects"]),
    }
