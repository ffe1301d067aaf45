"""How far a model's dense layers may part from boards, whose library multiplies their scales in float32.

The host, as TensorFlow Lite Micro's package, multiplies them in float64. The 31-bit factors then differ by some dozens
of units in the last place at most, so a code may be one step off where a sum lies next to a half
(docs/boards/libraries.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ModelError
from bytefed.extractor import integers
from bytefed.extractor.fixed_point import rescaled
from bytefed.extractor.graph import Graph, Operator
from bytefed.extractor.quantization import INT8_MAX, INT8_MIN

_INT32 = 2**31 - 1
_CODES = 256


@dataclass(frozen=True)
class Layer:
    """A FULLY_CONNECTED layer on boards.

    Attributes:
        number: Its number among the model's operators, from 1.
        sums: Sums of products that its output can tell apart.
        apart: How many of these get another code on boards.
        most: Steps between the two codes, at most.
    """

    number: int
    sums: int
    apart: int
    most: int


def layers(graph: Graph) -> list[Layer]:
    """Return the dense layers of a graph that has been checked, in the order of execution."""
    return [
        _layer(number, operator)
        for number, operator in enumerate(graph.operators, start=1)
        if operator.name == "FULLY_CONNECTED"
    ]


def check(graph: Graph, inputs: NDArray[np.int8]) -> None:
    """Refuse a model whose features boards compute otherwise from these inputs.

    Args:
        graph: A graph that has been checked.
        inputs: int8 [n, ...], those of its golden values.

    Raises:
        ModelError: E_MODEL_SCALES.
    """
    if all(layer.apart == 0 for layer in layers(graph)):
        return
    apart = integers.run(graph, inputs) != integers.run(graph, inputs, on_boards=True)
    if apart.any():
        raise ModelError(
            "E_MODEL_SCALES",
            f"Boards would compute {int(apart.sum()):,} of {apart.size:,} features otherwise than this computer: their "
            "library multiplies the scales of dense layers in float32, and these scales don't bear it.",
            "Convert the model again with other representative samples, which gives it other scales.",
        )


def _layer(number: int, operator: Operator) -> Layer:
    here, board = integers.ratios(operator)
    zero = int(operator.output.zero_points[0])
    most = min(int(_CODES / here) + 2, _INT32)
    sums = near_halves(here, most)
    codes = [np.clip(rescaled(sums, np.array([each])) + zero, INT8_MIN, INT8_MAX) for each in (here, board)]
    apart = np.abs(codes[0] - codes[1])
    return Layer(number, 2 * most + 1, int((apart > 0).sum()), int(apart.max(initial=0)))


def near_halves(ratio: float, most: int) -> NDArray[np.int64]:
    """Return the sums up to `most` either way at which two ratios can part that agree in 23 bits.

    These are the ones next to where the code changes: a half, times the ratio's inverse.
    """
    halves = np.rint((np.arange(-_CODES, _CODES + 1) + 0.5) / ratio).astype(np.int64)
    reach = 4 + (most >> 22)
    sums = np.unique(halves[:, np.newaxis] + np.arange(-reach, reach + 1))
    near: NDArray[np.int64] = sums[np.abs(sums) <= most]
    return near
