"""The rules for each operator that boards run: its options, its weights, and the shape of its output.

The TFLM interpreter and the boards' kernels check little of what an operator's parameters mean. So the output shape
of every operator is computed here and compared with the shape that the file declares.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ModelError
from bytefed.extractor.graph import Operator, Shape, Tensor
from bytefed.extractor.tflite import Table, corrupt, unsupported

_SAME, _VALID = 0, 1
_ACTIVATIONS = (0, 1, 3)  # none, ReLU, ReLU6: those that both Arduino TFLM libraries fuse


def check(operator: Operator) -> int:
    """Compare an operator's declared output with its inputs.

    Returns:
        The number of its multiply-accumulates.

    Raises:
        ModelError: E_MODEL_CORRUPT, E_MODEL_UNSUPPORTED or E_MODEL_PER_CHANNEL.
    """
    kind, rule = RULES[operator.name]
    shape, work = rule(operator, _options(operator, kind))
    if shape != operator.output.shape:
        raise corrupt(f"{operator.name} makes {shape} but declares {operator.output.shape}")
    return work


def _options(operator: Operator, kind: int) -> Table:
    """Return an operator's options, which must be those of its own kind; only RESHAPE may have none."""
    if operator.options_type == 0 and operator.options is None and operator.name == "RESHAPE":
        return {}
    if operator.options_type != kind or operator.options is None:
        raise corrupt(f"{operator.name} lacks its options, or has those of another operator")
    if operator.options.get("activation", 0) not in _ACTIVATIONS:
        raise unsupported(f"{operator.name} fuses an activation that is neither ReLU nor ReLU6")
    return operator.options


def _conv(operator: Operator, options: Table) -> tuple[Shape, int]:
    source, weights = operator.activation(), operator.constant(1, int8=True)
    if len(source.shape) != 4 or len(weights.shape) != 4 or weights.shape[3] != source.shape[3]:
        raise corrupt("CONV_2D's weights do not fit its input")
    channels = weights.shape[0]
    _check_weights(operator, weights, channels, axis=0)
    height, width = _window(operator.name, options, source.shape, weights.shape[1:3], dilated=True)
    return (1, height, width, channels), height * width * weights.size


def _depthwise(operator: Operator, options: Table) -> tuple[Shape, int]:
    source, weights = operator.activation(), operator.constant(1, int8=True)
    if len(source.shape) != 4 or len(weights.shape) != 4 or weights.shape[0] != 1:
        raise corrupt("DEPTHWISE_CONV_2D's weights do not fit its input")
    channels = weights.shape[3]
    if channels != source.shape[3] * options["depth_multiplier"]:
        raise corrupt("DEPTHWISE_CONV_2D's depth multiplier does not fit its weights")
    _check_weights(operator, weights, channels, axis=3)
    height, width = _window(operator.name, options, source.shape, weights.shape[1:3], dilated=True)
    return (1, height, width, channels), height * width * weights.size


def _fully_connected(operator: Operator, options: Table) -> tuple[Shape, int]:
    source, weights = operator.activation(), operator.constant(1, int8=True)
    if len(weights.shape) != 2 or weights.shape[1] != source.size:
        raise corrupt("FULLY_CONNECTED's weights do not fit its input")
    if options["weights_format"] or options["asymmetric_inputs"]:
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


def _pool(operator: Operator, options: Table) -> tuple[Shape, int]:
    source = operator.activation()
    if len(source.shape) != 4 or source.quantization != operator.output.quantization:
        raise corrupt(f"{operator.name}'s input and output do not fit")
    window = options["filter_h"], options["filter_w"]
    height, width = _window(operator.name, options, source.shape, window, dilated=False)
    return (1, height, width, source.shape[3]), height * width * source.shape[3] * math.prod(window)


def _reshape(operator: Operator, _options: Table) -> tuple[Shape, int]:
    source = operator.activation()
    if len(operator.inputs) > 1:
        declared = operator.constant(1, int8=False)
        target = [] if declared.constant is None else declared.constant.ravel().tolist()
        known = math.prod(n for n in target if n != -1)
        # One length may be left open (-1): it follows from the others.
        if target.count(-1) == 1 and known > 0:
            target[target.index(-1)] = source.size // known
        if target != list(operator.output.shape):
            raise corrupt("RESHAPE's target is not the shape of its output")
    if source.size != operator.output.size or source.quantization != operator.output.quantization:
        raise corrupt("RESHAPE's input and output do not fit")
    return operator.output.shape, 0


RULES: dict[str, tuple[int, Callable[[Operator, Table], tuple[Shape, int]]]] = {
    "AVERAGE_POOL_2D": (5, _pool),
    "CONV_2D": (1, _conv),
    "DEPTHWISE_CONV_2D": (2, _depthwise),
    "FULLY_CONNECTED": (8, _fully_connected),
    "MAX_POOL_2D": (5, _pool),
    "RESHAPE": (17, _reshape),
}
"""Operator name -> (type number of its options, function that returns its output shape and multiply-accumulates).

MEAN is missing because the Arduino libraries' kernels of 2023 round its change of scale differently from today's
runtime.
"""


def _check_weights(operator: Operator, weights: Tensor, channels: int, axis: int) -> None:
    """Check that weights are symmetric with one scale or one per channel, and the bias int32 with as many scales."""
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
    """Refuse a ratio of scales that the kernels can't turn into a 32-bit fraction and a shift."""
    if not ((multipliers > 2.0**-30) & (multipliers < 2.0**10)).all():
        raise corrupt(f"{operator.name}'s scales differ by too much")


def _window(name: str, options: Table, shape: Shape, window: Shape, *, dilated: bool) -> tuple[int, int]:
    """Return (height, width) of the output that a sliding window makes of an input [1, height, width, channels]."""
    sizes = []
    for axis, side in enumerate("hw"):
        length, reach = shape[1 + axis], window[axis]
        stride, dilation = options[f"stride_{side}"], options[f"dilation_{side}"] if dilated else 1
        if not (1 <= stride <= 64 and 1 <= dilation <= 64 and 1 <= reach <= 256):
            raise corrupt(f"{name} has a stride, dilation or window out of range")
        covered = (reach - 1) * dilation + 1
        if options["padding"] == _SAME:
            sizes.append(-(-length // stride))
        elif options["padding"] == _VALID and covered <= length:
            sizes.append((length - covered) // stride + 1)
        else:
            raise corrupt(f"{name}'s window is larger than its input")
    return sizes[0], sizes[1]
