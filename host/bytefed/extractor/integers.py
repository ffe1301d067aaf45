"""Extractors in whole numbers, by numpy alone: the same bits as TensorFlow Lite Micro, where that has no package.

Every operator that boards run (`operators.RULES`) is here, on many inputs at once. Sums of products are made in
float64, which holds each of them exactly, whatever the order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.fixed_point import rescaled
from bytefed.extractor.graph import Graph, Operator, Tensor
from bytefed.extractor.quantization import INT8_MAX, INT8_MIN
from bytefed.extractor.tflite import Table

Codes = NDArray[np.int8]
Compute = Callable[[Operator, Codes], Codes]
_AT_ONCE = 64  # inputs
_SAME, _RELU, _RELU6 = 0, 1, 3


def run(graph: Graph, inputs: Codes, *, on_boards: bool = False) -> Codes:
    """Return the outputs of a graph that has been checked.

    Args:
        graph: The graph.
        inputs: int8 [n, ...].
        on_boards: Whether as the library of boards does it, which multiplies scales of FULLY_CONNECTED in float32.

    Returns:
        int8 [n, size of the output].
    """
    operators = OPERATORS | {"FULLY_CONNECTED": _fully_connected_on_boards} if on_boards else OPERATORS
    starts = range(0, len(inputs), _AT_ONCE)
    parts = [_run(graph, inputs[start : start + _AT_ONCE], operators) for start in starts]
    return np.concatenate(parts) if parts else np.empty((0, graph.output.size), np.int8)


def _run(graph: Graph, inputs: Codes, operators: Mapping[str, Compute]) -> Codes:
    values: dict[int, Codes] = {id(graph.input): inputs}
    for operator in graph.operators:
        source = values[id(operator.activation())]
        values[id(operator.output)] = operators[operator.name](operator, source)
    return values[id(graph.output)].reshape(len(inputs), -1)


def _conv(operator: Operator, source: Codes) -> Codes:
    weights = _weights(operator)
    across = weights.reshape(len(weights), -1).T
    products = _windows_by(operator, source, weights.shape[1:3], lambda window: window)
    return _codes(operator, products.reshape(*products.shape[:3], -1) @ across, _by_channel(operator))


def _depthwise(operator: Operator, source: Codes) -> Codes:
    weights = _weights(operator)[0]
    times = _options(operator)["depth_multiplier"]
    windows = _windows_by(operator, source, weights.shape[:2], lambda window: np.repeat(window, times, -1))
    return _codes(operator, np.einsum("nyxhwc,hwc->nyxc", windows, weights), _by_channel(operator))


def _fully_connected(operator: Operator, source: Codes) -> Codes:
    return _codes(operator, _sums(operator, source), _by_channel(operator))


def _fully_connected_on_boards(operator: Operator, source: Codes) -> Codes:
    return _codes(operator, _sums(operator, source), np.array([ratios(operator)[1]]))


def _sums(operator: Operator, source: Codes) -> NDArray[np.float64]:
    return _centred(operator, source.reshape(len(source), -1)) @ _weights(operator).T


def _average(operator: Operator, source: Codes) -> Codes:
    inside = [list(_places(operator, axis, length)) for axis, length in enumerate(source.shape[1:3])]
    means = np.empty((len(source), len(inside[0]), len(inside[1]), source.shape[3]), np.int64)
    for y, rows in enumerate(inside[0]):
        for x, columns in enumerate(inside[1]):
            count = len(rows) * len(columns)
            sums = source[:, rows][:, :, columns].astype(np.int64).sum(axis=(1, 2))
            means[:, y, x] = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    return _clamped(operator, means)


def _largest(operator: Operator, source: Codes) -> Codes:
    inside = [list(_places(operator, axis, length)) for axis, length in enumerate(source.shape[1:3])]
    rows = np.stack([source[:, row].max(axis=1) for row in inside[0]], axis=1)
    both = np.stack([rows[:, :, column].max(axis=2) for column in inside[1]], axis=2)
    return _clamped(operator, both.astype(np.int64))


def _reshape(operator: Operator, source: Codes) -> Codes:
    return source.reshape(len(source), *operator.output.shape[1:])


OPERATORS: dict[str, Compute] = {
    "AVERAGE_POOL_2D": _average,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _largest,
    "RESHAPE": _reshape,
}
"""Operator name -> the function that computes it: int8 [n, ...] -> int8 [n, ...]."""


def ratios(operator: Operator) -> tuple[float, float]:
    """Return the ratio of scales of a FULLY_CONNECTED of one scale: here, and on boards.

    Boards: `GetQuantizedConvolutionMultipler` in TFLM's kernel_util.cpp multiplies the two in float32.
    """
    source, weights = (
        np.float32(each.scales[0]) for each in (operator.activation(), operator.constant(1, int8=True))
    )
    output = float(operator.output.scales[0])
    return float(source) * float(weights) / output, float(source * weights) / output


def _options(operator: Operator) -> Table:
    return operator.options or {}


def _weights(operator: Operator) -> NDArray[np.float64]:
    constant = operator.constant(1, int8=True).constant
    return np.empty(0) if constant is None else constant.astype(np.float64)


def _centred(operator: Operator, source: Codes) -> NDArray[np.float64]:
    return source.astype(np.float64) - float(operator.activation().zero_points[0])


def _by_channel(operator: Operator) -> NDArray[np.float64]:
    """Return the ratio of scales of each channel, or of all; the runtime has float32, and calculates in double."""
    weights: Tensor = operator.constant(1, int8=True)
    source, output = (np.float64(tensor.scales[0]) for tensor in (operator.activation(), operator.output))
    ratios: NDArray[np.float64] = source * weights.scales.astype(np.float64) / output
    return ratios


def _places(operator: Operator, axis: int, length: int, *, reach: int = 0) -> Iterator[NDArray[np.int64]]:
    """Yield the positions along height (0) or width (1) that each output looks at; those outside are left out.

    Args:
        operator: The operator.
        axis: Height or width.
        length: Positions that there are.
        reach: Positions of a window, of which those outside stay in; 0 for a pool's own without those.
    """
    options, side = _options(operator), "hw"[axis]
    stride, dilation = options[f"stride_{side}"], options.get(f"dilation_{side}", 1)
    size = reach or options[f"filter_{side}"]
    steps = operator.output.shape[1 + axis]
    covered = (size - 1) * dilation + 1
    before = max((steps - 1) * stride + covered - length, 0) // 2 if options["padding"] == _SAME else 0
    for step in range(steps):
        places = step * stride - before + np.arange(size) * dilation
        yield places if reach else places[(places >= 0) & (places < length)]


def _windows_by(
    operator: Operator,
    source: Codes,
    window: tuple[int, ...],
    form: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the inputs of each output, 0.0 outside the picture: float64 [n, height, width, *window, channels]."""
    rows, columns = (
        np.stack([*_places(operator, axis, source.shape[1 + axis], reach=reach)])
        for axis, reach in enumerate(window)
    )
    margin = [(-int(min(each.min(), 0)), int(each.max())) for each in (rows, columns)]
    around = [
        (before, max(last - length + 1, 0))
        for (before, last), length in zip(margin, source.shape[1:3], strict=True)
    ]
    padded = np.pad(form(_centred(operator, source)), ((0, 0), *around, (0, 0)))
    rows, columns = rows + around[0][0], columns + around[1][0]
    return padded[:, rows[:, np.newaxis, :, np.newaxis], columns[np.newaxis, :, np.newaxis, :]]


def _codes(operator: Operator, sums: NDArray[np.float64], scales: NDArray[np.float64]) -> Codes:
    """Return the codes of sums of products, with the bias: rescaled, moved to the zero point, clamped."""
    whole = sums.astype(np.int64)
    if (
        len(operator.inputs) == 3
        and operator.inputs[2] is not None
        and operator.inputs[2].constant is not None
    ):
        whole += operator.inputs[2].constant.astype(np.int64)
    return _clamped(operator, rescaled(whole, scales) + int(operator.output.zero_points[0]))


def _clamped(operator: Operator, codes: NDArray[np.int64]) -> Codes:
    """Return codes within the range of the operator's activation."""
    scale, zero = np.float32(operator.output.scales[0]), int(operator.output.zero_points[0])
    activation = _options(operator).get("activation", 0)
    low = max(INT8_MIN, zero) if activation in (_RELU, _RELU6) else INT8_MIN
    high = (
        min(INT8_MAX, zero + math.floor(float(np.float32(6.0) / scale) + 0.5))
        if activation == _RELU6
        else INT8_MAX
    )
    return np.clip(codes, low, high).astype(np.int8)
