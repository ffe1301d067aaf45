"""Boards over Bumble's stack: MTUs, pairing, links lost, and how fast a paced link gets a round done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from ble_bed import RUN, Shape, books, expected_deltas, make_boards, make_samples, rounds_on

pytest.importorskip("bumble", reason="no bumble: pip install 'bytefed[ble-sim]'")

from bumble.link import LocalLink
from bumble_bed import BumbleBoard, Central, run

from bytefed.device import Device
from bytefed.testbeds.virtual_ble import peripherals
from bytefed.transport import ble
from bytefed.transport.ble import BleTransport


@pytest.fixture(autouse=True)
def _no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")


@asynccontextmanager
async def world(
    link: LocalLink, boards: list[Any], mtu: int = 247
) -> AsyncIterator[tuple[ble.Central, list[BumbleBoard]]]:
    near = [BumbleBoard(link, peripheral) for peripheral in peripherals(boards, mtu=mtu)]
    central = Central(link)
    await central.start()
    for board in near:
        await board.start()
    yield ble.Central(central.backend), near


def device_of(central: ble.Central, board: BumbleBoard, **options: Any) -> Device:
    return Device(BleTransport(central, board.peripheral.address, **options))


@pytest.mark.parametrize("mtu", [23, 185, 247])
def test_every_mtu_at_the_estimated_bytes(mtu: int) -> None:
    shape = Shape(64, 10)
    samples = make_samples(shape)
    deltas = expected_deltas(shape, samples, 2)

    async def test() -> None:
        async with world(LocalLink(), make_boards(1, shape), mtu) as (central, [board]):
            device = device_of(central, board)
            await device.connect(RUN)
            assert device.profile.frame_limit == mtu - 3
            replies = await rounds_on(device, shape, samples, 2)
            assert all(np.array_equal(r.delta, d) for r, d in zip(replies, deltas, strict=True))
            counted, expected = books(device)
            assert counted == expected
            await device.close()

    run(test())
