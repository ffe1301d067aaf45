"""Connections that look a board's key up: who is let in, who is named and refused, and what that costs."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.plan import TrainingPlan
from bytefed.errors import BoardError, BytefedError
from bytefed.keys import BoardKey, KeyFile, KeyRing
from bytefed.ledger.count import REPAIR
from bytefed.ledger.plan import planned_connection

KEY, OTHER, THIRD = (bytes(range(first, first + 32)) for first in (0, 1, 2))
UID = 0xABCD
URI = "loopback:0"
LINKS = ["serial", 65, 185, 247]


def board(key: bytes | None = KEY, uid: int = UID) -> VirtualBoard:
    return VirtualBoard(features=4, classes=3, uid=uid, frame_limit=250, key=key)


def over(link: str | int, where: VirtualBoard) -> LoopbackTransport:
    """A link to a board whose key only a file can tell."""
    return (
        LoopbackTransport(where)
        if link == "serial"
        else LoopbackTransport(where, framing="ble", mtu=int(link))
    )


def a_ring(folder: Path, *entries: BoardKey, open_links: bool = False) -> KeyRing:
    file = KeyFile(folder / "keys.toml")
    with file.changing() as known:
        known.update({entry.uid: entry for entry in entries})
    return KeyRing(file, open_links=open_links)


async def connected(device: Device) -> Device:
    await device.connect(7)
    return device


def connect(ring: KeyRing, where: VirtualBoard, link: str | int = "serial") -> Device:
    return asyncio.run(connected(Device(over(link, where), rng=random.Random(1), ring=ring)))


def refused(ring: KeyRing, where: VirtualBoard, link: str | int = "serial") -> BytefedError:
    with pytest.raises(BytefedError) as caught:
        connect(ring, where, link)
    assert caught.value.remedy
    return caught.value


# ---- Let in


@pytest.mark.parametrize("link", LINKS)
def test_the_first_contact_asks_who_is_there_and_its_bytes_are_known(link, tmp_path):
    ring = a_ring(tmp_path, BoardKey(UID, KEY))
    device = connect(ring, board(), link)
    assert device.profile.sealed
    assert device.introduced
    count = device.take_bytes()
    assert vars(count) == vars(planned_connection(device.profile, first_contact=True))
    assert not any(getattr(count, cause) for cause in REPAIR)
    assert ring.uid_at(URI) == UID


@pytest.mark.parametrize("link", LINKS)
def test_the_second_does_not(link, tmp_path):
    ring = a_ring(tmp_path, BoardKey(UID, KEY, uri=URI))
    device = connect(ring, board(), link)
    assert not device.introduced
    assert vars(device.take_bytes()) == vars(planned_connection(device.profile))


def test_another_board_at_a_known_place_is_recognized(tmp_path):
    ring = a_ring(tmp_path, BoardKey(UID, KEY), BoardKey(1, OTHER, uri=URI))
    device = connect(ring, board())
    assert device.uid == UID
    assert device.profile.sealed
    assert ring.uid_at(URI) == UID


@pytest.mark.parametrize("taken", [KEY, OTHER])
def test_both_keys_are_tried_where_it_is_not_known_which_the_board_took(taken, tmp_path):
    ring = a_ring(tmp_path, BoardKey(UID, KEY, pending=OTHER))
    assert connect(ring, board(taken)).profile.sealed
    entry = ring.entry(UID)
    assert entry is not None
    assert entry.keys[0] == taken
    assert (entry.pending is None) == (taken == OTHER)


def test_a_board_that_took_its_very_first_key_unnoticed_is_reached(tmp_path):
    ring = a_ring(tmp_path, BoardKey(UID, None, pending=KEY))
    assert connect(ring, board()).profile.sealed
    assert ring.entry(UID) == BoardKey(UID, KEY, uri=URI)


def test_an_open_board_is_let_in_where_that_was_asked_for(tmp_path):
    device = connect(a_ring(tmp_path, open_links=True), board(None))
    assert not device.profile.sealed
    assert vars(device.take_bytes()) == vars(planned_connection(device.profile))


# ---- Refused


def test_a_board_without_a_key(tmp_path):
    error = refused(a_ring(tmp_path), board(None))
    assert error.code == "E_BOARD_UNPAIRED"
    assert "bytefed pair BOARD" in error.remedy


@pytest.mark.parametrize("uri", ["", URI])
@pytest.mark.parametrize("open_links", [False, True])
def test_a_board_that_has_lost_its_key(uri, open_links, tmp_path):
    error = refused(a_ring(tmp_path, BoardKey(UID, KEY, uri=uri), open_links=open_links), board(None))
    assert error.code == "E_BOARD_UNPAIRED"
    assert f"{UID:016x} has lost its key, or somebody has changed" in error.message


def test_a_board_whose_first_key_never_arrived_is_only_unpaired(tmp_path):
    error = refused(a_ring(tmp_path, BoardKey(UID, None, pending=KEY)), board(None))
    assert "has no key" in error.message


@pytest.mark.parametrize(
    "known", [(), (BoardKey(1, KEY),), (BoardKey(UID, OTHER),), (BoardKey(UID, OTHER, THIRD),)]
)
@pytest.mark.parametrize("link", ["serial", 247])
def test_a_board_with_a_key_that_is_not_known(known, link, tmp_path):
    error = refused(a_ring(tmp_path, *known), board(), link)
    assert error.code == "E_BOARD_LOCKED"
    assert f"{UID:016x}" in error.message
    assert "bytefed pair BOARD --erase" in error.remedy
    for key in (KEY, OTHER, THIRD):
        assert key.hex() not in f"{error} {error!r}"


def test_a_board_with_the_key_of_another(tmp_path):
    ring = a_ring(tmp_path, BoardKey(1, KEY, uri=URI))
    error = refused(ring, board())
    assert error.code == "E_OTHER_BOARD"


def test_a_radio_with_small_frames(tmp_path):
    error = refused(a_ring(tmp_path, BoardKey(UID, KEY)), board(), 64)
    assert error.code == "E_MTU_SMALL"


# ---- While a run goes on


def test_a_board_that_comes_back_without_its_key_is_named(tmp_path):
    """The host never goes back to a link in the clear, whatever was asked for."""

    async def work() -> str:
        transport = over("serial", board())
        transport.rto_floor = 0.05
        device = Device(transport, ring=a_ring(tmp_path, BoardKey(UID, KEY), open_links=True))
        await device.connect(7)
        transport._board = board(None)
        plan = TrainingPlan("float32", "float32", 1, 1, 0.1, 1)
        head = np.ones(15, np.float32)
        with pytest.raises(BoardError) as caught:
            await device.train(device.plan_round(1, head, plan, train=False))
        assert "has lost its key" in caught.value.message
        return caught.value.code

    assert asyncio.run(work()) == "E_BOARD_UNPAIRED"


def test_a_key_that_changes_while_a_run_goes_on_is_found(tmp_path):
    async def work() -> None:
        transport = over("serial", board())
        ring = a_ring(tmp_path, BoardKey(UID, KEY))
        device = Device(transport, ring=ring)
        await device.connect(7)
        transport._board = board(OTHER)
        a_ring(tmp_path, BoardKey(UID, OTHER))
        plan = TrainingPlan("float32", "float32", 1, 1, 0.1, 1)
        reply = await device.train(device.plan_round(1, np.ones(15, np.float32), plan, train=False))
        assert reply.statistics is not None
        assert device.profile.sealed

    asyncio.run(work())


@pytest.mark.parametrize("there", [None, OTHER], ids=["without a key", "with a key"])
def test_another_board_in_its_place_is_told_from_one_that_lost_its_key(there, tmp_path):
    async def work() -> str:
        transport = over("serial", board())
        transport.rto_floor = 0.05
        device = Device(
            transport, ring=a_ring(tmp_path, BoardKey(UID, KEY), BoardKey(1, OTHER), open_links=True)
        )
        await device.connect(7)
        await device.close()
        transport._board = board(there, uid=1)
        with pytest.raises(BoardError) as caught:
            await device.connect(7)
        return caught.value.code

    assert asyncio.run(work()) == "E_OTHER_BOARD"
