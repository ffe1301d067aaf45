"""Strategies that a few bad boards can't lead astray, and a bound on how far any one board can pull.

Their names are Flower's. All but MultiKrum's mean ignore num_examples, because a board reports that number itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError
from bytefed.head import Head
from bytefed.strategies.base import Update, weighted_mean


@dataclass(frozen=True)
class Bounds:
    """The factors that keep each board of a round from pulling the head further than the others.

    With n_k for num_examples, |d_k| for the L2 norm of a delta and F for the factor:

        w_k = min(n_k, floor(F * median(n)))                      the weight, at least 1
        s_k = min(1, F * median(w_j * |d_j|) / (w_k * |d_k|))     the scale of the delta

    The mean of a round is sum w_k s_k d_k / sum w_k. The norm alone would not do: a board chooses its num_examples as
    freely as its delta, and w_k |d_k| is what moves the sum. Nor would the product alone: a board that claims many
    examples would still make the others' weights small, and hold the head where it is. So a claim beyond F medians
    changes nothing.

    Sun, Kairouz, Suresh, McMahan: Can You Really Backdoor Federated Learning? 2019, section 4 (norm thresholding),
    with weights, and with thresholds that follow the round's own values. With one or two updates nothing ever changes
    if F >= 2.

    Attributes:
        weights: int64 [n], the w_k.
        scales: float64 [n], the s_k, 0 to 1.
        excess: float64 [n], the larger of n_k in medians of n and w_k |d_k| in medians of that, for updates that a
            bound changes; 0 for the others.
    """

    weights: NDArray[np.int64]
    scales: NDArray[np.float64]
    excess: NDArray[np.float64]

    @classmethod
    def of(cls, examples: NDArray[np.int64], norms: NDArray[np.float64], factor: float) -> Self:
        """Return the bounds of a round.

        A scale too small for a normal float32 number becomes 0: rounded to a subnormal number it could be twice as
        large, and the delta longer than the bound. So the bound holds within float32's rounding of each coordinate,
        whatever is sent.

        Args:
            examples: int64 [n], num_examples, each at least 1.
            norms: float64 [n], L2 norms of the deltas.
            factor: F, above 0; 0 for no bound.
        """
        if factor == 0:
            return cls(examples, np.ones(len(norms)), np.zeros(len(norms)))
        usual = float(np.median(examples))
        weights = np.minimum(examples, max(1, int(factor * usual)))
        pulls = weights * norms
        median = float(np.median(pulls))
        with np.errstate(divide="ignore", invalid="ignore"):
            scales = (
                np.where(pulls > factor * median, factor * median / pulls, 1.0)
                if median
                else np.ones(len(norms))
            )
            times = np.maximum(examples / usual, pulls / median if median else 0.0)
        scales = np.where(scales < np.finfo(np.float32).smallest_normal, 0.0, scales)
        return cls(weights, scales, np.where((scales != 1) | (weights != examples), times, 0.0))

    def apply(self, index: int, update: Update) -> Update:
        """Return an update of the round, whose index is given, with its weight and its delta bounded."""
        scale = float(self.scales[index])
        delta = update.delta if scale == 1 else scaled(update.delta, scale)
        return replace(update, num_examples=int(self.weights[index]), delta=delta)


@dataclass(frozen=True)
class Newcomers:
    """The classes that a round meets for the first time: their columns are zeros in the head that it begins with.

    Perhaps a single board has samples of them, and by the medians of a round it could hardly teach them to the others.
    So their columns are bounded apart: no board moves them further than F medians of the round's pulls at them, or
    than a known class stands from zero, whichever is more. A board that means harm so makes a new class as strong as a
    known one, and not stronger; at the known classes it pulls as hard as ever. From the next round on they are known.

    Attributes:
        head: float32 [P], the head that the round begins with.
        classes: C.
        columns: The numbers of the new classes.
    """

    head: Head
    classes: int
    columns: range

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which parameters are theirs, bool [P]."""
        is_new = np.isin(np.arange(self.classes), self.columns)
        return np.tile(is_new, len(self.head) // self.classes)

    def reach(self) -> float:
        """Return how far a known class stands from zero: the median of their columns' L2 norms, biases included."""
        every = np.square(self.head.reshape(-1, self.classes), dtype=np.float64).sum(axis=0)
        return float(np.median(np.sqrt(np.delete(every, self.columns))))


def bound_norms(
    updates: Sequence[Update], factor: float, newcomers: Newcomers | None = None
) -> tuple[list[Update], dict[int, float]]:
    """Bound how far each update of a round can pull the head; see ``Bounds``.

    Args:
        updates: At least one.
        factor: The bound, in medians, above 0; 0 for no bound.
        newcomers: The classes that are bounded apart; None for none.

    Returns:
        The updates in the same order; and, for those that were changed, client to its pull in medians.
    """
    if newcomers is not None and factor:
        return _bound_apart(updates, factor, newcomers)
    examples = np.array([update.num_examples for update in updates])
    norms = np.array([norm(update.delta) for update in updates])
    bounds = Bounds.of(examples, norms, factor)
    changed = np.flatnonzero(bounds.excess).tolist()
    bounded = list(updates)
    for i in changed:
        bounded[i] = bounds.apply(i, updates[i])
    return bounded, {updates[i].client: float(bounds.excess[i]) for i in changed}


def _bound_apart(
    updates: Sequence[Update], factor: float, newcomers: Newcomers
) -> tuple[list[Update], dict[int, float]]:
    mask = newcomers.mask
    examples = np.array([update.num_examples for update in updates])
    known = Bounds.of(examples, np.array([norm(update.delta[~mask]) for update in updates]), factor)
    pulls = known.weights * np.array([norm(update.delta[mask]) for update in updates])
    most = max(factor * float(np.median(pulls)), newcomers.reach() * int(known.weights.sum()))
    bounded, excess = [], {}
    for i, update in enumerate(updates):
        scale = min(1.0, most / pulls[i]) if pulls[i] else 1.0
        beyond = max(float(known.excess[i]), factor / scale if 0 < scale < 1 else 0.0)
        bounded.append(update)
        if beyond:
            excess[update.client] = beyond
            scales = np.where(mask, np.float32(scale), np.float32(known.scales[i]))
            bounded[i] = replace(update, num_examples=int(known.weights[i]), delta=update.delta * scales)
    return bounded, excess


def norm(delta: NDArray[np.float32]) -> float:
    """Return the L2 norm of a delta; see ``norms``."""
    return float(norms(delta[None])[0])


def norms(deltas: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the L2 norms of deltas, float32 [n, P]; float64 [n].

    Squares are summed in order in float64, so each machine gets the same bits.
    """
    return np.asarray(np.sqrt(np.cumsum(np.square(deltas, dtype=np.float64), axis=1)[:, -1]))


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
