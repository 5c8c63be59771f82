"""Networks in the format of ONNX, made of those of LiteRT by tf2onnx."""

import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from har.engine.progress import without_noise
from har.engine.runtime import import_quietly
from har.recognizer.using import BACKBONE_NAME, MODEL_NAME

OPSET = 18  # the newest that tf2onnx writes; ONNX Runtime has it since version 1.14 (2023)


def write_onnx(folder: Path) -> None:
    """Replace the networks of a folder by those of ONNX; those of the pose stay.

    Raises:
        ValueError: ONNX lacks something that a network does.
    """
    for name in (MODEL_NAME, BACKBONE_NAME):
        file = folder / name
        if file.exists():
            network = convert_to_onnx(file.read_bytes(), file.stem)
            file.with_suffix(".onnx").write_bytes(network)
            file.unlink()


def convert_to_onnx(network: bytes, name: str) -> bytes:
    """Return a network of LiteRT in the format of ONNX.

    Args:
        network: The file's content.
        name: Of the network, for messages and within the file.

    Raises:
        ValueError: ONNX lacks something that the network does.
    """
    import_quietly()  # before tf2onnx imports TensorFlow with its noise
    import tf2onnx
    from tf2onnx import optimizer, tfonnx

    logging.getLogger(tf2onnx.__name__).setLevel(logging.CRITICAL)  # its errors are raised below
    _teach_gelu()
    with (
        tempfile.TemporaryDirectory() as folder,
        without_noise("INFO: Created TensorFlow Lite"),
        warnings.catch_warnings(),
    ):
        # tf2onnx reads the file by an interpreter that is to go, and TensorFlow says so.
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
        file = Path(folder) / MODEL_NAME
        file.write_bytes(network)
        graph = tfonnx.process_tf_graph(None, opset=OPSET, tflite_path=file.as_posix())
    lacking = sorted({node.type for node in graph.get_nodes() if node.type.startswith("TFL_")})
    if lacking:
        operators = ", ".join(kind.removeprefix("TFL_") for kind in lacking)
        raise ValueError(
            f"{name} could not be converted to ONNX, which lacks {operators}. Export it to another "
            "format: --format litert."
        )
    return optimizer.optimize_graph(graph).make_model(name).SerializeToString()


def _teach_gelu() -> None:
    """Teach tf2onnx the exact GELU; Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415."""
    from tf2onnx.handler import tfl_op
    from tf2onnx.utils import make_name

    @tfl_op("TFL_GELU")
    class Gelu:
        @classmethod
        def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
            """Write x / 2 * (1 + erf(x / sqrt(2))), as ONNX has no GELU before opset 20."""

            def add(kind: str, inputs: Sequence[str], **options: Any) -> str:
                return graph.make_node(kind, inputs, **options).output[0]

            def number(value: float) -> str:
                return graph.make_const(make_name("gelu"), np.array(value, np.float32)).output[0]

            (x,), shape, dtype = node.input, graph.get_shape(node.output[0]), node.output_dtypes
            error = add("Erf", [add("Mul", [x, number(0.5**0.5)])])
            share = add("Mul", [add("Add", [error, number(1.0)]), number(0.5)])
            graph.remove_node(node.name)
            add(
                "Mul", [x, share], name=node.name, outputs=node.output, shapes=[shape], dtypes=dtype
            )
