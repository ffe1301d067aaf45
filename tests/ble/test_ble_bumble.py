"""Boards over Bumble's stack: MTUs, pairing, links lost, and how fast a paced link gets a round done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ble_bed import PLAN, RUN, Shape, Tripwire, books, expected_deltas, make_boards, make_samples, rounds_on
from booked_device import BookedDevice

pytest.importorskip("bumble", reason="no bumble: pip install '.[ble-sim]'")

from bumble.link import LocalLink
from bumble_bed import BumbleBoard, Central, PacedLink, run

from bytefed._core import VirtualBoard
from bytefed.boards.bluetooth.peripheral import Air
from bytefed.boards.bluetooth.virtual_ble import peripherals
from bytefed.errors import BoardError, LinkError
from bytefed.ledger.air import AirTable, Airtime
from bytefed.ledger.wire_size import BLUEFRUIT_WINDOW
from bytefed.protocol.direction import Direction
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


def device_of(central: ble.Central, board: BumbleBoard, **options: Any) -> BookedDevice:
    return BookedDevice(BleTransport(central, board.peripheral.address, **options))


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


@pytest.mark.parametrize("key", [None, bytes(range(32))], ids=["open", "sealed"])
def test_a_stranger_comes_when_the_host_is_gone(key: bytes | None) -> None:
    shape = Shape()
    theirs = make_samples(shape)
    near = VirtualBoard(features=shape.features, classes=shape.classes, uid=1, window=8, key=key)

    async def test() -> None:
        async with world(LocalLink(), [near]) as (central, [board]):
            host, stranger = device_of(central, board, key=key), device_of(central, board)
            await host.connect(RUN)
            await host.provision(theirs)
            await host.close()
            if key is None:
                await stranger.connect(RUN + 1)
                await stranger.provision(make_samples(shape, seed=1))
            else:
                with pytest.raises(BoardError, match="E_BOARD_LOCKED"):
                    await stranger.connect(RUN + 1)
            await stranger.close()
            await host.connect(RUN)
            assert host.holds(theirs) == (key is not None)
            await host.close()

    run(test())


def test_a_bonded_board_that_wants_encryption() -> None:
    shape = Shape()

    async def test() -> None:
        link = LocalLink()
        [peripheral] = peripherals(make_boards(1, shape))
        board = BumbleBoard(link, peripheral, encrypted=True)
        central = Central(link, pairs=True)
        await central.start()
        await board.start()
        device = device_of(ble.Central(central.backend), board)
        await device.connect(RUN)
        assert board.connection is not None
        assert board.connection.is_encrypted
        await rounds_on(device, shape, make_samples(shape), 1)
        counted, expected = books(device)
        assert counted == expected
        await device.close()

    run(test())


def test_an_unpaired_host_is_told_that_such_a_board_does_not_answer() -> None:
    async def test() -> None:
        link = LocalLink()
        [peripheral] = peripherals(make_boards(1, Shape()))
        board = BumbleBoard(link, peripheral, encrypted=True)
        central = Central(link)
        await central.start()
        await board.start()
        with pytest.raises(LinkError, match="E_NO_ANSWER"):
            await device_of(ble.Central(central.backend), board).connect(RUN)

    run(test())


@pytest.mark.parametrize("direction", list(Direction))
def test_a_link_lost_in_the_middle_is_taken_up_where_it_stood(direction: Direction) -> None:
    shape = Shape(64, 10)
    samples = make_samples(shape)
    [delta] = expected_deltas(shape, samples, 1)

    async def test() -> None:
        async with world(LocalLink(), make_boards(1, shape)) as (central, [board]):
            device = device_of(central, board)
            await device.connect(RUN)
            await device.provision(samples)
            board.peripheral.air = Tripwire(direction, 9, board.drop_link)
            [reply] = await rounds_on(device, shape, samples, 1)
            assert device.connections == 2
            assert np.array_equal(reply.delta, delta)
            counted, _ = books(device)
            assert counted.payload_down >= counted.payload_up == 4 * len(shape.head)
            await device.close()

    run(test())


class Counted(Air):
    """Counts values."""

    def __init__(self) -> None:
        super().__init__()
        self.values = {direction: Counter[int]() for direction in Direction}

    def carries(self, direction: Direction, value: bytes) -> bool:
        self.values[direction][len(value)] += 1
        return super().carries(direction, value)


def paced_round(shape: Shape, window: int) -> float:
    """Return the part of the computed ceiling that a round reaches at 30 ms and 3 packets an event."""
    radio = replace(AirTable.load().radio, interval=0.03, packets=3)
    samples = make_samples(shape)

    async def test() -> float:
        link = PacedLink(radio.interval, radio.packets)
        async with world(link, make_boards(1, shape, window=window)) as (central, [board]):
            device = device_of(central, board)
            await device.connect(RUN)
            await rounds_on(device, shape, samples, 1)
            await asyncio.sleep(1)  # the final ACK
            board.peripheral.air = counted = Counted()
            started, packets = asyncio.get_running_loop().time(), link.packets_sent
            await device.run_round(2, shape.head, PLAN)
            seconds = asyncio.get_running_loop().time() - started
            await asyncio.sleep(1)
            counted_bytes, expected = books(device)
            assert counted_bytes == expected
            airtime = Airtime.of(radio, counted.values[Direction.DOWN], counted.values[Direction.UP])
            assert airtime.packets_down + airtime.packets_up == link.packets_sent - packets
            await device.close()
            return airtime.seconds(radio) / seconds

    return run(test())


@pytest.mark.parametrize("shape", [Shape(256, 10), Shape(1024, 10)], ids=str)
def test_a_round_on_a_paced_link_keeps_near_its_ceiling(shape: Shape) -> None:
    reached = {window: paced_round(shape, window) for window in (1, 8, 16, BLUEFRUIT_WINDOW)}
    shares = ", ".join(f"{100 * share:.1f} % with a window of {window}" for window, share in reached.items())
    print(f"D={shape.features}: {shares}")  # noqa: T201
    assert reached[BLUEFRUIT_WINDOW] >= 0.85
