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
from bytefed.ledger.wire_size import LinkProfile, ble_profile, serial_profile

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
    st.integers(1, 32), st.integers(1, 40), st.integers(0, 20),
)  # fmt: skip
def test_closed_forms_are_what_crosses_the_link(
    D: int, C: int, framing: Literal["serial", "ble"], mtu: int, window: int, train: int, test: int
) -> None:
    board = VirtualBoard(features=D, classes=C, uid=1, capacity=train + test, window=window, frame_limit=250)
    device = BookedDevice(LoopbackTransport(board, framing=framing, mtu=mtu), rng=random.Random(mtu))
    head = np.linspace(-1, 1, D * C + C).astype(np.float32)
    asyncio.run(life_of_a_board(device, samples(D, C, train, test), head))


@pytest.mark.parametrize("profile", [serial_profile(), ble_profile(23), ble_profile(247)], ids=str)
def test_asking_changes_no_answer(profile: LinkProfile) -> None:
    before = wire_size.store_bytes(profile), wire_size.provision_bytes(profile, 65, 40, 10, 2600)
    assert wire_size.provision_bytes(profile, 65, 40, 10, 2600) == before[1]
    assert wire_size.store_bytes(profile) == before[0]
    assert before[1].causes_total == before[1].wire_total


@pytest.mark.parametrize(
    ("D", "C", "most"), [(256, 10, 0.03), (64, 10, 0.045)], ids=["2.9 % at 256x10", "4.5 % at 64x10"]
)
def test_overhead_of_a_float32_round_on_serial(D: int, C: int, most: float) -> None:
    count = wire_size.round_bytes(serial_profile(), D, C)
    payload = count.payload_down + count.payload_up
    assert payload == 8 * (D * C + C)
    assert 0 < count.wire_total / payload - 1 <= most


def test_impossible_links() -> None:
    for mtu in (22, 518):
        with pytest.raises(ValueError, match="23 to 517"):
            ble_profile(mtu)
    with pytest.raises(ValueError, match="no codec"):
        wire_size.blob_size("zip", 4, 2)
