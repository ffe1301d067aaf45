"""Phones read of the boards' own app, on fake Arduino cores, only what a host has opened, and only so long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard

from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.labels import set_labels
from bytefed.device.plan import TrainingPlan
from bytefed.device.watch import Watch, Way, stop
from bytefed.errors import BoardError
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.protocol.message import VISIT, Capability, Classify, ClassifyFlag, Kind

_MODEL = Manifest.load(model_folder("motion"))
PLAN = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)
NAMES = ("zero", "one", "two", "three")
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture(params=["nano", "bluefruit"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def on(
    library: Path, framing: str, work: Callable[[FakeBoard, Device], Awaitable[None]], *, labels: bool = True
) -> None:
    """Do something with a board that has a head and labels."""

    async def attempt() -> None:
        board = FakeBoard(library)
        if framing == "ble":
            board.connect()
        link = LoopbackTransport(board, framing=framing)  # type: ignore[arg-type]
        device = Device(link, rng=random.Random(3))
        async with asyncio.timeout(30):
            await device.connect(1)
            head = np.linspace(-0.5, 0.5, _MODEL.D * _MODEL.C + _MODEL.C, dtype=np.float32)
            await device.train(device.plan_round(1, head, PLAN, train=False))
            if labels:
                await set_labels(device, NAMES)
            await work(board, device)
        await device.close()

    asyncio.run(attempt())


def text_of(prediction: object) -> str:
    said = prediction
    return f"{NAMES[said.likeliest]} {int(said.confidence * 255 + 0.5) * 100 // 255}%"  # type: ignore[attr-defined]


def test_a_phone_reads_nothing_that_nobody_opened(fake_boards: Path, family: str) -> None:
    async def work(board: FakeBoard, device: Device) -> None:
        board.set("phone_subscribed", 1)
        board.connect()
        async for _ in Watch(device):
            break
        board.step(3000)
        assert board.read_phone() == ""
        assert board.take_frames() == []

    on(fake_boards / f"fake_{family}.so", "serial", work)


def test_a_phone_reads_and_is_told_each_prediction_until_the_board_stops(
    fake_boards: Path, family: str
) -> None:
    async def work(board: FakeBoard, device: Device) -> None:
        watch = Watch(device, Way(phones=True, alone=True))
        first = await anext(watch)
        assert board.read_phone() == text_of(first)
        board.set("phone_subscribed", 1)
        board.connect()
        said = [await anext(watch) for _ in range(3)]
        board.step(50)
        assert [frame.decode() for frame in board.take_frames()] == [text_of(each) for each in said]
        assert board.read_phone() == text_of(said[-1])
        await device.connect(VISIT)
        assert device.board.capabilities & Capability.SHOWN
        await stop(device)
        board.step(50)
        assert board.read_phone() == ""
        assert board.get("stuck") == 0
        await device.connect(VISIT)
        assert not device.board.capabilities & Capability.SHOWN

    on(fake_boards / f"fake_{family}.so", "serial", work)


def test_a_phone_has_a_minute_where_there_is_something_to_read(fake_boards: Path, family: str) -> None:
    async def work(board: FakeBoard, device: Device) -> None:
        await anext(Watch(device, Way(phones=True, alone=True)))
        for patience, classifies in ((60_000, True), (10_000, False)):
            if not classifies:
                await stop(device)
                board.step(50)
            board.connect()
            came = board.get("now")
            while board.get("connected"):
                board.step()
                board.take_frames()
            assert patience - 100 <= board.get("now") - came <= patience + 100

    on(fake_boards / f"fake_{family}.so", "serial", work)


def test_a_host_on_the_radio_is_not_disturbed(fake_boards: Path, family: str) -> None:
    """It has the only connection, and did not subscribe: what it hears are answers."""

    async def work(board: FakeBoard, device: Device) -> None:
        watch = Watch(device, Way(phones=True))
        device.take_bytes()
        said = [await anext(watch) for _ in range(3)]
        assert board.read_phone() == text_of(said[-1])
        await watch.stop()
        used = device.take_bytes()
        assert used == watch.estimate()
        assert board.get("stuck") == board.get("dropped") == 0

    on(fake_boards / f"fake_{family}.so", "ble", work)


def test_a_phone_that_takes_no_notifications_stops_nothing(fake_boards: Path, family: str) -> None:
    """Its queue is full, or its controller acknowledges late: predictions go on, and it can read."""

    async def work(board: FakeBoard, device: Device) -> None:
        watch = Watch(device, Way(phones=True))
        await anext(watch)
        board.set("phone_subscribed", 1)
        board.set("refuse_notify", 1000)
        board.connect()
        said = [await anext(watch) for _ in range(8)]
        board.step(50)
        assert board.read_phone() == text_of(said[-1])
        assert board.get("stuck") == 0

    on(fake_boards / f"fake_{family}.so", "serial", work)


def test_the_nano_s_texts_wait_for_its_controller(fake_boards: Path) -> None:
    """Where it has no room, the library would wait in a loop of its own; a frame has the last place but one."""

    async def work(board: FakeBoard, device: Device) -> None:
        watch = Watch(device, Way(phones=True))
        await anext(watch)
        board.connect()
        board.set("phone_subscribed", 1)
        board.set("acknowledges", 0)
        said = [await anext(watch) for _ in range(8)]
        assert [frame.decode() for frame in board.take_frames()] == [text_of(each) for each in said[:3]]
        assert board.get("stuck") == 0
        board.set("acknowledges", 1)
        said.append(await anext(watch))
        board.step(50)
        assert board.take_frames()[-1].decode() == board.read_phone() == text_of(said[-1])

    on(fake_boards / "fake_nano.so", "serial", work)


@pytest.mark.parametrize("asks", [ClassifyFlag.SHOW, ClassifyFlag.SHOW | ClassifyFlag.ALONE])
def test_a_board_whose_radio_is_off_can_not_be_opened(fake_boards: Path, family: str, asks: int) -> None:
    async def work(board: FakeBoard, device: Device) -> None:
        with pytest.raises(BoardError, match="E_BOARD_NO_RADIO"):
            await device.ask(Kind.CLASSIFY, Classify(0, asks, 0).pack(), Kind.CLASSIFIED)
        board.step(5000)
        assert board.read_phone() == ""
        await anext(Watch(device))  # it works without

    on(fake_boards / f"fake_{family}_keyed.so", "serial", work)
