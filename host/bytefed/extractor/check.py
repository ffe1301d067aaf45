"""What a feature extractor may be: one int8 graph, batch 1, from one input to D features.

The TFLM interpreter and the boards' kernels check little of what an operator's parameters mean. So the
shapes of every operator are computed here and compared with what the file declares; a graph that gets past
these rules runs the same on the host and on a board.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ModelError
from bytefed.extractor.quantization import Quantization
from bytefed.extractor.tflite import Table, corrupt

MAX_FEATURES = 4096
MAX_ELEMENTS = 1 << 18
"""The largest tensor, in elements: as many bytes as the boards have of RAM."""
MAX_MULTIPLY_ACCUMULATES = 100_000_000
"""The most work for one inference: about a minute on a 64 MHz Cortex-M4."""

_INT32, _INT8 = 2, 9
_OPCODES = {
    1: "AVERAGE_POOL_2D", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 9: "FULLY_CONNECTED",
    17: "MAX_POOL_2D", 22: "RESHAPE",
}  # fmt: skip
# Not MEAN: the Arduino libraries' kernels of 2023 round its change of scale otherwise than today's runtime.
_SAME, _VALID = 0, 1
_ACTIVATIONS = (0, 1, 3)  # none, ReLU, ReLU6: what both Arduino TFLM libraries fuse
# What the converter notes about itself. Other names are orders to the interpreter: memory plans, compression.
_METADATA = ("min_runtime_version", "CONVERSION_METADATA")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """One tensor of the graph.

    Attributes:
        name: As in the file.
        shape: Dimensions, each at least 1.
        int8: True for int8, False for int32.
        constant: int8 or int32 array of that shape; None where the value is computed.
        scales: Real value of a step: one, or one a slice along `axis`; float32.
        zero_points: As many as scales.
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
        """The code of a tensor with one scale."""
        return Quantization(float(self.scales[0]), int(self.zero_points[0]))


@dataclass(frozen=True)
class Operator:
    """One step of the graph: inputs are tensors (None for an absent bias), `options` as in the schema."""

    name: str
    inputs: tuple[Tensor | None, ...]
    output: Tensor
    options: Table

    def activation(self, number: int = 0) -> Tensor:
        """Input `number`, which must be int8 with one scale."""
        tensor = self.inputs[number] if number < len(self.inputs) else None
        if tensor is None or not tensor.int8 or len(tensor.scales) != 1:
            raise corrupt(f"{self.name} lacks an int8 input")
        return tensor

    def constant(self, number: int, int8: bool) -> Tensor:
        """Input `number`, which must be a constant of that type."""
        tensor = self.inputs[number] if number < len(self.inputs) else None
        if tensor is None or tensor.constant is None or tensor.int8 is not int8:
            raise corrupt(f"{self.name} lacks constant weights of the right type as input {number}")
        return tensor


@dataclass(frozen=True)
class Graph:
    """A feature extractor's graph, found sound.

    Attributes:
        input: int8 [1, ...].
        output: int8 [1, D].
        operators: In the order of execution.
    """

    input: Tensor
    output: Tensor
    operators: tuple[Operator, ...]

    @property
    def op_names(self) -> list[str]:
        """The distinct operators, sorted: what a board's resolver must hold."""
        return sorted({operator.name for operator in self.operators})


def check(model: Table) -> Graph:
    """Find a model sound, or refuse it.

    Args:
        model: What `tflite.read` returned.

    Returns:
        The graph.

    Raises:
        ModelError: E_MODEL_CORRUPT for a graph that contradicts itself, E_MODEL_UNSUPPORTED for one that
            boards can't run, E_MODEL_PER_CHANNEL for weights that they would silently run wrong.
    """
    if model["version"] != 3 or len(model["subgraphs"]) != 1:
        raise unsupported("it must be of schema version 3 and have one subgraph")
    if any(note["name"] not in _METADATA for note in model["metadata"]):
        raise unsupported("it holds metadata that would steer the interpreter")
    graph = model["subgraphs"][0]
    if len(graph["inputs"]) != 1 or len(graph["outputs"]) != 1:
        raise unsupported("it must have one input and one output")
    tensors = [_tensor(table, model["buffers"]) for table in graph["tensors"]]
    entry = tensors[_index(graph["inputs"][0], tensors)]
    exit_ = tensors[_index(graph["outputs"][0], tensors)]
    operators = tuple(_operators(model, tensors, entry))
    _check_ends(entry, exit_, operators)
    work = sum(_check_operator(operator) for operator in operators)
    if work > MAX_MULTIPLY_ACCUMULATES:
        raise unsupported(f"one inference takes {work:,} multiply-accumulates")
    return Graph(entry, exit_, operators)


