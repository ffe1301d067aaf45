"""Exact images with the motion model learn from a recording: the features they store are those that the host computes.

SKIPPED, with the reason, where .pio/build has no such image or the emulator is not built.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
from motions import HOP, features_at, find_rows, reported, write_recording

from bytefed.boards.catalog import BOARDS
from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import Chip, EmulatedTransport, emulated_board, find_emulator
from bytefed.device.device import Device
from bytefed.device.visit import capture
from bytefed.errors import ConfigError
from bytefed.extractor.extractor import Extractor
from bytefed.runs.numbers import new_run

pytestmark = pytest.mark.slow

HERTZ = 10
WINDOWS = 3
RAM, RAM_SIZE = 0x20000000, 0x40000
SENSORS = [
    (board.environment, re.sub(r"\W", "", sensor.name).lower())
    for board in BOARDS
    for sensor in board.sensors
]


def recording(seed: int) -> np.ndarray:
    """20 s of motion that goes beyond 2 g and is nowhere like itself: [200, 6] in m/s^2 and rad/s."""
    random = np.random.RandomState(seed)
    return np.round(random.uniform(-1, 1, (20 * HERTZ, 6)) * ([30.0] * 3 + [20.0] * 3), 6)


async def learn(environment: str, sensor: str, path: Path) -> tuple[bytes, int]:
    """Let a board take windows from its sensor; return its RAM and how many it took."""
    board = emulated_board(find_build(environment), environment, Chip(1, f"{sensor}:{path}"))
    async with board as emulator:
        await emulator.enumerated()
        device = Device(EmulatedTransport(emulator))
        await device.connect(new_run())
        _, taken = await capture(device, 1, WINDOWS * 2.5, test=False)
        answer = await emulator.ask(do="read", address=RAM, size=RAM_SIZE)
        await device.close()
        return bytes.fromhex(answer["bytes"]), taken


@pytest.mark.parametrize(("environment", "sensor"), SENSORS)
def test_captured_features_are_those_of_the_recording(environment: str, sensor: str, tmp_path: Path) -> None:
    try:
        find_emulator()
        find_build(environment)
    except ConfigError as error:
        pytest.skip(f"SKIPPED: {error}")
    motion = recording(7)
    write_recording(tmp_path / "motion.csv", motion, HERTZ)
    memory, taken = asyncio.run(learn(environment, sensor, tmp_path / "motion.csv"))
    assert taken == WINDOWS
    features = features_at(Extractor.load("motion"), reported(sensor, motion))
    # Where in the recording the first reading fell is the board's matter; the others follow from it.
    starts = [
        start
        for start in range(len(features))
        if all(find_rows(memory, features[(start + HOP * n) % len(features)].tobytes()) for n in range(taken))
    ]
    assert len(starts) == 1
