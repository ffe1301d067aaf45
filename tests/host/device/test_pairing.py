"""A board gets its key: whatever is interrupted, host and board find each other again, and nobody gets in besides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from bytefed._core import VirtualBoard, VirtualFlash
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.link import Link
from bytefed.device.pairing import Met, Pairing
from bytefed.errors import BoardError, BytefedError, ConfigError, LinkError, ProtocolError, StoreError
from bytefed.keys import BoardKey, KeyFile, KeyRing
from bytefed.protocol.message import Kind

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
UID = 0xABCD


def a_board(flash: VirtualFlash | None = None, key: bytes | None = None) -> VirtualBoard:
    return VirtualBoard(features=4, classes=3, uid=UID, capacity=20, key=key, flash=flash)


def a_file(folder: Path, *entries: BoardKey) -> KeyFile:
    file = KeyFile(folder / "keys.toml")
    with file.changing() as known:
        known.update({entry.uid: entry for entry in entries})
    return file


class Cable(LoopbackTransport):
    """A cable that is pulled out, before PAIR goes down or before PAIRED comes up; or a user who ends the command."""

    rto_floor = 0.02

    def __init__(self, board: VirtualBoard, pulled: str = "") -> None:
        super().__init__(board)
        self.pulled = pulled
        self.asked: list[int] = []

    async def write(self, data: bytes) -> None:
        kind = (
            data[1] if len(data) > 1 else 0
        )  # behind the COBS byte; a sealed frame has its header in the clear
        self.asked.append(kind)
        if kind == Kind.PAIR and self.pulled == "before":
            await self.close()
        await super().write(data)
        if kind == Kind.PAIR and self.pulled == "after":
            await self.close()
        if kind == Kind.PAIR and self.pulled == "Ctrl-C":
            raise asyncio.CancelledError


def pair(file: KeyFile, board: VirtualBoard, *, name: str = "", erase: bool = False, pulled: str = "") -> Met:
    async def work() -> Met:
        pairing = Pairing(Cable(board, pulled), file)
        try:
            met = await pairing.meet()
            await pairing.give(name=name, erase=erase)
        finally:
            await pairing.close()
        return met

    return asyncio.run(work())


def reach(file: KeyFile, board: VirtualBoard) -> bool:
    """Connect as a run does; return whether the link is sealed."""

    async def work() -> bool:
        device = Device(LoopbackTransport(board), ring=KeyRing(file))
        await device.connect(7)
        await device.close()
        return device.profile.sealed

    return asyncio.run(work())


def test_a_new_board_is_paired(tmp_path):
    file, board = a_file(tmp_path), a_board()
    met = pair(file, board, name="sill")
    assert (met.uid, met.has, met.finished) == (UID, "no key", False)
    assert met.stored is not None
    entry = file.read()[UID]
    assert (entry.name, entry.uri, entry.pending) == ("sill", "loopback:0", None)
    assert len(entry.date) == 10
    assert board.has_key
    assert reach(file, board)


def test_a_known_board_gets_a_new_key_that_no_cable_shows(tmp_path):
    file, board = a_file(tmp_path), a_board()
    pair(file, board, name="sill")
    old = file.read()[UID].key
    wire = []

    class Tapped(Cable):
        async def write(self, data: bytes) -> None:
            wire.append(data)
            await super().write(data)

    async def work() -> None:
        pairing = Pairing(Tapped(board), file)
        assert (await pairing.meet()).has == "a known key"
        await pairing.give()
        await pairing.close()

    asyncio.run(work())
    entry = file.read()[UID]
    assert entry.key not in (None, old)
    assert entry.name == "sill"
    assert entry.key not in b"".join(wire)
    assert reach(file, board)


def test_a_board_with_a_key_of_others_needs_erase(tmp_path):
    file, board = a_file(tmp_path), a_board(key=KEY)
    with pytest.raises(BoardError) as caught:
        pair(file, board)
    assert caught.value.code == "E_BOARD_LOCKED"
    assert file.read() == {}
    pair(file, board, erase=True)
    assert reach(file, board)


def test_a_wrong_key_is_kept_until_the_new_one_is_there(tmp_path):
    file, board = a_file(tmp_path, BoardKey(UID, OTHER)), a_board(key=KEY)
    with pytest.raises(BoardError):
        pair(file, board)
    with pytest.raises(LinkError):
        pair(file, board, erase=True, pulled="before")
    assert file.read()[UID].key == OTHER
    pair(file, board, erase=True)
    assert reach(file, board)


@pytest.mark.parametrize("pulled", ["before", "after", "Ctrl-C"])
@pytest.mark.parametrize("first", [True, False], ids=["first key", "rotation"])
def test_a_cable_that_is_pulled_out_loses_nothing(pulled, first, tmp_path):
    file, board = a_file(tmp_path), a_board()
    if not first:
        pair(file, board)
    with pytest.raises((LinkError, asyncio.CancelledError)):
        pair(file, board, pulled=pulled)
    entry = file.read()[UID]
    assert entry.pending is not None
    assert board.has_key == (not first or pulled != "before")
    if board.has_key:
        assert reach(file, board)
        assert (file.read()[UID].pending is None) == (pulled != "before")
    else:
        with pytest.raises(BoardError, match="E_BOARD_UNPAIRED"):
            reach(file, board)
    pair(file, board)
    assert reach(file, board)


def test_pairing_again_finishes_what_was_interrupted(tmp_path):
    file, board = a_file(tmp_path), a_board()
    with pytest.raises(LinkError):
        pair(file, board, pulled="after")
    taken = file.read()[UID].pending

    async def work() -> None:
        pairing = Pairing(Cable(board), file)
        met = await pairing.meet()
        assert met.finished
        pairing.call("sill")
        await pairing.close()

    asyncio.run(work())
    assert (file.read()[UID].key, file.read()[UID].name) == (taken, "sill")


@pytest.mark.parametrize("after", range(1, 12))
@pytest.mark.parametrize("erase", [False, True])
def test_a_power_cut_while_the_key_is_written(after, erase, tmp_path):
    flash = VirtualFlash()
    file = a_file(tmp_path)
    pair(file, a_board(flash))
    flash.fail_after(after)
    try:
        pair(file, a_board(flash), erase=erase)
    except BytefedError as error:
        assert error.code == "E_BOARD_STORAGE_FAILED"
    flash.fail_after(-1)
    again = a_board(flash)
    assert again.has_key
    assert reach(file, again)


def test_a_key_that_can_not_be_written_is_not_sent(tmp_path, monkeypatch):
    file, board = a_file(tmp_path), a_board()

    def fail(*_):
        raise OSError(28, "no space")

    monkeypatch.setattr("bytefed.keys.file.replace_file", fail)
    with pytest.raises(StoreError):
        pair(file, board)
    assert not board.has_key


def test_a_key_that_the_board_refuses_is_forgotten(tmp_path, monkeypatch):
    file, board = a_file(tmp_path, BoardKey(UID, OTHER)), a_board(key=KEY)
    monkeypatch.setattr("bytefed.device.pairing.PairFlag", SimpleNamespace(ERASE=0))
    with pytest.raises(BoardError, match="E_BOARD_LOCKED"):
        pair(file, board, erase=True)
    assert file.read() == {UID: BoardKey(UID, OTHER)}


def test_a_session_that_ends_in_between_leaves_both_keys(tmp_path, monkeypatch):
    """The board took the key, PAIRED was lost, and the repeat is told NO_SESSION."""
    file, board = a_file(tmp_path, BoardKey(UID, KEY)), a_board(key=KEY)
    request = Link.request

    async def told_no_session(link, kind, *values, **more):
        answer = await request(link, kind, *values, **more)
        if kind == Kind.PAIR:
            raise BoardError("E_BOARD_NO_SESSION", "NO_SESSION", "Say HELLO.")
        return answer

    monkeypatch.setattr(Link, "request", told_no_session)
    with pytest.raises(BoardError, match="E_BOARD_NO_SESSION"):
        pair(file, board)
    monkeypatch.undo()
    assert file.read()[UID].pending is not None
    assert reach(file, board)


def test_two_boards_at_one_port(tmp_path):
    file = a_file(tmp_path)
    pair(file, a_board())
    other = VirtualBoard(features=4, classes=3, uid=UID + 1, capacity=20)
    pair(file, other)
    assert [entry.uri for entry in file.read().values()].count("") == 1
    assert KeyRing(file).uid_at(file.read()[UID + 1].uri) == UID + 1


def test_a_flash_that_fails_leaves_both_keys(tmp_path):
    flash = VirtualFlash()
    file, board = a_file(tmp_path), a_board(flash)
    flash.fail_after(0)
    with pytest.raises(BoardError, match="E_BOARD_STORAGE_FAILED") as caught:
        pair(file, board)
    assert "same command again" in caught.value.remedy
    assert file.read()[UID].pending is not None


def test_a_board_that_has_lost_its_key_is_paired_anew(tmp_path):
    file, board = a_file(tmp_path, BoardKey(UID, KEY, name="sill")), a_board()
    with pytest.raises(BoardError, match="has lost its key"):
        reach(file, board)
    assert pair(file, board).has == "no key"
    assert file.read()[UID].name == "sill"
    assert reach(file, board)


def test_an_answer_that_proves_nothing(tmp_path, monkeypatch):
    file, board = a_file(tmp_path), a_board()
    monkeypatch.setattr("bytefed.device.pairing.key_check", lambda _: 0)
    with pytest.raises(ProtocolError) as caught:
        pair(file, board)
    assert caught.value.code == "E_PAIR_CHECK"
    assert file.read()[UID].key is None
    assert reach(file, board)  # it had taken the key all the same


def test_the_air_is_refused_before_anything_is_sent(tmp_path):
    radio = LoopbackTransport(a_board(), framing="ble")
    with pytest.raises(ConfigError) as caught:
        Pairing(radio, a_file(tmp_path))
    assert caught.value.code == "E_PAIR_CABLE"
    assert radio.sent == 0


def test_no_error_of_a_pairing_shows_a_key(tmp_path):
    file, board = a_file(tmp_path), a_board()
    with pytest.raises(LinkError) as caught:
        pair(file, board, pulled="after")
    key = file.read()[UID].pending
    assert key is not None
    said = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert key.hex() not in said
    assert repr(key)[2:-1] not in said
