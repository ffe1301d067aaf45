"""A first round of class means: the head that finds the nearest class mean, made of one usual round of deltas.

In a head of zeros and at a tiny step, an epoch's delta is the step times the board's class sums, less what is common to
all classes. So the host has the class means of all boards after one round, with nothing new on the wire or on boards
(SPEC.md section 7.8; the method is FedNCM: Legate and others, NeurIPS 2023). docs/codecs.md says where it pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError
from bytefed.head import Head
from bytefed.ledger.budget import require_even_rounds
from bytefed.ledger.planned_run import CLASS_MEANS
from bytefed.strategies.base import FromMean, Update

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig

STEP = 1e-5
"""Learning rate of that round: so small that all gradients are those at the head of zeros."""
SCALE, SPARSE_SCALE = 0.2, 0.5
"""Factors on the head; as LEAST and STEP chosen by benchmarks/first_round_means.py. A sparse delta brings a part of the
class sums, and a head of such deltas is short."""
SPARSE = ("stc5", "stc10")
LEAST = 0.3
"""Least share of the samples that a class counts for, in shares of the mean class: counts come through a codec, too."""
STRATEGIES = ("fedavg", "fedprox")
"""The strategies that make a head of the plain mean of a round's deltas."""


@dataclass(frozen=True)
class ClassMeans(FromMean):
    """The strategy of a first round of class means; its updates are those of ``per_sample``.

    Attributes:
        classes: C of the head.
        scale: Factor on the head.
    """

    classes: int
    scale: float
    stateful: ClassVar[bool] = False

    @classmethod
    def of(cls, classes: int, codec_up: str) -> Self:
        """Return the strategy for heads of so many classes, and deltas that come through a codec."""
        return cls(classes, SPARSE_SCALE if codec_up in SPARSE else SCALE)

    def step(self, head: Head, mean: NDArray[np.float64]) -> Head:
        """Make the head of the class means.

        Args:
            head: float32 [P], zeros.
            mean: float64 [P], the weighted mean of the updates.

        Returns:
            float32 [P]: W_c = h M_c, b_c = h (mean_j |M_j|^2 - |M_c|^2) / 2 for the class means M_c and the factor h.
        """
        gradients = (mean / float(np.float32(STEP))).reshape(-1, self.classes)
        even = 1 / self.classes
        shares = np.maximum(gradients[-1] + even, LEAST * even)
        means = gradients[:-1] / shares
        squares = (means**2).sum(axis=0)
        biases = (squares.mean() - squares) / 2
        return (head + self.scale * np.concatenate([means.ravel(), biases])).astype(np.float32)


def per_sample(deltas: NDArray[np.float32], examples: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the deltas of a first round as those of one sample each, float32 [n, P].

    Args:
        deltas: float32 [n, P], each the sum over a client's samples.
        examples: int64 [n], their num_examples.
    """
    return deltas / examples.astype(np.float32)[:, None]


def update_per_sample(update: Update) -> Update:
    """Return an update of a first round with its delta as that of one sample."""
    [delta] = per_sample(update.delta[None], np.array([update.num_examples]))
    return replace(update, delta=delta)


def check(config: RunConfig) -> None:
    """Refuse keys that don't go together with a first round of class means.

    Raises:
        ConfigError: E_CONFIG_FIRST_ROUND.
    """
    if config.first_round != CLASS_MEANS:
        return
    require_even_rounds(config.limit, config.first_round)
    for (problem, remedy), excluded in _exclusions(config).items():
        if excluded:
            raise ConfigError("E_CONFIG_FIRST_ROUND", f"With --first-round {CLASS_MEANS}, {problem}.", remedy)


def _exclusions(config: RunConfig) -> Mapping[tuple[str, str], bool]:
    """Return each thing that is excluded, with its remedy, and whether a configuration has it."""
    strategies = " or ".join(STRATEGIES)
    return {
        ("class means are made of boards' own deltas, and masks hide them", "Leave out --secure-sum."): (
            config.secure_sum
        ),
        ("a board's class sums have no noise", "Leave out --dp."): bool(config.dp),
        (
            "the run begins with zeros: class sums are read from a step away from them",
            "Leave out --head.",
        ): bool(config.head),
        (f"{config.strategy} is no plain mean of deltas", f"Give --strategy {strategies}."): (
            config.strategy not in STRATEGIES
        ),
        (
            "boards would train personal heads by the first round's step",
            "Leave out --personal.",
        ): config.personal,
        (
            f"the other rounds need a larger step than that round's, {STEP:g}",
            "Give a larger --learning-rate, or leave it out.",
        ): 0 < config.learning_rate <= STEP,
    }
