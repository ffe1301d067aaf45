"""Turns real features in any units into int8 codes: an offset and a step for each column, one code for all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.quantization import INT8_MAX, INT8_MIN, Quantization

SPAN = 5.0
"""Standard deviations from a column's mean to the last code; values beyond it are clipped."""
FENCE = 3.0
"""Interquartile ranges beyond the quartiles at which a value counts as far out (Tukey, "Exploratory Data
Analysis", 1977, outer fences)."""
SQUARED_LENGTH = 32.0
"""Mean squared length of a feature vector, as with bytefed's own extractors, so that one learning rate fits all."""
FEW_CODES = 16
"""The fewest codes that an int8 column spans without a warning."""

_BLOCK = 64  # columns worked on at a time, so that a large file is not copied whole
_SPREADS = ((25.0, 75.0), (10.0, 90.0), (1.0, 99.0))

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Columns:
    """The code that turns a task's real features into int8: ``q = clip(floor((x - offset) / step + 0.5))``.

    The head sees ``quantization.scale * q``: columns of mean 0, all with the same standard deviation, and together
    with the mean squared length SQUARED_LENGTH. That is a linear map of each column, so a linear head can learn
    from the codes what it could learn from the columns.

    Attributes:
        offset: float64 [D], the real value of code 0, which is the column's mean.
        step: float64 [D], the size of one code in the column's own units; infinite for a constant column,
            whose codes are all 0.
    """

    offset: NDArray[np.float64]
    step: NDArray[np.float64]

    @classmethod
    def fit(cls, X: Array, rows: NDArray[np.bool_]) -> Columns:
        """Measure each column on the rows that are trained on.

        Values beyond Tukey's outer fences are moved to the fence before mean and standard deviation are taken, so
        that one broken reading does not decide the scale of its column.

        Args:
            X: Real numbers [n, D], finite.
            rows: bool [n], the training rows; at least one.
        """
        offset, step = np.zeros(X.shape[1]), np.full(X.shape[1], np.inf)
        for block in _blocks(X.shape[1]):
            values = X[rows, block].astype(np.float64)
            low, high = _fences(values)
            values = np.clip(values, low, high)
            offset[block] = values.mean(axis=0)
            deviation = values.std(axis=0)
            # Below this a float32 column is one number and the noise of its own rounding.
            floor = 4 * np.finfo(np.float32).eps * np.abs(values).max(axis=0)
            varies = deviation > floor
            step[block] = np.where(varies, deviation * (SPAN / INT8_MAX), np.inf)
        return cls(offset, step)

    @property
    def constant(self) -> NDArray[np.int64]:
        """Numbers of the columns that are the same in all training rows."""
        return np.flatnonzero(np.isinf(self.step))

    @property
    def quantization(self) -> Quantization:
        """The quantisation of the codes as the head sees them."""
        varying = max(len(self.step) - len(self.constant), 1)
        return Quantization(float(np.float32(SPAN / INT8_MAX * math.sqrt(SQUARED_LENGTH / varying))), 0)

    def encode(self, X: Array) -> NDArray[np.int8]:
        """Return the codes of real features [n, D], int8 [n, D]; a value beyond the range gets its nearest end."""
        codes = np.empty(X.shape, np.int8)
        for block in _blocks(X.shape[1]):
            steps = np.floor((X[:, block] - self.offset[block]) / self.step[block] + 0.5)
            codes[:, block] = np.clip(steps, INT8_MIN, INT8_MAX)
        return codes

    def warnings(self, X: Array, rows: NDArray[np.bool_]) -> list[str]:
        """Return warnings about columns that look like a mistake."""
        found = []
        if len(self.constant):
            found.append(_same(self.constant))
        clipped = np.zeros(len(self.step), np.int64)
        for block in _blocks(len(self.step)):
            codes = np.abs((X[rows, block] - self.offset[block]) / self.step[block])
            clipped[block] = np.count_nonzero(codes > 4 * INT8_MAX, axis=0)
        if clipped.any():
            found.append(
                f"X has {clipped.sum():,} values beyond {4 * SPAN:g} standard deviations, which are clipped "
                f"({_named(np.flatnonzero(clipped))}): broken readings?"
            )
        return found


def few_codes(codes: NDArray[np.int8], rows: NDArray[np.bool_]) -> list[str]:
    """Return warnings for int8 columns that leave most of the 256 codes unused.

    Args:
        codes: int8 [n, D].
        rows: bool [n], the training rows.
    """
    span = np.empty(codes.shape[1], np.int64)
    for block in _blocks(codes.shape[1]):
        values = codes[rows, block]
        span[block] = values.max(axis=0).astype(np.int64) - values.min(axis=0)
    found = []
    if (span == 0).any():
        found.append(_same(np.flatnonzero(span == 0)))
    few = np.flatnonzero((span > 0) & (span < FEW_CODES))
    if len(few):
        found.append(
            f"X uses fewer than {FEW_CODES} of the 256 codes of int8 ({_named(few)}), so detail was rounded away. "
            "Give X as float32: each column is scaled then."
        )
    return found


def _blocks(columns: int) -> Iterator[slice]:
    return (slice(first, first + _BLOCK) for first in range(0, columns, _BLOCK))


def _fences(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (lowest, highest), the fences of each column: values beyond them are far out.

    A column that is the same in most rows has no interquartile range; wider quantiles are then used, and finally the
    whole range.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    open_ = np.ones(values.shape[1], np.bool_)
    for lower, upper in _SPREADS:
        # Quantiles are measured values, never a value between a sound one and an outlier.
        first = np.percentile(values, lower, axis=0, method="higher")
        last = np.percentile(values, upper, axis=0, method="lower")
        reach = FENCE * (last - first)
        here = open_ & (reach > 0)
        low = np.where(here, np.maximum(low, first - reach), low)
        high = np.where(here, np.minimum(high, last + reach), high)
        open_ &= ~here
    return low, high


def _same(columns: NDArray[np.int64]) -> str:
    return f"X is the same in all training rows ({_named(columns)}), which tells the classes nothing."


def _named(columns: NDArray[np.int64]) -> str:
    """Return the numbers of columns as text; only the first if there are many."""
    shown = ", ".join(str(column) for column in columns[:8])
    more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return f"column{'s' if len(columns) > 1 else ''} {shown}{more}"
