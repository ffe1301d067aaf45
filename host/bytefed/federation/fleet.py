"""The boards of a run: which are connected, ready or lost, and the bytes that all this took.

A run that begins is refused when a board that was named can't be reached or does not fit: the data are about to be
divided by the number of boards, and whoever sits at the table can put it right now. Later a board may come and go:
one that fails is named and left out, and looked for until it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.errors import BoardError, BytefedError, LinkError, ProtocolError
from bytefed.events import BoardAway, BoardBack, BoardJoined, BoardTrouble, DataRemark, Listener
from bytefed.federation.assignment import Assignment
from bytefed.federation.requirements import Requirements
from bytefed.ledger.air import AirTable, Airtime
from bytefed.ledger.plan import planned_connection, planned_provision, planned_release
from bytefed.ledger.rows import Phase, Status, Traffic
from bytefed.ledger.wire_size import add_buffer, blob_size
from bytefed.protocol.direction import Direction
from bytefed.runs.store import Store

# Errors that concern one board or its link; all others concern the run itself and end it.
BoardTroubles = (BoardError, LinkError, ProtocolError)

T = TypeVar("T")

_FIRST_SEEK = 1.0  # seconds before a lost board is looked for
_LAST_SEEK = 5.0  # seconds between two looks, at most; opening a port waits for it besides


@dataclass(eq=False)
class Member:
    """A board that is ready, or busy with a round."""

    client: int
    device: Device
    busy: bool = False


async def connect_all(
    devices: Sequence[Device], run: int, requirements: Requirements, assignment: Assignment, first: int = 0
) -> list[float]:
    """Connect to all boards of a run that begins; a refusal changes nothing on any of them.

    Args:
        devices: The boards.
        run: The run's number.
        requirements: What each must be.
        assignment: Who gets which samples.
        first: Number of the run's first client.

    Returns:
        How long each took, seconds.

    Raises:
        LinkError, ProtocolError: A board can't be reached or understood.
        BoardError: As ``Requirements.check`` and ``Assignment.check``; E_BOARD_TWICE when two URIs lead to the same
            board.
    """
    seconds = await _all(_connect(device, run) for device in devices)
    seen: dict[int, Device] = {}
    for client, device in enumerate(devices, first):
        requirements.check(device)
        assignment.check(client, device)
        if device.uid in seen:
            raise BoardError(
                "E_BOARD_TWICE",
                f"{seen[device.uid].uri} and {device.uri} are the same board, {device.name}.",
                "Name it once.",
            )
        seen[device.uid] = device
    return seconds


async def _connect(device: Device, run: int) -> float:
    started = now()
    await device.connect(run)
    return now() - started


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """Return all outcomes, once all are done; or raise the first error in order."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    good: list[T] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        good.append(outcome)
    return good


