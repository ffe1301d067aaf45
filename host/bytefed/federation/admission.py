"""Admits boards to a run: gives them their samples, or the run's labels where they learn from samples of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.device.labels import labels_due
from bytefed.device.plan import Samples
from bytefed.events import DataRemark, Listener
from bytefed.federation.assignment import Assignment
from bytefed.federation.held import HeldSamples
from bytefed.ledger.plan import planned_labels, planned_provision, planned_release
from bytefed.ledger.rows import Phase, Status
from bytefed.ledger.wire_size import add_buffer
from bytefed.protocol.message import Capability, State
from bytefed.runs.store import Store

Samplings = Assignment | HeldSamples
"""Either way to samples: a task's that are divided, or those that boards hold."""


_NEW_BUDGETS = "new budgets"  # key under which the store keeps their boards

Book = Callable[[Device, Phase, Status, float, int], None]
"""Writes a ledger row of what a board's port counted since the last one; see ``Fleet.book``."""


class Admission:
    """The admission of boards to a run, once they are connected and fit.

    Args:
        store: The run's store.
        samplings: The way to samples.
        listener: Is told what happens to samples and labels.
        book: Writes the ledger's rows.
    """

    def __init__(self, store: Store, samplings: Samplings, listener: Listener, book: Book) -> None:
        self._store = store
        self._samplings = samplings
        self._listener = listener
        self._book = book

    async def hear(self, device: Device) -> None:
        """Ask a board for its labels, where these count."""
        if isinstance(self._samplings, HeldSamples):
            await self._samplings.ask(device)
            self.book_heard(device)

    def book_heard(self, device: Device) -> None:
        """Book that a board was asked for its labels, where these count."""
        held = self._samplings
        if isinstance(held, HeldSamples):
            estimate = planned_labels(device.profile, held.told[device].names, ()).wire_total
            self._book(device, "label", "ok", held.seconds[device], estimate)

    def take_in(self) -> tuple[int, int]:
        """Take in the labels that boards have met since the run began, before any of them is admitted.

        Returns:
            D and C of the run's head from now on.
        """
        if isinstance(self._samplings, HeldSamples) and (news := self._samplings.take_in(self._store)):
            self._listener(DataRemark(news))
        return self._samplings.task.D, self._samplings.task.num_classes

    async def admit(self, device: Device, client: int) -> None:
        """Give a board what it needs to take part."""
        if isinstance(self._samplings, HeldSamples):
            await self._label(device, self._samplings)
        else:
            await self._provision(device, client, self._samplings)

    async def _provision(self, device: Device, client: int, assignment: Assignment) -> None:
        """Give a board the samples of its client."""
        keeper, key = device.keeper, f"samples of {device.name}"
        keeper.mark = mark = self._store.meta(key)
        keeper.on_budget_end = partial(self._tell_of_budget, device, assignment.private)
        started = now()
        ended: Status = "failed"
        estimate = 0
        try:
            device.order_columns()
            samples = assignment.samples(client, device)
            self._tell_of_replaced(device, samples)
            estimate = _provision_estimate(device, samples)
            if device.owed and not device.holds(samples):  # samples take the place of a delta
                await device.release(counted=self._store.counts(device.name, device.owed))
                estimate += planned_release(device.profile).wire_total
            await device.provision(samples)
            if keeper.mark != mark and not assignment.private:
                self._store.set_meta(key, keeper.mark)
            ended = "ok"
        finally:
            self._book(device, "provision", ended, now() - started, estimate)

    async def _label(self, device: Device, held: HeldSamples) -> None:
        """Give a board the labels of the run, where it has not all of them."""
        before, names, started = held.told[device].names, held.due(device), now()
        if names == before:
            device.order_columns(held.order(device))
            return
        ended: Status = "failed"
        given = [names[index] for index in labels_due(before, names)]
        estimate = planned_labels(device.profile, (), given)
        if device.welcome.state in (State.RECEIVING, State.READY):  # what is left of a round has another size
            estimate += planned_release(device.profile)
        try:
            if device.owed:
                await device.release(counted=self._store.counts(device.name, device.owed))
            await held.give(device)
            device.order_columns(held.order(device))
            ended = "ok"
        finally:
            self._book(device, "label", ended, now() - started, estimate.wire_total)

    def _tell_of_replaced(self, device: Device, samples: Samples) -> None:
        """Say that a board is about to lose the samples that it holds, captured ones perhaps."""
        held = _count(device)
        if held and not device.holds(samples) and not _withholds(device):
            self._listener(
                DataRemark(f"board {device.name} holds {held} other samples, which those of this run replace")
            )

    def _tell_of_budget(self, device: Device, private: bool) -> None:
        """Say that a board's privacy budget ends, and note it: the host can't know whether its samples are the same.

        Args:
            device: The board, about to be given samples.
            private: Whether it gets another budget for them.
        """
        before = "has lost its samples and what it counted of them; it is given them again"
        if _withholds(device):
            before = (
                f"holds {_count(device)} samples whose checksum it withholds; those of this run replace them"
            )
        after = "no epsilon holds for them any more, for this run has no noise"
        if private:
            after = "the epsilons of both budgets add"
            names = {*new_budgets(self._store), device.name}
            self._store.set_meta(_NEW_BUDGETS, json.dumps(sorted(names)))
        also = ", with a new budget" if private else ""
        self._listener(DataRemark(f"board {device.name} {before}{also}: if they are the same, {after}"))


def new_budgets(store: Store) -> list[str]:
    """Return the boards of a run that had a privacy budget before and were given samples, and a budget, anew."""
    return list(json.loads(store.meta(_NEW_BUDGETS) or "[]"))


def _withholds(device: Device) -> bool:
    return bool(device.board.capabilities & Capability.NOISED)


def _count(device: Device) -> int:
    return device.stored.train + device.stored.test


def _provision_estimate(device: Device, samples: Samples) -> int:
    """Return the bytes that giving a board its samples should take."""
    count = planned_provision(
        device.profile,
        samples.record_size,
        len(samples.train_y),
        len(samples.test_y),
        add_buffer(*device.shape),
        held=device.holds(samples),
    )
    return count.wire_total
