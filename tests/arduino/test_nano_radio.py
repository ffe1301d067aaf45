"""The Nano's way to its BLE controller: late acknowledgements, lost links; and what the library's own way does.

The fake library and controller are odd where the real ones are (fake/nano); tests/ble/test_arduinoble.py has the
real library.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_board import FakeBoard
from test_app import go, meet, samples, train

from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Hello, Kind

HELLO = control_frame(Kind.HELLO, 9, Hello(2, 2, 1, 5, 244).pack())
pytestmark = pytest.mark.usefixtures("blank_flash")


def is_stuck(board: FakeBoard) -> bool:
    """Return True if the app makes no steps, so that the watchdog resets the board."""
    feeds = board.get("feeds")
    board.step(100)
    return board.get("feeds") == feeds


def lose_links(board: FakeBoard, count: int) -> None:
    """Lose each link while the board's answer is not acknowledged."""
    for _ in range(count):
        board.connect()
        board.feed_frame(HELLO)
        board.step(3)
        board.connect(False)
        board.step(3)


def fill_the_ring(board: FakeBoard, count: int, size: int) -> None:
    """Send a frame just when an acknowledgement is due, so that both wait for the app."""
    board.connect()
    for _ in range(count):
        board.feed_frame(HELLO)
        board.step(3)
        board.feed_frame(bytes(size))
        board.step(3)


def test_acknowledgements_that_a_lost_link_took_along_are_not_waited_for(fake_boards: Path) -> None:
    board = FakeBoard(fake_boards / "fake_nano.so")
    lose_links(board, 50)
    assert not is_stuck(board)
    assert board.get("stuck") == 0

    async def action() -> None:
        device = await meet(board, "ble")
        await device.provision(samples())
        assert (await train(device)).delta is not None
        await device.close()

    go(action)


@pytest.mark.parametrize("size", [236, 238, 240, 244])
def test_acknowledgements_have_room_beside_the_longest_frame(fake_boards: Path, size: int) -> None:
    board = FakeBoard(fake_boards / "fake_nano.so")
    fill_the_ring(board, 50, size)
    board.take_frames()
    board.feed_frame(HELLO)
    board.step(3)
    assert len(board.take_frames()) == 1
    assert board.get("stuck") == board.get("dropped") == 0


def test_a_host_that_floods_the_board_does_not_stop_it(fake_boards: Path) -> None:
    board = FakeBoard(fake_boards / "fake_nano.so")
    board.connect()
    for _ in range(40):
        board.feed_frame(HELLO)  # acknowledgements are due all the time
        board.feed_frame(bytes(244))
        board.feed_frame(bytes(244))
        board.step()
    board.step(100)
    assert not is_stuck(board)
    assert board.get("stuck") == 0
    board.take_frames()
    board.feed_frame(HELLO)
    board.step(3)
    assert len(board.take_frames()) == 1


@pytest.mark.parametrize(
    "spoil", [lambda board: lose_links(board, 5), lambda board: fill_the_ring(board, 5, 244)]
)
def test_the_library_s_own_way_stops_the_board(fake_boards: Path, spoil: object) -> None:
    """This is why the app has its own."""
    board = FakeBoard(fake_boards / "fake_nano_own_transport.so")
    assert callable(spoil)
    spoil(board)
    assert is_stuck(board)


def test_the_library_s_own_way_falls_out_of_step(fake_boards: Path) -> None:
    """The type of a packet whose rest had no room stays: the loss of the link is taken for something else."""
    board = FakeBoard(fake_boards / "fake_nano_own_transport.so")
    fill_the_ring(board, 1, 240)
    board.take_frames()
    board.feed_frame(HELLO)
    board.step(3)
    assert board.take_frames() == []
