"""A bound of epsilon from one run with canaries: samples of which a coin says whether a board has them.

Steinke, Nasr and Jagielski, "Privacy Auditing with One (1) Training Run" (NeurIPS 2023), in its white-box form. As in
the definition of differential privacy, the attacker knows all other samples, and only the coins are secret.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.audit.boards import Ask, Boards, Seen, by_boards
from bytefed.audit.epsilon import best_bound, most_to_show
from bytefed.audit.finding import Bound, Finding
from bytefed.audit.gradients import Layer, Values
from bytefed.audit.reading import Progress, joined, single_steps
from bytefed.audit.replay import replay
from bytefed.audit.subject import Subject
from bytefed.data.task import Samples
from bytefed.head import Head

_RIDGE, _RIDGE_IN_NOISE = (
    1e-4,
    1.0,
)  # of the mean square of a gradient: more where noise would be read into it
_SPREAD = 0.3  # of the random heads that a malicious coordinator sends


@dataclass(frozen=True, eq=False)
class Planted:
    """The canaries of an audit.

    Attributes:
        clients: Clients whose boards get them.
        canaries: The canaries of each board.
        coins: Whether the board has each of them.
        fresh: Other coins, which nobody has used: what is found of these is chance.
    """

    clients: Sequence[int]
    canaries: Sequence[Samples]
    coins: Sequence[NDArray[np.bool_]]
    fresh: Sequence[NDArray[np.bool_]]

    @classmethod
    def plant(cls, subject: Subject, clients: Sequence[int], count: int, seed: int) -> Planted:
        """Make canaries of the global test set's samples, with wrong labels, and throw their coins.

        Args:
            subject: The run.
            clients: Clients whose boards get them; each canary is with one board at most.
            count: Number of canaries; fewer where the test set has fewer.
            seed: Seed of choice, labels and coins.
        """
        random = np.random.default_rng(seed)
        test, classes = subject.task.test, subject.layer.classes
        chosen = random.permutation(len(test))[:count]
        wrong = (test.labels[chosen] + random.integers(1, classes, len(chosen))) % classes
        parts = np.array_split(np.arange(len(chosen)), len(clients))
        canaries = [Samples(test.features[chosen[part]], wrong[part].astype(np.uint8)) for part in parts]
        coins, fresh = ([random.random(len(part)) < 0.5 for part in parts] for _ in range(2))
        return cls(clients, canaries, coins, fresh)

    def holdings(self, subject: Subject) -> list[Samples]:
        """Return the samples that each board has: its own, and the canaries that its coins gave it."""
        return [
            joined([subject.samples(client), canaries.take(np.flatnonzero(coins))])
            for client, canaries, coins in zip(self.clients, self.canaries, self.coins, strict=True)
        ]


def honest(subject: Subject, planted: Planted, tell: Progress) -> Finding:
    """Bound epsilon by the rounds of the run as it was, with canaries among the boards' samples."""
    played = replay(subject, planted.clients, planted.holdings(subject), tell)
    heads = subject.recorded.heads
    return Finding(
        "canaries, rounds of this run",
        "curious coordinator",
        "One run with canaries; the attacker sees all that leaves boards, and guesses which canaries they had.",
        played.rounds,
        played.bytes,
        *_bounds(subject, planted, played.seen, lambda number: heads[number - 1]),
    )


def malicious(subject: Subject, planted: Planted, seed: int, tell: Progress) -> Finding:
    """Bound epsilon by rounds whose CONFIG and heads the coordinator chose for that."""
    random = np.random.default_rng(seed)
    size = subject.layer.parameters
    heads = [(_SPREAD * random.standard_normal(size)).astype(np.float32) for _ in range(subject.rounds)]
    seen: list[tuple[int, Seen]] = []
    with Boards(subject, planted.holdings(subject)) as boards:
        for number, head in enumerate(heads, 1):
            asks = [
                Ask(place, single_steps(subject, client, 0.0)) for place, client in enumerate(planted.clients)
            ]
            seen += [(number, each) for each in boards.round(number, head, asks)]
            tell(number, len(heads))
        return Finding(
            "canaries, rounds made to tell",
            "malicious coordinator",
            "The same with CONFIG for one pass of tiny steps, and random heads.",
            boards.rounds,
            boards.bytes,
            *_bounds(subject, planted, seen, lambda number: heads[number - 1]),
        )


def _bounds(
    subject: Subject,
    planted: Planted,
    seen: Sequence[tuple[int, Seen]],
    head_of: Callable[[int], Head],
) -> tuple[Bound, Bound]:
    """Return the bound that the coins give, and that of coins which nobody used."""
    scores: dict[int, Values] = {}
    for boards, rounds in by_boards(seen).items():
        found = _coefficients(subject, planted, boards, rounds, head_of)
        for place, each in zip(boards, found, strict=True):
            scores[place] = scores.get(place, 0.0) + each
    places = sorted(scores)
    values = np.concatenate([scores[place] for place in places])
    delta = subject.protection.delta
    most = most_to_show(len(values), delta)
    real, chance = (
        Bound(*best_bound(values, np.concatenate([coins[place] for place in places]), delta), most)
        for coins in (planted.coins, planted.fresh)
    )
    return real, chance


def _coefficients(
    subject: Subject,
    planted: Planted,
    boards: Sequence[int],
    seen: Sequence[tuple[int, Seen]],
    head_of: Callable[[int], Head],
) -> list[Values]:
    """Return how much of each canary's gradient is in the deltas of boards, by least squares over the rounds.

    The boards' own samples, which the attacker knows, have coefficients, too, so that theirs are not taken for a
    canary's.
    """
    layer, noisy = subject.layer, subject.protection.epsilon is not None
    canaries = [planted.canaries[place] for place in boards]
    known = [subject.samples(planted.clients[place]) for place in boards]
    everyone = joined([*canaries, *known])
    products = np.zeros((len(everyone), len(everyone)))
    targets = np.zeros(len(everyone))
    for number, each in seen:
        inputs, errors = _factors(layer, head_of(number), everyone, cut=noisy)
        products += (inputs @ inputs.T) * (errors @ errors.T)
        weights, bias = layer.parts(each.delta)
        targets += ((inputs @ np.vstack([weights, bias])) * errors).sum(axis=1)
    ridge = (_RIDGE_IN_NOISE if noisy else _RIDGE) * np.trace(products) / len(products)
    solved = np.linalg.solve(products + ridge * np.eye(len(products)), targets)
    ends = np.cumsum([len(each) for each in canaries])
    return np.split(solved[: ends[-1]], ends[:-1])


def _factors(layer: Layer, head: Head, samples: Samples, *, cut: bool) -> tuple[Values, Values]:
    """Return (x, 1) and error of each sample, whose products are its gradient.

    Args:
        layer: The form of heads.
        head: float32 [P].
        samples: n samples.
        cut: Whether all gradients are made equally long, as boards that add noise do first.
    """
    inputs, errors = layer.inputs(samples), layer.errors(head, samples)
    if not cut:
        return inputs, errors
    lengths = np.linalg.norm(inputs, axis=1) * np.linalg.norm(errors, axis=1)
    return inputs, errors / np.maximum(lengths, 1e-12)[:, None]
