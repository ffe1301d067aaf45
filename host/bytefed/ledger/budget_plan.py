"""The plan for a budget: how many rounds it pays for, board by board, from the closed forms.

Boards take turns (``seeds.select_fairly``), so nobody pays for more than one round beyond what others pay for. The plan
goes through the rounds as the run will, and ends before the first that some board could not pay together with the
evaluation of the last head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError, counted
from bytefed.ledger.budget import Budget, Pricing
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.wire_size import LinkProfile, blobs_bytes, connection_bytes
from bytefed.seeds import select_fairly

MOST_ROUNDS = 65_535
HELD, DOWNLINK, WHOLE = range(3)
"""The blobs that lead a board to a round's head: none, since it holds that; the downlink's blob; the whole head."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Prices:
    """The prices of a board's operations on one link, without training.

    Attributes:
        connect: Opening a session.
        rounds: float64 [3, 2, 2], a round by its blob (HELD, DOWNLINK or WHOLE), whether it brings statistics, and
            whether it brings CONFIG.
        evaluations: float64 [3, 2], an evaluation alone by its blob and whether it brings CONFIG.
    """

    connect: float
    rounds: Floats
    evaluations: Floats

    @classmethod
    def of(cls, pricing: Pricing, profile: LinkProfile, blobs: tuple[int, int, int]) -> Prices:
        """Price the operations on a link.

        Args:
            pricing: The price of loads.
            profile: The link.
            blobs: Bytes of the downlink's blob, of the whole head, and of the uplink's blob.
        """
        down, whole, up = blobs
        sizes = (0, down, whole)

        def price(size: int, delta: int, *, statistics: bool, configures: bool) -> float:
            form = partial(_blobs, down=size, up=delta, statistics=statistics, configures=configures)
            return pricing.price(pricing.loads(profile, form))

        return cls(
            pricing.price(pricing.loads(profile, connection_bytes)),
            np.array(
                [[[price(size, up, statistics=told, configures=due) for due in (False, True)]
                  for told in (False, True)] for size in sizes]
            ),
            np.array([[price(size, 0, statistics=True, configures=due) for due in (False, True)] for size in sizes]),
        )  # fmt: skip


def _blobs(profile: LinkProfile, *, down: int, up: int, statistics: bool, configures: bool) -> Any:
    return blobs_bytes(profile, down, up, statistics=statistics, configures=configures)


@dataclass(frozen=True)
class Terms:
    """The keys of a run that decide what its rounds take.

    Attributes:
        participants: Boards that train in a round.
        rounds: Rounds that were asked for; 0 for as many as the budget pays.
        learning_rate_rounds: Rounds with the same learning rate; 0 if it never changes.
        statistics_rounds: Each round with a multiple of this number brings statistics; 0 for none.
        seed: The run's seed.
        from_zeros: Whether the run begins with the zeros that boards hold, so that the first round brings no head.
        class_means: Whether the first round brings class means: boards get another CONFIG after it.
    """

    participants: int
    rounds: int
    learning_rate_rounds: int
    statistics_rounds: int
    seed: int
    from_zeros: bool = True
    class_means: bool = False

    def blob(self, number: int) -> int:
        """Return which blob leads boards that are not strange to the head of a round, HELD or DOWNLINK."""
        return HELD if number == 1 and self.from_zeros else DOWNLINK

    def configuration(self, number: int) -> int:
        """Return the number of the CONFIG that a round's boards need, from 0 on."""
        every = self.learning_rate_rounds
        step = (number - 1) // every if every else 0
        return step + (self.class_means and number > 1)


@dataclass(frozen=True, eq=False)
class Boards:
    """The boards that a plan is for, n of them.

    Attributes:
        prices: The prices of operations on each link.
        link: int64 [n], for each board the index of its link in `prices`.
        spent: float64 [n], what each has spent already, on connecting.
        training: float64 [n], what the training of a round takes of each.
        strange: bool [n], True for a board that holds a head of which nothing is known: its first blob is WHOLE.
    """

    prices: Sequence[Prices]
    link: NDArray[np.int64]
    spent: Floats
    training: Floats
    strange: Bools

    @classmethod
    def alike(
        cls, prices: Sequence[Prices], link: NDArray[np.int64], training: Floats | float = 0.0
    ) -> Boards:
        """Return boards that have connected as planned, and hold zeros."""
        connects = np.array([each.connect for each in prices])
        shape = len(link)
        work = np.broadcast_to(np.asarray(training, np.float64), (shape,))
        return cls(prices, link, connects[link], work, np.zeros(shape, np.bool_))


@dataclass(frozen=True)
class Plan:
    """The run that a budget pays for.

    Attributes:
        budget: The budget.
        boards: Number of boards.
        participants: Boards that train in a round.
        rounds: Rounds of the run.
        turns: The most rounds that one board takes part in.
        connect: The most that connecting takes of a board.
        round: The most that a usual round takes of a board: with its blob, without CONFIG and statistics.
        evaluate: The most that the evaluation of the last head takes of a board.
        worst: The spending of the board that spends most.
        least: The spending of the board that spends least.
        total: The spending of all boards together.
    """

    budget: Budget
    boards: int
    participants: int
    rounds: int
    turns: int
    connect: float
    round: float
    evaluate: float
    worst: float
    least: float
    total: float

    @property
    def left(self) -> float:
        """The rest of the budget of the board that spends most."""
        return self.budget.most - self.worst

    def document(self) -> dict[str, Any]:
        """Return it for JSON, in bytes, seconds or millijoules."""
        names = (
            "boards", "participants", "rounds", "turns", "connect", "round", "evaluate", "worst", "least", "total",
            "left",
        )  # fmt: skip
        return {
            "kind": self.budget.kind,
            "most": self.budget.most,
            **{name: _plain(getattr(self, name)) for name in names},
        }


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() else float(value)


