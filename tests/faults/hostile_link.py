"""Sealed links on which a stranger replays, reflects, splices, changes, loses and injects, in virtual time.

`python tests/faults/hostile_link.py 1000000` tries as many faults.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from virtual_time import run

from bytefed._core import VirtualBoard
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import BoardError, LinkError
from bytefed.protocol.direction import Direction
from bytefed.protocol.header import DataHeader, control_frame, is_data
from bytefed.protocol.message import Error, Kind, Status
from bytefed.protocol.serial_frame import encode_serial_frame
from bytefed.transport.faults import whole_frames
from bytefed.transport.inbox import Inbox

FEATURES, CLASSES = 12, 4
PARAMETERS = (FEATURES + 1) * CLASSES
_REMEMBERED = 4000  # frames that the stranger keeps


@dataclass
class Stranger:
    """Hears all links, and says to each what it likes.

    Attributes:
        seed: Of its decisions.
        talk: Mean number of frames of its own that it says to a board beside each that crosses; to a host, at most 0.6.
        harm: Probability that a frame which crosses is lost or changed.
        done: Numbers of its deeds, by kind.
    """

    seed: int
    talk: float
    harm: float
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._heard: dict[Direction, list[bytes]] = {direction: [] for direction in Direction}

    def meddle(self, direction: Direction, frame: bytes, serial: bool) -> list[bytes]:
        """Return what arrives in the place of a frame."""
        heard = self._heard[direction]
        if len(heard) < _REMEMBERED:
            heard.append(frame)
        else:
            heard[self._rng.randrange(_REMEMBERED)] = frame
        talk = self.talk if direction is Direction.DOWN else min(self.talk, 0.6)
        says = int(talk) + (self._rng.random() < talk % 1)
        own = [self._own(direction, serial) for _ in range(says)]
        # A flood of handshakes or of data would stop all work, as jamming does; of others it must take any number.
        own[1:] = [(kind, piece) for kind, piece in own[1:] if _is_harmless(piece, serial)]
        self.done.update(kind for kind, _ in own)
        arrives = [piece for _, piece in own]
        chance = self._rng.random()
        if chance < self.harm / 2:
            self.done["lost"] += 1
        elif chance < self.harm:
            self.done["changed"] += 1
            arrives.append(self._changed(frame))
        else:
            arrives.append(frame)
        return arrives

    def _own(self, direction: Direction, serial: bool) -> tuple[str, bytes]:
        """Return a frame of the stranger's: one it has heard, on any link and in any session, or a forged one."""
        other = Direction.UP if direction is Direction.DOWN else Direction.DOWN
        kind = self._rng.choice(("replayed", "reflected", "changed replay", "forged"))
        if kind == "reflected" and not self._heard[other]:
            kind = "replayed"
        if kind == "replayed":
            return kind, self._rng.choice(self._heard[direction])
        if kind == "reflected":
            return kind, self._rng.choice(self._heard[other])
        if kind == "changed replay":
            return kind, self._changed(self._rng.choice(self._heard[direction]))
        frame = self._forged(direction)
        return kind, encode_serial_frame(frame) if serial else frame

    def _forged(self, direction: Direction) -> bytes:
        rng = self._rng
        if direction is Direction.DOWN:
            kind = rng.choice([Kind.HELLO, Kind.RELEASE, Kind.GET, Kind.ADD, Kind.POLL, Kind.GREET])
            return control_frame(kind, rng.randrange(256), rng.randbytes(rng.choice((0, 3, 9, 14, 55))))
        if rng.random() < 0.02:  # each makes the host greet again, which it is to survive
            return control_frame(Kind.ERROR, rng.randrange(256), Error(Status.NO_SESSION).pack())
        if rng.random() < 0.5:
            return DataHeader(rng.randrange(4), False, rng.randrange(6)).pack() + bytes([rng.choice((0, 20))])
        kind = rng.choice([Kind.DONE, Kind.RESULT, Kind.ACCEPT, Kind.WELCOMED, Kind.STORED])
        return control_frame(kind, rng.randrange(256), rng.randbytes(rng.choice((1, 5, 17, 40))))

    def _changed(self, frame: bytes) -> bytes:
        bit = self._rng.randrange(8 * len(frame))
        changed = bytearray(frame)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)


def _is_harmless(piece: bytes, serial: bool) -> bool:
    """Return whether a frame neither begins a handshake nor is data, which has no tag of its own."""
    kind = piece.lstrip(b"\0")[1:2] if serial else piece[:1]
    return bool(kind) and kind[0] != Kind.GREET and not is_data(kind)


