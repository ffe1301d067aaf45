"""Strategies that a few bad boards can't lead astray, and a bound on how far any one can pull.

Named as Flower names them. All but the bound ignore num_examples: a board says that number itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError
from bytefed.head import Head
from bytefed.strategies.base import Update, weighted_mean


def bound_norms(updates: Sequence[Update], factor: float) -> tuple[list[Update], dict[int, float]]:
    """Scale down each delta whose L2 norm is more than `factor` times the median of all.

    Sun, Kairouz, Suresh, McMahan: Can You Really Backdoor Federated Learning? 2019, section 4 (norm thresholding),
    with a threshold that follows the round's own norms. Of one or two updates none is ever scaled if factor >= 2.

    Args:
        updates: At least one.
        factor: Above 0; 0 for no bound.

    Returns:
        The updates in the same order, and by client how many times the median the scaled ones were.
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
    """The L2 norm of a delta; its squares are summed in order in float64, so each machine gets the same bits."""
    return float(np.sqrt(np.cumsum(np.square(delta, dtype=np.float64))[-1]))


def norm_scales(norms: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """What ``bound_norms`` multiplies each delta by: 1 for those within the bound.

    Args:
        norms: float64 [n], of the deltas.
        factor: Above 0; 0 for no bound.
    """
    limit = factor * float(np.median(norms))
    if limit == 0:
        return np.ones(len(norms))
    with np.errstate(divide="ignore"):
        return np.where(norms > limit, limit / norms, 1.0)


def scaled(delta: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """A delta times a number, in float32."""
    return delta * np.float32(scale)


class FedMedian:
    """The median of each coordinate.

    Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning. ICML 2018, option I.
    """

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        return (head + np.median(_stacked(updates), axis=0)).astype(np.float32)


class FedTrimmedAvg:
    """The mean of each coordinate without its largest and smallest values.

    Yin et al. 2018, option II.

    Args:
        beta: Fraction of the updates left out at each end, 0 to below 0.5.
    """

    def __init__(self, beta: float = 0.2) -> None:
        if not 0 <= beta < 0.5:
            raise ConfigError(
                "E_CONFIG_RANGE", f"beta must be 0 to below 0.5, not {beta}.", "Correct --beta."
            )
        self._beta = beta

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        deltas = np.sort(_stacked(updates), axis=0)
        cut = int(self._beta * len(deltas))
        mean = deltas[cut : len(deltas) - cut].mean(axis=0)
        return np.asarray(head + mean, np.float32)


class MultiKrum:
    """The mean of the updates that are closest to their neighbours, weighted by num_examples.

    Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent.
    NIPS 2017. An update's score is the sum of the squared distances to its n - f - 2 nearest (at least one).

    Args:
        num_malicious_nodes: f, how many bad boards there may be.
        num_nodes_to_select: How many updates to keep, at least 1.
    """

    def __init__(self, num_malicious_nodes: int = 0, num_nodes_to_select: int = 1) -> None:
        self._malicious = num_malicious_nodes
        self._selected = num_nodes_to_select

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        ordered = sorted(updates, key=lambda update: update.client)
        best = np.argsort(self._scores(_stacked(ordered)), kind="stable")[: self._selected]
        return (head + weighted_mean([ordered[i] for i in best])).astype(np.float32)

    def _scores(self, deltas: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = np.stack([((deltas - delta) ** 2).sum(axis=1) for delta in deltas])
        nearest = max(1, len(deltas) - self._malicious - 2)
        scores: NDArray[np.float64] = np.sort(squares, axis=1)[:, 1 : nearest + 1].sum(axis=1)
        return scores


class Krum(MultiKrum):
    """The one update that is closest to its neighbours; see MultiKrum."""

    def __init__(self, num_malicious_nodes: int = 0) -> None:
        super().__init__(num_malicious_nodes, 1)


def _stacked(updates: Sequence[Update]) -> NDArray[np.float64]:
    """The deltas in the order of the clients' numbers, float64 [n, P]."""
    return np.stack([u.delta for u in sorted(updates, key=lambda update: update.client)]).astype(np.float64)
