"""Strategies that remember: momentum and adaptive step sizes on the server.

Named, with the defaults, as Flower does. What a strategy remembers follows from the updates of all rounds so far, so a
coordinator that resumes a run shows it those once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bytefed.head import Head
from bytefed.strategies.base import Update, weighted_mean

Moment = NDArray[np.float64]


class FedAvgM:
    """Federated averaging with momentum on the server.

    Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification.
    2019. With m = momentum m + mean delta: w + learning_rate m.

    Args:
        server_learning_rate: Step size, above 0.
        server_momentum: 0 (plain FedAvg) to below 1.
    """

    def __init__(self, server_learning_rate: float = 1.0, server_momentum: float = 0.0) -> None:
        self._rate = server_learning_rate
        self._momentum = server_momentum
        self._m: Moment | float = 0.0

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        self._m = self._momentum * self._m + weighted_mean(updates)
        return np.asarray(head + self._rate * self._m, np.float32)


class FedAdam:
    """Adam on the server, with the mean delta for a gradient.

    Reddi et al.: Adaptive Federated Optimization. ICLR 2021, algorithm 2; with Adam's correction of the bias towards
    zero (Kingma and Ba 2014), as Flower has it.

    Args:
        eta: Server learning rate.
        beta_1, beta_2: Decay of the first and the second moment.
        tau: Degree of adaptivity; large is like plain averaging.
    """

    def __init__(
        self, eta: float = 1e-1, beta_1: float = 0.9, beta_2: float = 0.99, tau: float = 1e-3
    ) -> None:
        self._eta, self._beta_1, self._beta_2, self._tau = eta, beta_1, beta_2, tau
        self._rounds = 0
        self._m: Moment | float = 0.0
        self._v: Moment | float = 0.0

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        delta = weighted_mean(updates)
        self._rounds += 1
        self._m = self._beta_1 * self._m + (1 - self._beta_1) * delta
        self._v = self._second_moment(delta**2)
        return np.asarray(head + self._step_size() * self._m / (np.sqrt(self._v) + self._tau), np.float32)

    def _second_moment(self, square: Moment) -> Moment:
        return self._beta_2 * self._v + (1 - self._beta_2) * square

    def _step_size(self) -> float:
        after = self._rounds + 1  # Flower counts from the head that training begins with
        return float(self._eta * np.sqrt(1 - self._beta_2**after) / (1 - self._beta_1**after))


class FedYogi(FedAdam):
    """Yogi on the server: the second moment grows and shrinks by at most what is added. Reddi et al. 2021."""

    def __init__(
        self, eta: float = 1e-2, beta_1: float = 0.9, beta_2: float = 0.99, tau: float = 1e-3
    ) -> None:
        super().__init__(eta, beta_1, beta_2, tau)

    def _second_moment(self, square: Moment) -> Moment:
        return self._v - (1 - self._beta_2) * square * np.sign(self._v - square)

    def _step_size(self) -> float:
        return self._eta


REMEMBERING = (FedAvgM, FedAdam)
