"""The boards' own app, main.cpp and ports included, on fake Arduino cores, driven by the host's own code."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from booked_device import run_round
from fake_board import FakeBoard

from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.plan import RoundReply, Samples, TrainingPlan
from bytefed.errors import BoardError, LinkError
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.ledger.wire_size import BLUEFRUIT_WINDOW
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import (
    VISIT,
    Capability,
    Capture,
    Captured,
    Details,
    Hello,
    Kind,
    State,
    Welcome,
)

_MODEL = Manifest.load(model_folder("motion"))
D, C, CAPACITY = _MODEL.D, _MODEL.C, 60
PLAN = TrainingPlan("float32", "float32", epochs=2, batch=8, rate=0.05, seed=1)
HEAD = np.linspace(-0.5, 0.5, D * C + C, dtype=np.float32)
Framing = Literal["serial", "ble"]
FAMILIES = ("nano", "bluefruit")
pytestmark = pytest.mark.usefixtures("blank_flash")
LINKS: tuple[Framing, ...] = ("serial", "ble")


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def switch_on(fake_boards: Path, family: str) -> Callable[..., FakeBoard]:
    def start(**options: int) -> FakeBoard:
        return FakeBoard(fake_boards / f"fake_{family}.so", **options)

    return start


def samples(count: int = 24, seed: int = 5) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (count + 8, D), dtype=np.int8)
    y = rng.integers(0, C, count + 8, dtype=np.uint8)
    return Samples("features", x[:count], y[:count], x[count:], y[count:], 0.02, -3)


async def meet(board: FakeBoard, framing: Framing, run: int = 1) -> Device:
    """Connect the host to a board."""
    if framing == "ble":
        board.connect()
    transport = LoopbackTransport(board, framing=framing)  # type: ignore[arg-type]
    transport.rto_floor = 0.05
    device = Device(transport, rng=random.Random(3))
    await device.connect(run)
    return device


async def train(device: Device, round_: int = 1) -> RoundReply:
    return await run_round(device, round_, HEAD, PLAN)


def go(action: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await action()

    asyncio.run(limited())


@pytest.mark.parametrize("framing", LINKS)
def test_a_board_trains_over_either_link(switch_on: Callable[..., FakeBoard], framing: Framing) -> None:
    deltas = []

    async def action() -> None:
        board = switch_on()
        device = await meet(board, framing)
        assert device.uid == 0x0123456789ABCDEF
        assert device.board.features == D and device.board.classes == C
        assert (
            device.board.capabilities
            == Capability.EXTRACTOR | Capability.SENSOR | Capability.PERSISTENT | Capability.OPEN
        )
        await device.provision(samples())
        reply = await train(device)
        assert reply.num_examples == 24
        assert reply.delta is not None
        deltas.append(reply.delta.tobytes())
        await device.close()

    go(action)
    go(action)
    assert deltas[0] == deltas[1]  # switched on anew, the same


def test_the_nano_takes_one_chunk_at_a_time(fake_boards: Path) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / "fake_nano.so")
        device = await meet(board, "ble")
        assert device.profile.frame_limit == 244
        assert device.profile.window_down == 1
        await device.provision(samples())
        await train(device)
        assert board.get("dropped") == board.get("stuck") == 0
        await device.close()

    go(action)


def test_bluefruit_takes_the_window_that_costs_are_computed_with(fake_boards: Path) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / "fake_bluefruit.so")
        device = await meet(board, "ble")
        assert device.profile.window_down == BLUEFRUIT_WINDOW
        await device.close()

    go(action)


def test_what_the_nano_s_radio_drops_is_sent_again(fake_boards: Path) -> None:
    """A host that ignores the window loses writes, and the board's ACKs tell."""
    board = FakeBoard(fake_boards / "fake_nano.so")
    board.connect()
    for _ in range(5):
        board.feed_frame(bytes(240))
    board.step()
    assert board.get("dropped") == 2  # the ring holds three

    async def action() -> None:
        device = await meet(board, "ble")
        await device.provision(samples())
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def test_a_full_queue_is_asked_again(fake_boards: Path) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / "fake_bluefruit.so")
        device = await meet(board, "ble")
        await device.provision(samples())
        board.set("refuse_notify", 7)
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def test_no_frame_is_longer_than_the_mtu(switch_on: Callable[..., FakeBoard], family: str) -> None:
    """The host learns of a small MTU first, or the board does; either is enough."""
    board = switch_on(mtu=23)
    board.connect()
    board.feed_frame(
        control_frame(Kind.HELLO, 9, Hello(2, 2, 1, 5, 250 if family == "bluefruit" else 20).pack())
    )
    board.step(3)
    (frame,) = board.take_frames()
    assert Welcome.unpack(frame[2:]).frame_limit == 20


