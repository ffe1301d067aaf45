"""Strategies: how the deltas of a round become a new global head.

A strategy is an object that owns its hyperparameters; those here are frozen dataclasses, named as Flower names them.
Its class says what it needs: a ``FromMean`` needs only the mean of a round's deltas, all others get every update;
``is_stateful`` tells whether it keeps state from round to round. Results do not depend on the order in which deltas
arrive: they are summed in the order of the clients' numbers, in float64.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from bytefed.head import Head


@dataclass(frozen=True, eq=False)
class Update:
    """One client's contribution to a round.

    Attributes:
        client: The client's number in the partition, which fixes the order of summation.
        num_examples: Number of samples that it trained on, at least 1.
        delta: float32 [P], local - global; finite.
    """

    client: int
    num_examples: int
    delta: NDArray[np.float32]


class Strategy(Protocol):
    """The rule that makes a new global head of a round's deltas; any class with this one method will do.

    Two attributes are optional: ``stateful``, False for a strategy that keeps nothing from one round to the next
    (without it, a resumed run replays the earlier rounds), and ``proximal_mu``, the weight of the proximal term that
    clients train with (0 without it).
    """

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """Make the global head after a round.

        Args:
            head: float32 [P], the head that the updates started from; read-only.
            updates: At least one, each client at most once, in any order.

        Returns:
            float32 [P], a new array.
        """


class FromMean(ABC):
    """A strategy that needs only the weighted mean of a round's deltas.

    The simulator then sums deltas as they come and keeps none of them, so its memory does not grow with the clients.
    """

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        return self.step(head, weighted_mean(updates))

    @abstractmethod
    def step(self, head: Head, mean: NDArray[np.float64]) -> Head:
        """Make the global head after a round.

        Args:
            head: float32 [P], the head that the clients started from; read-only.
            mean: float64 [P], sum n_k delta_k / sum n_k.

        Returns:
            float32 [P], a new array.
        """


@dataclass(frozen=True)
class FedAvg(FromMean):
    """Federated averaging: the mean of the local heads, weighted by num_examples.

    McMahan, Moore, Ramage, Hampson, Aguera y Arcas: Communication-Efficient Learning of Deep Networks from
    Decentralized Data. AISTATS 2017, algorithm 1. With w_k = w + delta_k, sum n_k w_k / n = w + sum n_k delta_k / n.
    """

    stateful: ClassVar[bool] = False

    def step(self, head: Head, mean: NDArray[np.float64]) -> Head:
        """See FromMean."""
        return (head + mean).astype(np.float32)


@dataclass(frozen=True)
class FedProx(FedAvg):
    """Federated averaging of clients that are held near the global head by a proximal term (SPEC.md section 7).

    Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith: Federated Optimization in Heterogeneous Networks. MLSys 2020.

    Attributes:
        proximal_mu: Weight of the term, 0 (plain FedAvg) or more.
    """

    proximal_mu: float = 0.0


def is_stateful(strategy: Strategy) -> bool:
    """Return whether a strategy is stateful (keeps something over rounds); one that doesn't say counts as stateful."""
    return bool(getattr(strategy, "stateful", True))


def proximal_mu(strategy: Strategy) -> float:
    """Return the weight of the proximal term that a strategy asks clients to train with, 0 or more."""
    return float(getattr(strategy, "proximal_mu", 0.0))


def weighted_mean(updates: Iterable[Update]) -> NDArray[np.float64]:
    """Return sum n_k delta_k / sum n_k.

    The products are exact in float64 (24 bits times at most 29). Only the sums are rounded, and they are added in the
    order of the clients' numbers.

    Args:
        updates: At least one, each client at most once.

    Returns:
        float64 [P].
    """
    ordered = sorted(updates, key=lambda update: update.client)
    total = np.zeros(ordered[0].delta.shape, np.float64)
    for update in ordered:
        total += update.num_examples * update.delta.astype(np.float64)
    return total / sum(update.num_examples for update in ordered)