def unsupported(what: str) -> ModelError:
    """The error for a valid model that can't be a feature extractor here."""
    return ModelError(
        "E_MODEL_UNSUPPORTED",
        f"The model cannot be a feature extractor: {what}.",
        "Convert it to full int8 with a batch fixed at 1, as models/README.md shows.",
    )


def _index(number: int, items: list[Tensor]) -> int:
    if not 0 <= number < len(items):
        raise corrupt(f"tensor {number} does not exist")
    return int(number)


def _tensor(table: Table, buffers: list[Table]) -> Tensor:
    """One tensor, with its constant where it has one."""
    name, shape = table["name"], tuple(int(n) for n in table["shape"])
    if any(n == -1 for n in table["shape_signature"]):
        raise unsupported(f"the batch of tensor '{name}' is not fixed")
    if len(shape) > 4 or any(n < 1 for n in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise unsupported(f"tensor '{name}' has the shape {shape}")
    if table["type"] not in (_INT8, _INT32):
        raise unsupported(f"tensor '{name}' is neither int8 nor int32")
    if table["buffer"] >= len(buffers):
        raise corrupt(f"tensor '{name}' names a buffer that does not exist")
    int8 = table["type"] == _INT8
    constant = _constant(name, buffers[table["buffer"]]["data"], shape, int8)
    scales, zero_points, axis = _scales(name, table["quantization"], shape)
    if int8 and not len(scales):
        raise unsupported(f"the int8 tensor '{name}' has no scale")
    return Tensor(name, shape, int8, constant, scales, zero_points, axis)


def _constant(
    name: str, data: NDArray[np.uint8], shape: Shape, int8: bool
) -> NDArray[np.int8] | NDArray[np.int32] | None:
    """The tensor's buffer as an array; None where the buffer is empty."""
    if not len(data):
        return None
    if len(data) != math.prod(shape) * (1 if int8 else 4):
        raise corrupt(f"the data of tensor '{name}' does not fit its shape {shape}")
    if int8:
        return data.view(np.int8).reshape(shape)
    return data.view("<i4").reshape(shape)


def _scales(
    name: str, table: Table | None, shape: Shape
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """(scales, zero points, axis) of a tensor; empty arrays where it has none."""
    if table is None or not len(table["scale"]):
        return np.empty(0, np.float32), np.empty(0, np.int64), 0
    scales, zero_points, axis = table["scale"], table["zero_point"], table["axis"]
    if table["details_type"] != 0:
        raise unsupported(f"tensor '{name}' is quantised in a way of its own")
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise corrupt(f"tensor '{name}' has a scale that is not a positive number")
    if len(zero_points) != len(scales) or (zero_points < -128).any() or (zero_points > 127).any():
        raise corrupt(f"the zero points of tensor '{name}' do not fit its scales")
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        raise corrupt(f"tensor '{name}' has {len(scales)} scales for the shape {shape}")
    return scales, zero_points, axis


def _operators(model: Table, tensors: list[Tensor], entry: Tensor) -> list[Operator]:
    """The operators in order; each reads only what was there before, and makes one new tensor."""
    ready = {id(tensor) for tensor in tensors if tensor.constant is not None} | {id(entry)}
    operators = []
    for table in model["subgraphs"][0]["operators"]:
        name = _op_name(table["opcode"], model["operator_codes"])
        inputs = tuple(None if n == -1 else tensors[_index(n, tensors)] for n in table["inputs"])
        if len(table["outputs"]) != 1:
            raise corrupt(f"{name} has {len(table['outputs'])} outputs")
        output = tensors[_index(table["outputs"][0], tensors)]
        if any(tensor is not None and id(tensor) not in ready for tensor in inputs):
            raise corrupt(f"{name} reads a tensor before it is computed")
        if id(output) in ready or not output.int8 or len(output.scales) != 1:
            raise corrupt(f"{name} writes a tensor that it must not write")
        ready.add(id(output))
        operators.append(Operator(name, inputs, output, _options(name, table)))
    return operators


def _options(name: str, table: Table) -> Table:
    """An operator's options, which must be its own kind's; RESHAPE alone may have none."""
    kind, options = table["options_type"], table["options"]
    if kind == 0 and options is None and name == "RESHAPE":
        return {}
    if kind != _RULES[name][0] or options is None:
        raise corrupt(f"{name} lacks its options, or has those of another operator")
    if options.get("activation", 0) not in _ACTIVATIONS:
        raise unsupported(f"{name} fuses an activation that is neither ReLU nor ReLU6")
    return dict(options)


def _op_name(opcode: int, codes: list[Table]) -> str:
    if opcode >= len(codes):
        raise corrupt(f"operator code {opcode} does not exist")
    # Files made before 2020 have the code in the older, narrower field alone.
    number = max(codes[opcode]["code"], codes[opcode]["deprecated_code"])
    if number not in _OPCODES:
        raise unsupported(f"operator {number} is none of {', '.join(sorted(_OPCODES.values()))}")
    return _OPCODES[number]


def _check_ends(entry: Tensor, exit_: Tensor, operators: tuple[Operator, ...]) -> None:
    if not operators or operators[-1].output is not exit_:
        raise corrupt("its last operator does not make its output")
    if not entry.int8 or len(entry.scales) != 1 or entry.constant is not None:
        raise unsupported("its input must be int8 with one scale")
    if len(entry.shape) < 2 or entry.shape[0] != 1:
        raise unsupported(f"its input has the shape {entry.shape}; the batch must be 1")
    if len(exit_.shape) != 2 or exit_.shape[0] != 1 or exit_.size > MAX_FEATURES:
        raise unsupported(
            f"its output has the shape {exit_.shape}; [1, D] with D <= {MAX_FEATURES} is needed"
        )


def _check_operator(operator: Operator) -> int:
    """Compare an operator's declared output with its inputs; its multiply-accumulates."""
    _, rule = _RULES[operator.name]
    shape, work = rule(operator)
    if shape != operator.output.shape:
        raise corrupt(f"{operator.name} makes {shape} but declares {operator.output.shape}")
    return work


def _conv(operator: Operator) -> tuple[Shape, int]:
    source, weights = operator.activation(), operator.constant(1, int8=True)
    if len(source.shape) != 4 or len(weights.shape) != 4 or weights.shape[3] != source.shape[3]:
        raise corrupt("CONV_2D's weights do not fit its input")
    channels = weights.shape[0]
    _check_weights(operator, weights, channels, axis=0)
    height, width = _window(operator, source.shape, weights.shape[1:3], dilated=True)
    return (1, height, width, channels), height * width * weights.size


def _depthwise(operator: Operator) -> tuple[Shape, int]:
    source, weights = operator.activation(), operator.constant(1, int8=True)
    if len(source.shape) != 4 or len(weights.shape) != 4 or weights.shape[0] != 1:
        raise corrupt("DEPTHWISE_CONV_2D's weights do not fit its input")
    channels = weights.shape[3]
    if channels != source.shape[3] * operator.options["depth_multiplier"]:
        raise corrupt("DEPTHWISE_CONV_2D's depth multiplier does not fit its weights")
    _check_weights(operator, weights, channels, axis=3)
    height, width = _window(operator, source.shape, weights.shape[1:3], dilated=True)
    return (1, height, width, channels), height * width * weights.size


def _fully_connected(operator: Operator) -> tuple[Shape, int]:
    source, weights = operator.activation(), operator.constant(1, int8=True)
    if len(weights.shape) != 2 or weights.shape[1] != source.size:
        raise corrupt("FULLY_CONNECTED's weights do not fit its input")
    if operator.options["weights_format"] or operator.options["asymmetric_inputs"]:
        raise unsupported("FULLY_CONNECTED has shuffled weights or asymmetric inputs")
    if len(weights.scales) != 1:
        raise ModelError(
            "E_MODEL_PER_CHANNEL",
            f"The FullyConnected weights '{weights.name}' have {len(weights.scales)} scales; "
            "boards would take the first for all and compute wrong features.",
            "Convert with converter._experimental_disable_per_channel_quantization_for_dense_layers = True.",
        )
    _check_weights(operator, weights, weights.shape[0], axis=0)
    return (1, weights.shape[0]), weights.size


def _pool(operator: Operator) -> tuple[Shape, int]:
    source = operator.activation()
    if len(source.shape) != 4 or source.quantization != operator.output.quantization:
        raise corrupt(f"{operator.name}'s input and output do not fit")
    window = operator.options["filter_h"], operator.options["filter_w"]
    height, width = _window(operator, source.shape, window, dilated=False)
    return (1, height, width, source.shape[3]), height * width * source.shape[3] * math.prod(window)


def _reshape(operator: Operator) -> tuple[Shape, int]:
    source = operator.activation()
    if len(operator.inputs) > 1:
        declared = operator.constant(1, int8=False)
        if declared.constant is None or declared.constant.ravel().tolist() != list(operator.output.shape):
            raise corrupt("RESHAPE's target is not the shape of its output")
    if source.size != operator.output.size or source.quantization != operator.output.quantization:
        raise corrupt("RESHAPE's input and output do not fit")
    return operator.output.shape, 0


_RULES: dict[str, tuple[int, Callable[[Operator], tuple[Shape, int]]]] = {
    "AVERAGE_POOL_2D": (5, _pool),
    "CONV_2D": (1, _conv),
    "DEPTHWISE_CONV_2D": (2, _depthwise),
    "FULLY_CONNECTED": (8, _fully_connected),
    "MAX_POOL_2D": (5, _pool),
    "RESHAPE": (17, _reshape),
}
"""Operator -> (type number of its options, function to output shape and multiply-accumulates)."""


def _check_weights(operator: Operator, weights: Tensor, channels: int, axis: int) -> None:
    """Weights: symmetric, one scale or one a channel. Bias: int32, a value and a scale a channel."""
    if weights.zero_points.any() or (len(weights.scales) > 1 and weights.axis != axis):
        raise unsupported(f"{operator.name}'s weights are not symmetric along their channels")
    if len(operator.inputs) > 3:
        raise corrupt(f"{operator.name} has {len(operator.inputs)} inputs")
    source = operator.activation()
    products = weights.scales.astype(np.float64) * source.scales
    _check_multiplier(operator, products / operator.output.scales)
    if len(operator.inputs) == 3 and operator.inputs[2] is not None:
        bias = operator.constant(2, int8=False)
        if bias.shape != (channels,) or bias.zero_points.any() or len(bias.scales) != len(products):
            raise corrupt(f"{operator.name}'s bias does not fit its weights")
        if not np.allclose(bias.scales, products, rtol=1e-3, atol=0.0):
            raise corrupt(f"{operator.name}'s bias is not in units of input scale x weight scale")


def _check_multiplier(operator: Operator, multipliers: NDArray[np.float64]) -> None:
    """Kernels turn the ratio of scales into a 32-bit fraction and a shift; keep it where that is sound."""
    if not ((multipliers > 2.0**-30) & (multipliers < 2.0**10)).all():
        raise corrupt(f"{operator.name}'s scales differ by too much")


def _window(operator: Operator, shape: Shape, window: Shape, *, dilated: bool) -> tuple[int, int]:
    """(height, width) of what a sliding window makes of an input [1, height, width, channels]."""
    options = operator.options
    sizes = []
    for axis, side in enumerate("hw"):
        length, reach = shape[1 + axis], window[axis]
        stride, dilation = options[f"stride_{side}"], options[f"dilation_{side}"] if dilated else 1
        if not (1 <= stride <= 64 and 1 <= dilation <= 64 and 1 <= reach <= 256):
            raise corrupt(f"{operator.name} has a stride, dilation or window out of range")
        covered = (reach - 1) * dilation + 1
        if options["padding"] == _SAME:
            sizes.append(-(-length // stride))
        elif options["padding"] == _VALID and covered <= length:
            sizes.append((length - covered) // stride + 1)
        else:
            raise corrupt(f"{operator.name}'s window is larger than its input")
    return sizes[0], sizes[1]
