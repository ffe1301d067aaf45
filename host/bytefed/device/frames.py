"""Frames over a transport, sealed where it is, with every byte on the account."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from bytefed.clock import now
from bytefed.device.allowance import Allowance
from bytefed.device.timers import LinkTimers
from bytefed.ledger.account import Account, Part, Role
from bytefed.ledger.budget import Loads
from bytefed.ledger.count import BLE_FRAMING, SERIAL_FRAMING, ByteCount, Sealing
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import is_data
from bytefed.protocol.message import HEADER_SIZE, MAX_FRAME, Kind, Status
from bytefed.protocol.serial_frame import SerialDecoder, encode_bare_frame, encode_serial_frame
from bytefed.seal import FRAME_SEAL_SIZE, Channel
from bytefed.transport.base import Transport, link_lost

_KINDS = frozenset(Kind)
_SEALED_ACK = HEADER_SIZE + 1 + FRAME_SEAL_SIZE
"""Bytes of a final ACK, the one data frame that is sealed."""


TRACE = logging.getLogger("bytefed.frames")
"""The log of frames, at level DEBUG: `frame` of a record has board, direction, name, bytes and their causes, `content`
the frame itself, opened where it is sealed."""
# Samples and keys are in frames: a log in detail has them only where it asks for them.
if TRACE.level == logging.NOTSET:
    TRACE.setLevel(logging.INFO)


class Incoming(NamedTuple):
    """A frame that arrived and its bytes on the wire; who takes it says what it was.

    Attributes:
        frame: Header and body, opened if it was sealed.
        wire: Bytes on the wire.
        sealed: Whether only the board can have said it.
    """

    frame: bytes
    wire: int
    sealed: bool = False

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


class Frames:
    """The frames of one open transport. `take_bytes` says what crossed it, and why.

    Attributes:
        channel: Seals what goes and opens what comes; None on an open link, and until the handshake is over.
        allowance: The limit of the port.
    """

    def __init__(self, transport: Transport, rng: random.Random) -> None:
        self.transport = transport
        self.timers = LinkTimers(transport.rto_floor, rng)
        self.sequence = rng.randrange(256)
        self._serial = transport.framing == "serial"
        self.account = Account(SERIAL_FRAMING if self._serial else BLE_FRAMING)
        self.channel: Channel | None = None
        self.allowance = Allowance()
        self._decoder = SerialDecoder()
        self._frames: deque[Incoming] = deque()
        self._about = "", b""  # name and content of the frame that is being booked, for the trace
        self.account.tracer = self._trace if TRACE.isEnabledFor(logging.DEBUG) else None
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
        proof: int = 0,
        handshake: int = 0,
    ) -> None:
        """Send a frame and put it down to its causes; sealed, unless it is an ACK or of a handshake."""
        sealed = self.channel is not None and not ack and not handshake
        sealing = Sealing(sealed, proof, handshake)
        extra = self.account.is_repair(role, part)

        def book(_index: int, wire: int) -> None:
            self._about = "ACK" if ack else _name_of(frame), frame
            self.account.frame(
                Direction.DOWN, len(frame), wire, role, payload=payload, ack=ack, part=part, sealing=sealing
            )

        await self._write([frame], book, sealed=sealed, extra=extra, kind=None if ack else frame[0])

    async def send_chunks(self, blob: Hashable, chunks: Sequence[tuple[int, bytes]]) -> None:
        """Send chunks of a blob one behind the other, a byte stream in one piece, and put each down to its causes.

        Args:
            blob: Name of the blob in the account.
            chunks: First byte and frame of each.
        """

        def book(index: int, wire: int) -> None:
            start, frame = chunks[index]
            self._about = "chunk", frame
            self.account.chunk(Direction.DOWN, len(frame), wire, blob, start)

        extra = any(self.account.is_known(blob, start, len(frame) - HEADER_SIZE) for start, frame in chunks)
        await self._write([_hidden(self.channel, start, frame) for start, frame in chunks], book, extra=extra)

    def proof_of(self, blob: bytes) -> bytes:
        """Return what the message has to say that opens the transfer of a blob: its seal; nothing on an open link.

        Raises:
            LinkError: E_LINK_LOST: the session has no number left for it, and takes a new handshake.
        """
        if self.channel is None:
            return b""
        try:
            return self.channel.begin_blob(blob).pack()
        except OverflowError:
            raise link_lost(self.transport.uri, "its session has had as many blobs as it can") from None

    async def _write(
        self, frames: Sequence[bytes], book: Callable[[int, int], None], *,
        sealed: bool = False, extra: bool, kind: int | None = None,
    ) -> None:  # fmt: skip
        """Write frames; `book` is told the index and the wire bytes of each that has been written."""
        encode = encode_serial_frame
        if sealed and self.channel is not None:
            frames, encode = [self.channel.seal(frame) for frame in frames], encode_bare_frame
        wires = [encode(frame) for frame in frames] if self._serial else frames
        pieces = [b"".join(wires)] if self._serial else frames
        self.allowance.require(self.transport.uri, self.crossed(), map(len, wires), extra=extra, kind=kind)
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
                self._about = "half a frame", b""
                self.account.whole(Direction.DOWN, "junk", written)  # the link died in the middle of a frame

    async def send_delimiter(self, role: Role = Role.NEWS, part: Part | None = None) -> None:
        """End whatever a broken link left in the board's decoder; role and part are those of the HELLO behind it."""
        if self._serial:
            self.allowance.require(self.transport.uri, self.crossed(), (1,), extra=False)
            before = self.transport.sent
            try:
                await self.transport.write(b"\0")
            finally:
                self._about = "delimiter", b""
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
        """Return the next valid frame of those that are here already."""
        return self._frames.popleft() if self._frames else None

    def put_back(self, incoming: Incoming) -> None:
        """Let `receive` return a frame again: it is for whoever asks next."""
        self._frames.appendleft(incoming)

    def _decode(self, data: bytes) -> None:
        if not self._serial:
            self._take(data if len(data) >= HEADER_SIZE else None, len(data), data)
            return
        for frame, wire, bare in self._decoder.push(data):
            self._take(frame or None, wire, bare)  # a board sends no empty frame: something broke one

    def _take(self, frame: bytes | None, wire: int, bare: bytes | None) -> None:
        """Take what came: `bare` is the frame if it is sealed, `frame` if it is in the clear."""
        opened = _opened(self.channel, bare)
        if opened is not None:
            self._frames.append(Incoming(opened, wire, sealed=True))
        elif frame is not None and _may_be_clear(self.channel, frame):
            self._frames.append(Incoming(frame, wire))
        else:
            self._about = "no frame", b""
            self.account.whole(Direction.UP, "junk", wire)

    def accept(
        self,
        incoming: Incoming,
        role: Role = Role.NEWS,
        *,
        payload: int = 0,
        ack: bool = False,
        part: Part | None = None,
        proof: int = 0,
        handshake: int = 0,
    ) -> None:
        """Put a received frame down to its causes."""
        self._about = "ACK" if ack else _name_of(incoming.frame), incoming.frame
        self.account.frame(
            Direction.UP,
            len(incoming.frame),
            incoming.wire,
            role,
            payload=payload,
            ack=ack,
            part=part,
            sealing=Sealing(incoming.sealed, proof, handshake),
        )

    def accept_chunk(self, incoming: Incoming, blob: Hashable, start: int) -> None:
        """Put a received chunk down to its causes.

        Args:
            incoming: The chunk.
            blob: Name of the blob in the account.
            start: The first byte of the chunk in it.
        """
        self._about = "chunk", incoming.frame
        self.account.chunk(Direction.UP, len(incoming.frame), incoming.wire, blob, start)

    def accept_for_ack(self, incoming: Incoming, payload: int, part: Part) -> None:
        """Put a frame down that says in a lost ACK's place that all has arrived: as a probe, but for its blob."""
        self._about = _name_of(incoming.frame), incoming.frame
        self.account.answer(incoming.wire, payload, part)

    def discard(self, incoming: Incoming) -> None:
        """Put a frame that nobody waits for down as junk."""
        self.accept(incoming, Role.JUNK)

    # ---- Bytes

    def take_bytes(self) -> ByteCount:
        """Return the bytes since the last call, by cause, once they add up to the port's count."""
        for incoming in self._frames:
            self.discard(incoming)
        self._frames.clear()
        judged = self._read - self._decoder.pending
        down = self.transport.sent - self._taken_sent
        up = judged - self._taken_received
        self.allowance.settle(self.allowance.loads(down, up, self._values).up)
        self._taken_sent, self._taken_received = self.transport.sent, judged
        return self.account.take(down, up)

    def crossed(self) -> Loads:
        """Return what crossed the port since the last ``take_bytes``, read or not."""
        port, sent = self.transport, self._taken_sent
        return self.allowance.loads(port.sent - sent, port.received - self._taken_received, self._values)

    def _trace(self, direction: Direction, wire: int, causes: Mapping[str, int]) -> None:
        """Let the log know of a frame; `bytefed ... --trace FILE` keeps these entries."""
        _log(self.transport.uri, self._about, {"direction": direction.value}, {"wire": wire, **causes})

    def take_values(self) -> dict[Direction, Counter[int]]:
        """Return how many pieces of each size crossed the port since the last call: on BLE, its ATT values."""
        values, self._values = self._values, {direction: Counter[int]() for direction in Direction}
        return values

    def abandon_input(self) -> None:
        """Put what nobody will read any more down as junk: the port was closed."""
        unread = self.transport.received - self._read
        self._about = "unread", b""
        self.account.whole(Direction.UP, "junk", unread + self._decoder.pending)
        self._read += unread
        self._decoder = SerialDecoder()


