"""The noise of a run: what boards are told, and what the run may claim."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from bytefed.privacy.accountant import UNIT, price
from bytefed.protocol.message import Noise

GRID = 16
"""log2 of the clip in the integers' unit: sums of up to 2^15 samples of that norm never wrap around in 32 bits."""
CLAIM = (
    "each sample's influence on everything that leaves a board in this run is bounded by epsilon {epsilon:g} and delta"
    " {delta:g}, whoever listens, if the board's source of randomness and its firmware are honest"
)
"""The claim of a run with noise."""
NOT_CLAIMED = (
    "privacy for a person with many samples",
    "privacy of numbers of samples, in all or by label, which are public",
    "anything across runs unless the board's budget goes on",
    "anything for epsilon above 10",
    "privacy for a whole board",
    "anything that durations tell",
)
"""Things that it does not claim."""
ASSUMPTIONS = (
    "neighbours differ in one sample that is replaced by nothing; a sample that is replaced by another counts as two",
    "each sample is on one board alone",
    "settings were not chosen by looking at these samples",
)
"""Assumptions of the claim."""


@dataclass(frozen=True)
class NoisePlan:
    """The noise of all rounds of a run.

    Attributes:
        epsilon, delta: The bounds that all rounds together keep.
        rounds: Rounds that this is for.
        clip: Largest norm of one sample's gradient.
        cost: The price of a round, in units of 2^-28 of rho.
    """

    epsilon: float
    delta: float
    rounds: int
    clip: float
    cost: int

    @classmethod
    def of(cls, epsilon: float, delta: float, rounds: int, clip: float) -> Self:
        """Find the noise that so many rounds need.

        Raises:
            ConfigError: As ``price`` raises it.
        """
        return cls(epsilon, delta, rounds, clip, price(epsilon, delta, rounds))

    @property
    def multiplier(self) -> float:
        """Standard deviation of the noise, in clips."""
        return 1.0 / math.sqrt(2.0 * self.cost * UNIT)

    @property
    def message(self) -> Noise:
        """The NOISE that boards get."""
        return Noise(self.clip, self.cost, GRID, self.cost * self.rounds)

    def document(self) -> dict[str, Any]:
        """Return the entry of summary.json."""
        return {
            "unit": "one sample",
            "epsilon": self.epsilon,
            "delta": self.delta,
            "rounds": self.rounds,
            "clip": self.clip,
            "noise_multiplier": round(self.multiplier, 4),
            "cost": self.cost,
            "claim": CLAIM.format(epsilon=self.epsilon, delta=self.delta),
            "assumptions": list(ASSUMPTIONS),
            "not_claimed": list(NOT_CLAIMED),
        }
