"""Boards that bytefed starts with a key of their own: on pseudo-terminals, by fake Bluetooth, in the process."""

from __future__ import annotations

import asyncio
import os
import sys

import numpy as np
import pytest

from bytefed.boards.open import open_devices
from bytefed.boards.started import board_command
from bytefed.boards.virtual import BoardKind, VirtualOptions
from bytefed.device.plan import TrainingPlan
from bytefed.errors import BoardError
from bytefed.ledger.count import REPAIR
from bytefed.transport.base import key_of

SEALED = VirtualOptions(BoardKind(4, 3), sealed=True)
SCHEMES = [
    "loopback",
    pytest.param("virtual", marks=pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals")),
    pytest.param("virtual-ble", marks=pytest.mark.skipif(sys.platform != "linux", reason="no D-Bus")),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("faults", ["", "drop=0.05,corrupt=0.05,duplicate=0.05,seed=3"])
def test_boards_train_sealed(scheme: str, faults: str) -> None:
    async def train() -> None:
        async with open_devices([f"{scheme}:2"], SEALED, faults) as devices:
            assert len({key_of(device.transport) for device in devices}) == 2
            for device in devices:
                await device.connect(3)
                assert device.profile.sealed
                plan = TrainingPlan("float32", "float32", 1, 1, 0.1, 1)
                head = np.ones(15, np.float32)
                reply = await device.train(device.plan_round(1, head, plan, train=False))
                assert reply.statistics is not None
                count = device.take_bytes()
                assert count.seal > 0
                assert count.handshake >= 96
                if not faults:
                    assert not any(getattr(count, cause) for cause in REPAIR)

    asyncio.run(train())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_open_host_is_not_let_in(scheme: str) -> None:
    async def knock() -> str:
        async with open_devices([f"{scheme}:1"], SEALED) as (device,):
            device.transport.key = None  # type: ignore[attr-defined]
            with pytest.raises(BoardError) as caught:
                await device.connect(3)
            return caught.value.code

    assert asyncio.run(knock()) == "E_BOARD_LOCKED"


def test_keys_are_on_no_command_line() -> None:
    assert all(len(word) < 64 for word in board_command(2, 0, SEALED))
