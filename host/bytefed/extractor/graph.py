"""A feature extractor's graph: tensors and operators as a .tflite file declares them, made from its tables.

This module makes sure that every index names something that exists, and that each operator reads only what was
computed before. The module `operators` checks that operators do what they declare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.quantization import Quantization
from bytefed.extractor.tflite import Table, corrupt, unsupported

MAX_ELEMENTS = 1 << 18
"""The largest tensor, in elements: as many as the boards have bytes of RAM."""

_INT32, _INT8 = 2, 9
_TYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 5: "strings", 6: "bool", 7: "int16", 9: "int8",
    10: "float64",
}  # fmt: skip
_NAMES = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE",
    9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 21: "RELU6", 22: "RESHAPE",
    25: "SOFTMAX", 27: "SVDF", 28: "TANH", 32: "CUSTOM", 34: "PAD", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB",
    43: "SQUEEZE", 44: "UNIDIRECTIONAL_SEQUENCE_LSTM", 45: "STRIDED_SLICE", 49: "SPLIT", 53: "CAST", 70: "EXPAND_DIMS",
    77: "SHAPE", 83: "PACK", 98: "LEAKY_RELU", 114: "QUANTIZE", 117: "HARD_SWISH",
}  # fmt: skip

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """One tensor of the graph.

    Attributes:
        name: Its name in the file.
        shape: Dimensions, each at least 1.
        int8: True for int8, False for int32.
        constant: int8 or int32 array of that shape; None where the value is computed.
        scales: float32, the real value of a step: one, or one for each slice along `axis`.
        zero_points: int64, the code of 0.0: as many as scales.
        axis: The axis that several scales run along.
    """

    name: str
    shape: Shape
    int8: bool
    constant: NDArray[np.int8] | NDArray[np.int32] | None
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def quantization(self) -> Quantization:
        """The quantisation of a tensor that has one scale."""
        return Quantization(float(self.scales[0]), int(self.zero_points[0]))


@dataclass(frozen=True)
class Operator:
    """One step of the graph.

    Attributes:
        name: Its name in the schema, such as CONV_2D.
        inputs: The tensors that it reads; None for an absent bias.
        output: The tensor that it computes.
        options_type: Number of the kind of its options; 0 if it has none.
        options: Its options, as in the schema; None if it has none.
    """

    name: str
    inputs: tuple[Tensor | None, ...]
    output: Tensor
    options_type: int
    options: Table | None

    def activation(self, number: int = 0) -> Tensor:
        """Return input `number`, which must be int8 with one scale."""
        tensor = self.inputs[number] if number < len(self.inputs) else None
        if tensor is None or not tensor.int8 or len(tensor.scales) != 1:
            raise corrupt(f"{self.name} lacks an int8 input")
        return tensor

    def constant(self, number: int, int8: bool) -> Tensor:
        """Return input `number`, which must be a constant of that type."""
        tensor = self.inputs[number] if number < len(self.inputs) else None
        if tensor is None or tensor.constant is None or tensor.int8 is not int8:
            raise corrupt(f"{self.name} lacks constant weights of the right type as input {number}")
        return tensor


@dataclass(frozen=True)
class Graph:
    """The graph of a feature extractor.

    Attributes:
        input: Its input, int8 [1, ...] if it passes `check`.
        output: Its output, int8 [1, ...] with D elements in all.
        operators: Its operators in the order of execution.
    """

    input: Tensor
    output: Tensor
    operators: tuple[Operator, ...]

    @property
    def op_names(self) -> list[str]:
        """The names of the distinct operators, sorted: a board's resolver must hold all of them."""
        return sorted({operator.name for operator in self.operators})


def operator_names(model: Table) -> list[str]:
    """Return the names of a model's operators, in the order of execution.

    Raises:
        ModelError: E_MODEL_CORRUPT for an operator whose code does not exist.
    """
    return [
        _op_name(table["opcode"], model["operator_codes"]) for table in model["subgraphs"][0]["operators"]
    ]


def graph_of(model: Table, names: list[str]) -> Graph:
    """Return the graph of a model.

    Args:
        model: The tables that `tflite.read` returned, with one subgraph of one input and one output.
        names: Names of its operators.

    Raises:
        ModelError: E_MODEL_CORRUPT for a graph that contradicts itself, E_MODEL_UNSUPPORTED for tensors that boards
            don't have.
    """
    table = model["subgraphs"][0]
    tensors = [_tensor(one, model["buffers"]) for one in table["tensors"]]
    entry = tensors[_index(table["inputs"][0], tensors)]
    exit_ = tensors[_index(table["outputs"][0], tensors)]
    return Graph(entry, exit_, tuple(_operators(model, names, tensors, entry)))


