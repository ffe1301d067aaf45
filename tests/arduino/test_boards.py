"""The differences between boards: make, sensor, light, button."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_board import FakeBoard
from test_app import C, go, meet

from bytefed.device.visit import about
from bytefed.protocol.message import VISIT, Capability, Capture, Kind

OFF, RED, GREEN, YELLOW, BLUE = 0, 1, 2, 3, 4
BOARDS = {  # library: number of the board, number of its sensor
    "nano": (1, 1),
    "bluefruit": (3, 3),
    "itsybitsy": (4, 0),
    "circuitplayground": (5, 5),
}
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture(params=BOARDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def library(fake_boards: Path, name: str) -> Path:
    return fake_boards / f"fake_{name}.so"


def colours(board: FakeBoard, ms: int) -> set[int]:
    """All that its light shows in a while."""
    seen = set()
    for _ in range(ms):
        board.step()
        seen.add(board.get("colour"))
    return seen


def switch_on(library: Path, **world: int) -> FakeBoard:
    return FakeBoard(library, imu=3 if "circuit" in library.stem else 1, **world)


def test_what_it_is(library: Path, name: str) -> None:
    async def action() -> None:
        device = await meet(switch_on(library), "serial", VISIT)
        details = await about(device)
        assert details is not None
        number, sensor = BOARDS[name]
        assert (details.board, details.sensor) == (number, sensor)
        assert bool(device.board.capabilities & Capability.SENSOR) == bool(sensor)
        assert details.ram > 0
        await device.close()

    go(action)


def test_its_light(library: Path, name: str) -> None:
    board = switch_on(library, usb_open=0)
    assert colours(board, 4000) == {OFF, GREEN}
    board.set("usb_open", 1)
    board.step(25)  # a nap
    assert colours(board, 4000) == {BLUE}
    assert colours(switch_on(library, radio_fails=1), 1000) == {OFF, RED}
    assert colours(switch_on(library, tensors=100_000), 1000) == {OFF, RED}

    async def action() -> None:
        board = switch_on(library)
        device = await meet(board, "serial", VISIT)
        if BOARDS[name][1]:
            await device.ask(Kind.CAPTURE, Capture(0, 3, C - 1, 0).pack(), Kind.CAPTURED)
            board.step(2)
            assert colours(board, 2000) == {YELLOW}
        await device.close()

    go(action)


def test_its_button(library: Path, name: str) -> None:
    """A long press chooses the next class and flashes it, a short one takes samples; without a sensor a red flash."""
    board = switch_on(library)

    def press(ms: int) -> set[int]:
        board.set("button", 1)
        board.step(ms)
        board.set("button", 0)
        return colours(board, 300)

    board.step(50)
    white = RED | GREEN | BLUE
    assert (white in press(1000)) == (name != "nano")
    board.step(2000)
    shown = press(100)
    board.step(30_000)
    if name == "nano":  # its only button is reset
        assert board.get("train") == 0
    elif BOARDS[name][1]:
        assert YELLOW in shown
        assert (board.get("train"), board.get("label")) == (8, 1)
    else:
        assert RED in shown
        assert board.get("train") == 0