def _log(board: str, about: tuple[str, bytes], where: Mapping[str, str], counts: Mapping[str, int]) -> None:
    name, content = about
    entry = {"board": board, **where, "frame": name, **counts}
    TRACE.debug("%s %s", board, name, extra={"frame": entry, "content": content})


def _opened(channel: Channel | None, bare: bytes | None) -> bytes | None:
    """Return the frame that the board sealed, None if this is none."""
    if channel is None or bare is None or not HEADER_SIZE <= len(bare) <= MAX_FRAME:
        return None
    return channel.open(bare) if not is_data(bare) or len(bare) == _SEALED_ACK else None


def _may_be_clear(channel: Channel | None, frame: bytes) -> bool:
    """Whether a board says this in the clear: in a sealed session, that it has lost it, chunks, and ACKs."""
    if channel is None or is_data(frame):
        return True
    return frame[0] == Kind.ERROR and frame[HEADER_SIZE:] == bytes([Status.NO_SESSION])


def _name_of(frame: bytes) -> str:
    """Return the name of a frame's message."""
    if is_data(frame):
        return "chunk"
    kind = (
        frame[0] & 0xF0 if frame[0] & 0xF0 in (Kind.NEXT, Kind.BEGIN) else frame[0]
    )  # their flags are in the rest
    return Kind(kind).name if kind in _KINDS else f"message 0x{kind:02x}"


def _hidden(channel: Channel | None, start: int, frame: bytes) -> bytes:
    """Return a chunk's frame as it travels."""
    if channel is None:
        return frame
    return frame[:HEADER_SIZE] + channel.hide(start, frame[HEADER_SIZE:])
