"""The networks of a model as Keras has them, in its own format or TensorFlow's."""

from pathlib import Path
from typing import TYPE_CHECKING

from har.backbones.building import build_backbone
from har.recognizer.recognizer import TRAINED_NAME, Recognizer, load_trained
from har.recognizer.using import BACKBONE_NAME, MODEL_NAME

if TYPE_CHECKING:
    from har.engine.runtime import keras


def write_trained(recognizer: Recognizer, source: Path, folder: Path, *, file_format: str) -> None:
    """Replace the networks of a folder by those of Keras; those of the pose stay.

    Args:
        recognizer: The model.
        source: Its folder.
        folder: What `Recognizer.save` wrote.
        file_format: `keras` or `savedmodel`.
    """
    check_trained(source, f"--format {file_format}")
    networks = {MODEL_NAME: load_trained(source)}
    if recognizer.backbone is not None:
        networks[BACKBONE_NAME] = build_own_backbone(recognizer)
    for name, network in networks.items():
        (folder / name).unlink()
        place = folder / Path(name).stem
        if file_format == "keras":
            network.save(place.with_suffix(".keras"))
        else:
            network.export(place, verbose=False)


def check_trained(folder: Path, needed_by: str) -> None:
    """Check that a folder has what was trained.

    Raises:
        ValueError: It has not.
    """
    if not (folder / TRAINED_NAME).is_file():
        raise ValueError(
            f"{folder} has no {TRAINED_NAME}, of which {needed_by} is made. Take the whole folder "
            "that `dvc repro` made, or export to litert without --quantize."
        )


def build_own_backbone(recognizer: Recognizer) -> "keras.Model":
    """Return the backbone that a model was trained on, as Keras has it."""
    params, size = recognizer.params, recognizer.preprocessing["size"]
    return build_backbone(**params["backbone"], seed=params["seed"], frame_size=size)
