"""The folder of an export: networks, labels, preprocessing, and a script that needs no project."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from har.exports.carried import carry_code
from har.recognizer.recognizer import Recognizer
from har.recognizer.using import BACKBONE_NAME, MODEL_NAME, POSE_NAMES, UsedRecognizer

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT, CODE = "predict.py", "steps"
CARRIED = (
    "har.dataset.none_label.NONE_OF_THESE",
    "har.recognizer.using.UsedRecognizer",
    "har.recognizer.prediction.CLIP_SETTINGS",
    "har.recognizer.prediction.read_clip",
)
PACKAGES = ("numpy", "opencv-python", "av")  # of the code that every export carries
WHAT_NETWORKS_DO = {
    MODEL_NAME: "from the frames, or from features of them, to probabilities",
    BACKBONE_NAME: "from a picture to its features",
    POSE_NAMES[0]: "finds people in a picture",
    POSE_NAMES[1]: "finds the joints of a person",
}
POSE_LICENCE = """
The networks that find the pose are Google's BlazePose (Apache License 2.0)."""


def write_folder(recognizer: Recognizer, folder: Path, *, packages: Sequence[str]) -> None:
    """Write an export.

    Args:
        recognizer: What to export.
        folder: To write to.
        packages: That run its networks, beside `PACKAGES`.
    """
    recognizer.save(folder)
    carry_code(CARRIED, folder / CODE)
    script = (TEMPLATES / f"{SCRIPT}.txt").read_text(encoding="utf-8")
    (folder / SCRIPT).write_text(script, encoding="utf-8")
    needed = [f"{name}=={importlib.metadata.version(name)}\n" for name in (*PACKAGES, *packages)]
    (folder / "requirements.txt").write_text("".join(needed), encoding="utf-8")
    (folder / "README.txt").write_text(_readme(recognizer, folder), encoding="utf-8")


def _readme(recognizer: Recognizer, folder: Path) -> str:
    how = recognizer.preprocessing
    networks = {name: what for name, what in WHAT_NETWORKS_DO.items() if (folder / name).is_file()}
    seconds = recognizer.window_seconds
    text = (TEMPLATES / "README.txt").read_text(encoding="utf-8")
    return Template(text).substitute(
        name=recognizer.params.get("model", "A model"),
        labels=", ".join(recognizer.labels),
        without=" and without TensorFlow",
        seconds=f", of about {seconds:.1f} seconds" if seconds else "",
        networks="\n".join(f"{name:20} {what}" for name, what in networks.items()),
        shape=f"{how['num_frames']}, {how['size']}, {how['size']}, 3",
        pose_licence=POSE_LICENCE if recognizer.pose else "",
    )


def load_exported(folder: Path) -> UsedRecognizer:
    """Return what an export holds, run by the code that it carries and not by this package."""
    name = f"har_exported_{folder.name}_{len(sys.modules)}"
    place = folder / CODE / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name, place, submodule_search_locations=[str(place.parent)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name], writes_none = module, sys.dont_write_bytecode
    try:
        sys.dont_write_bytecode = True  # the folder holds what was written, and nothing else
        spec.loader.exec_module(module)
        return module.UsedRecognizer.load(folder)
    finally:
        sys.dont_write_bytecode = writes_none
        for known in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[known]
