"""The closed forms of SPEC.md section 6 against what really crosses a link to the firmware's core, cause by cause."""

from __future__ import annotations

import asyncio
import random
from typing import Literal

import numpy as np
import pytest
from booked_device import BookedDevice
from hypothesis import given, settings
from hypothesis import strategies as st

from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.ledger import wire_size
from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import MIN_SEALED_MTU, LinkProfile, ble_profile, sealed_profile, serial_profile

PLAN = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.1, seed=1)


def samples(D: int, C: int, train: int, test: int) -> Samples:
    rng = np.random.default_rng(D)
    x = rng.integers(-128, 128, (train + test, D)).astype(np.int8)
    y = (np.arange(train + test) % C).astype(np.uint8)
    return Samples("features", x[:train], y[:train], x[train:], y[train:], 0.01, -4)


async def life_of_a_board(device: BookedDevice, data: Samples, head: np.ndarray) -> None:
    """Connect, provision, three rounds, an evaluation: expected and counted bytes are the same after each."""

    def same() -> ByteCount:
        counted, expected = device.take_bytes(), device.take_expected()
        assert counted == expected
        assert counted.causes_total == counted.wire_total > 0
        assert not counted.retransmission + counted.probe + counted.junk
        return counted

    await device.connect(3)
    assert same() == wire_size.connection_bytes(device.profile)
    await device.provision(data)
    same()
    shape = device.board.features, device.board.classes
    for number, statistics in ((1, False), (2, False), (3, True)):
        await device.run_round(number, number * head, PLAN, statistics=statistics)
        of_round = wire_size.round_bytes(
            device.profile, *shape, statistics=statistics, configures=number == 1
        )
        assert same() == of_round
    await device.run_round(3, 4 * head, PLAN, train=False)
    assert same() == wire_size.round_bytes(device.profile, *shape, train=False)
    await device.close()
    assert device.take_bytes() == ByteCount()


@settings(max_examples=60)
@given(
    st.integers(1, 90), st.integers(2, 12), st.sampled_from(["serial", "ble"]), st.integers(23, 260),
    st.integers(1, 32), st.integers(1, 40), st.integers(0, 20), st.booleans(),
)  # fmt: skip
def test_closed_forms_are_what_crosses_the_link(
    D: int,
    C: int,
    framing: Literal["serial", "ble"],
    mtu: int,
    window: int,
    train: int,
    test: int,
    sealed: bool,
) -> None:
    key = bytes(range(32)) if sealed else None
    board = VirtualBoard(
        features=D, classes=C, uid=1, capacity=train + test, window=window, frame_limit=250, key=key
    )
    mtu = max(mtu, MIN_SEALED_MTU) if sealed else mtu
    device = BookedDevice(LoopbackTransport(board, framing=framing, mtu=mtu, key=key), rng=random.Random(mtu))
    head = np.linspace(-1, 1, D * C + C).astype(np.float32)
    asyncio.run(life_of_a_board(device, samples(D, C, train, test), head))


@pytest.mark.parametrize(
    ("D", "C", "most"), [(256, 10, 0.03), (64, 10, 0.045)], ids=["2.9 % at 256x10", "4.5 % at 64x10"]
)
def test_overhead_of_a_float32_round_on_serial(D: int, C: int, most: float) -> None:
    count = wire_size.round_bytes(serial_profile(), D, C)
    payload = count.payload_down + count.payload_up
    assert payload == 8 * (D * C + C)
    assert 0 < count.wire_total / payload - 1 <= most


INLINE = [(serial_profile(), 23), (ble_profile(247), 15)]
SEALED_INLINE = [(sealed_profile(profile), most) for (profile, _), most in zip(INLINE, (33, 29), strict=True)]


@pytest.mark.parametrize(("profile", "most"), INLINE + SEALED_INLINE, ids=str)
def test_a_round_around_inline_blobs(profile: LinkProfile, most: int) -> None:
    """Rounds without statistics, which add 12 B; protocol 1, which was open, took 55 B on serial and 39 B on BLE."""
    blob = wire_size.blob_size("onebit", 32, 10)
    count = wire_size.blobs_bytes(profile, blob, blob)
    assert count.payload_down + count.payload_up == 2 * blob
    assert count.wire_total - 2 * blob <= most < (55 if profile.framing == "serial" else 39)
    told = wire_size.blobs_bytes(profile, blob, blob, statistics=True)
    assert told.wire_total - count.wire_total == 12


@pytest.mark.parametrize(
    ("profile", "most"),
    [
        (serial_profile(), 81),
        (ble_profile(247), 72),
        (sealed_profile(serial_profile()), 215),
        (sealed_profile(ble_profile(247)), 200),
    ],
    ids=str,
)
def test_a_connection_with_config(profile: LinkProfile, most: int) -> None:
    """CONFIG shares the frame of the session's first round."""
    blob = wire_size.blob_size("onebit", 32, 10)
    config = wire_size.blobs_bytes(profile, blob, blob, configures=True).wire_total
    config -= wire_size.blobs_bytes(profile, blob, blob).wire_total
    assert wire_size.connection_bytes(profile).wire_total + config <= most


@pytest.mark.parametrize(("D", "version_1", "more"), [(64, 5291, 0.015), (256, 20_783, 0.005)])
def test_what_sealing_adds_to_float32_over_ble(D: int, version_1: int, more: float) -> None:
    """Beside a round of protocol 1, which was open: BEGIN, ACCEPT, RESULT, GET, final ACKs, and the same chunks."""
    profile = ble_profile(247)
    blob = wire_size.blob_size("float32", D, 10)
    pushed, pulled = (each(profile, blob).wire_total for each in (wire_size.push_bytes, wire_size.pull_bytes))
    assert version_1 == 10 + 7 + pushed + 19 + pulled + 3
    count = wire_size.round_bytes(sealed_profile(profile), D, 10)
    assert count.wire_total <= (1 + more) * version_1


def test_impossible_links() -> None:
    for mtu in (22, 518):
        with pytest.raises(ValueError, match="23 to 517"):
            ble_profile(mtu)
    with pytest.raises(ValueError, match="no codec"):
        wire_size.blob_size("zip", 4, 2)
