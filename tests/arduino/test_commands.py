"""`bytefed devices` and `bytefed capture` against the boards' own app."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_board import FakeBoard
from rich.console import Console

from bytefed.boards.describe import describe, where_it_stands
from bytefed.boards.loopback import LoopbackTransport
from bytefed.cli.commands import devices
from bytefed.device import naming, visit
from bytefed.device.device import Device
from bytefed.errors import BoardError, ConfigError
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.protocol.message import VISIT, Welcome

pytestmark = pytest.mark.usefixtures("blank_flash")


async def _meet(library: Path, **world: int) -> Device:
    transport = LoopbackTransport(FakeBoard(library, **world))  # type: ignore[arg-type]
    device = Device(transport)
    await device.connect(VISIT)
    return device


def test_devices_says_what_a_board_is(fake_boards: Path) -> None:
    async def action() -> None:
        device = await _meet(fake_boards / "fake_nano.so")
        facts = await describe(device)
        assert facts.pop("RAM free").endswith(" B")
        assert facts == {
            "board": "Nano 33 BLE", "uid": "0123456789abcdef", "model": "motion",
            "head": f"{Manifest.load(model_folder('motion')).D}x4, batch up to 32",
            "samples": "0 + 0 of 60", "round": "none", "firmware": "0.1.0", "sensor": "LSM9DS1", "saves": "0",
            "link": "open: no key", "labels": "none set, room for 8",
        }  # fmt: skip
        await device.close()

    asyncio.run(action())


@pytest.mark.parametrize(
    ("state", "what"),
    [(0, ""), (1, ", receiving"), (2, ", training"), (3, ", done")],
)
def test_devices_says_where_a_board_stands(state: int, what: str) -> None:
    welcome = Welcome(2, state, boot=1, round=12, nonce=0, frame_limit=250, window=1)
    assert where_it_stands(welcome) == f"12{what}"


def test_devices_fits_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    facts = {
        "board": "Circuit Playground Bluefruit", "uid": "0123456789abcdef", "model": "unknown (dad6f178)",
        "head": "4096x64, batch up to 255", "samples": "65,535 + 65,535 of 65,535", "firmware": "255.255.255",
    }  # fmt: skip
    Console().print(devices._table(facts))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for fact, value in facts.items():
        assert sum(fact in line and value in line for line in lines) == 1


def test_capture_takes_what_was_asked_for(fake_boards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "_PAUSE", 0.001)

    async def action() -> None:
        device = await _meet(fake_boards / "fake_bluefruit.so")
        before = device.stored.train
        assert await visit.capture(device, 2, 10.0, test=False) == (4, 4)
        await device.connect(VISIT)
        assert device.stored.train == before + 4
        await device.close()

    asyncio.run(action())


def test_capture_without_a_sensor(fake_boards: Path) -> None:
    async def action() -> None:
        device = await _meet(fake_boards / "fake_nano.so", imu=0)
        with pytest.raises(BoardError, match="E_BOARD_NO_SENSOR"):
            await visit.capture(device, 0, 10.0, test=False)
        await device.close()

    asyncio.run(action())


def test_labels_by_name_and_by_number(fake_boards: Path) -> None:
    async def action() -> None:
        device = await _meet(fake_boards / "fake_nano.so")
        names = naming.model_names(device)
        assert naming.label_number("Walking", names) == 2
        assert naming.label_number("3", names) == 3
        with pytest.raises(ConfigError, match="Standing, Running"):
            naming.label_number("4", names)
        await device.close()

    asyncio.run(action())
