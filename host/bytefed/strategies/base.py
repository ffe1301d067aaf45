"""Strategies: how the deltas of a round become a new global head.

Each strategy is one class with one method, named as Flower names it. Results do not depend on the order in
which deltas arrive: they are summed in the order of the clients' numbers, in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bytefed.head import Head


@dataclass(frozen=True, eq=False)
class Update:
    """What one client brings to a round.

    Attributes:
        client: Its number in the partition, which fixes the order of summation.
        num_examples: Samples it trained on, at least 1.
        delta: float32 [P], local - global; finite.
    """

    client: int
    num_examples: int
    delta: NDArray[np.float32]


class Strategy(Protocol):
    """How the deltas of a round become a new global head."""

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """The global head after a round.

        Args:
            head: float32 [P], the head that the updates started from.
            updates: At least one, each client at most once, in any order.

        Returns:
            float32 [P]; a new array.
        """


class FedAvg:
    """Federated averaging: the mean of the local heads, weighted by num_examples.

    McMahan, Moore, Ramage, Hampson, Aguera y Arcas: Communication-Efficient Learning of Deep Networks from
    Decentralized Data. AISTATS 2017, algorithm 1. With w_k = w + delta_k, sum n_k w_k / n = w + sum n_k delta_k / n.
    """

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        return (head + weighted_mean(updates)).astype(np.float32)


def weighted_mean(updates: Iterable[Update]) -> NDArray[np.float64]:
    """Sum n_k delta_k / sum n_k.

    The products are exact in float64 (24 bits times at most 29), only the sums round, and those are done
    in the order of the clients' numbers.

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
