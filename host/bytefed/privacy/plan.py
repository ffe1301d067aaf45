"""The noise of a run: what boards are told, and what the run may claim."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from bytefed.masks.shares import GRIDS
from bytefed.privacy.accountant import UNIT, price
from bytefed.privacy.claims import BOARD, SAMPLE
from bytefed.protocol.message import WHOLE, Noise

GRID = 16
"""log2 of the clip in the integers' unit: sums of up to 2^15 samples of that norm never wrap around in 32 bits."""


@dataclass(frozen=True)
class NoisePlan:
    """The noise of all rounds of a run.

    Attributes:
        epsilon, delta: The bounds that all rounds together keep.
        rounds: Rounds that this is for.
        clip: Largest norm of one sample's gradient, or of a board's delta.
        cost: The price of a round, in units of 2^-28 of rho.
        grid: log2 of the clip in the integers' unit.
        whole: Whether it hides whole boards, and each makes a share of it under a secure sum.
    """

    epsilon: float
    delta: float
    rounds: int
    clip: float
    cost: int
    grid: int = GRID
    whole: bool = False

    @classmethod
    def of(cls, epsilon: float, delta: float, rounds: int, clip: float) -> Self:
        """Find the noise that so many rounds need to hide a sample.

        Raises:
            ConfigError: As ``price`` raises it.
        """
        return cls(epsilon, delta, rounds, clip, price(epsilon, delta, rounds))

    @classmethod
    def of_boards(cls, epsilon: float, delta: float, rounds: int, clip: float, codec_up: str) -> Self:
        """Find the noise that so many rounds need to hide a whole board in sums by that codec, a key of GRIDS.

        Raises:
            ConfigError: As ``price`` raises it.
        """
        cost = price(epsilon, delta, rounds, whole=True)
        return cls(epsilon, delta, rounds, clip, cost, GRIDS[codec_up], whole=True)

    @property
    def multiplier(self) -> float:
        """Standard deviation of the noise, in clips."""
        return 1.0 / math.sqrt(2.0 * self.cost * UNIT)

    @property
    def message(self) -> Noise:
        """The NOISE that boards get."""
        return Noise(self.clip, self.cost, self.grid | WHOLE * self.whole, self.cost * self.rounds)

    def document(self) -> dict[str, Any]:
        """Return the entry of summary.json."""
        words = BOARD if self.whole else SAMPLE
        return {
            "unit": words.unit,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "rounds": self.rounds,
            "clip": self.clip,
            "noise_multiplier": round(self.multiplier, 4),
            "cost": self.cost,
            **words.entry(self.epsilon, self.delta),
        }
