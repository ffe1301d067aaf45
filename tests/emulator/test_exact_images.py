"""Images that PlatformIO has built for boards, on emulated chips: the hardware suite, and runs beside virtual boards.

Each test is SKIPPED, with the reason, where .pio/build has no such image or the emulator is not built. Neither is in
the repository: the images link others' cores.
"""

from __future__ import annotations

import asyncio
import csv
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bytefed.boards.catalog import BOARDS
from bytefed.boards.describe import describe
from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import find_emulator
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.virtual import BoardKind
from bytefed.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = [board.environment for board in BOARDS]
ROUNDS = 5

pytestmark = pytest.mark.slow


def missing(environment: str) -> str:
    """Why an environment's image can't be run here; "" if it can."""
    try:
        find_emulator()
        find_build(environment)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    if why := missing(request.param):
        pytest.skip(f"SKIPPED: {why}")
    return str(request.param)


def test_it_passes_the_hardware_suite(environment: str, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/boards"],
        env={
            **os.environ, "BYTEFED_BOARDS": f"nrf52840:{environment}", "BYTEFED_RESET": "1",
            "BYTEFED_REPORT": str(report),
        },
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    table = report.read_text()
    assert "No hardware: the exact image on an emulated nRF52840." in table
    assert "| keeps all through a reset | passed |" in table and "estimate exact" in table


def model_of(environment: str) -> str:
    async def ask() -> str:
        async with open_devices([f"nrf52840:{environment}"], VirtualOptions(BoardKind(4, 3))) as (device,):
            return (await describe(device))["model"]

    return asyncio.run(ask())


def run(directory: Path, data: str, *uris: str) -> list[tuple[int, bytes]]:
    """The global heads of a run that was as estimated, to the byte."""
    command = [sys.executable, "-m", "bytefed", "run", "--quiet", "--boards", *uris, "--data", data]
    command += ["--rounds", str(ROUNDS), "--run-dir", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with (directory / "bytes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert (row["status"], row["wire_total"]) == ("ok", row["estimate_wire"])
    with closing(sqlite3.connect(directory / "run.db")) as db:
        return list(db.execute("SELECT round, head FROM heads ORDER BY round"))


def test_heads_are_those_of_virtual_boards(tmp_path: Path) -> None:
    """Every image that is there, and two virtual boards, against virtual boards alone."""
    there = [environment for environment in ENVIRONMENTS if not missing(environment)]
    if not there:
        pytest.skip(f"SKIPPED: {missing(ENVIRONMENTS[0])}")
    model = model_of(there[0])
    same = [environment for environment in there if model_of(environment) == model]
    mixed = run(tmp_path / "mixed", model, *(f"nrf52840:{environment}" for environment in same), "virtual:2")
    assert len(mixed) == ROUNDS + 1
    assert mixed == run(tmp_path / "virtual", model, f"virtual:{len(same) + 2}")
