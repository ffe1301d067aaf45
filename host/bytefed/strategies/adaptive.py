"""Stateful strategies: momentum and adaptive step sizes on the server.

Names and defaults are Flower's. The state of a strategy follows from the updates of all rounds so far, so a coordinator
that resumes a run replays those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bytefed.head import Head
from bytefed.strategies.base import FromMean

Moment = NDArray[np.float64]


@dataclass
class _Moments:
    """The state over rounds.

    Attributes:
        rounds: Number of rounds so far.
        first, second: float64 [P], the moments of the mean delta; 0 before the first round.
    """

    rounds: int = 0
    first: Moment | float = 0.0
    second: Moment | float = 0.0


@dataclass(frozen=True)
class FedAvgM(FromMean):
    """Federated averaging with momentum on the server.

    Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification.
    2019. With m = momentum m + mean delta: w + learning_rate m.

    Attributes:
        server_learning_rate: Step size, above 0.
        server_momentum: Momentum, 0 (plain FedAvg) to below 1.
    """

    server_learning_rate: float = 1.0
    server_momentum: float = 0.0
    _moments: _Moments = field(default_factory=_Moments, init=False, repr=False, compare=False)

    stateful: ClassVar[bool] = True

    def step(self, head: Head, mean: Moment) -> Head:
        """See FromMean."""
        moments = self._moments
        moments.first = self.server_momentum * moments.first + mean
        return np.asarray(head + self.server_learning_rate * moments.first, np.float32)


@dataclass(frozen=True)
class FedAdam(FromMean):
    """Adam on the server, with the mean delta in place of a gradient.

    Reddi et al.: Adaptive Federated Optimization. ICLR 2021, algorithm 2; with Adam's correction of the bias towards
    zero (Kingma and Ba 2014), as Flower has it.

    Attributes:
        eta: Server learning rate, above 0.
        beta_1, beta_2: Decay of the first and the second moment, 0 to below 1.
        tau: Degree of adaptivity, above 0; large is like plain averaging.
    """

    eta: float = 1e-1
    beta_1: float = 0.9
    beta_2: float = 0.99
    tau: float = 1e-3
    _moments: _Moments = field(default_factory=_Moments, init=False, repr=False, compare=False)

    stateful: ClassVar[bool] = True

    def step(self, head: Head, mean: Moment) -> Head:
        """See FromMean."""
        moments = self._moments
        moments.rounds += 1
        moments.first = self.beta_1 * moments.first + (1 - self.beta_1) * mean
        moments.second = self._second_moment(mean**2)
        root = np.sqrt(moments.second)
        return np.asarray(head + self._step_size() * moments.first / (root + self.tau), np.float32)

    def _second_moment(self, square: Moment) -> Moment:
        return self.beta_2 * self._moments.second + (1 - self.beta_2) * square

    def _step_size(self) -> float:
        after = self._moments.rounds + 1  # Flower counts from the head that training begins with
        return float(self.eta * np.sqrt(1 - self.beta_2**after) / (1 - self.beta_1**after))


@dataclass(frozen=True)
class FedYogi(FedAdam):
    """Yogi on the server: the second moment grows and shrinks by at most what is added. Reddi et al. 2021."""

    eta: float = 1e-2

    def _second_moment(self, square: Moment) -> Moment:
        second = self._moments.second
        return second - (1 - self.beta_2) * square * np.sign(second - square)

    def _step_size(self) -> float:
        return self.eta
