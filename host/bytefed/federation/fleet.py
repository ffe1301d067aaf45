"""The boards of a run: which are connected, ready or lost, and the bytes that all this took.

A run that begins is refused when a board that was named can't be reached or does not fit: the data are about to be
divided by the number of boards, and whoever sits at the table can put it right now. Later a board may come and go:
one that fails is named and left out, and looked for until it is back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import TypeVar

from bytefed.boards.names import Names
from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.errors import BoardError, BytefedError, LinkError, ProtocolError
from bytefed.events import BoardAway, BoardBack, BoardJoined, BoardTrouble, Listener
from bytefed.federation.admission import Admission, Samplings
from bytefed.federation.purses import Purses
from bytefed.federation.requirements import Requirements
from bytefed.ledger.air import AirTable, air_columns
from bytefed.ledger.count import ByteCount
from bytefed.ledger.plan import planned_connection
from bytefed.ledger.rows import Phase, Status, Traffic
from bytefed.ledger.wire_size import blob_size
from bytefed.protocol.direction import Direction
from bytefed.runs.store import Store

# Errors that concern one board or its link; all others concern the run itself and end it.
BoardTroubles = (BoardError, LinkError, ProtocolError)

Taken = tuple[ByteCount, dict[Direction, Counter[int]] | None]
"""The bytes and the ATT values that crossed a board's port."""

Opened = tuple[float, Taken | None]
"""The opening of a session: how many seconds it took, and what crossed the port; None where that is still counted."""

T = TypeVar("T")

_FIRST_SEEK = 1.0  # seconds before a lost board is looked for
_LAST_SEEK = 5.0  # seconds between two looks, at most; opening a port waits for it besides


@dataclass(eq=False)
class Member:
    """A board that is ready, or busy with a round."""

    client: int
    device: Device
    busy: bool = False


async def connect_all(devices: Sequence[Device], run: int) -> list[float]:
    """Connect to all boards of a run that begins.

    Args:
        devices: The boards.
        run: The run's number.

    Returns:
        How long that took each, seconds.

    Raises:
        LinkError, ProtocolError: A board can't be reached or understood.
    """
    return await _all(_connect(device, run) for device in devices)


