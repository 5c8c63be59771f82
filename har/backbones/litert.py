"""LiteRT: networks as files that run without TensorFlow, and the making of such files."""

import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from har.engine.progress import without_noise

if TYPE_CHECKING:
    from har.engine.runtime import keras


class Network:
    """A network in LiteRT's format; it takes one example at a time and is used by one thread.

    Args:
        flatbuffer: The file's content.
    """

    def __init__(self, flatbuffer: bytes):
        from ai_edge_litert.interpreter import Interpreter

        with without_noise("INFO: Created TensorFlow Lite"):
            self._interpreter = Interpreter(model_content=flatbuffer, num_threads=1)
            self._interpreter.allocate_tensors()
        self._source = self._interpreter.get_input_details()[0]
        details = self._interpreter.get_output_details()
        self._targets = {one["name"]: one["index"] for one in details}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of an example."""
        return tuple(self._source["shape"][1:].tolist())

    def __call__(self, example: np.ndarray) -> np.ndarray:
        """Return the first output of an example, both without the batch dimension."""
        return self.outputs(example, next(iter(self._targets)))[0]

    def run_on_zeros(self) -> None:
        """Run it once, as a trial."""
        self(np.zeros(self._source["shape"][1:], self._source["dtype"]))

    def outputs(self, example: np.ndarray, *names: str) -> list[np.ndarray]:
        """Return some outputs of an example by their names in the file."""
        self._interpreter.set_tensor(self._source["index"], example[np.newaxis])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(self._targets[name])[0] for name in names]  # copies


def try_network(path: Path) -> None:
    """Open the network of a file and run it once.

    Raises:
        ValueError: It is damaged, or lacks the memory.
    """
    try:
        Network(path.read_bytes()).run_on_zeros()
    except (ValueError, RuntimeError, OSError) as error:
        raise ValueError(f"cannot be opened ({error})") from error


def keep_outputs(flatbuffer: bytes, names: Collection[str]) -> bytes:
    """Return a network without the operators that none of some outputs needs.

    LiteRT computes all outputs of a file, wanted or not. Those that are kept stay the same to the
    last bit.

    Args:
        flatbuffer: The file's content, of one subgraph.
        names: Of the outputs to keep.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer, 0))
    (graph,) = model.subgraphs
    outputs = [index for index in graph.outputs if graph.tensors[index].name.decode() in names]
    needed, kept = set(outputs), []
    for operator in reversed(graph.operators):  # each stands after those whose results it takes
        if needed.intersection(operator.outputs):
            needed.update(operator.inputs)
            kept.append(operator)
    graph.operators, graph.outputs = kept[::-1], np.array(outputs, np.int32)
    for signature in model.signatureDefs or ():
        signature.outputs = [one for one in signature.outputs if one.tensorIndex in outputs]
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def convert_model(model: "keras.Model", *, prepare: Callable[[Any], None] | None = None) -> bytes:
    """Convert a trained Keras model, for one example at a time, by way of a saved model.

    Args:
        model: With one input.
        prepare: Sets what the converter goes by, as how numbers are kept.

    Raises:
        ValueError: LiteRT lacks something that the model does.
    """
    from har.engine.runtime import keras, tf

    same = keras.models.clone_model(model, clone_function=_convertible)
    same.set_weights(model.get_weights())
    signature = tf.TensorSpec((1, *model.input_shape[1:]), model.inputs[0].dtype)
    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(same)
        archive.add_endpoint(
            "serve", lambda inputs: same(inputs, training=False), input_signature=[signature]
        )
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if prepare:
            prepare(converter)
        return finish_conversion(converter, model.name)


def _convertible(layer: "keras.Layer") -> "keras.Layer":
    """Return a copy of a layer, or what does the same in its place if LiteRT lacks it."""
    from har.engine.runtime import layers

    if isinstance(layer, layers.MaxPooling3D):
        return layers.Lambda(_halve, name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def _halve(x: Any) -> Any:
    """Return the largest value of each 2x2x2 places, (batch, time, height, width, channels)."""
    from har.engine.runtime import ops

    _, time, height, width, channels = x.shape
    x = ops.max_pool(ops.reshape(x, (-1, height, width, channels)), 2)
    x = ops.reshape(x, (-1, time, height // 2, width // 2, channels))
    even = time // 2 * 2
    return ops.maximum(x[:, 0:even:2], x[:, 1:even:2])


def finish_conversion(converter: Any, name: str, *, advice: str = "") -> bytes:
    """Return what a converter makes.

    Raises:
        ValueError: LiteRT lacks something that the model does.
    """
    with without_noise("[WI]0000 |fully_quantize: "):
        try:
            return converter.convert()
        except Exception as error:  # its own class is not part of tf.lite
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"{name} could not be converted to LiteRT: {reason}. {advice}".rstrip()
            ) from error
