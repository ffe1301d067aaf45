"""Exact images while the host is silent: they sleep, they save, and neither costs a byte of the rounds that follow.

Each test is SKIPPED, with the reason, where .pio/build has no such image or the emulator is not built.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from booked_device import BookedDevice

from bytefed.boards.catalog import BOARDS
from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import EmulatedTransport, Emulator, emulated_board, find_emulator
from bytefed.boards.nrf52840.scheme import fitted
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.device.visit import about
from bytefed.errors import ConfigError
from bytefed.ledger.wire_size import CODECS
from bytefed.protocol.message import Details

BOOTED = 4.0  # seconds of the board's time: a first boot of Bluefruit boards formats their file system
WATCHED = 10.0
MOST_LOAD = 0.02
ROUNDS = 2  # with each codec

pytestmark = pytest.mark.slow


@pytest.fixture(params=[board.environment for board in BOARDS])
def environment(request: pytest.FixtureRequest) -> str:
    try:
        find_emulator()
        find_build(request.param)
    except ConfigError as error:
        pytest.skip(f"SKIPPED: {error}")
    return str(request.param)


@asynccontextmanager
async def switched_on(environment: str) -> AsyncIterator[Emulator]:
    build = find_build(environment)
    async with emulated_board(build, f"nrf52840:{environment}", fitted(build, 5)) as emulator:
        await emulator.enumerated()
        yield emulator


def go(action: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(600):
            await action()

    asyncio.run(limited())


async def slept(emulator: Emulator, until: float) -> tuple[float, float]:
    """Wait for a time of the board's; return that time, and for how much of it the processor slept, seconds."""
    while True:
        marks = await emulator.watermarks()
        if marks.seconds >= until:
            return marks.seconds, marks.seconds * marks.idle
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("port", ["closed", "open"])
def test_an_idle_board_sleeps(environment: str, port: str) -> None:
    async def action() -> None:
        async with switched_on(environment) as emulator:
            transport = EmulatedTransport(emulator)
            if port == "open":
                await transport.open()
            began, slept_before = await slept(emulator, BOOTED)
            ended, slept_after = await slept(emulator, began + WATCHED)
            load = 1 - (slept_after - slept_before) / (ended - began)
            assert load < MOST_LOAD, f"{load:.2%} of the processor's time"
            await transport.close()

    go(action)


def some_samples(features: int, classes: int) -> Samples:
    rng = np.random.default_rng(4)
    x = rng.integers(-128, 128, (60, features), dtype=np.int8)
    y = rng.integers(0, classes, 60, dtype=np.uint8)
    return Samples("features", x[:50], y[:50], x[50:], y[50:], 0.02, -3)


def test_rounds_with_saves_between_are_as_estimated(environment: str) -> None:
    """Pauses of all lengths: rounds begin before, while and after the board saves, with each codec."""
    pauses = random.Random(7)

    async def action() -> None:
        async with switched_on(environment) as emulator:
            device = BookedDevice(EmulatedTransport(emulator), rng=random.Random(3))
            await device.connect(1)
            features, classes = device.shape
            await device.provision(some_samples(features, classes))
            head = np.zeros(features * classes + classes, np.float32)
            before = await emulator.watermarks()
            for number, name in enumerate([name for name in CODECS for _ in range(ROUNDS)], 1):
                plan = TrainingPlan(name, name, epochs=1, batch=8, rate=0.05, seed=1)
                await device.run_round(number, head + np.float32(number) / 64, plan)
                assert device.take_bytes() == device.take_expected(), f"round {number}, {name}"
                marks = await emulator.watermarks()
                await slept(emulator, marks.seconds + pauses.uniform(0.9, 1.6))
            details = await about(device)
            assert isinstance(details, Details) and details.saves > 1
            assert (await emulator.watermarks()).words > before.words
            await device.close()

    go(action)
