"""Attacks of a stranger at a board or on its link: they succeed on open links and fail on sealed ones."""

from __future__ import annotations

import asyncio
import random
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from test_sealed_device import CLASSES, FEATURES, KEY, make_board, over, some_samples, training

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.errors import BoardError
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Add, AddFlag, Error, Get, Hello, Kind, Next, Release, RoundFlag, Status

SEALED = pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
HEAD = np.zeros((FEATURES + 1) * CLASSES, np.float32)


def ask(board: VirtualBoard, kind: int, body: bytes, sequence: int = 9) -> list[bytes]:
    """Ask as a stranger over Bluetooth; what the board answers."""
    board.feed_frame(bytes([kind, sequence]) + body)
    board.poll(100_000)
    return board.take_frames()


def hello(board: VirtualBoard, run: int = 666) -> list[bytes]:
    """Say HELLO as a stranger, to a board whose host has been silent for 20 s."""
    board.set_millis((int(time.monotonic() * 1000) + 20_000) % 2**32)
    return ask(board, Kind.HELLO, Hello(2, 2, run, 5, 244).pack())


async def trained(board: VirtualBoard, key: bytes | None, link: str | int = "serial") -> Device:
    """A host over a cable whose board holds the delta of round 1."""
    device = Device(over(link, board, key), rng=random.Random(2))
    await device.connect(7)
    await device.provision(some_samples())
    await device.train(device.plan_round(1, HEAD, training("float32", "float32"), statistics=False))
    return device


@SEALED
def test_the_delta_is_read_by_a_stranger(key: bytes | None) -> None:
    async def attack() -> list[bytes]:
        board = make_board(key=key)
        await trained(board, key)
        hello(board, run=7)
        ask(board, Kind.NEXT | RoundFlag.TRAIN, Next(1, zlib.crc32(HEAD.tobytes())).pack())
        return ask(board, Kind.GET, Get(0, 32).pack())

    got = asyncio.run(attack())
    assert sum(len(frame) - 2 for frame in got if frame[0] & 0x80) == (HEAD.nbytes if key is None else 0)


@SEALED
def test_the_session_is_taken_by_a_stranger(key: bytes | None) -> None:
    async def attack() -> Status | None:
        board = make_board(key=key)
        device = await trained(board, key)
        hello(board)
        try:
            await device.ask(Kind.STORE, b"", Kind.STORED)
        except BoardError as error:
            assert error.code == "E_BOARD_NO_SESSION"
            return Status.NO_SESSION
        return None

    assert asyncio.run(attack()) == (Status.NO_SESSION if key is None else None)


@SEALED
def test_samples_are_replaced_and_the_delta_is_dropped_by_a_stranger(key: bytes | None) -> None:
    async def attack() -> tuple[int, list[bytes]]:
        board = make_board(key=key)
        await trained(board, key)
        hello(board)
        ask(board, Kind.RELEASE, Release(0, 0).pack())
        records = bytes(1 + FEATURES) * 3
        add = Add(0, 3, AddFlag.ANEW, zlib.crc32(records), 1.0, 0)
        answers = ask(board, Kind.ADD, add.pack(), sequence=12)
        board.feed_frame(b"\x90\x00" + records)
        board.poll(100_000)
        return board.samples(), answers

    samples, _ = asyncio.run(attack())
    assert samples == (3 if key is None else 40)


@SEALED
def test_a_later_round_is_begun_by_a_stranger(key: bytes | None) -> None:
    """Begin round 65,535, after which the host's own rounds are stale."""

    async def attack() -> int:
        board = make_board(key=key)
        await trained(board, key)
        hello(board, run=7)
        ask(board, Kind.NEXT | RoundFlag.STATISTICS, Next(65_535, zlib.crc32(HEAD.tobytes())).pack())
        return board.round

    assert asyncio.run(attack()) == (65_535 if key is None else 1)


class Between(LoopbackTransport):
    """A link on which a stranger changes what the board says."""

    def __init__(self, board: VirtualBoard, key: bytes | None, change: Callable[[bytes], bytes]) -> None:
        super().__init__(board, framing="ble", mtu=247, key=key)
        self._change = change

    async def read(self) -> bytes:
        return self._change(await super().read())


def poison(frame: bytes) -> bytes:
    """Rewrite DONE with a delta of the stranger's; a CRC keeps nobody away."""
    if frame[0] != Kind.DONE:
        return frame
    delta = np.full(len(HEAD), 99, np.float32).tobytes()[: len(frame) - 7]
    return frame[:3] + zlib.crc32(delta).to_bytes(4, "little") + delta


