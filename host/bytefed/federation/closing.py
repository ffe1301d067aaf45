"""The end of a round: makes the new global head of the deltas in the store, and stores it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bytefed.data.task import Task
from bytefed.events import BoardTrouble, Listener
from bytefed.federation.class_means import update_per_sample
from bytefed.federation.evaluation import evaluate, mean_over_boards
from bytefed.federation.held import HeldTask
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules, aggregate, require_finite, score
from bytefed.head import Head
from bytefed.runs.store import Store
from bytefed.strategies.base import Strategy, Update, is_stateful
from bytefed.strategies.robust import Newcomers


class _Scores(NamedTuple):
    """The scores of a round on the host's test set: accuracy and loss of its head, accuracy of the boards' heads."""

    accuracy: float | None = None
    loss: float | None = None
    held: float | None = None


class Closing:
    """Closes the rounds of one run.

    Args:
        task: The task that is learnt; one that boards hold has no test set.
        rules: The rules of a round.
        training: The local training of all clients.
        strategy: The strategy that makes a new head of the deltas that count.
        store: The run's store.
        listener: Called with an event for each delta that was too long.
        sums: Whether rounds have secure sums in place of deltas.
    """

    def __init__(
        self,
        task: Task | HeldTask,
        rules: Rules,
        training: LocalTraining,
        strategy: Strategy,
        store: Store,
        listener: Listener,
        *,
        sums: bool = False,
    ) -> None:
        self._task = task
        self._rules = rules
        self._strategy = strategy
        self._store = store
        self._listener = listener
        self._sums = sums
        self._first = training.first_strategy(task.num_classes)

    def replay(self) -> None:
        """Replay the rounds that are over to a stateful strategy, so that a resumed run goes on where it stopped."""
        done, head = self._store.head()
        if is_stateful(self._strategy):
            for number in range(1, done + 1):
                if updates := self._updates(number)[0]:  # none in a round that was void
                    aggregate(self._strategy, head, updates)

    def close(self, number: int, head: Head, seconds: float) -> None:
        """Make a new head of a round's deltas, or of their sum, and store it; the same head, if that can't be read.

        Args:
            number: The round.
            head: float32 [P], the head that it began with.
            seconds: Duration of the round.

        Raises:
            BytefedError: E_HEAD_NOT_FINITE when training diverged.
            ConfigError: E_STRATEGY_HEAD when the strategy returned no head.
        """
        boards = {client: board for board, client in self._store.clients().items()}
        updates, excess = self._updates(number)
        strategy = self._first if self._first and number == 1 else self._strategy
        for client, times in excess.items():
            self._listener(_bounded(number, boards[client], times, self._rules.norm_bound))
        head = aggregate(strategy, head, updates) if updates else head
        found = self._scores(number, head)
        if self._sums:
            counted = [delta.board for delta in self._store.deltas(number)]
        else:
            counted = [boards[update.client] for update in updates]
        self._store.close_round(
            number, head, counted,
            seconds=seconds, accuracy=found.accuracy, loss=found.loss, held=found.held,
        )  # fmt: skip

    def _scores(self, number: int, head: Head) -> _Scores:
        """Score a new head on the task's test set, and the heads that boards hold; without one there are no scores."""
        if isinstance(self._task, HeldTask):
            require_finite(number, head)
            return _Scores()
        found = score(self._task, number, head)
        return _Scores(found.accuracy, found.loss, self._held_accuracy(self._task, head.size))

    def weight(self, number: int) -> int:
        """Return the sum of a round's weights: num_examples, as far as the norm bound lets them count."""
        return sum(update.num_examples for update in self._updates(number)[0])

    def _held_accuracy(self, task: Task, parameters: int) -> float:
        """Return the mean accuracy of the heads that the boards hold, on the task's test set."""
        held, zeros = self._store.all_held(), bytes(4 * parameters)
        heads = [held.get(board, zeros) for board in self._store.clients()]
        number = {blob: index for index, blob in enumerate(dict.fromkeys(heads))}
        blobs = list(number)

        def accuracy(index: int) -> float:
            return evaluate(task, np.frombuffer(blobs[index], "<f4"), task.test).accuracy

        return mean_over_boards(np.array([number[blob] for blob in heads]), self._rules.seed, accuracy)

    def _updates(self, number: int) -> tuple[list[Update], dict[int, float]]:
        """Return the updates that count in a round, bounded; and, for those bounded, client to pull in medians."""
        if self._sums:
            total = self._store.sum_of(number)
            return [] if total is None else [Update(0, total.examples, total.mean)], {}
        clients = self._store.clients()
        deltas = [delta for delta in self._store.deltas(number) if delta.status == "ok"]
        updates = [Update(clients[delta.board], delta.num_examples, delta.delta) for delta in deltas]
        if self._first and number == 1:
            updates = [update_per_sample(update) for update in updates]
        return self._rules.bound(updates, self._newcomers(number))

    def _newcomers(self, number: int) -> Newcomers | None:
        """Return the classes that a round meets for the first time, where boards have brought some to a run."""
        columns = self._task.joining(number) if isinstance(self._task, HeldTask) else range(0)
        if not columns:
            return None
        return Newcomers(self._store.head_of(number - 1), self._task.num_classes, columns)


def _bounded(number: int, board: str, excess: float, bound: float) -> BoardTrouble:
    return BoardTrouble(
        board,
        number,
        "E_DELTA_NORM",
        f"its delta pulls {excess:.1f} times as hard as the median of the round: bounded to {bound:g} times.",
        "It may just have many more samples than the others, or a label that they don't have. If not, look at its "
        "samples; --norm-bound 0 turns the bound off.",
    )