class Fleet:
    """The boards of a run that has a directory."""

    def __init__(
        self,
        store: Store,
        assignment: Assignment,
        requirements: Requirements,
        codec: str,
        listener: Listener,
        air: AirTable | None = None,
    ) -> None:
        self._store = store
        self._assignment = assignment
        self._requirements = requirements
        self._codec = codec
        self._listener = listener
        self._air = air
        self._clients = store.clients()
        self._members: dict[int, Member] = {}
        self._devices: list[Device] = []
        self._seekers: dict[asyncio.Task[None], Device] = {}
        self._news = asyncio.Event()
        self.round = store.head()[0]  # the round under which bytes between rounds are booked

    def __iter__(self) -> Iterator[Member]:
        """Iterate over the boards that are connected, by client."""
        return iter([self._members[client] for client in sorted(self._members)])

    def ready(self) -> dict[int, Member]:
        """Return the boards that are ready, by client."""
        return {member.client: member for member in self if not member.busy}

    def away(self) -> list[str]:
        """Return the boards that are not there, by client."""
        return [board for board, client in self._clients.items() if client not in self._members]

    async def admit_all(self, devices: Sequence[Device], seconds: Sequence[float]) -> None:
        """Give the boards of a run that begins their samples.

        Args:
            devices: Connected and checked.
            seconds: How long connecting took.

        Raises:
            BoardError, LinkError: A board can't take its samples.
        """
        self._take(devices)
        for device, took in zip(devices, seconds, strict=True):
            self._book_connection(device, took)
        await _all(self._admit(device) for device in devices)

    async def join_all(self, devices: Sequence[Device]) -> None:
        """Connect to the boards of a resumed run; those that fail are left out until they are back."""
        self._take(devices)
        await _all(self._try_join(device) for device in devices)

    def _take(self, devices: Sequence[Device]) -> None:
        self._devices = list(devices)
        for device in devices:
            device.watch(partial(self._tell_away, device))

    def _tell_away(self, device: Device, error: BytefedError | None) -> None:
        if error is None:
            self._listener(BoardBack(device.name, self.round, device.uri))
        else:
            self._listener(BoardAway(device.name, self.round, error.code, error.message, error.remedy))

    async def _try_join(self, device: Device) -> None:
        try:
            await self._join(device)
        except BoardTroubles as error:
            self._report(device, error)
            self._seek(device)

    async def _join(self, device: Device) -> None:
        seconds, ended = await _connect(device, self._store.run), False
        try:
            self._requirements.check(device)
            self._assignment.check(self._client(device), device)
            ended = True
        finally:
            self._book_connection(device, seconds, "ok" if ended else "failed")
        await self._admit(device)

    def _book_connection(self, device: Device, seconds: float, status: Status = "ok") -> None:
        self.book(device, "connect", status, seconds, _connection_estimate(device))

    def _client(self, device: Device) -> int:
        client = self._clients.get(device.name)
        if client is None:
            raise BoardError(
                "E_BOARD_UNKNOWN",
                f"Board {device.name} ({device.uri}) was not there when this run began.",
                "Leave it out; a new run can have it.",
            )
        return client

    async def _admit(self, device: Device) -> None:
        client = self._client(device)
        if device.held is None:
            device.held = self._store.held(device.name)
        device.samples_mark = mark = self._store.meta(f"samples of {device.name}")
        started = now()
        ended: Status = "failed"
        estimate = 0
        try:
            samples = self._assignment.samples(client, device)
            self._tell_of_replaced(device, samples)
            estimate = _provision_estimate(device, samples)
            if device.owed and not device.holds(samples):  # samples take the place of a delta
                await device.release(counted=device.name not in self._store.uncounted())
                estimate += planned_release(device.profile).wire_total
            await device.provision(samples)
            if device.samples_mark != mark:
                self._store.set_meta(f"samples of {device.name}", device.samples_mark)
            ended = "ok"
        finally:
            self.book(device, "provision", ended, now() - started, estimate)
        self._members[client] = Member(client, device)
        link = device.profile
        self._listener(BoardJoined(device.name, client, device.uri, link.name, link.security))
        self._news.set()

    def _tell_of_replaced(self, device: Device, samples: Samples) -> None:
        """Say that a board is about to lose the samples that it holds, captured ones perhaps."""
        held = device.stored.train + device.stored.test
        if held and not device.holds(samples):
            self._listener(
                DataRemark(f"board {device.name} holds {held} other samples, which those of this run replace")
            )

    def lose(self, member: Member, error: BytefedError) -> None:
        """Leave out a board that failed, and keep trying to reconnect to it."""
        self._members.pop(member.client, None)
        self._report(member.device, error)
        self._seek(member.device)

    def release(self, member: Member) -> None:
        """Mark a board as ready again."""
        member.busy = False
        self._news.set()

    def _report(self, device: Device, error: BytefedError) -> None:
        who = device.name if device.connections else device.uri
        self._listener(BoardTrouble(who, self.round, error.code, error.message, error.remedy))

    def _seek(self, device: Device) -> None:
        task = asyncio.create_task(self._find_again(device))
        self._seekers[task] = device
        task.add_done_callback(lambda task: self._seekers.pop(task, None))

    async def _find_again(self, device: Device) -> None:
        pause = _FIRST_SEEK
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_SEEK)
            with suppress(*BoardTroubles):
                await device.close()
                await self._join(device)
                return

    async def wait_for(self, count: int, seconds: float) -> bool:
        """Wait until so many boards are ready, no longer than some seconds; return whether they are."""
        until = now() + seconds
        while len(self.ready()) < count:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), until - now())
            except TimeoutError:
                return False
        return True

    def book(
        self,
        device: Device,
        phase: Phase,
        status: Status,
        seconds: float,
        estimate: int,
        *,
        number: int | None = None,
        num_examples: int | None = None,
        loss: float | None = None,
        correct: int | None = None,
        computing: float = 0.0,
    ) -> None:
        """Write a ledger row of what a board's port counted since the last one.

        Args:
            device: The board.
            phase: What the bytes were for.
            status: How it ended.
            seconds: How long it took.
            estimate: What it should have taken as it was planned, bytes.
            number: Round; the one under way if None.
            num_examples: Samples trained on.
            loss: Mean training loss.
            correct: Training samples classified correctly.
            computing: How long the board trained, seconds.

        Raises:
            LedgerError: E_LEDGER when the causes don't add up to the port's count.
        """
        row = Traffic(
            round=self.round if number is None else number,
            board=device.name,
            phase=phase,
            link=device.profile.name,
            security=device.profile.security,
            codec=self._codec,
            status=status,
            count=device.take_bytes(),
            estimate_wcr=self._update_bytes() if phase == "round" else 0,
            estimate_wire=estimate,
            seconds=seconds,
            num_examples=num_examples,
            loss=loss,
            correct=correct,
            **self._in_the_air(device, computing, seconds),
        )
        with self._store.gathered(durable=False):
            self._store.add_traffic(row)

    def _in_the_air(self, device: Device, computing: float, seconds: float) -> dict[str, Any]:
        """Return the columns that BLE rows have beside their bytes."""
        values = device.take_values() if self._air else None
        if values is None or self._air is None:
            return {}
        radio = self._air.radio
        airtime = Airtime.of(radio, values[Direction.DOWN], values[Direction.UP])
        return {
            "air_bytes": airtime.bytes(radio),
            "air_seconds": airtime.seconds(radio),
            "energy_mj": airtime.energy(radio, self._air.currents, computing=computing, elapsed=seconds),
        }

    def _update_bytes(self) -> int:
        needed = self._requirements
        return blob_size(self._codec.rpartition("/")[2], needed.features, needed.classes)

    async def close(self) -> None:
        """Stop reconnecting, and book the bytes of boards that never came back."""
        seekers = list(self._seekers)
        for task in seekers:
            task.cancel()
        await asyncio.gather(*seekers, return_exceptions=True)
        for device in self._devices:
            if device.connections and device not in {member.device for member in self}:
                self.book(device, "connect", "failed", 0.0, 0)


def _connection_estimate(device: Device) -> int:
    """Return the bytes that the last connection should have taken."""
    return planned_connection(device.profile, first_contact=device.introduced).wire_total


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
