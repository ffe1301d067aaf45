"""SPEC.md section 6.1 against rounds of the firmware's core over a link that loses frames, on a virtual clock."""

from __future__ import annotations

import asyncio
import random
import statistics
from typing import Literal

import numpy as np
import pytest
from board_port import BoardPort
from virtual_time import run

from bytefed._core import VirtualBoard
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.ledger import wire_size
from bytefed.ledger.count import ByteCount
from bytefed.ledger.expected_loss import pull_expected, push_expected, round_expected
from bytefed.ledger.wire_size import LinkProfile, ble_profile, sealed_profile, serial_profile
from bytefed.protocol.message import State
from bytefed.transport.faults import Faults, FaultyTransport, RandomFaults

# 40 slices of 50 ms: longer than a time-out, and a slice that a POLL brings forward hardly matters.
PLAN = TrainingPlan("float32", "float32", epochs=20, batch=4, rate=0.1, seed=1)
KEY = bytes(range(32))
SHAPES = [(5, 2), (64, 10), (256, 10)]
PROFILES = [serial_profile(), serial_profile(4), ble_profile(23), ble_profile(247), ble_profile(185, 1, 5)]
PROFILES += [sealed_profile(profile) for profile in (*PROFILES[:2], ble_profile(65), *PROFILES[3:])]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize(("D", "C"), SHAPES)
def test_without_loss_it_is_the_closed_form(profile: LinkProfile, D: int, C: int) -> None:
    exact = wire_size.round_bytes(profile, D, C).wire_total
    assert round_expected(profile, D, C, 0.0) == pytest.approx(exact)
    blob = wire_size.blob_size("float32", D, C)
    assert push_expected(profile, blob, 0.0) == pytest.approx(wire_size.push_bytes(profile, blob).wire_total)
    assert pull_expected(profile, blob, 0.0) == pytest.approx(wire_size.pull_bytes(profile, blob).wire_total)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_it_grows_with_the_loss(profile: LinkProfile) -> None:
    expected = [round_expected(profile, 64, 10, q) for q in (0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9)]
    assert expected == sorted(expected)


def samples(D: int, C: int) -> Samples:
    rng = np.random.default_rng(0)
    x, y = rng.integers(-128, 128, (8, D)).astype(np.int8), (np.arange(8) % C).astype(np.uint8)
    return Samples("features", x, y, x[:0], y[:0], 0.01, 0)


async def measure(
    framing: Literal["serial", "ble"],
    limit: int,
    window: int,
    shape: tuple[int, int],
    q: float,
    rounds: int,
    key: bytes | None,
) -> list[int]:
    """Return the bytes of each of so many rounds at frame loss q."""
    D, C = shape

    def make_board(uid: int, boot: int) -> VirtualBoard:
        return VirtualBoard(
            features=D, classes=C, uid=uid, boot=boot, window=window, frame_limit=limit, key=key
        )

    port = BoardPort(1, make_board, framing=framing, frame_limit=limit, key=key, slice_time=0.05)
    faults = RandomFaults(Faults(drop=q, seed=window), "1", stream=framing == "serial")
    device = Device(FaultyTransport(port, faults), rng=random.Random(limit))
    await device.connect(1)
    await device.provision(samples(D, C))
    counts = []
    for number in range(1, rounds + 2):
        head = np.full(D * C + C, number / rounds, np.float32)  # another one in each round
        await device.train(device.plan_round(number, head, PLAN, statistics=False))
        counts.append(device.take_bytes().wire_total)
    return counts[1:]  # the first has what was said before it, and CONFIG


async def lose(profile: LinkProfile, shape: tuple[int, int]) -> tuple[ByteCount, ByteCount, ByteCount]:
    """Return the bytes until a client trains that is lost then, of its new session, and of its next round's start."""
    D, C = shape
    key = KEY if profile.sealed else None
    limit, window = profile.frame_limit, profile.window_down

    def make_board(uid: int, boot: int) -> VirtualBoard:
        return VirtualBoard(
            features=D, classes=C, uid=uid, boot=boot, window=window, frame_limit=limit, key=key
        )

    port = BoardPort(1, make_board, framing=profile.framing, frame_limit=limit, key=key, slice_time=3600.0)
    device, head, counts = Device(port, rng=random.Random(limit)), np.ones(D * C + C, np.float32), []
    await device.connect(1)
    await device.provision(samples(D, C))
    device.take_bytes()
    for number in (1, 2):
        training = asyncio.create_task(device.train(device.plan_round(number, number * head, PLAN)))
        while port.board.state != State.TRAINING:
            await asyncio.sleep(0)
        counts.append(device.take_bytes())
        training.cancel()
        await asyncio.wait([training])
        await device.close()
        port.reset()
        device = Device(port, rng=random.Random(number))
        await device.connect(1)
        counts.append(device.take_bytes())
        await device.provision(samples(D, C))
        device.take_bytes()
    return counts[0], counts[1], counts[2]


@pytest.mark.parametrize("profile", PROFILES[:4] + PROFILES[5:9], ids=str)
@pytest.mark.parametrize(("D", "C"), [(5, 2), (64, 10)])
def test_a_client_that_is_lost_costs_what_a_simulation_books(profile: LinkProfile, D: int, C: int) -> None:
    """SPEC.md section 8.4."""
    lost, again, next_lost = run(lose(profile, (D, C)))
    blob = wire_size.blob_size("float32", D, C)
    assert lost == next_lost == wire_size.start_bytes(profile, blob, configures=True)
    assert again == wire_size.connection_bytes(profile)


SETTINGS = [
    ("serial", 250, 32, (64, 10), 1200),
    ("ble", 244, 8, (5, 2), 6000),  # inside NEXT and DONE
    ("ble", 20, 8, (64, 10), 400),
    ("ble", 244, 8, (64, 10), 1500),
    ("sealed serial", 250, 32, (64, 10), 1200),
    ("sealed ble", 244, 8, (5, 2), 6000),
    ("sealed ble", 62, 8, (64, 10), 600),
    ("sealed ble", 244, 8, (64, 10), 1500),
]


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.01, 0.05, 0.2])
@pytest.mark.parametrize(("link", "limit", "window", "shape", "rounds"), SETTINGS)
def test_the_mean_of_many_rounds_is_within_a_percent(
    link: str, limit: int, window: int, shape: tuple[int, int], rounds: int, q: float
) -> None:
    sealed = link.startswith("sealed")
    framing: Literal["serial", "ble"] = "serial" if link.endswith("serial") else "ble"
    counts = run(measure(framing, limit, window, shape, q, rounds, KEY if sealed else None))
    profile = LinkProfile("x", limit, window, wire_size.MAX_WINDOW, framing, sealed=sealed)
    expected = round_expected(profile, *shape, q)
    mean, error = statistics.mean(counts), statistics.stdev(counts) / rounds**0.5
    assert mean == pytest.approx(expected, rel=0.01), f"standard error {error:.1f} B"
