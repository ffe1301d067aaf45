"""Boards over bleak's own Linux backend, in front of a fake org.bluez that misbehaves on demand."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from ble_bed import (
    RUN,
    Shape,
    Tripwire,
    bed,
    books,
    expected_deltas,
    make_boards,
    make_samples,
    rounds_on,
    run,
)
from booked_device import BookedDevice

from bytefed.boards.bluetooth.fake_bluez import BlueZError
from bytefed.boards.bluetooth.peripheral import Air
from bytefed.errors import LinkError
from bytefed.protocol.direction import Direction
from bytefed.transport import ble
from bytefed.transport.ble import RX_UUID, TX_UUID, BleTransport, find_boards, system_central

pytestmark = pytest.mark.usefixtures("dbus")
SMALL = Shape()


# ---- Bytes


@pytest.mark.parametrize(
    ("mtu", "shape", "limit"),
    [
        (247, Shape(256, 10), 1.5),
        (247, Shape(64, 10), 2.5),
        (185, Shape(64, 10), 2.5),
        (23, Shape(64, 10), 13.0),
    ],
)
def test_the_estimate_is_exact_and_the_overhead_small(mtu: int, shape: Shape, limit: float) -> None:
    async def test() -> None:
        async with bed(make_boards(1, shape), mtu=mtu) as there:
            device = there.device()
            samples = make_samples(shape)
            await device.connect(RUN)
            await rounds_on(device, shape, samples, 1)
            counted, expected = books(device)
            assert counted == expected
            await rounds_on(device, shape, samples, 1, first=2)
            counted, expected = books(device)
            assert counted == expected
            payload = counted.payload_down + counted.payload_up
            assert payload == 2 * 4 * len(shape.head)
            overhead = 100 * (counted.wire_total / payload - 1)
            print(f"MTU {mtu}, D={shape.features}: +{overhead:.2f} %")  # noqa: T201
            assert overhead <= limit

    run(test())


def test_wire_bytes_are_the_att_values_handed_over() -> None:
    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            transport = there.transport()
            device = BookedDevice(transport)
            await device.connect(RUN)
            await rounds_on(device, SMALL, make_samples(SMALL), 2)
            air = there.near[0].air
            assert (transport.sent, transport.received) == (air.written, air.notified)

    run(test())


# ---- Finding and connecting


def test_boards_are_found_by_service_name_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "_SCAN_ALL", 0.5)

    async def test() -> None:
        async with bed(make_boards(3, SMALL)) as there:
            there.bluez.devices[there.near[2].address].services = ["0000180f-0000-1000-8000-00805f9b34fb"]
            found = await find_boards("auto")
            assert [transport.uri for transport in found] == [f"ble:{p.address}" for p in there.near[:2]]
            for wanted in (there.near[1].name, there.near[1].address, there.near[1].address.lower()):
                [transport] = await find_boards(wanted)
                device = BookedDevice(transport)
                await device.connect(RUN)
                assert device.uid == 2
                await device.close()

    run(test())


def test_auto_without_boards_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "_SCAN_ALL", 0.2)

    async def test() -> None:
        async with bed([]):
            with pytest.raises(LinkError, match=r"E_NO_BOARDS.*virtual-ble"):
                await find_boards("auto")

    run(test())


def test_a_board_that_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "_SCAN_ONE", 0.2)

    async def test() -> None:
        async with bed(make_boards(1, SMALL)):
            transport = BleTransport(system_central(), "nobody", patience=0.0)
            with pytest.raises(LinkError, match="E_BLE_NOT_FOUND"):
                await transport.open()

    run(test())


def test_without_a_bluetooth_service_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")

    async def test() -> None:
        with pytest.raises(LinkError, match="E_BLE_ABSENT"):
            await find_boards("auto")
        with pytest.raises(LinkError, match="E_BLE_ABSENT"):
            await BleTransport(system_central(), "anyone").open()

    run(test())


def test_twenty_boards_connect_one_at_a_time() -> None:
    async def test() -> None:
        async with bed(make_boards(20, SMALL)) as there:
            devices = [there.device(index) for index in range(20)]
            await asyncio.gather(*(device.connect(RUN) for device in devices))
            assert sorted(device.uid for device in devices) == list(range(1, 21))
            assert there.bluez.connects == 1
            samples = [make_samples(SMALL, seed) for seed in range(20)]
            await asyncio.gather(
                *(rounds_on(device, SMALL, s, 2) for device, s in zip(devices, samples, strict=True))
            )
            for device in devices:
                counted, expected = books(device)
                assert counted == expected

    run(test())


@pytest.mark.parametrize("missing", [RX_UUID, TX_UUID])
def test_a_missing_characteristic_is_looked_for_anew(missing: str) -> None:
    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            shown = there.bluez.devices[there.near[0].address]
            shown.missing = missing
            with pytest.raises(LinkError, match=rf"E_BLE_SERVICE.*{missing}"):
                await there.transport(patience=0.0).open()
            assert not shown.connected
            opening = asyncio.ensure_future(there.transport().open())
            await asyncio.sleep(0.3)
            shown.missing = None  # what the system remembered was out of date
            await opening

    run(test())


def test_the_chunk_follows_an_mtu_that_comes_late() -> None:
    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            there.bluez.devices[there.near[0].address].late_mtu = 0.3
            device = there.device()
            await device.connect(RUN)
            assert device.profile.frame_limit == 244

    run(test())


def test_a_failed_connect_is_tried_again() -> None:
    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            shown = there.bluez.devices[there.near[0].address]
            shown.connect_errors = [BlueZError("Failed", "Software caused connection abort")]
            await there.device().connect(RUN)
            assert not shown.connect_errors

    run(test())


@pytest.mark.parametrize("wanted", ["auto", "bytefed-0", "F1:00:00:00:00:00"])
def test_a_board_that_a_killed_program_left_connected_is_found(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ble, "_SCAN_ALL", 0.5)

    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            shown = there.bluez.devices[there.near[0].address]
            shown.advertise()
            await shown.call("Connect", [])
            [transport] = await find_boards(wanted)
            device = BookedDevice(transport)
            await device.connect(RUN)
            await rounds_on(device, SMALL, make_samples(SMALL), 1)

    run(test())


# ---- Links that die


def _points() -> tuple[int, int]:
    """Return the number of values that cross in each direction from BEGIN of the second round on."""
    points = [0, 0]

    async def test() -> None:
        shape = Shape(32, 8)
        async with bed(make_boards(1, shape, window=4), mtu=64) as there:
            device = there.device()
            await device.connect(RUN)
            await rounds_on(device, shape, make_samples(shape), 1)
            for at, direction in enumerate((Direction.DOWN, Direction.UP)):
                counter = Tripwire(direction, 0, lambda: None)
                there.near[0].air = counter
                await rounds_on(device, shape, make_samples(shape), 1, first=2 + at)
                points[at] = counter.count

    run(test())
    return points[0], points[1]


@pytest.mark.slow
@pytest.mark.parametrize("direction", list(Direction))
def test_a_link_lost_at_any_value_of_a_round_is_taken_up_where_it_stood(direction: Direction) -> None:
    shape = Shape(32, 8)
    samples = make_samples(shape)
    deltas = expected_deltas(shape, samples, 2)
    points = dict(zip(Direction, _points(), strict=True))[direction]
    blob = 4 * len(shape.head)
    assert points > blob // 59, "the tripwire does not see the round"

    async def test() -> None:
        async with bed(make_boards(1, shape, window=4), mtu=64) as there:
            for at in range(1, points + 1):
                device = there.device()
                await device.connect(RUN + at)
                await device.provision(samples)
                books(device)
                tripwire = Tripwire(direction, at, there.cut, swallow=bool(at % 2))
                there.near[0].air = tripwire
                replies = await rounds_on(device, shape, samples, 2)
                assert tripwire.tripped
                assert device.connections == 2, f"cut at value {at}"
                for reply, delta in zip(replies, deltas, strict=True):
                    assert np.array_equal(reply.delta, delta), f"cut at value {at}"
                counted, _ = books(device)
                # News is counted once; a window, and what it takes to find back, at most is repeated.
                assert counted.payload_down == counted.payload_up == 2 * blob
                assert counted.retransmission < 4 * 64 + 300, f"cut at value {at}: {counted}"
                await device.close()

    run(test())


def test_a_board_that_was_switched_off_gets_its_samples_again() -> None:
    samples = make_samples(SMALL)
    deltas = expected_deltas(SMALL, samples, 3)

    async def test() -> None:
        async with bed(make_boards(1, SMALL), mtu=64) as there:
            device = there.device()
            await device.connect(RUN)
            await device.provision(samples)

            def off() -> None:
                there.near[0].advertising = False
                there.cut()
                there.near[0].restart(make_boards(1, SMALL, boot=2)[0])
                asyncio.get_running_loop().call_later(0.5, on)

            def on() -> None:
                there.near[0].advertising = True

            there.near[0].air = Tripwire(Direction.UP, 12, off)
            replies = await rounds_on(device, SMALL, samples, 3)
            assert device.connections == 2
            assert there.near[0].board.samples() == len(samples.train_y)
            assert all(np.array_equal(r.delta, d) for r, d in zip(replies, deltas, strict=True))
            books(device)

    run(test())


def test_another_mtu_after_a_link_loss_starts_the_transfer_anew() -> None:
    shape = Shape(32, 8)
    samples = make_samples(shape)
    [delta] = expected_deltas(shape, samples, 1)

    async def test(direction: Direction) -> None:
        async with bed(make_boards(1, shape), mtu=64) as there:
            device = there.device()
            await device.connect(RUN)
            await device.provision(samples)

            def change() -> None:
                there.cut()
                there.near[0].mtu = 100

            there.near[0].air = Tripwire(direction, 12, change)
            [reply] = await rounds_on(device, shape, samples, 1)
            assert device.profile.frame_limit == 97
            assert np.array_equal(reply.delta, delta)
            books(device)

    for direction in Direction:
        run(test(direction))


def test_an_adapter_switched_off_and_on_within_a_round() -> None:
    samples = make_samples(SMALL)
    deltas = expected_deltas(SMALL, samples, 3)

    async def test() -> None:
        async with bed(make_boards(4, SMALL), mtu=64) as there:
            devices = [there.device(index) for index in range(4)]
            await asyncio.gather(*(device.connect(RUN) for device in devices))
            cycles: list[asyncio.Task[None]] = []

            def cycle() -> None:
                cycles.append(asyncio.ensure_future(there.bluez.power_cycle(1.0)))

            there.near[2].air = Tripwire(Direction.DOWN, 20, cycle)
            every = await asyncio.gather(*(rounds_on(device, SMALL, samples, 3) for device in devices))
            await cycles[0]
            assert [device.connections for device in devices] == [2, 2, 2, 2]
            for replies in every:
                assert all(np.array_equal(r.delta, d) for r, d in zip(replies, deltas, strict=True))
            for device in devices:
                books(device)

    run(test())


def test_a_write_that_never_returns_ends_with_the_link() -> None:
    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            transport = there.transport()
            await transport.open()
            there.bluez.devices[there.near[0].address].stuck = True
            writing = asyncio.ensure_future(transport.write(b"into the void"))
            await asyncio.sleep(0.1)
            assert not writing.done()
            there.cut()
            with pytest.raises(LinkError, match="E_LINK_LOST"):
                await writing
            await transport.close()

    run(test())


# ---- Values that get lost


def test_a_board_with_a_small_receive_buffer_loses_nothing_within_its_window() -> None:
    shape = Shape(64, 10)

    async def test(window: int, room: int) -> tuple[int, int]:
        async with bed(make_boards(1, shape, window=window)) as there:
            there.near[0].rx_capacity = room
            device = there.device(rto_floor=0.3)
            await device.connect(RUN)
            await rounds_on(device, shape, make_samples(shape), 2)
            counted, _ = books(device)
            return there.near[0].dropped, counted.retransmission

    async def tests() -> None:
        assert await test(window=8, room=8 * 244) == (0, 0)  # Bluefruit, with its FIFO raised
        assert await test(window=1, room=256) == (0, 0)  # ArduinoBLE

    run(tests())


@pytest.mark.parametrize("seed", [1, 2])
def test_lost_values_cost_bytes_and_nothing_else(seed: int) -> None:
    samples = make_samples(SMALL)
    deltas = expected_deltas(SMALL, samples, 6)

    async def test() -> None:
        async with bed(make_boards(1, SMALL), mtu=64) as there:
            there.near[0].air = Air(write_loss=0.05, notification_loss=0.05, seed=seed)
            device = there.device(rto_floor=0.1)
            await device.connect(RUN)
            replies = await rounds_on(device, SMALL, samples, 6)
            assert all(np.array_equal(r.delta, d) for r, d in zip(replies, deltas, strict=True))
            counted, expected = books(device)
            assert counted.retransmission + counted.probe > 0, f"seed {seed} lost nothing"
            assert counted.payload_up == expected.payload_up

    run(test())


def test_what_floods_in_is_bounded_and_counted() -> None:
    async def test() -> None:
        async with bed(make_boards(1, SMALL)) as there:
            transport = there.transport(rto_floor=0.5)
            device = BookedDevice(transport)
            await device.connect(RUN)
            before = transport.received
            for _ in range(1000):
                there.near[0].send(b"\x45" + bytes(100))
            while transport.received < before + ble.UNREAD_LIMIT * 101:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert transport.received == before + ble.UNREAD_LIMIT * 101
            await rounds_on(device, SMALL, make_samples(SMALL), 1)
            counted, _ = books(device)
            assert counted.junk == ble.UNREAD_LIMIT * 101

    run(test())