def check_all(
    devices: Sequence[Device], requirements: Requirements, assignment: Samplings, first: int = 0
) -> None:
    """Make sure that the connected boards of a run that begins can take part; a refusal changes nothing on any of them.

    Args:
        devices: The boards.
        requirements: The properties that each must have.
        assignment: The samples of each board.
        first: Number of the run's first client.

    Raises:
        BoardError: As ``Requirements.check`` and ``Assignment.check``; E_BOARD_TWICE when two URIs lead to the same
            board.
    """
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
        assignment: Samplings,
        requirements: Requirements,
        codec: str,
        listener: Listener,
        air: AirTable | None = None,
        purses: Purses | None = None,
    ) -> None:
        self.purses = purses or Purses(None)
        self.troubles: dict[str, BytefedError] = {}  # the last of each board, since a round began
        self._store = store
        self._assignment = assignment
        self._requirements = requirements
        self._codec = codec
        self._listener = listener
        self._air = air
        self._admission = Admission(store, assignment, listener, self.book)
        self._clients = store.clients()
        self._members: dict[int, Member] = {}
        self._devices: list[Device] = []
        self._names = Names()
        self._seekers: dict[asyncio.Task[None], Device] = {}
        self._news = asyncio.Event()
        self.round = store.head()[0]  # the round under which bytes between rounds are booked

    def __iter__(self) -> Iterator[Member]:
        """Iterate over the boards that are connected, by client."""
        return iter([self._members[client] for client in sorted(self._members)])

    def ready(self) -> dict[int, Member]:
        """Return the boards that are ready, by client."""
        return {member.client: member for member in self if not member.busy}

    def sought(self) -> list[Device]:
        """Return the boards that are away and looked for."""
        return list(self._seekers.values())

    def away(self) -> list[str]:
        """Return the boards that are not there, by client."""
        return [board for board, client in self._clients.items() if client not in self._members]

    async def admit_all(self, devices: Sequence[Device], opened: Sequence[Opened]) -> None:
        """Give the boards of a run that begins their samples.

        Args:
            devices: Connected and checked.
            opened: The bytes that connecting took.

        Raises:
            BoardError, LinkError: A board can't take its samples.
        """
        self._take(devices)
        for device, (took, taken) in zip(devices, opened, strict=True):
            self._book_connection(device, took, taken=taken)
            self._admission.book_heard(device)
        await _all(self._admit(device) for device in devices)

    async def join_all(self, devices: Sequence[Device]) -> None:
        """Connect to the boards of a resumed run; those that fail are left out until they are back."""
        self._take(devices)
        reached = await _all(self._tried(device, self._reach) for device in devices)
        self.purses.reshape(self._admission.take_in())
        await _all(self._tried(device, self._admit) for device in compress(devices, reached))

    def _take(self, devices: Sequence[Device]) -> None:
        self._devices = list(devices)
        for device in devices:
            device.watch(partial(self._tell_away, device))

    def _tell_away(self, device: Device, error: BytefedError | None) -> None:
        if error is None:
            self._listener(BoardBack(device.name, self.round, device.uri))
        else:
            self._listener(BoardAway(device.name, self.round, error.code, error.message, error.remedy))

    async def _tried(self, device: Device, step: Callable[[Device], Awaitable[None]]) -> bool:
        """Return whether a board could do a step; one that could not is left out until it is back."""
        try:
            await step(device)
        except BoardTroubles as error:
            self._report(device, error)
            self._seek(device)
            return False
        return True

    async def _join(self, device: Device) -> None:
        await self._reach(device)
        await self._admit(device)

    async def _reach(self, device: Device) -> None:
        """Connect to a board, and hear its labels where these count."""
        self.purses.lend_connection(device)
        seconds, ended = await _connect(device, self._store.run), False
        try:
            self._requirements.check(device)
            self._assignment.check(self._client(device), device)
            ended = True
        finally:
            self._book_connection(device, seconds, "ok" if ended else "failed")
        await self._admission.hear(device)

    def _book_connection(
        self, device: Device, seconds: float, status: Status = "ok", taken: Taken | None = None
    ) -> None:
        self.book(device, "connect", status, seconds, _connection_estimate(device), taken=taken)

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
        await self._admission.admit(device, client)
        self._members[client] = Member(client, device)
        link = device.profile
        self._listener(BoardJoined(device.name, client, device.uri, link.name, link.security))
        self._news.set()

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
        self.troubles[who] = error
        self._listener(BoardTrouble(who, self.round, error.code, error.message, error.remedy))

    def _seek(self, device: Device) -> None:
        task = asyncio.create_task(self._find_again(device))
        self._seekers[task] = device
        task.add_done_callback(self._end_seeking)

    def _end_seeking(self, task: asyncio.Task[None]) -> None:
        self._seekers.pop(task, None)
        self._news.set()

    async def _find_again(self, device: Device) -> None:
        pause = _FIRST_SEEK
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_SEEK)
            try:
                await device.close()
                await self._join(device)
                return
            except BoardTroubles as error:
                if error.code == "E_BUDGET_SPENT":
                    return

    async def wait_until(self, is_met: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition on the boards is met, no longer than some seconds; return whether it is."""
        until = now() + seconds
        while not is_met():
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), until - now())
            except TimeoutError:
                return is_met()  # a board that is away may have spent what it had, without news
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
        taken: Taken | None = None,
    ) -> None:
        """Write a ledger row of what a board's port counted since the last one.

        Args:
            device: The board.
            phase: The work that the bytes were sent for.
            status: How it ended.
            seconds: How long it took.
            estimate: What it should have taken as it was planned, bytes.
            number: Round; the one under way if None.
            num_examples: Samples trained on.
            loss: Mean training loss.
            correct: Training samples classified correctly.
            computing: How long the board trained, seconds.
            taken: The bytes that crossed the port, where they were asked for already.

        Raises:
            LedgerError: E_LEDGER when the causes don't add up to the port's count.
        """
        count, values = taken or (device.take_bytes(), device.take_values() if self._air else None)
        row = Traffic(
            round=self.round if number is None else number,
            board=device.name,
            phase=phase,
            link=device.profile.name,
            security=device.profile.security,
            codec=self._codec,
            status=status,
            count=count,
            estimate_wcr=self._update_bytes() if phase == "round" else 0,
            estimate_wire=estimate,
            seconds=seconds,
            num_examples=num_examples,
            loss=loss,
            correct=correct,
            client=self._clients.get(device.name),
            board_name=self._names.of(device),
            uri=device.uri,
            **air_columns(values, self._air, computing, seconds),
        )
        with self._store.gathered(durable=False):
            self._store.add_traffic(row)
        self.purses.paid(row, computing)

    def _update_bytes(self) -> int:
        task = self._assignment.task
        return blob_size(self._codec.rpartition("/")[2], task.D, task.num_classes)

    async def close(self) -> None:
        """Stop reconnecting, and book the bytes of boards that never came back."""
        for task in self._seekers:
            task.cancel()
        await asyncio.gather(*self._seekers, return_exceptions=True)
        for device in self._devices:
            if device.connections and device not in {member.device for member in self}:
                self.book(device, "connect", "failed", 0.0, 0)


def privacy_budgets(members: Iterable[Member], cost: int) -> dict[str, dict[str, int]]:
    """Return the privacy budgets of the boards that have told them, by name, with what rounds have cost since.

    Args:
        members: The boards.
        cost: The price of a round, in units of 2^-28 of rho.
    """
    found = {}
    for device in (member.device for member in members):
        told, rounds = device.session.budget, device.session.noisy_rounds
        if told is not None:
            found[device.name] = {"budget": told.budget, "spent": told.spent + cost * rounds}
    return found


def _connection_estimate(device: Device) -> int:
    """Return the bytes that the last connection should have taken."""
    return planned_connection(device.profile, first_contact=device.introduced).wire_total


def take(device: Device) -> Taken:
    """Return what crossed a board's port since the last call: its bytes, and its ATT values where there are any."""
    return device.take_bytes(), device.take_values()