class HostileLink:
    """A transport to a virtual board, with a stranger on it."""

    rto_floor = 0.3

    def __init__(
        self,
        board: VirtualBoard,
        stranger: Stranger,
        key: bytes | None,
        framing: Literal["serial", "ble"],
        mtu: int,
    ) -> None:
        self.uri, self.key, self.framing = "hostile:0", key, framing
        self.frame_limit = 250 if framing == "serial" else mtu - 3
        self.sent = self.received = 0
        self._board, self._stranger = board, stranger
        self._inbox: Inbox | None = None

    async def open(self) -> None:
        self._inbox = Inbox()

    async def close(self) -> None:
        if self._inbox is not None:
            self._inbox.fail(LinkError("E_LINK_LOST", "closed", "Open it."))
            self._inbox = None

    async def write(self, data: bytes) -> None:
        serial = self.framing == "serial"
        self.sent += len(data)
        self._board.set_millis(round(asyncio.get_running_loop().time() * 1000) % 2**32)
        for frame in whole_frames(data) if serial else (data,):
            for piece in self._stranger.meddle(Direction.DOWN, frame, serial):
                (self._board.feed if serial else self._board.feed_frame)(piece)
                self._board.poll(100_000)
                said = whole_frames(self._board.take()) if serial else self._board.take_frames()
                for answer in said:
                    for arrives in self._stranger.meddle(Direction.UP, answer, serial):
                        self._put(arrives)
        await asyncio.sleep(0.001)

    def _put(self, piece: bytes) -> None:
        if self._inbox is not None:
            self.received += len(piece)
            self._inbox.put(piece)

    async def read(self) -> bytes:
        if self._inbox is None:
            raise LinkError("E_LINK_LOST", "closed", "Open it.")
        return await self._inbox.get()


def samples(seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.integers(-100, 100, (24, FEATURES)).astype(np.int8)
    y = (np.arange(24) % CLASSES).astype(np.uint8)
    return Samples("features", x[:16], y[:16], x[16:], y[16:], 0.02, 0)


async def train(
    stranger: Stranger, framing: Literal["serial", "ble"], mtu: int, rounds: int, codec: str, boards: int = 2
) -> list[bytes]:
    """Run rounds with boards that share nothing but the stranger; all deltas, in their order."""
    rng = random.Random(stranger.seed)
    devices = []
    for number in range(boards):
        key = rng.randbytes(32)
        board = VirtualBoard(
            features=FEATURES, classes=CLASSES, uid=number + 1, frame_limit=250, key=key, window=4
        )
        link = HostileLink(board, stranger, key, framing, mtu)
        devices.append(Device(link, rng=random.Random(number)))
    head = np.zeros(PARAMETERS, np.float32)
    plan = TrainingPlan("float32", codec, 1, 4, 0.05, 5)
    deltas = []
    for number, device in enumerate(devices):
        await patient(device, partial(device.connect, 9))
        await patient(device, partial(device.provision, samples(number)))
    for number in range(1, rounds + 1):
        for device in devices:
            delta = await patient(device, partial(learn, device, number, head, plan))
            deltas.append(delta.tobytes())
            head = head + delta / np.float32(boards)
            device.take_bytes()  # the ledger adds up, whatever came
    return deltas


async def learn(device: Device, number: int, head: np.ndarray, plan: TrainingPlan) -> np.ndarray:
    """Run one round with a board; its delta."""
    reply = await device.train(device.plan_round(number, head, plan, statistics=number % 3 == 0))
    assert reply.delta is not None
    return reply.delta


async def patient(device: Device, action: Callable[[], Awaitable[Any]]) -> Any:
    """Try until it works: a coordinator goes on without a board that a stranger keeps silent, a test does not."""
    for _ in range(20):
        try:
            return await action()
        except (LinkError, BoardError):  # old handshakes, said again and again, can delay a connection
            with suppress(LinkError, BoardError):
                await device.connect(9)
    raise AssertionError("never connected")


def try_stranger(
    seed: int, framing: Literal["serial", "ble"], mtu: int, codec: str, rounds: int, talk: float = 0.6
) -> int:
    """Run the same rounds with and without a stranger, which must end alike; the number of faults."""
    stranger = Stranger(seed, talk, harm=0.01)
    quiet = Stranger(seed, talk=0.0, harm=0.0)
    assert run(train(stranger, framing, mtu, rounds, codec)) == run(train(quiet, framing, mtu, rounds, codec))
    return stranger.done.total()


SETTINGS: tuple[tuple[Literal["serial", "ble"], int, str], ...] = (
    ("serial", 0, "float32"),
    ("ble", 65, "float32"),
    ("ble", 65, "onebit"),
    ("ble", 247, "float32"),
    ("ble", 247, "onebit"),
)

if __name__ == "__main__":
    wanted, total, seed = int(sys.argv[1]), 0, 0
    while total < wanted:
        seed += 1
        total += try_stranger(seed, *SETTINGS[seed % len(SETTINGS)], rounds=20, talk=(0.6, 40)[seed % 2])
    sys.stdout.write(f"{total} faults in {seed} worlds: no forgery taken, no delta lost or changed\n")
