"""The common parts of the BLE tests: boards, samples, a plan, and a fake adapter around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from booked_device import BookedDevice
from numpy.typing import NDArray

from bytefed._core import VirtualBoard
from bytefed.boards.bluetooth.fake_bluez import FakeBlueZ
from bytefed.boards.bluetooth.peripheral import Air, Peripheral
from bytefed.boards.bluetooth.virtual_ble import peripherals, virtual_radio
from bytefed.device.plan import RoundReply, Samples, TrainingPlan
from bytefed.ledger.count import ByteCount
from bytefed.protocol.direction import Direction
from bytefed.transport.ble import BleTransport, system_central

RUN = 0xB1E
PLAN = TrainingPlan("float32", "float32", epochs=2, batch=4, rate=0.1, seed=3)
_PATIENCE = 300.0  # seconds; a test that takes that long is stuck


@dataclass(frozen=True)
class Shape:
    """D and C of a head."""

    features: int = 16
    classes: int = 4

    @property
    def head(self) -> NDArray[np.float32]:
        """Not zeros, which every board holds already and nobody sends."""
        return np.full(self.features * self.classes + self.classes, 1 / 16, np.float32)


def make_boards(count: int, shape: Shape, *, window: int = 8, boot: int = 1) -> list[VirtualBoard]:
    return [
        VirtualBoard(features=shape.features, classes=shape.classes, uid=n + 1, boot=boot, window=window)
        for n in range(count)
    ]


def make_samples(shape: Shape, seed: int = 0, count: int = 24) -> Samples:
    rng = np.random.default_rng(seed)
    return Samples(
        kind="features",
        train_x=rng.integers(-128, 128, (count, shape.features)).astype(np.int8),
        train_y=rng.integers(0, shape.classes, count).astype(np.uint8),
        test_x=rng.integers(-128, 128, (6, shape.features)).astype(np.int8),
        test_y=rng.integers(0, shape.classes, 6).astype(np.uint8),
        scale=0.02,
        zero_point=0,
    )


def expected_deltas(shape: Shape, samples: Samples, rounds: int) -> list[NDArray[np.float32]]:
    """Return the results of a board when nothing goes wrong, over a loopback."""
    from bytefed.boards.loopback import LoopbackTransport

    async def work() -> list[NDArray[np.float32]]:
        device = BookedDevice(LoopbackTransport(make_boards(1, shape)[0]))
        await device.connect(RUN)
        return [
            reply.delta
            for reply in await rounds_on(device, shape, samples, rounds)
            if reply.delta is not None
        ]

    return asyncio.run(work())


async def rounds_on(
    device: BookedDevice, shape: Shape, samples: Samples, rounds: int, first: int = 1
) -> list[RoundReply]:
    """Provision a connected board and let it train; each reply is committed exactly once."""
    await device.provision(samples)
    head = first * shape.head  # another one for each call
    replies: list[RoundReply] = []
    for number in range(first, first + rounds):

        def commit(reply: RoundReply) -> bool:
            replies.append(reply)
            return True

        reply = await device.run_round(number, head, PLAN, commit=commit)
        assert reply.delta is not None
        head = head + reply.delta
    assert len(replies) == rounds
    return replies


def books(device: BookedDevice) -> tuple[ByteCount, ByteCount]:
    """Return the counted and the expected bytes; raises when the causes don't add up."""
    return device.take_bytes(), device.take_expected()


@dataclass
class Bed:
    """Boards in reach of a fake adapter."""

    bluez: FakeBlueZ
    near: list[Peripheral]
    transports: list[BleTransport] = field(default_factory=list)

    def transport(self, index: int = 0, **options: Any) -> BleTransport:
        transport = BleTransport(system_central(), self.near[index].address, **{"rto_floor": 10.0, **options})
        self.transports.append(transport)
        return transport

    def device(self, index: int = 0, **options: Any) -> BookedDevice:
        return BookedDevice(self.transport(index, **options))

    def cut(self, index: int = 0) -> None:
        """Lose the link to a board."""
        self.bluez.devices[self.near[index].address].disconnect()


@asynccontextmanager
async def bed(boards: list[VirtualBoard], **options: Any) -> AsyncIterator[Bed]:
    near = peripherals(boards, **options)
    async with virtual_radio(near) as bluez:
        there = Bed(bluez, near)
        yield there
        for transport in there.transports:
            await transport.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(_PATIENCE):
            await test

    asyncio.run(bounded())


class Tripwire(Air):
    """Does something at a chosen ATT value, counted from 1; what follows in the same turn is lost.

    Attributes:
        count: Values seen in that direction.
    """

    def __init__(
        self, direction: Direction, at: int, act: Callable[[], None], *, swallow: bool = False
    ) -> None:
        super().__init__()
        self.count = 0
        self.tripped = False
        self._direction, self._at, self._act, self._swallow = direction, at, act, swallow
        self._dead = False

    def carries(self, direction: Direction, value: bytes) -> bool:
        if direction is self._direction:
            self.count += 1
            if self.count == self._at:
                self.tripped = self._dead = True
                asyncio.get_running_loop().call_soon(self._end)
                return not self._swallow and super().carries(direction, value)
        return not self._dead and super().carries(direction, value)

    def _end(self) -> None:
        self._dead = False
        self._act()
