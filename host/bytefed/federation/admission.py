"""Admits boards to a run: gives them their samples, or the run's labels where they learn from samples of their own."""

from __future__ import annotations

from collections.abc import Callable

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
from bytefed.protocol.message import State
from bytefed.runs.store import Store

Samplings = Assignment | HeldSamples
"""Either way to samples: a task's that are divided, or those that boards hold."""


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
        device.samples_mark = mark = self._store.meta(f"samples of {device.name}")
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
            if device.samples_mark != mark:
                self._store.set_meta(f"samples of {device.name}", device.samples_mark)
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
        held = device.stored.train + device.stored.test
        if held and not device.holds(samples):
            self._listener(
                DataRemark(f"board {device.name} holds {held} other samples, which those of this run replace")
            )


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