def _index(number: int, items: list[Tensor]) -> int:
    if not 0 <= number < len(items):
        raise corrupt(f"tensor {number} does not exist")
    return int(number)


def _tensor(table: Table, buffers: list[Table]) -> Tensor:
    """Return one tensor, with its constant if it has one."""
    name, shape = table["name"], tuple(int(n) for n in table["shape"])
    free = [axis for axis, n in enumerate(table["shape_signature"]) if n == -1]
    if free and (free != [0] or shape[:1] != (1,)):
        raise unsupported(f"the shape of tensor '{name}' is not fixed")
    if table["is_variable"]:
        raise unsupported(f"tensor '{name}' keeps its value from one inference to the next")
    if len(shape) > 4 or any(n < 1 for n in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise unsupported(f"tensor '{name}' has the shape {shape}")
    if table["type"] not in (_INT8, _INT32):
        kind = _TYPES.get(table["type"], f"of type {table['type']}")
        raise unsupported(f"tensor '{name}' is {kind}, neither int8 nor int32")
    if table["buffer"] >= len(buffers):
        raise corrupt(f"tensor '{name}' names a buffer that does not exist")
    int8 = table["type"] == _INT8
    constant = _constant(name, buffers[table["buffer"]]["data"], shape, int8)
    scales, zero_points, axis = _scales(name, table["quantization"], shape, int8=int8)
    if int8 and not len(scales):
        raise unsupported(f"the int8 tensor '{name}' has no scale")
    return Tensor(name, shape, int8, constant, scales, zero_points, axis)


def _constant(
    name: str, data: NDArray[np.uint8], shape: Shape, int8: bool
) -> NDArray[np.int8] | NDArray[np.int32] | None:
    """Return the tensor's buffer as an array; None if the buffer is empty."""
    if not len(data):
        return None
    if len(data) != math.prod(shape) * (1 if int8 else 4):
        raise corrupt(f"the data of tensor '{name}' does not fit its shape {shape}")
    if int8:
        return data.view(np.int8).reshape(shape)
    return data.view("<i4").reshape(shape)


def _scales(
    name: str, table: Table | None, shape: Shape, *, int8: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Return (scales, zero points, axis) of a tensor; the arrays are empty if it has none."""
    if table is None or not len(table["scale"]):
        return np.empty(0, np.float32), np.empty(0, np.int64), 0
    scales, zero_points, axis = table["scale"], table["zero_point"], table["axis"]
    if table["details_type"] != 0:
        raise unsupported(f"tensor '{name}' is quantised in a way of its own")
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise corrupt(f"tensor '{name}' has a scale that is not a positive number")
    if len(zero_points) != len(scales) or (zero_points < -128).any() or (zero_points > 127).any():
        raise corrupt(f"the zero points of tensor '{name}' do not fit its scales")
    if not int8 and len(shape) == 1:
        axis = 0  # a bias has no other axis, whatever the file says: no runtime reads that
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        raise corrupt(f"tensor '{name}' has {len(scales)} scales for the shape {shape}")
    return scales, zero_points, axis


def _operators(model: Table, names: list[str], tensors: list[Tensor], entry: Tensor) -> list[Operator]:
    """Return the operators in order; each reads only tensors that were there before, and makes one new tensor."""
    ready = {id(tensor) for tensor in tensors if tensor.constant is not None} | {id(entry)}
    operators = []
    for name, table in zip(names, model["subgraphs"][0]["operators"], strict=True):
        inputs = tuple(None if n == -1 else tensors[_index(n, tensors)] for n in table["inputs"])
        if len(table["outputs"]) != 1:
            raise corrupt(f"{name} has {len(table['outputs'])} outputs")
        output = tensors[_index(table["outputs"][0], tensors)]
        if any(tensor is not None and id(tensor) not in ready for tensor in inputs):
            raise corrupt(f"{name} reads a tensor before it is computed")
        if id(output) in ready or not output.int8 or len(output.scales) != 1:
            raise corrupt(f"{name} writes a tensor that it must not write")
        ready.add(id(output))
        operators.append(Operator(name, inputs, output, table["options_type"], table["options"]))
    return operators


def _op_name(opcode: int, codes: list[Table]) -> str:
    if opcode >= len(codes):
        raise corrupt(f"operator code {opcode} does not exist")
    # Files made before 2020 have the code only in the older, narrower field.
    number = max(codes[opcode]["code"], codes[opcode]["deprecated_code"])
    return _NAMES.get(number, f"operator {number}")
