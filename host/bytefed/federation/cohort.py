"""The boards of a round: who is ready, who is drawn, and, with a budget, who can pay for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np

from bytefed.device.plan import PlannedRound
from bytefed.events import BudgetSpent, Listener
from bytefed.federation.failures import remedy_of
from bytefed.federation.fleet import Fleet, Member
from bytefed.federation.rules import Rules
from bytefed.runs.store import Store
from bytefed.runs.summary import LAST_ROUND

Plans = Callable[[Member], PlannedRound]
"""Gives the round that is planned for a board."""


class Cohort:
    """Draws the boards that take part in each round of a run.

    Without a budget the draws of different rounds have nothing to do with each other. With one, boards take turns, so
    that none pays for more than one round beyond what others pay for, and a board that can't pay is left out.

    Args:
        rules: The rules of choosing boards, and how many have to deliver.
        fleet: The boards.
        store: The run's store.
        patience: Seconds to wait for enough boards.
        listener: Is told when the budgets are spent.
    """

    def __init__(self, rules: Rules, fleet: Fleet, store: Store, patience: float, listener: Listener) -> None:
        self._listener = listener
        self._rules = rules
        self._fleet = fleet
        self._store = store
        self._patience = patience
        self._boards = store.clients()
        self._turns = Counter[str]()
        self._counted = 0  # rounds whose participants are in it

    async def choose(self, number: int, plans: Plans) -> list[Member]:
        """Wait for boards, and choose those that take part in a round.

        Raises:
            LinkError: E_TOO_FEW_BOARDS.
        """
        purses = self._fleet.purses
        if not purses.limited:  # boards may keep budgets of their own, of privacy
            self._rules.require_budgets(number, len(self._boards), purses.retired, self._store.directory)
        enough = await self._fleet.wait_until(partial(self._are_enough, plans), self._patience)
        able = self._able(plans)
        if not enough:
            remedy = remedy_of([*self._fleet.troubles.values()])
            self._rules.require_boards(number, len(able), remedy)
        if not purses.limited:
            return [able[client] for client in self._rules.choose(number, able)]
        turns = self._turns_before(number)
        before = np.array([turns[member.device.name] for member in able.values()], np.int64)
        drawn = self._rules.choose_in_turn(number, np.array([*able], np.int64), before, len(self._boards))
        chosen = [able[client] for client in drawn]
        purses.note(self._store, number, {member.device: plans(member) for member in chosen})
        return chosen

    def ends_before(self, number: int, plans: Plans, planned: int) -> bool:
        """Return whether a run ends here since its boards can't pay for a round; if so, note and tell it.

        Args:
            number: The round.
            plans: Gives the round that is planned for a board.
            planned: Rounds that were to be.
        """
        spent = self._is_spent(plans)
        if spent:
            self._store.set_meta(LAST_ROUND, str(number - 1))
            self._listener(BudgetSpent(number, planned))
        return spent

    def _is_spent(self, plans: Plans) -> bool:
        """Return whether too few boards are left that can pay for a round, those that may come back included."""
        if not self._fleet.purses.limited:
            return False
        left = len(self._able(plans)) + self._coming()
        return left < self._rules.needed(self._rules.count(len(self._boards)))

    def _are_enough(self, plans: Plans) -> bool:
        """Return whether a round can begin: with a budget also with all boards that are left to pay for it."""
        if len(self._able(plans)) >= self._rules.min_train_nodes:
            return True
        return self._fleet.purses.limited and not self._coming()

    def _able(self, plans: Plans) -> dict[int, Member]:
        """Return the boards that are ready and can pay for a round, by client."""
        affords = self._fleet.purses.affords
        return {
            client: member
            for client, member in self._fleet.ready().items()
            if affords(member.device, partial(plans, member))
        }

    def _coming(self) -> int:
        """Return how many boards are busy or away, and may yet be there with enough to pay for a round."""
        away = map(self._fleet.purses.may_come_back, self._fleet.sought())
        return sum(member.busy for member in self._fleet) + sum(away)

    def _turns_before(self, number: int) -> Counter[str]:
        """Return how many rounds before that one each board was asked in."""
        for before in range(self._counted + 1, number):
            self._turns.update(self._store.participants(before))
        self._counted = max(self._counted, number - 1)
        return self._turns
