"""A host and a board that share a key: the work goes on, the estimate is exact, and strangers come to nothing."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.ledger import wire_size
from bytefed.ledger.plan import planned_connection, planned_provision
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import Kind, Status
from bytefed.seal.channel import BlobSeal, Channel

KEY = bytes(range(32))
FEATURES, CLASSES = 32, 10
LINKS = ["serial", 65, 185, 247]


def make_board(frame_limit: int = 250, key: bytes | None = KEY) -> VirtualBoard:
    return VirtualBoard(features=FEATURES, classes=CLASSES, uid=0xABCD, frame_limit=frame_limit, key=key)


def over(link: str | int, board: VirtualBoard, key: bytes | None = KEY) -> LoopbackTransport:
    if link == "serial":
        return LoopbackTransport(board, key=key)
    return LoopbackTransport(board, framing="ble", mtu=int(link), key=key)


def some_samples(seed: int = 1) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.integers(-100, 100, (50, FEATURES)).astype(np.int8)
    y = (np.arange(50) % CLASSES).astype(np.uint8)
    return Samples("features", x[:40], y[:40], x[40:], y[40:], 0.01, 0)


def training(codec_up: str, codec_down: str) -> TrainingPlan:
    return TrainingPlan(codec_down, codec_up, 1, 8, 0.05, 3)


async def run(link: str | int, down: str, up: str, statistics: bool, key: bytes | None) -> np.ndarray:
    """Three rounds, each step beside its estimate; the last delta."""
    device = Device(over(link, make_board(key=key), key), rng=random.Random(1))
    samples = some_samples()
    await device.connect(7)
    assert device.profile.sealed == (key is not None)
    check(device, planned_connection(device.profile))
    buffer = wire_size.add_buffer(FEATURES, CLASSES)
    estimate = planned_provision(device.profile, samples.record_size, 40, 10, buffer, held=False)
    await device.provision(samples)
    check(device, estimate)
    head = np.zeros((FEATURES + 1) * CLASSES, np.float32)
    for number in (1, 2, 3):
        planned = device.plan_round(number, head, training(up, down), statistics=statistics)
        estimate = estimate_of(device, planned)
        reply = await device.train(planned)
        check(device, estimate)
        assert reply.delta is not None
        head = head + reply.delta
    await device.release(counted=True)
    check(device, wire_size.release_bytes(device.profile))
    await device.close()
    return head


def estimate_of(device: Device, planned):
    return wire_size.blobs_bytes(
        device.profile,
        len(planned.offer.blob) if planned.offer.crc != device.stored.head else 0,
        wire_size.blob_size(planned.training.codec_up, *device.shape),
        statistics=planned.statistics,
        configures=planned.configures,
    )


def check(device: Device, estimate) -> None:
    assert vars(device.take_bytes()) == vars(estimate)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(
    ("down", "up"), [("float32", "float32"), ("float32", "onebit"), ("onebit", "onebit"), ("int8", "int8")]
)
@pytest.mark.parametrize("statistics", [False, True], ids=["plain", "statistics"])
def test_estimates_are_exact_and_sealing_changes_no_bit_of_the_head(
    link: str | int, down: str, up: str, statistics: bool
) -> None:
    sealed = asyncio.run(run(link, down, up, statistics, KEY))
    plain = asyncio.run(run(link, down, up, statistics, None))
    assert (sealed.view(np.uint32) == plain.view(np.uint32)).all()


class SlanderedTransport(LoopbackTransport):
    """Answers some greetings in the board's place, in the clear, by ERROR LOCKED."""

    slanders = 0

    async def write(self, data: bytes) -> None:
        if self.slanders and data[0] == Kind.GREET and self._inbox is not None:
            self.slanders -= 1
            said = control_frame(Kind.ERROR, data[1], bytes([Status.LOCKED]) + bytes(8))
            self.sent += len(data)
            self.received += len(said)
            self._inbox.put(said)
        else:
            await super().write(data)


def test_a_known_board_is_not_given_up_for_what_is_said_in_the_clear() -> None:
    async def test() -> None:
        transport = SlanderedTransport(make_board(), framing="ble", key=KEY)
        device = Device(transport, rng=random.Random(1))
        await device.connect(7)
        transport.slanders = 4  # one more than there are attempts to open a session
        await device.connect(7)
        assert device.connections == 2
        await device.close()

    asyncio.run(test())


def test_a_session_that_is_out_of_numbers_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        device = Device(over(247, make_board()), rng=random.Random(1))
        await device.connect(7)
        begin, over_once = Channel.begin_blob, iter([True])

        def begin_blob(channel: Channel, blob: bytes) -> BlobSeal:
            if next(over_once, False):
                raise OverflowError
            return begin(channel, blob)

        monkeypatch.setattr(Channel, "begin_blob", begin_blob)
        await device.provision(some_samples())
        assert device.connections == 2
        assert device.holds(some_samples())
        await device.close()

    asyncio.run(test())