class _Course:
    """The course of a run, round by round: who took part, and what each board has spent."""

    def __init__(self, boards: Boards, terms: Terms) -> None:
        self._boards, self._terms = boards, terms
        count = len(boards.link)
        self._all = np.arange(count, dtype=np.int64)
        self._rounds = np.stack([each.rounds for each in boards.prices])
        self._evaluations = np.stack([each.evaluations for each in boards.prices])
        self.turns = np.zeros(count, np.int64)
        self.spent = boards.spent.astype(np.float64)
        self._configured = np.full(count, -1, np.int64)  # the number of its last CONFIG

    def advance(self, number: int) -> None:
        """Go through a round."""
        terms, boards = self._terms, self._boards
        who = self._all
        if terms.participants < len(who):
            drawn = select_fairly(terms.seed, number, who, terms.participants, self.turns)
            who = np.array(drawn, np.int64)
        needed = terms.configuration(number)
        told = int(has_statistics(number, terms.statistics_rounds))
        due = (self._configured[who] != needed).astype(np.int64)
        blob = np.where(boards.strange[who] & (self.turns[who] == 0), WHOLE, terms.blob(number))
        self.spent[who] += self._rounds[boards.link[who], blob, told, due] + boards.training[who]
        self._configured[who] = needed
        self.turns[who] += 1

    def ended(self) -> Floats:
        """Return what each board has spent once it has evaluated the last head."""
        boards = self._boards
        never = self.turns == 0
        blob = np.where(boards.strange & never, WHOLE, DOWNLINK)
        ended: Floats = self.spent + self._evaluations[boards.link, blob, never.astype(np.int64)]
        return ended


def plan(budget: Budget, boards: Boards, terms: Terms) -> Plan:
    """Plan the rounds of a budget.

    Args:
        budget: The most that each board may spend.
        boards: The boards, at least one.
        terms: How the run is to be.

    Raises:
        ConfigError: E_BUDGET_TOO_SMALL where it does not pay connecting, one round and the last evaluation; or not
            the rounds that were asked for.
    """
    course = _Course(boards, terms)
    course.advance(1)
    ended = course.ended()
    require_one_round(budget, float(ended.max()))
    rounds = 1
    most = terms.rounds or MOST_ROUNDS
    while rounds < most:
        course.advance(rounds + 1)
        next_ended = course.ended()
        if not budget.pays(float(next_ended.max())):
            break
        rounds, ended = rounds + 1, next_ended
    if terms.rounds > rounds:
        raise _too_many_rounds(budget, boards, terms, rounds)
    return _result(budget, boards, terms, rounds, ended)


def _result(budget: Budget, boards: Boards, terms: Terms, rounds: int, ended: Floats) -> Plan:
    count = len(boards.link)
    used = np.unique(boards.link)
    usual = [boards.prices[link].rounds[DOWNLINK, 0, 0] for link in used]
    return Plan(
        budget=budget,
        boards=count,
        participants=min(terms.participants, count),
        rounds=rounds,
        turns=-(-rounds * min(terms.participants, count) // count),
        connect=float(boards.spent.max()),
        round=float(max(usual) + boards.training.max()),
        evaluate=float(max(boards.prices[link].evaluations[DOWNLINK, 0] for link in used)),
        worst=float(ended.max()),
        least=float(ended.min()),
        total=float(ended.sum()),
    )


def require_one_round(budget: Budget, needed: float, *, at_least: bool = False) -> None:
    """Refuse a budget that does not pay one round.

    Args:
        budget: The most that each board may spend.
        needed: The price of connecting, one round and the evaluation after it.
        at_least: Whether they may take more, since the link is not known yet.

    Raises:
        ConfigError: E_BUDGET_TOO_SMALL.
    """
    if not budget.pays(needed):
        raise ConfigError(
            "E_BUDGET_TOO_SMALL",
            f"{budget.option} {budget.text(budget.most)} a board does not pay for connecting, one round and the"
            f" evaluation of its head: that takes {'at least ' if at_least else ''}{budget.text(needed)}.",
            f"Give {budget.option} that much or more, or see `bytefed estimate --help` for what would take less.",
        )


def _too_many_rounds(budget: Budget, boards: Boards, terms: Terms, rounds: int) -> ConfigError:
    course = _Course(boards, terms)
    for number in range(1, terms.rounds + 1):
        course.advance(number)
    needed = float(course.ended().max())
    return ConfigError(
        "E_BUDGET_TOO_SMALL",
        f"{counted(terms.rounds, 'round')} take {budget.text(needed)} of a board; {budget.option}"
        f" {budget.text(budget.most)} pays for {counted(rounds, 'round')}.",
        f"Leave --rounds out, which takes as many as the budget pays; or give --rounds {rounds}, or a larger budget.",
    )


def priced_blobs(down: int, up: int, parameters: int) -> tuple[int, int, int]:
    """Return the sizes that ``Prices.of`` takes, from those of a downlink's and an uplink's blob."""
    return down, 4 * parameters, up
