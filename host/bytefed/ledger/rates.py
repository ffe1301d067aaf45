"""The learning rate and the epochs of runs that are given none.

The rate is halved after each fifth of the rounds, and on whitened features so are the epochs.

A fixed rate is either slow or ends too low: 0.05 costs up to three times the bytes where classes are far apart, and a
fixed 0.2 loses points where they overlap and labels are skewed. Falling steps are as fast as the one and end as high as
the other (docs/codecs.md has the figures, and the tasks and seeds that it was chosen on). The rule looks at no sample,
so nothing is fitted to a test, and the rounds in which boards get a new CONFIG are known to the estimate beforehand.

Epochs follow the rate where heads learn quickly, which a cross-validation found on samples of nobody when the model was
made: 5, 3, 2, 1, 1. In 100 rounds that is half the training of 5 throughout, for heads that are as good; and it brings
no CONFIG of its own. Plain features learn slowly: their heads need the whole of it. So do personal heads, which the
epochs of the last round make (docs/codecs.md, "Learning rate, epochs and batch by rule").

That steps have to fall for stochastic descent to settle is Robbins and Monro, "A Stochastic Approximation Method"
(1951); for clients with different data, Li and others, "On the Convergence of FedAvg on Non-IID Data" (ICLR 2020).
That fewer local steps serve a run better the longer it lasts is Wang and Joshi, "Adaptive Communication Strategies to
Achieve the Best Error-Runtime Trade-off in Local-Update SGD" (MLSys 2019).
"""

from __future__ import annotations

from math import ceil

START = 0.2
"""Learning rate of the first rounds. The mean squared length of features is 32 everywhere, so one rate fits them."""
FACTOR = 0.5
STEPS = 5
LEAST_ROUNDS = 20
"""Rounds with the same rate, at least: a short run is not cut into shorter stretches."""

EPOCHS = 5
"""Passes over a client's own samples in each of the first rounds."""

HELP = (
    f"step size of local training; 0: by rule, {START}, and {FACTOR} times that after each fifth of the rounds, "
    f"{LEAST_ROUNDS} at least"
)
EPOCHS_HELP = (
    f"passes over a board's own samples in a round; 0: by rule, {EPOCHS}, on whitened features fewer as the "
    "learning rate falls; with a budget of bytes or air by the rounds that it pays (docs/budget.md)"
)
"""The options' help."""


def rounds_between(rounds: int) -> int:
    """Return after how many rounds the rate by rule is multiplied by FACTOR, in a run of so many rounds."""
    return max(LEAST_ROUNDS, ceil(rounds / STEPS))


def start(proximal_mu: float, most_pull: float) -> float:
    """Return the rate by rule of the first round.

    Args:
        proximal_mu: Weight of the proximal term, 0 for none.
        most_pull: Most that rate * proximal_mu may be.
    """
    return min(START, most_pull / proximal_mu) if proximal_mu else START


def epochs(share: float) -> int:
    """Return the epochs by rule of a round, at least 1.

    Args:
        share: The round's learning rate as a share of that of the first round, 0 to 1.
    """
    return max(1, ceil(EPOCHS * share))
