"""An idle board sleeps, and is awake at once when the host has something to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_board import FakeBoard
from test_app import FAMILIES, LINKS, Framing, go, meet, samples, train

from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Hello, Kind
from bytefed.protocol.serial_frame import encode_serial_frame

MINUTE = 60_000  # ms
HELLO = control_frame(Kind.HELLO, 9, Hello(2, 2, 1, 5, 244).pack())
pytestmark = pytest.mark.usefixtures("blank_flash")


def start(fake_boards: Path, family: str, **world: int) -> FakeBoard:
    board = FakeBoard(fake_boards / f"fake_{family}.so", **world)
    board.connect()
    board.step(100)
    return board


def say_hello(board: FakeBoard, framing: Framing) -> bytes:
    """Send HELLO, let a millisecond pass, and return what the board said."""
    if framing == "serial":
        board.feed(encode_serial_frame(HELLO))
    else:
        board.feed_frame(HELLO)
    board.step()
    return board.take() if framing == "serial" else b"".join(board.take_frames())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("usb_open", [0, 1])
def test_an_idle_board_sleeps(fake_boards: Path, family: str, usb_open: int) -> None:
    """So long at a time that the kernel lets the chip sleep, and the radio's thread keeps nothing awake."""
    board = start(fake_boards, family, usb_open=usb_open)
    before = {name: board.get(name) for name in ("asleep", "wakings", "dispatched")}
    board.step(MINUTE)
    passed = {name: board.get(name) - value for name, value in before.items()}
    assert passed["asleep"] >= 0.99 * MINUTE
    assert passed["wakings"] <= MINUTE / 1000 * 60  # 60 a second
    assert passed["dispatched"] <= 2 * MINUTE / 1000


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("framing", LINKS)
@pytest.mark.parametrize("after", range(0, 40, 7))
def test_bytes_end_a_rest(fake_boards: Path, family: str, framing: Framing, after: int) -> None:
    """Wherever in its rest they find the board: the answer is there a millisecond later."""
    board = start(fake_boards, family)
    board.step(after)
    assert say_hello(board, framing) != b""


def test_room_on_the_port_ends_a_rest(fake_boards: Path) -> None:
    """The Bluefruit driver tells when the host has taken what waited, and the rest follows at once."""
    board = start(fake_boards, "bluefruit", usb_room=8)
    wire = say_hello(board, "serial")
    while more := step_and_take(board):
        wire += more
    assert wire.count(0) == 1 and wire[-1] == 0


def step_and_take(board: FakeBoard) -> bytes:
    board.step()
    return board.take()


@pytest.mark.parametrize("family", FAMILIES)
def test_training_does_not_wait_for_rests(fake_boards: Path, family: str) -> None:
    async def action() -> None:
        board = FakeBoard(fake_boards / f"fake_{family}.so")
        device = await meet(board, "serial")
        await device.provision(samples())
        before = board.get("now")
        await train(device)
        assert board.get("now") - before < 100  # 2 epochs of 3 mini-batches, and a rest for each frame
        await device.close()

    go(action)
