"""The model of a run in MLflow: what `mlflow models serve` and `load_model` need, and no more."""

import base64
import contextlib
import importlib.metadata
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array, Object, Property

import har
from har.engine.files import check_space
from har.recognizer.recognizer import Recognizer
from har.tracking.locations import ARTIFACTS_NAME, artifacts_found, is_local
from har.video.writing import write_video

CODE = Path(har.__file__).parent
MARGIN = (
    2**20
)  # bytes, for the description of a model, and the database that is to say how it ended
# What MLflow serves a model by. It is loaded as code, and imports what nothing else here needs.
SERVED = Path(__file__).with_name("served.py")
# What that imports, with what is imported by it: a test holds them together.
PACKAGES_OF_USE = (
    "ai-edge-litert",
    "av",
    "mlflow",
    "numpy",
    "opencv-python",
    "pandas",
    "pebble",
    "pydantic",
    "PyYAML",
    "regex",
    "tqdm",
)


def log_model(run_id: str, recognizer: Recognizer) -> str:
    """Keep the model with a run, with signature, example and the packages of its use.

    Args:
        run_id: The run, which ends.
        recognizer: The model.

    Returns:
        The logged model's URI.
    """
    needed = [f"{name}=={importlib.metadata.version(name)}" for name in PACKAGES_OF_USE]
    with (
        mlflow.start_run(run_id=run_id),
        tempfile.TemporaryDirectory() as light,
        _quietly(),
        artifacts_found(),
    ):
        recognizer.save(Path(light) / "recognizer")  # what is needed to use it, and no more
        if is_local():
            check_space(Path(ARTIFACTS_NAME), _num_bytes(Path(light)) + _num_bytes(CODE) + MARGIN)
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(SERVED),
            artifacts={"recognizer": str(Path(light) / "recognizer")},
            code_paths=[str(CODE)],
            signature=served_signature(recognizer.labels),
            pip_requirements=needed,
            input_example=_example(recognizer),
            metadata={"labels": recognizer.labels, "preprocessing": recognizer.preprocessing},
        )
    return logged.model_uri


def find_model(client: MlflowClient, run_id: str) -> str | None:
    """Return the URI of the model that is kept with a run, whole; None where there is none.

    A run is of one training, so its model is the same whenever it is evaluated.
    """
    outputs = client.get_run(run_id).outputs
    for output in outputs.model_outputs if outputs else ():
        model = client.get_logged_model(output.model_id)
        with artifacts_found():
            if model.status == LoggedModelStatus.READY and client.list_logged_model_artifacts(
                output.model_id
            ):
                return model.model_uri
    return None


def served_signature(labels: list[str]) -> ModelSignature:
    """Return what a served model takes and gives; see `har.tracking.served`.

    Args:
        labels: Of the model; each has a probability of its own name.
    """
    segment = [Property(name, DataType.double) for name in ("start", "end", "probability")]
    segment.append(Property("label", DataType.string))
    said = [ColSpec("string", name) for name in ("answer", "predicted", "problem")]
    said.append(ColSpec("double", "probability"))
    probabilities = Object([Property(label, DataType.double) for label in labels])
    said.append(ColSpec(probabilities, "probabilities"))
    said.append(ColSpec(Array(Object(segment)), "segments"))
    return ModelSignature(Schema([ColSpec("string", "video")]), Schema(said))


def _example(recognizer: Recognizer) -> pd.DataFrame:
    """Return what a served model takes: a grey video of a second in base64, which is some kB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grey.mp4"
        num_frames = recognizer.preprocessing["num_frames"]
        grey = np.full((64, 64, 3), 127, np.uint8)
        write_video(path, [grey] * num_frames, fps=float(num_frames))
        return pd.DataFrame({"video": [base64.b64encode(path.read_bytes()).decode()]})


def _num_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Hold back MLflow's progress bar of copying files."""
    before = MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.get()
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    try:
        yield
    finally:
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(before)
