"""A lower bound of epsilon from guesses about canaries.

Steinke, Nasr and Jagielski, "Privacy Auditing with One (1) Training Run" (NeurIPS 2023), theorem 5.2: a fair coin for
each of m canaries says whether a mechanism gets it. If the mechanism is (epsilon, delta)-private, then whoever makes
r guesses about these coins has v or more of them right with a probability of at most `probability`, below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""The probability with which a bound holds."""

MOST = 50.0
"""The largest epsilon that is looked for: no number of canaries comes near."""

_SHARES = (0.9, 0.5, 0.25, 0.1)
_HALVINGS = 60


@dataclass(frozen=True)
class Guesses:
    """The guesses about the coins of canaries.

    Attributes:
        canaries: m, the number of canaries.
        made: r, the guesses made; about the others nothing was said.
        right: v, those that were right.
    """

    canaries: int
    made: int
    right: int


def guess(scores: NDArray[np.float64], coins: NDArray[np.bool_], share: float) -> Guesses:
    """Guess "in" for the canaries with the highest scores and "out" for those with the lowest.

    Args:
        scores: float64 [m], high where a canary seems to be in.
        coins: bool [m], True where it is.
        share: Fraction of the canaries that are guessed about, half of them on each side.
    """
    order = np.argsort(scores, kind="stable")
    each = round(share * len(scores) / 2)
    out, in_ = order[:each], order[len(order) - each :]
    right = int((~coins[out]).sum() + coins[in_].sum())
    return Guesses(len(scores), 2 * each, right)


def probability(guesses: Guesses, epsilon: float, delta: float) -> float:
    """Return the greatest probability of so many right guesses under a mechanism that is (epsilon, delta)-private.

    With q = e^epsilon / (1 + e^epsilon) and B ~ Binomial(r, q): P[B >= v] + 2 m delta * max_i P[v > B >= v - i] / i.
    """
    right = guesses.right
    mass = _binomial(guesses.made, 1.0 / (1.0 + math.exp(-epsilon)))
    above = float(mass[right:].sum())
    if delta == 0.0 or right == 0:
        return min(1.0, above)
    below = np.cumsum(mass[:right][::-1]) / np.arange(1, right + 1)
    return min(1.0, above + 2 * guesses.canaries * delta * float(below.max()))


def _binomial(count: int, chance: float) -> NDArray[np.float64]:
    """Return the probabilities of 0 to `count` hits, each with the same chance."""
    hits = np.arange(count + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    ways = factorials[count] - factorials - factorials[::-1]
    if chance >= 1.0:
        return np.asarray(hits == count, np.float64)
    return np.asarray(np.exp(ways + hits * math.log(chance) + (count - hits) * math.log1p(-chance)))


def lower_bound(guesses: Guesses, delta: float, doubt: float = 1.0 - CONFIDENCE) -> float:
    """Return the largest epsilon that the guesses rule out, 0 if they rule out none.

    Args:
        guesses: The guesses.
        delta: delta of the mechanism.
        doubt: The probability with which the bound may be wrong.
    """
    if not guesses.made or probability(guesses, 0.0, delta) > doubt:
        return 0.0
    low, high = 0.0, MOST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if probability(guesses, middle, delta) > doubt:
            high = middle
        else:
            low = middle
    return low


def best_bound(scores: NDArray[np.float64], coins: NDArray[np.bool_], delta: float) -> tuple[float, Guesses]:
    """Return the best bound of four numbers of guesses, and the guesses; the doubt is shared among the four.

    Args:
        scores: float64 [m], high where a canary seems to be in.
        coins: bool [m], True where it is.
        delta: delta of the mechanism.
    """
    tried: Sequence[Guesses] = [guess(scores, coins, share) for share in _SHARES]
    doubt = (1.0 - CONFIDENCE) / len(_SHARES)
    bounds = [lower_bound(guesses, delta, doubt) for guesses in tried]
    best = max(range(len(tried)), key=lambda index: bounds[index])
    return bounds[best], tried[best]


def most_to_show(canaries: int, delta: float) -> float:
    """Return the bound of ``best_bound`` where all guesses are right: so many canaries can't show more."""
    coins = np.arange(canaries) >= canaries // 2
    return best_bound(coins.astype(np.float64), coins, delta)[0]
