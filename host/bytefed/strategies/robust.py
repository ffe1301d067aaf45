"""Strategies that a few bad boards can't lead astray, and a bound on how far any one board can pull.

Their names are Flower's. All but MultiKrum's mean ignore num_examples, because a board reports that number itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError
from bytefed.head import Head
from bytefed.strategies.base import Update, weighted_mean


def bound_norms(updates: Sequence[Update], factor: float) -> tuple[list[Update], dict[int, float]]:
    """Scale down each delta whose L2 norm is more than `factor` times the median of all.

    Sun, Kairouz, Suresh, McMahan: Can You Really Backdoor Federated Learning? 2019, section 4 (norm thresholding),
    with a threshold that follows the round's own norms. With one or two updates nothing is ever scaled if factor >= 2.

    Args:
        updates: At least one.
        factor: The bound, in medians, above 0; 0 for no bound.

    Returns:
        The updates in the same order; and, for those that were scaled, client to the norm in medians.
    """
    norms = np.array([norm(update.delta) for update in updates])
    scales = norm_scales(norms, factor)
    bounded = [
        update if scale == 1 else replace(update, delta=scaled(update.delta, scale))
        for update, scale in zip(updates, scales, strict=True)
    ]
    median = float(np.median(norms))
    excess = {updates[i].client: float(norms[i]) / median for i in np.flatnonzero(scales != 1).tolist()}
    return bounded, excess


def norm(delta: NDArray[np.float32]) -> float:
    """Return the L2 norm of a delta; squares are summed in order in float64, so each machine gets the same bits."""
    return float(np.sqrt(np.cumsum(np.square(delta, dtype=np.float64))[-1]))


def norm_scales(norms: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return the factor by which ``bound_norms`` multiplies each delta: 1 for those within the bound.

    A factor too small for a normal float32 number becomes 0: rounded to a subnormal number it could be twice as large,
    and the delta longer than the bound. So the bound holds within float32's rounding of each coordinate, whatever is
    sent.

    Args:
        norms: float64 [n], L2 norms of the deltas.
        factor: The bound, in medians, above 0; 0 for no bound.

    Returns:
        float64 [n], 0 to 1.
    """
    limit = factor * float(np.median(norms))
    if limit == 0:
        return np.ones(len(norms))
    with np.errstate(divide="ignore"):
        scales = np.where(norms > limit, limit / norms, 1.0)
    return np.where(scales < np.finfo(np.float32).smallest_normal, 0.0, scales)


def scaled(delta: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Return a delta times a number, in float32."""
    return delta * np.float32(scale)


@dataclass(frozen=True)
class FedMedian:
    """The median of each coordinate.

    Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning. ICML 2018, option I.
    """

    stateful: ClassVar[bool] = False

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        return (head + np.median(_stacked(updates), axis=0)).astype(np.float32)


@dataclass(frozen=True)
class FedTrimmedAvg:
    """The mean of each coordinate without its largest and smallest values.

    Yin et al. 2018, option II.

    Attributes:
        beta: Fraction of the updates left out at each end, 0 to below 0.5; E_CONFIG_RANGE for another.
    """

    beta: float = 0.2

    stateful: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 <= self.beta < 0.5:
            raise ConfigError(
                "E_CONFIG_RANGE", f"beta must be 0 to below 0.5, not {self.beta}.", "Correct --beta."
            )

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        deltas = np.sort(_stacked(updates), axis=0)
        cut = int(self.beta * len(deltas))
        mean = deltas[cut : len(deltas) - cut].mean(axis=0)
        return np.asarray(head + mean, np.float32)


@dataclass(frozen=True)
class MultiKrum:
    """The mean of the updates that are closest to their neighbours, weighted by num_examples.

    Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent.
    NIPS 2017. An update's score is the sum of the squared distances to its n - f - 2 nearest (at least one).

    Attributes:
        num_malicious_nodes: f, the number of bad boards that there may be.
        num_nodes_to_select: Number of updates to keep, at least 1.
    """

    num_malicious_nodes: int = 0
    num_nodes_to_select: int = 1

    stateful: ClassVar[bool] = False

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        ordered = sorted(updates, key=lambda update: update.client)
        best = np.argsort(self._scores(_stacked(ordered)), kind="stable")[: self.num_nodes_to_select]
        return (head + weighted_mean([ordered[i] for i in best])).astype(np.float32)

    def _scores(self, deltas: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = np.stack([((deltas - delta) ** 2).sum(axis=1) for delta in deltas])
        nearest = max(1, len(deltas) - self.num_malicious_nodes - 2)
        scores: NDArray[np.float64] = np.sort(squares, axis=1)[:, 1 : nearest + 1].sum(axis=1)
        return scores


@dataclass(frozen=True)
class Krum(MultiKrum):
    """The one update that is closest to its neighbours; see MultiKrum."""

    num_nodes_to_select: int = field(default=1, init=False)


def _stacked(updates: Sequence[Update]) -> NDArray[np.float64]:
    """Return the deltas in the order of the clients' numbers, float64 [n, P]."""
    return np.stack([u.delta for u in sorted(updates, key=lambda update: update.client)]).astype(np.float64)
