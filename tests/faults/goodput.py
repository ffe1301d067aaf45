"""Measures the share of a lossy link's capacity that transfers use, in bytes and in time, with a virtual clock.

Time-outs are those of real boards.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from board_port import BoardPort
from virtual_time import run
from world import PLAN, RUN

from bytefed._core import VirtualBoard
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.ledger.count import ByteCount
from bytefed.transport.faults import Faults, with_faults

KEY = bytes(range(32))


@dataclass(frozen=True)
class Goodput:
    """Shares of the ideal `1 - loss`: 1.0 is a transfer that wastes nothing besides the link's own losses.

    Attributes:
        by_bytes: (bytes of a loss-free round) / (bytes at this loss) / (1 - loss).
        by_time: (seconds of a loss-free round) / (seconds at this loss) / (1 - loss).
        seconds: Duration of a loss-free round.
    """

    by_bytes: float
    by_time: float
    seconds: float


def measure(
    features: int,
    classes: int,
    rate: float,
    loss: float,
    *,
    framing: str = "serial",
    rounds: int = 40,
    sealed: bool = True,
    seeds: Sequence[int] = range(1, 11),
) -> Goodput:
    """Measure rounds that consist almost only of transfers: float32 both ways, two samples to train on.

    Args:
        features, classes: D and C of the head.
        rate: Rate of the line, bytes a second in each direction.
        loss: Probability that a frame is lost, each direction.
        framing: "serial" or "ble".
        rounds: Number of rounds with each seed.
        sealed: Whether host and board share a key.
        seeds: Seeds of the losses; the median of their results counts, since three losses in a row make one long wait.
    """
    args = (features, classes, rate, framing, rounds, KEY if sealed else None)
    calm, calm_seconds = run(_rounds(0.0, 0, *args))
    tries = [run(_rounds(loss, seed, *args)) for seed in seeds]
    lossy = median(count.wire_total for count, _ in tries)
    seconds = median(took for _, took in tries)
    ideal = 1 / (1 - loss)
    return Goodput(ideal * calm.wire_total / lossy, ideal * calm_seconds / seconds, calm_seconds / rounds)


async def _rounds(
    loss: float,
    seed: int,
    features: int,
    classes: int,
    rate: float,
    framing: str,
    rounds: int,
    key: bytes | None,
) -> tuple[ByteCount, float]:
    def make(uid: int, boot: int) -> VirtualBoard:
        return VirtualBoard(features=features, classes=classes, uid=uid, boot=boot, key=key)

    limit = 250 if framing == "serial" else 244
    port = BoardPort(1, make, framing=framing, frame_limit=limit, key=key)  # type: ignore[arg-type]
    link = with_faults(port, Faults(drop=loss, throttle=rate, seed=seed))
    device = Device(link, rng=random.Random(1))
    await device.connect(RUN)
    x, y = np.ones((2, features), np.int8), np.arange(2, dtype=np.uint8)
    await device.provision(Samples("features", x, y, x[:0], y[:0], 1 / 64, 0))
    device.take_bytes()
    seconds = 0.0
    for number in range(1, rounds + 1):
        head = np.full(features * classes + classes, number / rounds, np.float32)  # another one in each round
        reply = await device.train(device.plan_round(number, head, PLAN, statistics=False))
        seconds += reply.seconds
    return device.take_bytes(), seconds