def test_nothing_is_kept_for_a_link_that_was_lost(switch_on: Callable[..., FakeBoard]) -> None:
    board = switch_on()
    board.connect()
    board.feed_frame(control_frame(Kind.HELLO, 9, Hello(2, 2, 1, 5, 244).pack()))
    board.connect(False)
    board.step(5)
    assert board.take_frames() == []
    board.connect()
    board.step(5)
    assert board.take_frames() == []
    board.set("usb_open", 0)
    board.feed(b"\0" + bytes(10))
    board.step(3)
    assert board.take() == b""


def test_a_port_that_nobody_reads_stops_nothing(switch_on: Callable[..., FakeBoard]) -> None:
    """The driver is full for ever; the radio is served all the same."""

    async def action() -> None:
        board = switch_on(usb_room=0)
        from bytefed.protocol.serial_frame import encode_serial_frame

        board.feed(encode_serial_frame(control_frame(Kind.HELLO, 1, Hello(2, 2, 1, 5, 250).pack())))
        board.step(10_010)  # the session of a port that has fallen silent may be taken
        device = await meet(board, "ble")
        await device.provision(samples())
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def test_the_watchdog_is_fed_while_it_trains(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        await device.provision(samples())
        before = board.get("feeds")
        await train(device)
        assert board.get("feeds") - before > 2 * 24 / 8  # at least once a mini-batch
        await device.close()

    go(action)


def test_no_link_takes_another_s_session(switch_on: Callable[..., FakeBoard]) -> None:
    """An attack: one HELLO over BLE took the session from a host on USB, and with it round and delta."""

    async def action() -> None:
        board = switch_on()
        by_usb = await meet(board, "serial")
        await by_usb.provision(samples())
        await train(by_usb)
        for run in (1, 2, VISIT):
            with pytest.raises(LinkError, match=r"E_BOARD_TAKEN.*other link"):
                await meet(board, "ble", run)
        board.step(10_010)
        with pytest.raises(LinkError, match="E_BOARD_TAKEN"):
            await meet(board, "ble", VISIT)  # however long it waits
        assert board.get("round") == 1
        by_ble = await meet(board, "ble")  # a host that comes back by the other way, 10 s later
        await train(by_ble, 2)
        await by_usb.close()
        await by_ble.close()

    go(action)


def test_a_closed_port_locks_nobody_out(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        await device.close()
        device = await meet(board, "serial")  # where the board could not see it closed
        await device.provision(samples())
        await device.close()
        board.set("usb_open", 0)
        board.step(2)
        device = await meet(board, "ble", VISIT)
        await device.close()
        board.connect(False)
        board.set("usb_open", 1)
        device = await meet(board, "serial")
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def said(board: FakeBoard, kind: Kind, body: bytes = b"") -> list[Kind]:
    """Send a request over BLE; return the kinds of what the board says."""
    board.feed_frame(control_frame(kind, 9, body))
    board.step(3)
    return [Kind(frame[0]) for frame in board.take_frames()]


HELLO = Hello(2, 2, 1, 5, 244).pack()


def test_the_next_central_inherits_no_session(switch_on: Callable[..., FakeBoard]) -> None:
    """An attack: a session lived on when its link was lost, and the next central had it with no HELLO at all."""
    board = switch_on()
    board.connect()
    assert said(board, Kind.HELLO, HELLO) == [Kind.WELCOME]
    assert said(board, Kind.STORE) == [Kind.STORED]
    board.connect(False)
    board.connect()  # faster than the app looks
    assert said(board, Kind.STORE) == []  # what may be of either connection is dropped
    assert said(board, Kind.STORE) == [Kind.ERROR]
    assert said(board, Kind.HELLO, HELLO) == [Kind.WELCOME]
    assert said(board, Kind.STORE) == [Kind.STORED]


def test_a_central_that_says_nothing_is_let_go(switch_on: Callable[..., FakeBoard]) -> None:
    """An attack: whoever connected and said nothing held the only connection for ever."""
    board = switch_on()
    for sends in (b"", control_frame(Kind.STORE, 9, b""), control_frame(Kind.HELLO, 9, b"short")):
        board.connect()
        came = board.get("now")
        while board.get("connected"):
            if sends:
                board.feed_frame(sends)
            board.step()
            board.take_frames()
            assert board.get("now") - came < 10_100
        assert board.get("now") - came >= 9_900
    board.connect()
    assert said(board, Kind.HELLO, HELLO) == [Kind.WELCOME]
    board.step(20_000)
    assert board.get("connected")
    assert said(board, Kind.STORE) == [Kind.STORED]


def test_power_loss(switch_on: Callable[..., FakeBoard]) -> None:
    """Samples, round and delta are there again; a boot id tells the host."""

    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        await device.provision(samples())
        first = await run_round(device, 1, HEAD, PLAN)
        crc = device.stored.crc
        board.step(3000)  # quiet
        assert board.get("flash_writes") > 0
        await device.close()

        board = switch_on()
        device = await meet(board, "serial")
        assert (device.stored.train, device.stored.test, device.stored.crc) == (24, 8, crc)
        assert board.get("round") == 1
        again = await run_round(device, 1, HEAD, PLAN)
        assert first.delta is not None and again.delta is not None
        assert again.delta.tobytes() == first.delta.tobytes()
        await device.close()

    go(action)


@pytest.mark.parametrize("left", [0, 1, 2, 5, 9, 14])
def test_power_loss_while_saving(switch_on: Callable[..., FakeBoard], left: int) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        await device.provision(samples())
        board.step(3000)
        board.set("flash_writes_left", left)
        await device.provision(samples(16, seed=6))
        board.step(30)
        await device.close()
        board = switch_on()
        assert board.get("train") in (16, 24)
        device = await meet(board, "serial")
        await device.provision(samples(16, seed=6))
        assert (await train(device)).num_examples == 16
        await device.close()

    go(action)


def test_a_flash_that_fails_is_an_error_and_nothing_worse(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on(flash_breaks=1)
        device = await meet(board, "serial")
        await device.provision(samples())
        with pytest.raises(BoardError, match="E_BOARD_STORAGE_FAILED"):
            await device.ask(Kind.SAVE, b"", Kind.SAVED)
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


async def capture(device: Device, board: FakeBoard, message: Capture) -> Captured:
    """Ask until it is over."""
    while True:
        _, body = await device.ask(Kind.CAPTURE, message.pack(), Kind.CAPTURED)
        captured = Captured.unpack(body)
        if captured.state == 0:
            return captured
        board.step(200)


def test_it_learns_from_its_sensor(switch_on: Callable[..., FakeBoard], family: str) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial", VISIT)
        started = board.get("now")
        assert await capture(device, board, Capture(0, 3, 1, 0)) == Captured(0, 3)
        # 5 s for the first window and 2.5 s for each that shares half with the one before
        assert 9_900 <= board.get("now") - started < 12_000
        board.set("tilt", 9)
        assert await capture(device, board, Capture(3, 2, 2, 0)) == Captured(0, 2)
        assert await capture(device, board, Capture(3, 2, 2, 0)) == Captured(0, 2)  # the same again: nothing
        assert board.get("train") == 5
        _, body = await device.ask(Kind.ABOUT, b"", Kind.DETAILS)
        details = Details.unpack(body)
        assert (details.board, details.sensor) == ((1, 1) if family == "nano" else (3, 3))
        assert (details.version_major, details.version_minor, details.version_patch) == (0, 1, 0)
        assert (details.reset, details.window) == (1, 250)
        await device.close()

    go(action)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Capture(0, 3, C, 0), "E_BOARD_BAD_LABEL"),
        (Capture(1, 3, 0, 0), "E_BOARD_BAD_VALUE"),
        (Capture(0, CAPACITY + 1, 0, 0), "E_BOARD_STORE_FULL"),
        (Capture(0, 3, 0, 4), "E_BOARD_BAD_VALUE"),
    ],
)
def test_a_capture_that_can_t_be_is_refused(
    switch_on: Callable[..., FakeBoard], message: Capture, code: str
) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial")
        with pytest.raises(BoardError, match=code):
            await capture(device, board, message)
        await device.provision(samples())
        await device.close()

    go(action)


