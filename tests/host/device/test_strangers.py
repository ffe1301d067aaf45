"""Strangers on an open link: each test is an attack that once succeeded, and fails now."""

from __future__ import annotations

import asyncio
import random
import zlib
from dataclasses import replace

import numpy as np
import pytest

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import BoardError, ConfigError
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import (
    HEADER_SIZE,
    PROTOCOL_VERSION,
    Capture,
    Hello,
    Kind,
    Next,
    Result,
    RoundFlag,
)

D, C, RUN = 4, 2, 0x5EA1
HEAD = np.zeros(D * C + C, np.float32)
PLAN = TrainingPlan("float32", "float32", epochs=1, batch=2, rate=0.1, seed=1)


def make_samples() -> Samples:
    x = np.arange(8 * D, dtype=np.int8).reshape(8, D)
    y = np.arange(8, dtype=np.uint8) % C
    return Samples("features", x[:6], y[:6], x[6:], y[6:], 1 / 32, 0)


def make_board() -> VirtualBoard:
    return VirtualBoard(features=D, classes=C, uid=0xB0, boot=7)


async def connected(transport: LoopbackTransport) -> Device:
    device = Device(transport, rng=random.Random(1))
    await device.connect(RUN)
    await device.provision(make_samples())
    return device


class Rewriting(LoopbackTransport):
    """A link on which somebody makes a board's word weigh more."""

    async def read(self) -> bytes:
        frame = await super().read()
        if frame[0] != Kind.RESULT:
            return frame
        size = HEADER_SIZE + Result.size()
        rewritten = replace(Result.unpack(frame[HEADER_SIZE:size]), num_examples=65_535)
        return frame[:HEADER_SIZE] + rewritten.pack() + frame[size:]


@pytest.mark.parametrize(("link", "taken"), [(LoopbackTransport, True), (Rewriting, False)])
def test_a_board_weighs_what_it_holds(link, taken):
    async def one_round():
        device = await connected(link(make_board(), framing="ble"))
        return await device.train(device.plan_round(1, HEAD, PLAN))

    if taken:
        assert asyncio.run(one_round()).num_examples == 6
    else:
        with pytest.raises(BoardError, match=r"E_BOARD_EXAMPLES.*65,535 training samples, STORED 6"):
            asyncio.run(one_round())


@pytest.mark.parametrize("statistics", [False, True])
def test_a_board_that_took_samples_meanwhile_is_asked_what_it_holds(statistics):
    board = VirtualBoard(
        features=D, classes=C, uid=0xB0, boot=7, input_size=D, model=1, extract=lambda inputs: inputs,
        sense=lambda label: bytes(D), sense_time=1, scale=1 / 32,
    )  # fmt: skip

    async def one_round():
        device = await connected(LoopbackTransport(board, framing="ble"))
        board.feed_frame(control_frame(Kind.CAPTURE, 1, Capture(6, 2, 0, 0).pack()))
        while board.samples() < 8:
            board.poll()
            await asyncio.sleep(0.01)
        board.take_frames()
        reply = await device.train(device.plan_round(1, HEAD, PLAN, statistics=statistics))
        return reply.num_examples, device.stored.train

    assert asyncio.run(one_round()) == (8, 8)


def test_a_later_round_that_a_stranger_began_is_voided():
    board = make_board()

    def say(kind: int, body: bytes) -> None:
        board.feed_frame(bytes((kind, 1)) + body)
        board.poll()
        board.take_frames()

    async def two_rounds():
        device = await connected(LoopbackTransport(board, framing="ble"))
        await device.train(device.plan_round(1, HEAD, PLAN))
        say(Kind.HELLO, Hello(PROTOCOL_VERSION, PROTOCOL_VERSION, RUN, 9, 244).pack())
        say(
            Kind.NEXT | RoundFlag.STATISTICS, Next(65_535, zlib.crc32(HEAD.tobytes())).pack() + HEAD.tobytes()
        )
        assert board.round == 65_535
        return await device.train(device.plan_round(2, HEAD, PLAN))

    assert asyncio.run(two_rounds()).num_examples == 6


def test_no_host_may_pull_a_head_back_whole():
    async def one_round(mu):
        device = await connected(LoopbackTransport(make_board()))
        return await device.train(device.plan_round(1, HEAD, replace(PLAN, proximal_mu=mu)))

    assert asyncio.run(one_round(0.1)).num_examples == 6
    with pytest.raises(BoardError, match="E_BOARD_BAD_VALUE"):
        asyncio.run(one_round(0.1001))
    with pytest.raises(BoardError, match="E_BOARD_BAD_VALUE"):
        asyncio.run(one_round(10.0))


def test_a_pull_that_boards_refuse_is_refused_before_the_run():
    def training(mu):
        config = RunConfig(strategy="fedprox", learning_rate=0.1, proximal_mu=mu)
        return LocalTraining.of(*config.with_strategy(None))

    assert training(0.1).proximal_mu == 0.1
    with pytest.raises(ConfigError, match=r"E_CONFIG_RANGE.*--proximal-mu 0\.1 or less"):
        training(0.1001)
