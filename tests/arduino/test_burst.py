"""The receive buffer of the Bluefruit port while its app is busy: it holds two windows, and loses any more."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard

from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.ledger.wire_size import BLUEFRUIT_WINDOW
from bytefed.protocol.header import DataHeader, control_frame
from bytefed.protocol.message import Add, Hello, Kind, Welcome

D = Manifest.load(model_folder("motion")).D
SAMPLES = 16  # as many as an ADD may have: their chunks are fewer than a window's
FRAME = 20  # bytes, with an MTU of 23
CHUNK = FRAME - 2
SEQUENCE = 3  # of the ADD, and the number of its transfer
RING = 2 * BLUEFRUIT_WINDOW
RECORDS = np.random.default_rng(2).integers(0, 4, (SAMPLES, 1 + D), dtype=np.uint8).tobytes()
CHUNKS = -(-len(RECORDS) // CHUNK)
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture
def board(fake_boards: Path) -> FakeBoard:
    """A board that expects the chunks of an ADD."""
    board = FakeBoard(fake_boards / "fake_bluefruit.so", mtu=FRAME + 3)
    board.connect()
    board.feed_frame(control_frame(Kind.HELLO, 2, Hello(2, 2, 1, 5, FRAME).pack()))
    board.step(3)
    (welcome,) = board.take_frames()
    assert Welcome.unpack(welcome[2:]).window == BLUEFRUIT_WINDOW
    add = Add(0, SAMPLES, 4, zlib.crc32(RECORDS), 0.02, -3)
    board.feed_frame(control_frame(Kind.ADD, SEQUENCE, add.pack()))
    board.step(3)
    assert [frame[0] for frame in board.take_frames()] == [Kind.ADDED]
    return board


def chunk(index: int, *, poll: bool = False) -> bytes:
    body = RECORDS[index * CHUNK : (index + 1) * CHUNK]
    return DataHeader(SEQUENCE, poll, index).pack() + body


def burst(board: FakeBoard, indices: Sequence[int]) -> None:
    """Values that arrive at once, while the app does something else; the last one asks for an ACK."""
    for index in indices:
        board.feed_frame(chunk(index, poll=index == indices[-1]))


def first_missing(board: FakeBoard) -> int:
    """Return the content of the one ACK that the board sends."""
    board.step(100)
    (ack,) = board.take_frames()
    return DataHeader.unpack(ack).index


def test_a_full_window_is_taken(board: FakeBoard) -> None:
    assert CHUNKS <= BLUEFRUIT_WINDOW
    burst(board, [0] * (BLUEFRUIT_WINDOW - CHUNKS) + list(range(CHUNKS)))
    assert first_missing(board) == CHUNKS
    assert board.get("train") == SAMPLES


def test_what_the_ring_has_no_room_for_is_lost_without_damage(board: FakeBoard) -> None:
    """A host that knows no windows: the last value that fits is taken, the one after it isn't."""
    for _ in range(RING - 1):
        board.feed_frame(chunk(1))
    board.feed_frame(chunk(0))
    board.feed_frame(chunk(2))
    board.step(100)
    board.feed_frame(control_frame(Kind.POLL, SEQUENCE))
    assert first_missing(board) == 2
    burst(board, range(2, CHUNKS))
    assert first_missing(board) == CHUNKS
    assert board.get("train") == SAMPLES


def test_values_of_the_largest_size_fill_the_ring_too(fake_boards: Path) -> None:
    """The last of as many values as the ring has slots is a HELLO, and is answered; one further on is not."""
    noise, hello = bytes((0x70,)) + bytes(243), control_frame(Kind.HELLO, 2, Hello(2, 2, 1, 5, 244).pack())
    for room, answers in ((RING - 1, 1), (RING, 0)):
        board = FakeBoard(fake_boards / "fake_bluefruit.so")
        board.connect()
        for _ in range(room):
            board.feed_frame(noise)
        board.feed_frame(hello)
        kinds = []
        for _ in range(200):
            board.step()
            kinds += [frame[0] for frame in board.take_frames()]
        assert kinds.count(Kind.WELCOME) == answers