@SEALED
def test_a_delta_is_rewritten_on_the_link(key: bytes | None) -> None:
    async def attack() -> np.ndarray:
        touched: list[bytes] = []

        def once(frame: bytes) -> bytes:
            if frame[0] == Kind.DONE and not touched:
                touched.append(frame)
                return poison(frame)
            return frame

        device = Device(Between(make_board(key=key), key, once), rng=random.Random(2))
        await device.connect(7)
        await device.provision(some_samples())
        planned = device.plan_round(1, HEAD, training("onebit", "float32"), statistics=False)
        reply = await device.train(planned)
        assert touched
        assert reply.delta is not None
        return reply.delta

    async def honest() -> np.ndarray:
        device = Device(over(247, make_board(key=key), key), rng=random.Random(2))
        await device.connect(7)
        await device.provision(some_samples())
        reply = await device.train(
            device.plan_round(1, HEAD, training("onebit", "float32"), statistics=False)
        )
        assert reply.delta is not None
        return reply.delta

    assert np.array_equal(asyncio.run(attack()), asyncio.run(honest())) == (key is not None)


@SEALED
def test_an_impostor_with_the_boards_uid_is_handed_samples(key: bytes | None) -> None:
    async def attack() -> int:
        impostor = make_board(key=None if key is None else bytes(32))
        device = Device(over("serial", impostor, key), rng=random.Random(2))
        try:
            await device.connect(7)
            await device.provision(some_samples())
        except BoardError as error:
            assert error.code == "E_BOARD_LOCKED"
        return impostor.samples()

    assert asyncio.run(attack()) == (40 if key is None else 0)


@SEALED
def test_all_that_was_sent_is_sent_again(key: bytes | None) -> None:
    """Heard on the link and sent again when the host has gone: an open board starts its old run anew."""

    async def attack() -> list[bytes]:
        board = make_board(key=key)
        heard: list[bytes] = []

        class Heard(LoopbackTransport):
            async def write(self, data: bytes) -> None:
                heard.append(data)
                await super().write(data)

        device = Device(Heard(board, framing="ble", mtu=247, key=key), rng=random.Random(2))
        await device.connect(7)
        await device.provision(some_samples())
        await device.train(device.plan_round(1, HEAD, training("onebit", "float32"), statistics=False))
        board.take_frames()
        for frame in heard:
            board.feed_frame(frame)
            board.poll(100_000)
        return board.take_frames()

    answers = asyncio.run(attack())
    if key is None:
        assert Kind.DONE in {frame[0] for frame in answers}
    else:
        assert {frame[0] for frame in answers} <= {Kind.WELCOMED}


@pytest.mark.parametrize(
    ("board_key", "host_key", "code"),
    [
        (KEY, None, "E_BOARD_LOCKED"),
        (KEY, bytes(32), "E_BOARD_LOCKED"),
        (None, KEY, "E_BOARD_UNPAIRED"),
    ],
    ids=["host without a key", "another key", "board without a key"],
)
@pytest.mark.parametrize("link", ["serial", 247])
def test_who_has_not_the_same_key_is_told_so(
    link: str | int, board_key: bytes | None, host_key: bytes | None, code: str
) -> None:
    device = Device(over(link, make_board(key=board_key), host_key))
    with pytest.raises(BoardError) as caught:
        asyncio.run(device.connect(1))
    assert caught.value.code == code
    assert "key" in caught.value.remedy


@pytest.mark.parametrize("link", ["serial", 65, 247])
def test_a_board_that_was_reset_is_greeted_anew(link: str | int) -> None:
    async def through_a_reset() -> None:
        board = make_board()
        device = await trained(board, KEY, link)
        device.transport._board = VirtualBoard(  # type: ignore[attr-defined]
            features=FEATURES, classes=CLASSES, uid=0xABCD, boot=2, frame_limit=250, key=KEY
        )
        planned = device.plan_round(2, HEAD, training("onebit", "onebit"), statistics=False)
        reply = await device.train(planned)
        assert reply.delta is not None
        assert device.connections == 2

    asyncio.run(through_a_reset())


def test_a_forged_no_session_makes_the_host_greet_again_and_nothing_else() -> None:
    async def attack() -> int:
        forged: list[bytes] = []

        def once(frame: bytes) -> bytes:
            if frame[0] == Kind.DONE and not forged:
                forged.append(frame)
                return control_frame(Kind.ERROR, frame[1], Error(Status.NO_SESSION).pack())
            return frame

        device = Device(Between(make_board(), KEY, once), rng=random.Random(2))
        await device.connect(7)
        await device.provision(some_samples())
        reply = await device.train(
            device.plan_round(1, HEAD, training("onebit", "float32"), statistics=False)
        )
        assert reply.delta is not None
        return device.connections

    assert asyncio.run(attack()) == 2
