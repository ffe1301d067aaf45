"""The budgets of simulated clients: what each has spent, and who can pay for another round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.events import BudgetPlanned, BudgetSpent, Listener
from bytefed.federation.assignment import Assignment
from bytefed.federation.budget import Means, announced, boards_on, planned, require_kept, spent_summary
from bytefed.federation.config import RunConfig
from bytefed.federation.rules import Rules
from bytefed.ledger.air import AirTable
from bytefed.ledger.budget_plan import DOWNLINK, HELD, Boards, Plan
from bytefed.ledger.count import ByteCount
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.wire_size import LinkProfile
from bytefed.simulation.held_heads import Clients
from bytefed.simulation.links import ClientLinks

Form = tuple[LinkProfile, Callable[[LinkProfile], ByteCount]]
"""A link, and the closed form of an operation's bytes on it."""


class Purses:
    """The rest of simulated clients' budgets.

    Args:
        means: The prices of operations.
        boards: The clients, with what each link takes; they have not connected yet.
        dropout: Probability that a client is lost in a round: then it has to be able to connect anew, too.
        from_zeros: Whether clients hold the head of the first round already.

    Attributes:
        spent: float64 [N], what each client has spent.
        turns: int64 [N], rounds that each was asked in.
        ended: Whether the clients could not pay for a round any more.
    """

    def __init__(self, means: Means, boards: Boards, dropout: float, *, from_zeros: bool = True) -> None:
        self._means, self._boards, self._from_zeros = means, boards, from_zeros
        self._drops = dropout > 0
        count = len(boards.link)
        self.spent = np.zeros(count)
        self.ended = False
        self.turns = np.zeros(count, np.int64)
        self._connects = np.array([each.connect for each in boards.prices])
        self._rounds = np.stack([each.rounds for each in boards.prices])
        self._evaluations = np.stack([each.evaluations for each in boards.prices])

    def spend(
        self, clients: Clients, kinds: NDArray[np.int64], forms: Sequence[Form], *, trains: bool
    ) -> None:
        """Book what an operation takes of clients, each of one of some kinds.

        Raises:
            LedgerError: E_BUDGET_EXCEEDED.
        """
        pricing = self._means.pricing
        for kind in np.unique(kinds).tolist():
            profile, form = forms[kind]
            who = clients[kinds == kind]
            self.spent[who] += pricing.price(pricing.loads(profile, form))
        if trains:
            self.spent[clients] += self._boards.training[clients]
            self.turns[clients] += 1
        worst = int(clients[self.spent[clients].argmax()]) if len(clients) else 0
        require_kept(self._means.budget, f"client {worst}", float(self.spent[worst]))

    def able(self, number: int, configures: NDArray[np.bool_], *, statistics: bool) -> Clients:
        """Return the clients that can pay for a round and for the evaluation after it, ascending.

        Args:
            number: The round.
            configures: bool [N], the clients that CONFIG is due for.
            statistics: Whether the round brings statistics.
        """
        link = self._boards.link
        blob = HELD if number == 1 and self._from_zeros else DOWNLINK
        needed = (
            self._rounds[link, blob, int(statistics), configures.astype(np.int64)] + self._boards.training
        )
        if self._drops:
            needed += self._connects[link]
        needed += self._evaluations[link, DOWNLINK, int(self._drops)]
        left = self._means.budget.ceiling - self.spent
        return np.flatnonzero(needed <= left)


@dataclass(frozen=True, eq=False)
class Spending:
    """The budget of a simulation: its plan, and what clients have spent.

    Attributes:
        config: The configuration with the rounds that the budget pays.
        plan: The plan of the budget.
        purses: The rest of the clients' budgets.
    """

    config: RunConfig
    plan: Plan
    purses: Purses

    @classmethod
    def of(
        cls, config: RunConfig, assignment: Assignment, links: ClientLinks, dropout: float
    ) -> Spending | None:
        """Plan a simulation; None without a budget.

        Raises:
            ConfigError: E_BUDGET_TOO_SMALL, E_BUDGET_LINK.
        """
        task, partition = assignment.task, assignment.partition
        air = AirTable.load(Path(config.air_table) if config.air_table else None)
        means = Means.of(config, (task.D, task.num_classes), air)
        if means is None:
            return None
        boards = boards_on(means, links.profiles, links.link, partition.sizes - partition.test_sizes)
        config, found = planned(config, means, Rules.of(config).count(len(partition)), boards)
        return cls(config, found, Purses(means, boards, dropout, from_zeros=not config.head))

    def announced(self) -> BudgetPlanned:
        """Return the event that says what the simulation is going to be."""
        return announced(self.config, self.plan)

    def choose(self, number: int, rules: Rules, configures: NDArray[np.bool_], listener: Listener) -> Clients:
        """Draw the clients of a round, ascending; none where too few can pay for it.

        Args:
            number: The round.
            rules: The rules of choosing clients, and how many have to deliver.
            configures: bool [N], the clients that CONFIG is due for.
            listener: Is told when too few can pay.
        """
        told = has_statistics(number, self.config.statistics_rounds)
        able = self.purses.able(number, configures, statistics=told)
        if len(able) < rules.needed(self.plan.participants):
            self.purses.ended = True
            listener(BudgetSpent(number, self.plan.rounds))
            return np.empty(0, np.int64)
        turns = self.purses.turns
        return np.array(rules.choose_in_turn(number, able, turns[able], len(turns)), np.int64)

    def summary(self) -> dict[str, Any]:
        """Return the entry of summary.json."""
        spent = self.purses.spent
        ends = {"most": float(spent.max()), "least": float(spent.min())}
        return {
            "budget": spent_summary(self.plan.budget, ends, self.plan.document(), ended=self.purses.ended)
        }
