"""Trials of a setting beside those of a reference, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bytefed.ledger.bytes_to import SHARES

if TYPE_CHECKING:
    from bytefed.simulation.sweep import Trial

Values = NDArray[np.float64]


class Beside:
    """The trials of a setting beside those of a reference with the same seeds.

    Args:
        own: Trials of the setting, one for each seed.
        reference: Trials of the reference, of the same seeds in the same order.

    Attributes:
        change: float64 [seeds], final accuracy beyond the reference's, in points.
    """

    def __init__(self, own: Sequence[Trial], reference: Sequence[Trial]) -> None:
        self._pairs = list(zip(own, reference, strict=True))
        self.change = np.array([100 * (a.final() - b.final()) for a, b in self._pairs])

    def bytes_to(self, share: float, what: str = "held", cost: str = "wire") -> Values:
        """Return the bytes of each seed to a share of the reference's final accuracy, float64 [seeds]; NaN for never.

        Args:
            share: Share of the reference's final accuracy.
            what: The heads that are asked: "held" by the boards, or "accuracy" for the host's.
            cost: "wire", or what counts instead of the bytes; see ``Trial.bytes_to``.
        """
        return np.array([a.bytes_to(share * b.final(), what, cost) for a, b in self._pairs])

    def reference_bytes(self, what: str = "held") -> Values:
        """Return the bytes of each seed that the reference takes to 99 % of its own final accuracy."""
        return np.array([b.bytes_to(SHARES[1] * b.final(), what) for _, b in self._pairs])

    def ratio(self, what: str = "held", without: float = 0.0) -> Values:
        """Return how many times as many bytes the reference takes to 99 % of its final accuracy, float64 [seeds].

        Args:
            what: As for ``bytes_to``.
            without: Bytes of a board that count on neither side.
        """
        return (self.reference_bytes(what) - without) / (self.bytes_to(SHARES[1], what) - without)


def reached(values: Values) -> int:
    """Return how many values are numbers."""
    return int(np.isfinite(values).sum())


def present(values: Values) -> Values:
    """Return the values that are numbers; one NaN where there is none."""
    found = values[np.isfinite(values)]
    return found if len(found) else np.array([np.nan])


def geometric(values: Values) -> float:
    """Return the geometric mean of the values that are numbers."""
    return float(np.exp(np.log(present(values)).mean()))
