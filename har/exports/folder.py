"""The folder of an export: networks, labels, preprocessing, and a script that needs no project."""

import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

from har.exports.carried import carry_code
from har.exports.trained import write_trained
from har.integrity.digests import DIGESTS_NAME, write_digests
from har.recognizer.recognizer import Recognizer
from har.recognizer.using import POSE_NAMES, UsedRecognizer

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT, CODE = "predict.py", "steps"
CARRIED = {  # and the class that uses the networks, as `Recognizer`
    "NONE_OF_THESE": "har.dataset.none_label.NONE_OF_THESE",
    "CLIP_SETTINGS": "har.recognizer.prediction.CLIP_SETTINGS",
    "read_clip": "har.recognizer.prediction.read_clip",
}
PACKAGES = ("numpy", "opencv-python", "av")  # of the code that every export carries
WHAT_NETWORKS_DO = {
    "model": "from the frames, or from features of them, to probabilities",
    "backbone": "from a picture to its features",
    POSE_NAMES[0]: "finds people in a picture",
    POSE_NAMES[1]: "finds the joints of a person",
}
POSE_LICENCE = """
The networks that find the pose are Google's BlazePose (Apache License 2.0)."""


@dataclass(frozen=True)
class Format:
    """What the networks of an export are written as.

    Attributes:
        carried: The class that uses them, by its name in this package.
        packages: That run them, beside `PACKAGES`.
        about: What the README says of them.
    """

    carried: str
    packages: tuple[str, ...]
    about: str


FORMATS = {
    "litert": Format(
        "har.recognizer.using.UsedRecognizer", ("ai-edge-litert",), " and without TensorFlow"
    ),
    "onnx": Format(
        "har.exports.onnx_networks.OnnxRecognizer",
        ("ai-edge-litert", "onnxruntime"),
        " and without TensorFlow",
    ),
    "keras": Format(
        "har.exports.keras_networks.KerasRecognizer", ("ai-edge-litert", "keras", "tensorflow"), ""
    ),
    "savedmodel": Format(
        "har.exports.keras_networks.SavedRecognizer", ("ai-edge-litert", "keras", "tensorflow"), ""
    ),
}


def write_folder(recognizer: Recognizer, source: Path, folder: Path, *, file_format: str) -> None:
    """Write an export.

    Args:
        recognizer: What to export.
        source: The folder that it was read from.
        folder: To write to.
        file_format: Of `FORMATS`.
    """
    recognizer.save(folder)
    if file_format == "onnx":
        from har.exports.onnx_conversion import write_onnx  # here, as it imports TensorFlow

        write_onnx(folder)
    elif file_format != "litert":
        write_trained(recognizer, source, folder, file_format=file_format)
    written = (file.name for file in folder.iterdir() if file.is_file())
    write_digests(folder, [name for name in written if name != DIGESTS_NAME])
    chosen = FORMATS[file_format]
    carry_code({**CARRIED, "Recognizer": chosen.carried}, folder / CODE)
    script = (TEMPLATES / f"{SCRIPT}.txt").read_text(encoding="utf-8")
    (folder / SCRIPT).write_text(script, encoding="utf-8")
    packages = (*PACKAGES, *chosen.packages)
    needed = [f"{name}=={importlib.metadata.version(name)}\n" for name in packages]
    (folder / "requirements.txt").write_text("".join(needed), encoding="utf-8")
    readme = _readme(recognizer, folder, without=chosen.about)
    (folder / "README.txt").write_text(readme, encoding="utf-8")


def _readme(recognizer: Recognizer, folder: Path, *, without: str) -> str:
    how = recognizer.preprocessing
    networks = {
        file.name: what
        for name, what in WHAT_NETWORKS_DO.items()
        for file in sorted(folder.glob(f"{name}*"))
        if file.suffix != ".json"
    }
    seconds = recognizer.window_seconds
    text = (TEMPLATES / "README.txt").read_text(encoding="utf-8")
    return Template(text).substitute(
        name=recognizer.params.get("model", "A model"),
        labels=", ".join(recognizer.labels),
        without=without,
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
        return module.Recognizer.load(folder)
    finally:
        sys.dont_write_bytecode = writes_none
        for known in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[known]
