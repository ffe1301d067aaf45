"""An int8 layer of TensorFlow Lite (FULLY_CONNECTED, no activation): made of a linear map, and put behind an extractor.

The layer's arithmetic is repeated here in integers, so that it can be compared with the runtime bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor import tflite
from bytefed.extractor.check import check
from bytefed.extractor.edit import FULLY_CONNECTED, Editor
from bytefed.extractor.fixed_point import rescaled
from bytefed.extractor.quantization import INT8_MAX, INT8_MIN, Quantization

_MOST_BIAS = 1 << 30
"""The largest bias in steps: sums have room beside it in 32 bits."""


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer z = W x + b with int8 weights of ONE scale: boards' libraries would take the first of several for all.

    Attributes:
        weights: int8 [d, D], symmetric.
        bias: int32 [d], in units of source.scale * weight_scale.
        weight_scale: Real value of a step of the weights, representable in float32.
        source: int8 input -> real.
        output: int8 output -> real.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    weight_scale: float
    source: Quantization
    output: Quantization

    @classmethod
    def of(
        cls,
        matrix: NDArray[np.float64],
        bias: NDArray[np.float64],
        source: Quantization,
        codes: NDArray[np.int8],
    ) -> Dense:
        """Quantise a linear map z = x matrix + bias; its output's range is that of the samples.

        Args:
            matrix: float64 [D, d], finite.
            bias: float64 [d], finite.
            source: int8 input -> real.
            codes: int8 [n, D], inputs that span what the layer will see; n at least 1.
        """
        least = np.abs(bias).max() / (source.scale * _MOST_BIAS)  # where weights are tiny beside the bias
        scale = float(np.float32(max(np.abs(matrix).max() / INT8_MAX, least))) or 1.0
        weights = np.clip(np.rint(matrix.T / scale), -INT8_MAX, INT8_MAX).astype(np.int8)
        whole = np.rint(bias / (source.scale * scale)).astype(np.int32)
        # By the quantised weights, so that the range is that of the real outputs.
        real = (_centred(codes, source) @ weights.T.astype(np.int64) + whole) * (source.scale * scale)
        output = Quantization.covering(float(real.min()), float(real.max()))
        return cls(weights, whole, scale, source, output)

    def apply(self, codes: NDArray[np.int8]) -> NDArray[np.int8]:
        """Compute the layer as the runtime does, in integers: int8 [n, D] -> int8 [n, d]."""
        sums = _centred(codes, self.source) @ self.weights.T.astype(np.int64) + self.bias
        # The runtime has the scales in float32, and multiplies and divides them in double.
        source, weight, output = (
            float(np.float32(scale)) for scale in (self.source.scale, self.weight_scale, self.output.scale)
        )
        rounded = rescaled(sums, np.array([source * weight / output]))
        return np.asarray(np.clip(rounded + self.output.zero_point, INT8_MIN, INT8_MAX), np.int8)


def append(model: bytes, layer: Dense, name: str = "whiten") -> bytes:
    """Put a layer behind an extractor; what was there before stays the same to the bit.

    Args:
        model: The .tflite file, whose D features are the layer's input.
        layer: The layer, whose `source` is the quantisation of those features.
        name: Name of the layer's tensors in the file.

    Returns:
        The new file, which passes `check`. Notes that tools added are left out.

    Raises:
        ModelError: As `tflite.read` and `check` raise it.
        ConfigError: E_CONFIG_EXTRA if a package that it needs is not installed.
    """
    graph = check(tflite.read(model))
    if graph.output.size != layer.weights.shape[1] or graph.output.quantization != layer.source:
        raise ValueError("the layer was made for other features")
    products = float(np.float32(layer.source.scale) * np.float32(layer.weight_scale))
    edit = Editor(model)
    weights = edit.constant(f"{name}/weights", layer.weights, layer.weight_scale)
    bias = edit.constant(f"{name}/bias", layer.bias, products)
    code = layer.output.scale, layer.output.zero_point
    output = edit.computed(name, (1, len(layer.bias)), np.int8, code)
    edit.append(FULLY_CONNECTED, [edit.output, weights, bias], output)
    longer = edit.packed()
    check(tflite.read(longer))
    return longer


def _centred(codes: NDArray[np.int8], source: Quantization) -> NDArray[np.int64]:
    return codes.astype(np.int64) - source.zero_point
