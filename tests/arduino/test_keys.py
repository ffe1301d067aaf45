"""Boards that were not built to be open: no key, no radio; a key, and both links are sealed."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fake_board import FakeBoard

from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.labels import set_labels
from bytefed.device.plan import Samples
from bytefed.errors import BytefedError
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import (
    VISIT,
    Capability,
    Error,
    Hello,
    Kind,
    Pair,
    Paired,
    PairFlag,
    Status,
)
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame

_MODEL = Manifest.load(model_folder("motion"))
D, C = _MODEL.D, _MODEL.C
UID = 0x0123456789ABCDEF
RED = 1
ZEROS, BIASED, NOTHING = 1, 2, 3  # what the noise source gives, as in fake/common/world.h
Framing = Literal["serial", "ble"]
pytestmark = pytest.mark.usefixtures("blank_flash")


@pytest.fixture(params=["nano", "bluefruit"])
def switch_on(fake_boards: Path, request: pytest.FixtureRequest) -> Callable[..., FakeBoard]:
    def start(**options: int) -> FakeBoard:
        return FakeBoard(fake_boards / f"fake_{request.param}_keyed.so", **options)

    return start


def ask(board: FakeBoard, kind: Kind, body: bytes) -> bytes:
    """Ask by cable, in the clear; returns the kind and the body of what comes."""
    board.feed(encode_serial_frame(control_frame(kind, 7, body)))
    board.step(300)  # while pages are erased, too
    frames = [frame for frame, *_ in SerialDecoder().push(board.take()) if frame]
    assert len(frames) == 1
    return frames[0][:1] + frames[0][2:]


def pair(board: FakeBoard, key: bytes, flags: int = 0) -> bytes:
    return ask(board, Kind.PAIR, Pair(flags).pack() + key)


def is_paired(answer: bytes) -> bool:
    return answer[0] == Kind.PAIRED and Paired.unpack(answer[1:]).uid == UID


def paired(switch_on: Callable[..., FakeBoard], key: bytes) -> FakeBoard:
    """Switch a board on that has this key, and its radio on."""
    board = switch_on()
    assert is_paired(pair(board, key))
    board.step(2)
    return board


def error(status: Status) -> bytes:
    return bytes((Kind.ERROR,)) + Error(status).pack()


async def meet(board: FakeBoard, framing: Framing, key: bytes | None, run: int = 1) -> Device:
    if framing == "ble":
        board.connect()
    transport = LoopbackTransport(board, framing=framing, key=key)  # type: ignore[arg-type]
    transport.rto_floor = 0.05
    device = Device(transport, rng=random.Random(3))
    try:
        await device.connect(run)
    except BaseException:  # a time limit, too
        await transport.close()
        raise
    return device


def samples() -> Samples:
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (32, D), dtype=np.int8)
    y = rng.integers(0, C, 32, dtype=np.uint8)
    return Samples("features", x[:24], y[:24], x[24:], y[24:], 0.02, -3)


def go(action: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await action()

    asyncio.run(limited())


def test_a_board_without_a_key_keeps_its_radio_off(switch_on: Callable[..., FakeBoard]) -> None:
    async def action() -> None:
        board = switch_on()
        board.step(50)
        assert not board.get("advertising")
        device = await meet(board, "serial", None)
        assert not device.board.capabilities & Capability.OPEN
        await device.provision(samples())
        await device.close()

    go(action)


@pytest.mark.parametrize("framing", ["serial", "ble"])
def test_a_board_with_a_key_is_sealed_on_both_links(
    switch_on: Callable[..., FakeBoard], framing: Framing
) -> None:
    key = os.urandom(32)

    async def action() -> None:
        board = paired(switch_on, key)
        assert board.get("advertising")
        for start in (board, switch_on()):  # and after a loss of power
            assert start.get("advertising")
            device = await meet(start, framing, key)
            assert device.uid == UID
            await device.provision(samples())
            await device.close()
            locked = error(Status.LOCKED) + UID.to_bytes(8, "little")
            assert ask(start, Kind.HELLO, Hello(2, 2, 1, 1, 250).pack()) == locked
            with pytest.raises(BytefedError):
                await meet(start, framing, os.urandom(32))

    go(action)


@pytest.mark.parametrize("knows", [True, False])
def test_a_host_that_greeted_has_a_minute_for_its_first_frame(
    switch_on: Callable[..., FakeBoard], knows: bool
) -> None:
    """It may wait for other boards before its first round; a stranger is let go after ten seconds."""
    key = os.urandom(32)

    async def action() -> None:
        board = paired(switch_on, key)
        came = board.get("now")
        if knows:
            device = await meet(board, "ble", key)
        else:
            board.connect()
            board.feed_frame(control_frame(Kind.GREET, 9, os.urandom(55)))
        while board.get("connected"):
            board.step(10)
            assert board.get("now") - came < 61_000
        assert board.get("now") - came >= (60_000 if knows else 9_900)
        assert knows or board.get("now") - came < 10_100
        if knows:
            await device.close()

    go(action)


def test_the_next_central_has_no_minute_of_the_one_before(switch_on: Callable[..., FakeBoard]) -> None:
    """A session that no frame has confirmed ends with its connection, also where the board ends that."""
    key = os.urandom(32)

    async def action() -> None:
        board = paired(switch_on, key)
        device = await meet(board, "ble", key)
        while board.get("connected"):
            board.step(10)
        await device.close()
        board.step(100)
        board.connect()
        came = board.get("now")
        while board.get("connected"):
            board.step(10)
            assert board.get("now") - came < 10_100

    go(action)


def test_a_host_that_spoke_is_not_let_go(switch_on: Callable[..., FakeBoard]) -> None:
    key = os.urandom(32)

    async def action() -> None:
        board = paired(switch_on, key)
        device = await meet(board, "ble", key)
        await device.provision(samples())
        board.step(70_000)
        assert board.get("connected")
        await device.close()

    go(action)


def test_a_key_is_not_taken_by_radio(switch_on: Callable[..., FakeBoard]) -> None:
    key = os.urandom(32)
    board = paired(switch_on, key)
    board.connect()
    board.feed_frame(control_frame(Kind.PAIR, 9, Pair(PairFlag.ERASE).pack() + os.urandom(32)))
    board.step(50)
    assert board.take_frames() == [bytes((Kind.ERROR, 9, Status.NO_SESSION))]
    assert is_paired(pair(board, key))


def test_another_key_erases_first(switch_on: Callable[..., FakeBoard]) -> None:
    old, new = os.urandom(32), os.urandom(32)

    async def action() -> None:
        board = switch_on()
        assert is_paired(pair(board, old))
        device = await meet(board, "serial", old)
        await device.provision(samples())
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
        await device.close()
        assert pair(board, new)[1] == Status.LOCKED
        assert board.get("train") == 24
        assert is_paired(pair(board, new, PairFlag.ERASE))
        assert board.get("train") == 0
        after = switch_on()
        assert after.get("train") == 0
        await (await meet(after, "serial", new)).close()

    go(action)


@pytest.mark.parametrize("noise", [ZEROS, BIASED, NOTHING])
def test_a_board_whose_noise_fails_from_the_start(switch_on: Callable[..., FakeBoard], noise: int) -> None:
    board = switch_on(noise=noise)
    assert pair(board, os.urandom(32)) == error(Status.NO_ENTROPY)
    assert not board.get("has_key")
    assert RED in {(board.step(100), board.get("colour"))[1] for _ in range(30)}
    assert not board.get("advertising")


@pytest.mark.parametrize("noise", [ZEROS, BIASED, NOTHING])
def test_a_board_whose_noise_fails_later_opens_no_session(
    switch_on: Callable[..., FakeBoard], noise: int
) -> None:
    key = os.urandom(32)

    async def action() -> None:
        board = switch_on()
        assert is_paired(pair(board, key))
        await (await meet(board, "serial", key)).close()
        board.set("noise", noise)
        with pytest.raises((BytefedError, TimeoutError)):
            async with asyncio.timeout(3):
                for run in range(2, 60):  # a bias takes a few hundred bytes to show
                    board.step(1000)
                    await (await meet(board, "serial", key, run)).close()
        board.set("noise", 0)
        if noise == NOTHING:  # there was just not enough
            board.step(1000)
            await (await meet(board, "serial", key, 99)).close()
        else:
            assert pair(board, os.urandom(32), PairFlag.ERASE) == error(Status.NO_ENTROPY)

    go(action)


def test_the_button_after_a_new_key(fake_boards: Path) -> None:
    """With the labels of before goes the one that the button had chosen, where the board has fewer without them."""
    board = FakeBoard(fake_boards / "fake_bluefruit_keyed.so", imu=1)
    key = bytes(range(32))
    assert is_paired(pair(board, key))

    async def label() -> None:
        device = await meet(board, "serial", key, VISIT)
        await set_labels(device, [f"label {number}" for number in range(C + 1)])
        await device.close()

    asyncio.run(label())

    def press(ms: int) -> set[int]:
        board.set("button", 1)
        board.step(ms)
        board.set("button", 0)
        shown = set()
        for _ in range(2000):
            board.step()
            shown.add(board.get("colour"))
        return shown

    for _ in range(C):
        press(1000)
    assert is_paired(pair(board, key[::-1], PairFlag.ERASE))
    assert RED not in press(100)
    board.step(30_000)
    assert (board.get("train"), board.get("label")) == (8, 0)
