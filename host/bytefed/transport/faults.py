"""A link that misbehaves on purpose, the same way each time: for tests, and for `bytefed run --faults`.

A FaultyTransport stands between the host and the transport to a board. The host's port is on the host's side
of it: what the host hands over counts as sent even when it is lost behind the port, and what never reaches the
host does not count as received. So the ledger sees just what it would see with a bad cable.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Literal, Protocol, Self

from bytefed.clock import now
from bytefed.errors import ConfigError, LinkError, did_you_mean, number_text
from bytefed.protocol.direction import Direction
from bytefed.transport.base import (
    RTO_FLOORS,
    Transport,
    has_wandered,
    is_strange,
    key_of,
    link_lost,
    look_elsewhere,
    name_of,
    settle,
    trouble_of,
)
from bytefed.transport.inbox import Inbox

_PACKET = 64  # a USB CDC packet: what goes missing at once, and where a second delimiter stands
_LONGEST = 300  # bytes without a delimiter after which a stretch of the stream is passed on as it is


@dataclass(frozen=True)
class Faults:
    """The faults of a link. Each probability applies to every frame in each direction.

    Attributes:
        drop: Probability that a frame is lost.
        corrupt: Probability that some of its bits or bytes change, or go missing on a byte stream.
        duplicate: Probability that it arrives twice.
        reorder: Probability that it is held back for up to `hold` seconds while later frames overtake it.
        garbage: Probability that a burst of random bytes precedes it.
        stall: Probability that the link stalls for `pause` seconds.
        cut: Probability that the link dies within it, at a random byte; it can be opened again.
        cut_at: Number of bytes of both directions after which the link dies, once; 0 for never.
        hold, pause: Longest delay of a reordered frame, and duration of a stall, seconds.
        delay: Longest additional delay of each frame, seconds; the order stays.
        throttle: Rate limit in each direction, bytes a second; 0 for no limit.
        seed: Seed of all random draws; each link has a sequence of its own.
    """

    drop: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    garbage: float = 0.0
    stall: float = 0.0
    cut: float = 0.0
    cut_at: int = 0
    hold: float = 0.1
    pause: float = 2.0
    delay: float = 0.0
    throttle: float = 0.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "drop=0.01,corrupt=0.001,seed=7".

        Raises:
            ConfigError: E_CONFIG_FAULTS.
        """
        kinds: dict[str, type[int] | type[float]] = {f.name: type(getattr(cls, f.name)) for f in fields(cls)}
        values: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            if name not in kinds:
                raise _bad(part, f"{did_you_mean(name, kinds)}The faults are {', '.join(kinds)}.")
            try:
                values[name] = kinds[name](value)
            except ValueError:
                raise _bad(part, f"Give {name} as a number, such as {name}=1.") from None
            high = 1.0 if name in PROBABILITIES else 1e15
            if not 0 <= values[name] <= high:
                raise _bad(part, f"{name} is 0 to {number_text(high)}.")
        return cls(**values)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Return the differences from a good link, and the seed, in the form that `parse` reads."""
        good = type(self)()
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        told = {name: v for name, v in values.items() if v != getattr(good, name)} | {"seed": self.seed}
        return ",".join(f"{name}={value:.15g}" for name, value in told.items())


PROBABILITIES = ("drop", "corrupt", "duplicate", "reorder", "garbage", "stall", "cut")


def _bad(part: str, remedy: str) -> ConfigError:
    return ConfigError("E_CONFIG_FAULTS", f"--faults: '{part}' can't be used.", remedy)


@dataclass(frozen=True)
class Piece:
    """A piece of the outgoing stream of one direction.

    Attributes:
        data: Its bytes.
        late: Additional delay, seconds.
        overtaken: Whether later pieces may overtake it.
        last: Whether the link dies after it.
    """

    data: bytes
    late: float = 0.0
    overtaken: bool = False
    last: bool = False


class FaultSource(Protocol):
    """Decides how each frame is changed, delayed or lost."""

    def pieces(self, direction: Direction, frame: bytes) -> list[Piece]:
        """Return what comes out instead of a frame (its bytes on the wire); nothing if it is lost."""


class RandomFaults:
    """Draws the faults of one link. `injected` counts them by name.

    Args:
        faults: The faults of the link.
        name: The link's name, which gives it a random sequence of its own.
        stream: Whether bytes may go missing within a frame (a byte stream, not BLE).
    """

    def __init__(self, faults: Faults, name: str, *, stream: bool) -> None:
        self.injected: Counter[str] = Counter()
        self._faults = faults
        self._stream = stream
        self._rng = {d: random.Random(f"{faults.seed}/{name}/{d.value}") for d in Direction}
        self._bytes = 0

    def pieces(self, direction: Direction, frame: bytes) -> list[Piece]:
        """See FaultSource."""
        rng, faults = self._rng[direction], self._faults
        late = faults.pause if self._draw(rng, "stall") else 0.0
        late += rng.uniform(0, faults.delay) if faults.delay else 0.0
        out = [Piece(self._garbage(rng), late)] if self._draw(rng, "garbage") else []
        if self._dies(rng, frame):
            keep = rng.randrange(len(frame)) if self._stream else 0
            return [*out, Piece(frame[:keep], late, last=True)]
        if self._draw(rng, "drop"):
            return out
        if self._draw(rng, "corrupt"):
            frame = damage(rng, frame, stream=self._stream)
        if self._draw(rng, "duplicate"):
            out.append(Piece(frame, late))
        if self._draw(rng, "reorder"):
            return [*out, Piece(frame, late + rng.uniform(0, faults.hold), overtaken=True)]
        return [*out, Piece(frame, late)]

    def _draw(self, rng: random.Random, name: str) -> bool:
        probability: float = getattr(self._faults, name)
        happens = probability > 0 and rng.random() < probability
        if happens:
            self.injected[name] += 1
        return happens

    def _dies(self, rng: random.Random, frame: bytes) -> bool:
        before, self._bytes = self._bytes, self._bytes + len(frame)
        if before < self._faults.cut_at <= self._bytes:
            self.injected["cut"] += 1
            return True
        return self._draw(rng, "cut")

    def _garbage(self, rng: random.Random) -> bytes:
        return rng.randbytes(rng.randint(1, 2 * _PACKET if self._stream else 20))


def damage(rng: random.Random, frame: bytes, *, stream: bool) -> bytes:
    """Return a frame of at least one byte with a bit, a few bytes, or (of a byte stream) a stretch spoilt."""
    at = rng.randrange(len(frame))
    form = rng.randrange(3)
    if form == 0:  # one bit
        return frame[:at] + bytes((frame[at] ^ 1 << rng.randrange(8),)) + frame[at + 1 :]
    if form == 1 and stream:  # a stretch that goes missing (ArduinoCore-mbed #129: 64 bytes)
        return frame[:at] + frame[at + rng.randint(1, _PACKET) :]
    run = rng.randbytes(min(len(frame) - at, rng.randint(1, 8)))
    return frame[:at] + run + frame[at + len(run) :]


class FrameCutter:
    """Cuts a byte stream behind each frame, without judging it."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def rest(self) -> bytes:
        """The bytes behind the last whole frame."""
        return self._rest

    def push(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield whole frames with their delimiters, in order, nothing lost."""
        self._rest += data
        while (end := self._end()) is not None:
            yield self._rest[:end]
            self._rest = self._rest[end:]

    def _end(self) -> int | None:
        end = self._rest.find(b"\0") + 1
        if not end:
            return len(self._rest) if len(self._rest) > _LONGEST else None
        if end % _PACKET:
            return end
        if end == len(self._rest):
            return None  # its second delimiter is still to come
        return end + (self._rest[end] == 0)


def whole_frames(data: bytes) -> Iterator[bytes]:
    """Cut bytes behind each frame; what is left comes last."""
    cutter = FrameCutter()
    yield from cutter.push(data)
    if cutter.rest:
        yield cutter.rest


class FaultyTransport:
    """A transport with faults. What is on its way when the port closes still arrives once it is open again.

    Args:
        inner: The transport to the board.
        source: Decides how each frame is changed, delayed or lost.
        throttle: Bytes a second and direction, 0 for no limit. It has no buffer: `write` waits.
    """

    def __init__(self, inner: Transport, source: FaultSource, *, throttle: float = 0.0) -> None:
        self.inner = inner
        self.source = source
        self.framing: Literal["serial", "ble"] = inner.framing
        self.frame_limit = inner.frame_limit
        # Timed like a real link, even if a virtual board is behind it.
        self.rto_floor = min(inner.rto_floor, RTO_FLOORS[inner.framing])
        self.sent = 0
        self.received = 0
        self._seconds_per_byte = 1 / throttle if throttle else 0.0
        self._free_at = dict.fromkeys(Direction, 0.0)  # when the line is free again
        self._lines: dict[Direction, deque[tuple[float, Piece]]] = {d: deque() for d in Direction}
        self._inbox: Inbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._outgoing = Inbox()

    @property
    def uri(self) -> str:
        """The URI of the transport behind, as the user would type it."""
        return self.inner.uri

    @property
    def key(self) -> bytes | None:
        """The key of the board behind; None for an open link."""
        return key_of(self.inner)

    @property
    def board_name(self) -> str | None:
        """The name by which the board advertises."""
        return name_of(self.inner)

    @property
    def trouble(self) -> LinkError | None:
        """The trouble of the transport behind; None if there is none."""
        return trouble_of(self.inner)

    @property
    def strange(self) -> bool:
        """Whether another board may be behind the open port by now."""
        return is_strange(self.inner)

    @property
    def wandered(self) -> bool:
        """Whether the open port is another than that where the board was last."""
        return has_wandered(self.inner)

    def settle(self) -> None:
        """Pass on that the right board is behind the open port."""
        settle(self.inner)

    def elsewhere(self) -> bool:
        """Pass on that another board is behind this port; return whether there can be other ports."""
        return look_elsewhere(self.inner)

    async def open(self) -> None:
        """Open the transport behind."""
        await self._stop()
        await self.inner.open()
        self.frame_limit = self.inner.frame_limit
        self._inbox = Inbox()
        self._outgoing = Inbox()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._carry_down()), loop.create_task(self._carry_up())]

    async def write(self, data: bytes) -> None:
        """Take frames one by one and count them, even those that are lost. Raises LinkError: E_LINK_LOST."""
        for frame in whole_frames(data) if self.framing == "serial" else (data,):
            await self._write_frame(frame)

    async def _write_frame(self, data: bytes) -> None:
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        if self._inbox.failure:
            raise self._inbox.failure
        self.sent += len(data)
        wait = self._occupy(Direction.DOWN, len(data)) - now()
        if wait > 0:
            await asyncio.sleep(wait)
        self._pass(Direction.DOWN, data)
        await asyncio.sleep(0)  # the others have their turn

    async def read(self) -> bytes:
        """Wait for what arrives. Raises LinkError: E_LINK_LOST."""
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        return await self._inbox.get()

    async def close(self) -> None:
        """Close the transport behind."""
        if self._inbox is not None:
            inbox, self._inbox = self._inbox, None
            inbox.fail(link_lost(self.uri, "it is closed"))
        await self._stop()
        await self.inner.close()

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    # ---- Moving bytes

    async def _carry_down(self) -> None:
        """Hand on what comes out of the downlink, in the order in which it comes out."""
        try:
            while True:
                await self.inner.write(await self._outgoing.get())
        except LinkError as error:
            self._die(error)

    async def _carry_up(self) -> None:
        cutter = FrameCutter()
        try:
            while True:
                data = await self.inner.read()
                for frame in cutter.push(data) if self.framing == "serial" else (data,):
                    self._occupy(Direction.UP, len(frame))
                    self._pass(Direction.UP, frame)
        except LinkError as error:
            self._die(error)

    def _occupy(self, direction: Direction, count: int) -> float:
        """Return when the line has carried that many bytes more."""
        self._free_at[direction] = max(self._free_at[direction], now()) + count * self._seconds_per_byte
        return self._free_at[direction]

    def _pass(self, direction: Direction, frame: bytes) -> None:
        line = self._lines[direction]
        for piece in self.source.pieces(direction, frame):
            at = max(now(), self._free_at[direction]) + piece.late
            if piece.overtaken:
                asyncio.get_running_loop().call_at(at, self._arrive, direction, piece)
            else:
                line.append((max(at, line[-1][0]) if line else at, piece))
        self._move(direction)

    def _move(self, direction: Direction) -> None:
        """Let arrive, in order, what is due; come back for the rest."""
        line = self._lines[direction]
        while line and line[0][0] <= now():
            self._arrive(direction, line.popleft()[1])
        if line:
            asyncio.get_running_loop().call_at(line[0][0], self._move, direction)

    def _arrive(self, direction: Direction, piece: Piece) -> None:
        if piece.data and direction is Direction.DOWN:
            self._outgoing.put(piece.data)
        elif piece.data and self._inbox is not None:
            self.received += len(piece.data)
            self._inbox.put(piece.data)
        if piece.last:
            self._die(link_lost(self.uri, "cut by --faults"))

    def _die(self, error: LinkError) -> None:
        if self._inbox is not None:
            self._inbox.fail(error)


def with_faults(transport: Transport, faults: Faults) -> FaultyTransport:
    """Put random faults on a transport."""
    source = RandomFaults(faults, transport.uri, stream=transport.framing == "serial")
    return FaultyTransport(transport, source, throttle=faults.throttle)
