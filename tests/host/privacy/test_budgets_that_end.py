"""The end of a board's privacy budget is told of once, however often the board is lost while it gets its samples."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, make_board
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import LinkError
from bytefed.protocol.message import Capability, Kind, Noise
from bytefed.simulation.noise import noise_key

X = np.random.default_rng(1).integers(-128, 128, (240, 5)).astype(np.int8)
Y = (np.arange(240) % 2).astype(np.uint8)
PLAN = TrainingPlan("float32", "float32", 1, 1, 0.5, 7, noise=Noise(1.0, 1_000_000, 16, 10_000_000))
NEVER, ALWAYS = range(0), range(1000)


class Torn(LoopbackTransport):
    """A board that can be reset, on a link that is lost at some of the frames of a kind.

    Attributes:
        kind, at: The kind, and which of its frames are lost with the link; they are counted from 0.
    """

    def __init__(self) -> None:
        self.kind, self.at, self._seen = Kind.ADD, NEVER, 0
        super().__init__(self._new(), framing="ble", name="x")

    @staticmethod
    def _new():
        return make_board(BoardKind(5, 2), 9, noise=lambda number: noise_key(1, number))

    def tear(self, at: range) -> None:
        """Lose the link at some of the ADDs to come."""
        self.at, self._seen = at, 0

    async def reset(self, device: Device) -> None:
        """Have the board lose all that it holds, and the host notice it."""
        self._board = self._new()
        await device.close()
        await device.connect(5)

    async def write(self, data: bytes) -> None:
        if data[0] == self.kind:
            self._seen += 1
            if self._seen - 1 in self.at:
                await self.close()
                raise LinkError("E_LINK_LOST", "torn", "")
        await super().write(data)


def some_samples() -> Samples:
    return Samples("features", X[:200], Y[:200], X[200:], Y[200:], 0.02, -3)


def told(action: Callable[[Device, Torn], Awaitable[None]]) -> int:
    """Return how often the end of a budget was told of, once a board has one."""
    ends: list[str] = []

    async def act() -> None:
        link = Torn()
        device = Device(link)
        device.keeper.on_budget_end = lambda: ends.append("end")
        await device.connect(5)
        await device.provision(some_samples())
        await train(device, 1)
        assert not ends
        await action(device, link)
        await device.close()

    asyncio.run(act())
    return len(ends)


async def train(device: Device, number: int) -> None:
    reply = await device.train(device.plan_round(number, np.zeros(12, np.float32), PLAN))
    assert reply.statistics is not None


@pytest.mark.parametrize("at", [NEVER, range(1), range(1, 2), range(3), range(1, 4)], ids=str)
def test_a_board_of_this_run_that_lost_its_samples(at: range) -> None:
    async def action(device: Device, link: Torn) -> None:
        await link.reset(device)
        link.tear(at)
        await device.provision(some_samples())
        assert device.connections == 2 + len(at)

    assert told(action) == 1


@pytest.mark.parametrize("at", [NEVER, range(1), range(1, 2), range(3)], ids=str)
def test_a_board_with_the_budget_of_another_run(at: range) -> None:
    async def action(device: Device, link: Torn) -> None:
        device.session.budget = None  # as for a host that has just started
        await device.close()
        await device.connect(6)
        assert device.board.capabilities & Capability.NOISED
        link.tear(at)
        await device.provision(some_samples())

    assert told(action) == 1


def test_a_board_that_was_given_up_meanwhile() -> None:
    async def action(device: Device, link: Torn) -> None:
        await link.reset(device)
        for at in (ALWAYS, ALWAYS, NEVER):
            link.tear(at)
            try:
                await device.provision(some_samples())
            except LinkError:
                assert at is ALWAYS
                await device.close()
                await device.connect(5)

    assert told(action) == 1


def test_a_board_that_is_reset_again_before_it_gets_a_budget() -> None:
    async def action(device: Device, link: Torn) -> None:
        for _ in range(2):
            await link.reset(device)
            await device.provision(some_samples())

    assert told(action) == 1


def test_each_budget_has_an_end() -> None:
    async def action(device: Device, link: Torn) -> None:
        for number in (2, 3):
            await link.reset(device)
            link.tear(range(1))
            await device.provision(some_samples())
            await train(device, number)

    assert told(action) == 2
