"""The app takes no heap memory once it runs, and an image would report it if it did."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_board import FakeBoard
from test_app import FAMILIES, LINKS, Framing, capture, go, meet, samples, train

from bytefed.device.device import Device
from bytefed.device.visit import about
from bytefed.protocol.message import Capture, Kind

RED = 1
pytestmark = pytest.mark.usefixtures("blank_flash")


async def everything(board: FakeBoard, framing: Framing) -> Device:
    """Connect, capture, provision, train, save, lose the link, and connect and train again."""
    device = await meet(board, framing)
    await capture(device, board, Capture(0, 2, 1, 0))
    await device.provision(samples())
    await train(device)
    await device.ask(Kind.SAVE, b"", Kind.SAVED)
    await device.close()
    board.connect(False)
    board.step(5)
    device = await meet(board, framing)
    await train(device, 2)
    return device


async def requests(device: Device) -> int:
    details = await about(device)
    assert details is not None
    return details.heap


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("framing", LINKS)
@pytest.mark.parametrize("image", ["", "_debug"])
def test_no_heap_memory_after_setup(fake_boards: Path, family: str, framing: Framing, image: str) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / f"fake_{family}{image}.so")
        device = await everything(board, framing)
        assert await requests(device) == 0
        await device.close()

    go(action)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_release_image_counts_what_is_asked_for(fake_boards: Path, family: str) -> None:
    """By malloc() and by `new`, from the app's task: here the extractor's library asks, each time it runs."""

    async def action() -> None:
        board = FakeBoard(fake_boards / f"fake_{family}.so", extractor_allocates=3)
        device = await meet(board, "serial")
        assert await requests(device) == 0
        await capture(device, board, Capture(0, 2, 1, 0))
        assert await requests(device) == 6
        await device.close()

    go(action)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_debug_image_stops(fake_boards: Path, family: str) -> None:
    """A red light that does not blink; nobody feeds the watchdog any more."""
    board = FakeBoard(fake_boards / f"fake_{family}_debug.so", extractor_allocates=1)

    async def action() -> None:
        device = await meet(board, "serial")
        asking = asyncio.create_task(capture(device, board, Capture(0, 1, 1, 0)))
        while board.get("colour") != RED:
            await asyncio.sleep(0)
            board.step()
        asking.cancel()

    go(action)
    feeds = board.get("feeds")
    for _ in range(50):
        board.step(100)
        assert board.get("colour") == RED
    assert board.get("feeds") == feeds
