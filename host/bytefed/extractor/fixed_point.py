"""The fixed point of TensorFlow Lite: a sum in steps of one scale becomes a code of another.

A scale is a 32-bit fraction and a shift. The product is rounded at bit 31, then at the shift, halves away from zero
(gemmlowp's fixed point, as TensorFlow Lite Micro and CMSIS-NN have it).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def rescaled(sums: NDArray[np.int64], scales: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return sums in steps of another scale.

    Args:
        sums: int64 [..., n], each within int32.
        scales: float64 [n] or [1], steps of the new scale in one of the old, for each of the last axis.

    Returns:
        int64, the same shape; the zero point is not in it.
    """
    pairs = [_fraction(float(scale)) for scale in scales]
    multiplier, shift = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    high = ((sums << np.maximum(shift, 0)) * multiplier + (1 << 30)) >> 31
    right = np.maximum(-shift, 0)
    mask = (np.int64(1) << right) - 1
    rounded: NDArray[np.int64] = (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))
    return rounded


def _fraction(scale: float) -> tuple[int, int]:
    """Return a scale as a fraction of 2^31 and a power of two."""
    fraction, shift = math.frexp(scale)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    return (multiplier // 2, shift + 1) if multiplier == 1 << 31 else (multiplier, shift)