def test_a_board_without_a_sensor_says_so(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on(imu=0)
        device = await meet(board, "serial")
        assert not device.board.capabilities & Capability.SENSOR
        with pytest.raises(BoardError, match="E_BOARD_NO_SENSOR"):
            await capture(device, board, Capture(0, 3, 0, 0))
        await device.provision(samples())
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def test_a_board_whose_model_does_not_fit_takes_features(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on(tensors=100_000)
        device = await meet(board, "serial")
        assert device.board.model == 0
        assert device.board.capabilities == Capability.PERSISTENT | Capability.OPEN
        await device.provision(samples())
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def test_without_a_radio_usb_serves(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        device = await meet(switch_on(radio_fails=1), "serial")
        await device.provision(samples())
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


def test_a_visit_leaves_the_round_alone(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on()
        device = await meet(board, "serial", run=7)
        await device.provision(samples())
        await train(device)
        await device.close()
        board.set("usb_open", 0)
        board.step(2)
        visitor = await meet(board, "ble", VISIT)
        assert visitor.welcome.round == board.get("round") == 1
        assert visitor.welcome.state == board.get("state") == State.READY  # its delta is kept
        await visitor.close()

    go(action)


def test_the_store_by_itself(fake_boards: Path) -> None:
    done = subprocess.run([fake_boards / "store_tests"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
