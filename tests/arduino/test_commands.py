"""`bytefed devices` and `bytefed capture` against the boards' own app."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_board import FakeBoard

from bytefed.commands import capture, devices
from bytefed.device import Device
from bytefed.errors import BoardError, ConfigError
from bytefed.manifest import Manifest, model_folder
from bytefed.message import VISIT
from bytefed.transport.loopback import LoopbackTransport


async def _meet(library: Path, **world: int) -> Device:
    transport = LoopbackTransport(FakeBoard(library, **world))  # type: ignore[arg-type]
    device = Device(transport)
    await device.connect(VISIT)
    return device


def test_devices_says_what_a_board_is(fake_boards: Path) -> None:
    async def action() -> None:
        device = await _meet(fake_boards / "fake_nano.so")
        row = await devices._row(device)
        assert row[1:6] == ["0123456789abcdef", "Nano 33 BLE", "0.1.0", "motion", "64x4"]
        assert row[8] == "LSM9DS1"
        await device.close()

    asyncio.run(action())


def test_capture_takes_what_was_asked_for(fake_boards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_PAUSE", 0.001)

    async def action() -> None:
        device = await _meet(fake_boards / "fake_bluefruit.so")
        before = device.stored.train
        assert await capture.capture(device, 2, 10.0, test=False) == (4, 4)
        await device.connect(VISIT)
        assert device.stored.train == before + 4
        await device.close()

    asyncio.run(action())


def test_capture_without_a_sensor(fake_boards: Path) -> None:
    async def action() -> None:
        device = await _meet(fake_boards / "fake_nano.so", imu=0)
        with pytest.raises(BoardError, match="E_BOARD_NO_SENSOR"):
            await capture.capture(device, 0, 10.0, test=False)
        await device.close()

    asyncio.run(action())


def test_labels_by_name_and_by_number() -> None:
    motion = Manifest.load(model_folder("motion")).model_hash
    assert capture.label_number("Walking", motion, 4) == 2
    assert capture.label_number("3", motion, 4) == 3
    with pytest.raises(ConfigError, match="Standing, Running"):
        capture.label_number("4", motion, 4)
