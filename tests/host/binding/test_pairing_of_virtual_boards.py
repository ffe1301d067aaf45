"""Virtual boards take keys by their serial link, and keep them in flash that the test owns."""

from __future__ import annotations

import hashlib
import os

from bytefed import _core
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Error, Hello, Kind, Pair, Paired, PairFlag, Status
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame

UID = 0xABCD


def board(flash: _core.VirtualFlash | None = None, key: bytes | None = None) -> _core.VirtualBoard:
    return _core.VirtualBoard(features=4, classes=2, uid=UID, capacity=20, flash=flash, key=key)


def ask(board: _core.VirtualBoard, kind: Kind, body: bytes) -> tuple[int, bytes]:
    """Ask by cable, in the clear; returns kind and body of what comes."""
    board.feed(encode_serial_frame(control_frame(kind, 7, body)))
    board.poll()
    ((frame, *_),) = SerialDecoder().push(board.take())
    assert frame is not None
    return frame[0], frame[2:]


def pair(board: _core.VirtualBoard, key: bytes, flags: int = 0) -> tuple[int, bytes]:
    return ask(board, Kind.PAIR, Pair(flags).pack() + key)


def paired(key: bytes) -> tuple[int, bytes]:
    digest = hashlib.blake2b(b"bytefed key", key=key, digest_size=8).digest()
    return Kind.PAIRED, Paired(UID, int.from_bytes(digest[:4], "little")).pack()


def locked() -> tuple[int, bytes]:
    return Kind.ERROR, Error(Status.LOCKED).pack() + UID.to_bytes(8, "little")


def test_a_board_keeps_its_key_over_a_loss_of_power() -> None:
    flash, key = _core.VirtualFlash(), os.urandom(32)
    first = board(flash)
    assert not first.has_key
    assert pair(first, key) == paired(key)
    again = board(flash)
    assert again.has_key
    assert ask(again, Kind.HELLO, Hello(2, 2, 1, 1, 250).pack()) == locked()
    assert pair(again, key) == paired(key)


def test_a_board_without_flash_has_a_key_while_it_lives() -> None:
    key = os.urandom(32)
    first = board()
    assert pair(first, key) == paired(key)
    assert first.has_key
    assert not board().has_key


def test_another_key_needs_erase() -> None:
    flash, old, new = _core.VirtualFlash(), os.urandom(32), os.urandom(32)
    given = board(flash, old)
    assert pair(given, new) == locked()
    assert pair(given, new, PairFlag.ERASE) == paired(new)
    assert pair(board(flash), new) == paired(new)
    assert new in flash.content


def test_a_flash_that_fails_keeps_the_key_before() -> None:
    flash, old, new = _core.VirtualFlash(), os.urandom(32), os.urandom(32)
    given = board(flash)
    assert pair(given, old) == paired(old)
    flash.fail_after(1)
    assert pair(given, new, PairFlag.ERASE) == (Kind.ERROR, Error(Status.STORAGE_FAILED).pack())
    flash.fail_after(-1)
    assert pair(given, old) == paired(old)
    assert pair(board(flash), old) == paired(old)
