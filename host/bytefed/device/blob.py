"""Pushes a blob to a board and pulls one from it: SPEC.md section 4. The host alone has the timer."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from bytefed.clock import now
from bytefed.device.frames import Incoming
from bytefed.device.link import TRIES, Link
from bytefed.errors import LinkError
from bytefed.ledger.account import Part, Role
from bytefed.protocol.chunks import Ack, ChunkPlan, ChunkReceiver, ChunkSender
from bytefed.protocol.header import DataHeader, control_frame
from bytefed.protocol.message import HEADER_SIZE, Accept, Get, Kind, State

_FRUITLESS = 20  # windows sent in a row of which nothing arrived
_LOST_IN_A_ROW = 3
"""Consecutive losses that are tolerated before the host polls: polling earlier would duplicate the burst."""


class Pushed(NamedTuple):
    """How a push ended: the status of the final ACK, and whether that ACK was lost and RESULT came in its place."""

    status: int
    ack_lost: bool


def _stuck(link: Link, what: str) -> LinkError:
    return LinkError(
        "E_NO_ANSWER",
        f"{link.transport.uri}: the board stopped answering while {what}",
        "Check its cable and power; the transfer goes on where it stood.",
    )


async def push(
    link: Link,
    blob: bytes,
    plan: ChunkPlan,
    sequence: int,
    first: int,
    *,
    name: Hashable,
    extracts: bool = False,
) -> Pushed:
    """Send a blob from chunk `first` on, for the request of that sequence number.

    Args:
        link: Where to.
        blob: All of it.
        plan: How it is cut.
        sequence: Sequence number of the BEGIN or ADD.
        first: First chunk that the board has not got.
        name: Name of the blob in the account.
        extracts: Whether the final ACK comes only after the board worked on the blob (ADD).

    Returns:
        How it ended.

    Raises:
        LinkError: The board stopped answering; what it has got, it keeps.
        BoardError: It answered by ERROR.
    """
    sender = ChunkSender(blob, plan, sequence % 4)
    ack = Ack(first, frozenset(), None)
    sender.advances_by(ack)
    fruitless = 0
    while fruitless < _FRUITLESS:
        confirmed = sender.confirmed
        chunks = [(index * plan.chunk, frame) for index, frame in sender.frames(ack)]
        await link.send_chunks((name, "blob"), chunks)
        ack = await _await_ack(link, plan, sender, sequence, name, extracts)
        if ack.status is not None:
            return Pushed(ack.status, ack.lost)
        fruitless = fruitless + 1 if sender.confirmed == confirmed else 0
    raise _stuck(link, "it was sent a blob")


async def _await_ack(
    link: Link, plan: ChunkPlan, sender: ChunkSender, sequence: int, name: Hashable, extracts: bool
) -> Ack:
    """Wait for an ACK that says something new; ask by POLL, never by a chunk."""
    started = now()
    polls = unanswered = 0
    while unanswered < TRIES:
        until = now() + link.timers.acks.timeout(polls)
        while incoming := await link.receive(until):
            if incoming.kind is None and DataHeader.unpack(incoming.frame).transfer == sequence % 4:
                ack = Ack.unpack(incoming.frame, plan)
                if ack.status is not None and link.channel is not None and not incoming.sealed:
                    link.discard(incoming)  # a stranger's: the board seals its final ACKs
                    continue
                # A board acknowledges unasked only what has arrived, so an ACK without news is an old one.
                news = sender.advances_by(ack) or ack.status is not None
                if news or polls:
                    role, part = _acknowledgement(name, plan, incoming.frame, ack.first)
                    link.accept(incoming, Role.PROBE if polls else role, ack=True, part=part)
                    if not unanswered:
                        link.timers.acks.measured(now() - started)
                    return ack
                link.accept(incoming, Role.RETRANSMISSION)
            elif incoming.answers(Kind.ACCEPT, sequence) and polls:
                link.accept(incoming, Role.PROBE)
                if Accept.unpack(incoming.body).state != State.RECEIVING and not extracts:
                    return Ack(plan.count, frozenset(), 0)  # it has all: the final ACK was lost
                unanswered = 0  # it is at work: its final ACK is still to come
            elif (
                incoming.answers(Kind.DONE, sequence) or incoming.answers(Kind.RESULT, sequence)
            ) and not extracts:
                link.put_back(incoming)  # trained already: the final ACK was lost
                return Ack(plan.count, frozenset(), 0, lost=not polls)
            else:
                link.refuse_error(incoming, sequence)
                link.discard(incoming)
        link.note_silence("chunks", unanswered, TRIES)
        await link.send(control_frame(Kind.POLL, sequence), Role.PROBE)
        polls += 1
        unanswered += 1
    raise _stuck(link, "it was sent a blob")


async def pull(link: Link, receiver: ChunkReceiver, name: Hashable, number: int = 0) -> None:
    """Fetch what `receiver` still misses; it keeps what it got when this raises.

    Args:
        link: Where from.
        receiver: What takes the chunks.
        name: Name of the blob in the account.
        number: The blob's number on a sealed link.

    Raises:
        LinkError: The board stopped answering.
        BoardError: It answered by ERROR.
    """
    sequence = link.next_sequence()
    transfer = sequence % 4
    get = control_frame(Kind.GET, sequence, Get(receiver.first_missing, receiver.plan.window).pack())
    request, is_get, attempt, heard = get, True, 0, False
    while not receiver.complete:
        role, part = Role.NEWS, Part((Kind.GET, name))
        if not is_get:
            role, part = _acknowledgement(name, receiver.plan, request, receiver.first_missing)
        await link.send(request, Role.RETRANSMISSION if attempt else role, ack=not is_get, part=part)
        window = receiver.plan.window_of(receiver.first_missing)
        progress = await _collect(link, receiver, (name, number), window, sequence, attempt)
        heard = heard or progress
        attempt = 0 if progress else attempt + 1
        if attempt == TRIES:
            raise _stuck(link, "it was sending its delta")
        is_get = not heard
        request = get if is_get or receiver.complete else receiver.ack_frame(transfer)


async def _collect(
    link: Link,
    receiver: ChunkReceiver,
    blob: tuple[Hashable, int],
    window: range,
    sequence: int,
    attempt: int,
) -> bool:
    """Take chunks until the window is whole, its last chunk came, or none has for too long.

    What is timed is the gap before each chunk, so the time-out fits the line, whatever the length of a window.

    Returns whether anything new came.
    """
    progress = False
    since, ahead = now(), window

    def until() -> float:
        return since + link.timers.chunks.timeout(attempt, answers=_some(receiver.missing(ahead)))

    while incoming := link.waiting() or await link.receive(until()):
        header = DataHeader.unpack(incoming.frame)
        if incoming.kind is not None or header.transfer != sequence % 4:
            link.refuse_error(incoming, sequence)
            link.discard(incoming)
            continue
        if not _take_chunk(link, receiver, blob, incoming, header.index):
            continue
        came = now()
        if attempt == 0:
            link.timers.chunks.measured(came - since)
        progress = True
        since, attempt, ahead = came, 0, range(header.index + 1, window.stop)
        if receiver.first_missing >= window.stop or header.poll:
            break
    return progress


def _some(ahead: int) -> int:
    return max(1, min(ahead, 1 + _LOST_IN_A_ROW))


def _take_chunk(
    link: Link, receiver: ChunkReceiver, blob: tuple[Hashable, int], incoming: Incoming, index: int
) -> bool:
    (name, number), start, data = blob, index * receiver.plan.chunk, incoming.body
    if link.channel is not None:
        data = link.channel.show(number, start, data)
    if receiver.receive(index, data):
        link.accept_chunk(incoming, (name, "blob"), start)
        return True
    link.accept(incoming, Role.RETRANSMISSION)
    return False


def _acknowledgement(name: Hashable, plan: ChunkPlan, ack: bytes, first: int) -> tuple[Role, Part]:
    """Judge an ACK: news once a window, when all of it has come; repair if it reports a gap."""
    window = plan.window_of(max(0, first - 1))
    has_gap = first != window.stop or (first < plan.count and len(ack) > HEADER_SIZE)
    part = Part((name, "acks"), window.start * plan.chunk, window.stop * plan.chunk)
    return Role.RETRANSMISSION if has_gap else Role.NEWS, part
