"""A model in use whose networks ONNX Runtime runs; those of the pose are run by LiteRT.

The body is followed from frame to frame, so differences in the last bits of a landmark grow: run by
ONNX Runtime too, the landmarks differed by up to a pixel, and a probability by up to 0.13.
"""

from functools import cached_property, partial

import numpy as np

from har.backbones.extractor import Extractor, run_one_by_one
from har.engine.workers import num_cores
from har.recognizer.using import UsedRecognizer


class OnnxNetwork:
    """A network that takes one example at a time, as `har.backbones.litert.Network` does.

    Args:
        content: Of the file.
    """

    def __init__(self, content: bytes):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        (self._source,) = self._session.get_inputs()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of an example."""
        return tuple(self._source.shape[1:])

    def __call__(self, example: np.ndarray) -> np.ndarray:
        """Return the first output of an example, both without the batch dimension."""
        return self._session.run(None, {self._source.name: example[np.newaxis]})[0][0]


class OnnxRecognizer(UsedRecognizer):
    """One whose networks are `.onnx` files."""

    ending = ".onnx"
    open_network = OnnxNetwork

    @cached_property
    def extractor(self) -> Extractor | None:
        """The backbone, ready to run; None where there is none."""
        if self.backbone is None:
            return None
        networks = [OnnxNetwork(self.backbone) for _ in range(num_cores())]
        return Extractor(
            [partial(run_one_by_one, network) for network in networks],
            runtime="onnx",
            fingerprint="",
            frame_size=networks[0].input_shape[0],
        )
