"""Frames over a transport, with every byte on the account: requests, answers, and what is neither."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from bytefed.clock import now
from bytefed.device.refusals import board_error
from bytefed.device.timers import LinkTimers
from bytefed.errors import LinkError
from bytefed.ledger.account import Account, Part, Role
from bytefed.ledger.count import BLE_FRAMING, SERIAL_FRAMING, ByteCount
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import control_frame, is_data
from bytefed.protocol.message import HEADER_SIZE, Error, Kind
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame
from bytefed.transport.base import Transport

TRIES = 8


class Incoming(NamedTuple):
    """A frame that arrived and its bytes on the wire; who takes it says what it was."""

    frame: bytes
    wire: int

    @property
    def kind(self) -> int | None:
        """Kind of a control frame, None for a data frame."""
        return None if is_data(self.frame) else self.frame[0]

    @property
    def sequence(self) -> int:
        """Sequence number of a control frame."""
        return self.frame[1]

    @property
    def body(self) -> bytes:
        """All behind the header."""
        return self.frame[HEADER_SIZE:]

    def answers(self, kind: Kind, sequence: int) -> bool:
        """Whether it is an answer of that kind to the request of that sequence number, not to an older one."""
        return self.kind == kind and self.sequence == sequence


class Link:
    """One open transport. `take_bytes` says what crossed it, and why."""

    def __init__(self, transport: Transport, rng: random.Random) -> None:
        self.transport = transport
        self.timers = LinkTimers(transport.rto_floor, rng)
        self.sequence = rng.randrange(256)
        self._serial = transport.framing == "serial"
        self._framing = SERIAL_FRAMING if self._serial else BLE_FRAMING
        self.account = Account(self._framing)
        self._decoder = SerialDecoder()
        self._frames: deque[Incoming] = deque()
        self._values = {direction: Counter[int]() for direction in Direction}
        self._taken_sent = transport.sent
        self._read = transport.received  # what the port has beyond it still waits to be read
        self._taken_received = transport.received

    # ---- Sending

    async def send(
        self,
        frame: bytes,
        role: Role = Role.NEWS,
        *,
        payload: int = 0,
        ack: bool = False,
        part: Part | None = None,
    ) -> None:
        """Send a frame and put it down to its causes."""

        def book(_index: int, wire: int) -> None:
            self.account.frame(Direction.DOWN, len(frame), wire, role, payload=payload, ack=ack, part=part)

        await self._write([frame], book)

    async def send_chunks(self, blob: Hashable, chunks: Sequence[tuple[int, bytes]]) -> None:
        """Send chunks of a blob one behind the other, a byte stream in one piece, and put each down to its causes.

        Args:
            blob: Name of the blob in the account.
            chunks: First byte and frame of each.
        """

        def book(index: int, wire: int) -> None:
            start, frame = chunks[index]
            self.account.chunk(Direction.DOWN, len(frame), wire, blob, start)

        await self._write([frame for _, frame in chunks], book)

    async def _write(self, frames: Sequence[bytes], book: Callable[[int, int], None]) -> None:
        """Write frames; `book` is told the index and the wire bytes of each that has been written."""
        wires = [encode_serial_frame(frame) for frame in frames] if self._serial else frames
        pieces = [b"".join(wires)] if self._serial else frames
        before = self.transport.sent
        try:
            for piece in pieces:
                await self.transport.write(piece)
        finally:
            written = self.transport.sent - before
            for index, wire in enumerate(wires):
                if written < len(wire):
                    break
                written -= len(wire)
                book(index, len(wire))
                if not self._serial:
                    self._values[Direction.DOWN][len(wire)] += 1
            if written:
                self.account.whole(Direction.DOWN, "junk", written)  # the link died in the middle of a frame

    async def send_delimiter(self, role: Role = Role.NEWS, part: Part | None = None) -> None:
        """End whatever a broken link left in the board's decoder; role and part are those of the HELLO behind it."""
        if self._serial:
            before = self.transport.sent
            try:
                await self.transport.write(b"\0")
            finally:
                self.account.delimiter(self.transport.sent - before, role, part)

    def next_sequence(self) -> int:
        """Return the sequence number of a new request."""
        self.sequence = (self.sequence + 1) % 256
        return self.sequence

    # ---- Receiving

    async def receive(self, until: float) -> Incoming | None:
        """Return the next valid frame, or None when the event loop's clock reaches `until` first."""
        while not self._frames:
            if now() >= until:
                return None
            try:
                async with asyncio.timeout_at(until):
                    data = await self.transport.read()
            except TimeoutError:
                return None
            self._read += len(data)
            if not self._serial:
                self._values[Direction.UP][len(data)] += 1
            self._decode(data)
        return self._frames.popleft()

    def waiting(self) -> Incoming | None:
        """Return the next valid frame of those that are here already, None for none."""
        return self._frames.popleft() if self._frames else None

    def put_back(self, incoming: Incoming) -> None:
        """Let `receive` return a frame again: it is for whoever asks next."""
        self._frames.appendleft(incoming)

    def _decode(self, data: bytes) -> None:
        if not self._serial:
            if len(data) < HEADER_SIZE:
                self.account.whole(Direction.UP, "junk", len(data))
            else:
                self._frames.append(Incoming(data, len(data)))
            return
        for frame, wire in self._decoder.push(data):
            if frame:
                self._frames.append(Incoming(frame, wire))
            else:  # a board sends no empty frame: something broke one, or came between
                self.account.whole(Direction.UP, "junk", wire)

    def accept(
        self,
        incoming: Incoming,
        role: Role = Role.NEWS,
        *,
        payload: int = 0,
        ack: bool = False,
        part: Part | None = None,
    ) -> None:
        """Put a received frame down to its causes."""
        self.account.frame(
            Direction.UP, len(incoming.frame), incoming.wire, role, payload=payload, ack=ack, part=part
        )

    def accept_chunk(self, incoming: Incoming, blob: Hashable, start: int) -> None:
        """Put a received chunk down to its causes.

        Args:
            incoming: The chunk.
            blob: Name of the blob in the account.
            start: The first byte of the chunk in it.
        """
        self.account.chunk(Direction.UP, len(incoming.frame), incoming.wire, blob, start)

    def accept_for_ack(self, incoming: Incoming, payload: int, part: Part) -> None:
        """Put a frame down that says in a lost ACK's place that all has arrived: as a probe, but for its blob."""
        self.account.answer(incoming.wire, payload, part)

    def discard(self, incoming: Incoming) -> None:
        """Put a frame that nobody waits for down as junk."""
        self.accept(incoming, Role.JUNK)

    # ---- Requests

    async def request(
        self,
        kind: Kind,
        body: bytes,
        answer: Kind,
        *,
        tries: int = TRIES,
        flags: int = 0,
        fits: Callable[[bytes], bool] = lambda _body: True,
        known: Callable[[bytes], bool] = lambda _body: False,
        role: Role = Role.NEWS,
        name: Hashable = None,
    ) -> tuple[int, bytes]:
        """Send a request until it is answered.

        Args:
            kind: Kind of the request.
            body: Body of the request.
            answer: The kind to wait for.
            tries: How often to send it.
            flags: Flags in the low bits of the kind.
            fits: Whether the body of an answer is one to this very request; others are waited out.
            known: Whether an answer says that the board was asked this before, by a host that has died: then it is
                booked as a retransmission.
            role: Cause under which request and answer are booked.
            name: Identifies the request across reconnections, so that a repeat is booked as a retransmission.

        Returns:
            The sequence number, and the body of the answer.

        Raises:
            BoardError: The board answered by ERROR.
            LinkError: E_NO_ANSWER, or the link died.
        """
        sequence = self.next_sequence()
        frame = control_frame(kind, sequence, body, flags)
        asked, answered = (None, None) if name is None else (Part((kind, name)), Part((answer, name)))
        for attempt in range(tries):
            started = now()
            sent = Role.RETRANSMISSION if attempt else role
            if kind is Kind.HELLO:
                await self.send_delimiter(sent, None if name is None else Part(("delimiter", name)))
            await self.send(frame, sent, part=asked)
            until = started + self.timers.requests.timeout(attempt)
            while incoming := await self.receive(until):
                if incoming.answers(answer, sequence) and fits(incoming.body):
                    self.accept(
                        incoming, Role.RETRANSMISSION if known(incoming.body) else role, part=answered
                    )
                    if attempt == 0:
                        self.timers.requests.measured(now() - started)
                    return sequence, incoming.body
                self.refuse_error(incoming, sequence)
                self.discard(incoming)
        raise LinkError(
            "E_NO_ANSWER",
            f"{self.transport.uri}: no answer to {kind.name} after {tries} tries",
            "Is this a board with the bytefed firmware? Press its reset button, or flash it again.",
        )

    def refuse_error(self, incoming: Incoming, sequence: int) -> None:
        """Raise BoardError if the frame is an ERROR for that request; what it refused will be resent, or was wasted."""
        if incoming.answers(Kind.ERROR, sequence):
            self.accept(incoming, Role.RETRANSMISSION)
            raise board_error(self.transport.uri, Error.unpack(incoming.body).status)

    # ---- Bytes

    def take_bytes(self) -> ByteCount:
        """Return the bytes since the last call, by cause, once they add up to the port's count."""
        for incoming in self._frames:
            self.discard(incoming)
        self._frames.clear()
        judged = self._read - self._decoder.pending
        down = self.transport.sent - self._taken_sent
        up = judged - self._taken_received
        self._taken_sent, self._taken_received = self.transport.sent, judged
        return self.account.take(down, up)

    def take_values(self) -> dict[Direction, Counter[int]]:
        """Return how many pieces of each size crossed the port since the last call: on BLE, its ATT values."""
        values, self._values = self._values, {direction: Counter[int]() for direction in Direction}
        return values

    def abandon_input(self) -> None:
        """Put what nobody will read any more down as junk: the port was closed."""
        unread = self.transport.received - self._read
        self.account.whole(Direction.UP, "junk", unread + self._decoder.pending)
        self._read += unread
        self._decoder = SerialDecoder()
