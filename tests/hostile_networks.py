"""Small files in LiteRT's format that ask for gigabytes, never end or crash whoever opens them."""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPERATOR, KIND = schema.BuiltinOperator, schema.TensorType


class _File:
    """A file in the making; all is added to its last subgraph."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, b""
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.model.subgraphs = []

    def subgraph(self) -> None:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = [], []
        self.model.subgraphs.append(graph)

    def tensor(self, *shape: int, kind: int = KIND.FLOAT32, data: np.ndarray | None = None) -> int:
        graph, tensor = self.model.subgraphs[-1], schema.TensorT()
        tensor.name, tensor.shape, tensor.type = b"", np.array(shape, np.int32), kind
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def add(self, name: str, inputs: list[int], output: int, **options: int) -> None:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        number = getattr(OPERATOR, name.upper())
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        operator.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        kind = name.title().replace("_", "") + "Options"
        operator.builtinOptions = getattr(schema, f"{kind}T")()
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        for option, value in options.items():
            setattr(operator.builtinOptions, option, value)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        self.model.subgraphs[-1].operators.append(operator)

    def ends(self, first: int, last: int) -> None:
        graph = self.model.subgraphs[-1]
        graph.inputs, graph.outputs = np.array([first], np.int32), np.array([last], np.int32)

    def write(self, path: Path) -> None:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))


def write_filling(path: Path, side: int = 100_000) -> None:
    """Write a network that fills an array of some side with one number: 40 GB."""
    file = _File()
    file.subgraph()
    source = file.tensor(1, 4)
    shape = file.tensor(2, kind=KIND.INT32, data=np.array([side, side], np.int32))
    number, filled = file.tensor(data=np.zeros((), np.float32)), file.tensor(1, 1)
    file.add("fill", [shape, number], filled)
    file.ends(source, filled)
    file.write(path)


def write_convolutions(path: Path, number: int = 100) -> None:
    """Write a network of convolutions over one small kernel, each of which wants memory."""
    file, channels, side = _File(), 64, 1024
    file.subgraph()
    source = last = file.tensor(1, side, side, channels)
    kernel = np.zeros((channels, 3, 3, channels), np.float32)
    weights = [
        file.tensor(*kernel.shape, data=kernel),
        file.tensor(channels, data=np.zeros(channels, np.float32)),
    ]
    options = {"padding": 0} | dict.fromkeys(
        ("strideH", "strideW", "dilationHFactor", "dilationWFactor"), 1
    )
    for _ in range(number):
        output = file.tensor(1, side, side, channels)
        file.add("conv_2d", [last, *weights], output, **options)
        last = output
    file.ends(source, last)
    file.write(path)


def write_loop(path: Path, *, of_itself: bool) -> None:
    """Write a network with a loop that has no end, or whose body is the network itself."""
    file = _File()
    file.subgraph()
    source, output = file.tensor(1, 4), file.tensor(1, 4)
    body = 0 if of_itself else 2
    file.add("while", [source], output, condSubgraphIndex=1, bodySubgraphIndex=body)
    file.ends(source, output)
    file.subgraph()
    unused, true = file.tensor(1, 4), file.tensor(kind=KIND.BOOL, data=np.array(True))
    answer = file.tensor(kind=KIND.BOOL)
    file.add("logical_and", [true, true], answer)
    file.ends(unused, answer)
    file.subgraph()
    before, after = file.tensor(1, 4), file.tensor(1, 4)
    file.add("neg", [before], after)
    file.ends(before, after)
    file.write(path)
