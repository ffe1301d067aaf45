"""Affine int8 quantisation: ``real = scale * (q - zero_point)``.

The whole project has one rounding rule, which a board can repeat without a maths library: divide in float32, add a
half, take the floor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INT8_MIN = -128
INT8_MAX = 127
_SMALLEST_STEP = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Quantization:
    """An affine code: int8 codes that stand for real numbers.

    Attributes:
        scale: Real value of one step; finite and > 0; representable in float32.
        zero_point: The code that stands for 0.0; -128 to 127.
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and float(np.float32(self.scale)) > 0.0):
            raise ValueError(f"scale must be finite and positive, not {self.scale!r}")
        if not INT8_MIN <= self.zero_point <= INT8_MAX:
            raise ValueError(f"zero_point must be within int8, not {self.zero_point!r}")

    @classmethod
    def covering(cls, low: float, high: float) -> Quantization:
        """Return the affine code whose 256 steps span [low, high], widened so that 0.0 has a code of its own.

        The step is a normal number of float32: below 2^-126 a step would have too few digits to divide by.

        Args:
            low: Smallest real value; finite.
            high: Largest real value; finite, at least ``low``.
        """
        low, high = min(low, 0.0), max(high, 0.0)
        # Divided before subtracting, so that a range wider than float32's largest value stays finite.
        scale = float(np.float32(high / 255.0 - low / 255.0))
        if scale < _SMALLEST_STEP:
            scale = _SMALLEST_STEP if scale else 1.0
        zero_point = math.floor(INT8_MIN - low / scale + 0.5)
        return cls(scale, min(max(zero_point, INT8_MIN), INT8_MAX))

    def quantize(self, real: NDArray[np.floating]) -> NDArray[np.int8]:
        """Return the nearest codes of real values; a value outside the range gets the nearest end of it.

        Args:
            real: Any shape, float; finite.

        Returns:
            int8, same shape.
        """
        steps = np.floor(real.astype(np.float32) / np.float32(self.scale) + np.float32(0.5))
        codes = np.clip(steps + np.float32(self.zero_point), INT8_MIN, INT8_MAX)
        return np.asarray(codes, np.int8)

    def dequantize(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the real values of codes.

        Args:
            codes: int8, any shape.

        Returns:
            float32, same shape.
        """
        centred = codes.astype(np.float32) - np.float32(self.zero_point)
        return centred * np.float32(self.scale)
