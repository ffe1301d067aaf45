"""Exact images whose model takes sound learn from a recording: their features are those that the host computes.

SKIPPED, with the reason, where .pio/build has no such image (`BYTEFED_MODEL=keywords pio run -e ENV`) or the emulator
is not built.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from motions import find_rows
from sounds import Samples, heard, nowhere_like_itself, windows_at_any_time, windows_of, write_wav

from bytefed.boards.catalog import BOARDS
from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import Chip, EmulatedTransport, emulated_board, find_emulator
from bytefed.device.device import Device
from bytefed.device.naming import model_of
from bytefed.device.visit import hears, level, sensor_of
from bytefed.errors import ConfigError
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.sound import MICROPHONE
from bytefed.protocol.message import Capture, Captured, CaptureFlag, Kind, Levelled
from bytefed.runs.numbers import new_run

pytestmark = pytest.mark.slow

ENVIRONMENTS = [board.environment for board in BOARDS if board.microphone]
WINDOWS = 3
RAM, RAM_SIZE = 0x20000000, 0x40000
_PATIENCE = 120.0  # seconds of the wall clock for a capture
_PLAYED = 120  # seconds of sound: whoever boots and connects slowly still hears some


@dataclass(frozen=True)
class Learned:
    """A board after a capture: the name of its model, its time between windows, its RAM, and how loud it was."""

    model: str
    window: int  # 10 ms
    memory: bytes
    level: Levelled


async def learn(environment: str, sound: Path, flags: int) -> Learned:
    """Let a board take windows of what its microphone hears. Skip where its model takes no sound."""
    board = emulated_board(find_build(environment), environment, Chip(1, f"microphone:{sound}"))
    async with board as emulator, asyncio.timeout(_PATIENCE):
        await emulator.enumerated()
        device = Device(EmulatedTransport(emulator))
        await device.connect(new_run())
        known = model_of(device)
        if known is None or not hears(device):
            pytest.skip(f"SKIPPED: the image of {environment} takes no sound")
        details, captured = await sensor_of(device), Captured(1, 0)
        while captured.state:
            _, body = await device.ask(Kind.CAPTURE, Capture(0, WINDOWS, 1, flags).pack(), Kind.CAPTURED)
            captured = Captured.unpack(body)
            await asyncio.sleep(0.1)
        assert captured.count == WINDOWS
        loudness = await level(device)
        answer = await emulator.ask(do="read", address=RAM, size=RAM_SIZE)
        await device.close()
    assert loudness is not None
    return Learned(known[0], details.window, bytes.fromhex(answer["bytes"]), loudness)


def capture(environment: str, once: Samples, folder: Path, flags: int = 0) -> Learned:
    """Play a sound again and again to a board that captures."""
    try:
        find_emulator()
        find_build(environment)
    except ConfigError as error:
        pytest.skip(f"SKIPPED: {error}")
    sound = write_wav(folder / "sound.wav", np.tile(once, _PLAYED * MICROPHONE // len(once)))
    return asyncio.run(learn(environment, sound, flags))


def features_of(model: str, windows: list[bytes]) -> list[bytes]:
    extractor = Extractor.load(model)
    inputs = np.frombuffer(b"".join(windows), np.int8).reshape(-1, *extractor.input_shape)
    return [row.tobytes() for row in extractor.extract(inputs)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_captured_features_are_those_of_the_recording(environment: str, tmp_path: Path) -> None:
    """Where in the recording the last window began is told by itself, which is still in the board's RAM."""
    noise = nowhere_like_itself(1.5, seed=7)
    board = capture(environment, noise, tmp_path)
    [last] = [at for at, window in windows_at_any_time(board.model, heard(noise)) if window in board.memory]
    hop = round(board.window * MICROPHONE / 100)
    first = (last - (WINDOWS - 1) * hop) % len(noise)
    wanted = features_of(board.model, windows_of(board.model, np.tile(heard(noise), 4)[first:]))
    assert len(set(wanted)) == WINDOWS
    assert [len(find_rows(board.memory, features)) > 0 for features in wanted] == [True] * WINDOWS


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_capture_that_starts_on_sound_waits_for_a_word(environment: str, tmp_path: Path) -> None:
    """The same word once in 1.5 s, with quiet around it: where frames begin is the board's matter."""
    word = np.random.default_rng(8).normal(0, 6000, MICROPHONE // 2)
    once = np.pad(np.clip(word, -20000, 20000).astype(np.int16), (0, MICROPHONE))
    board = capture(environment, once, tmp_path, CaptureFlag.ON_SOUND)
    sound = np.tile(heard(once), 4)
    last = [windows_of(board.model, sound[s:], on_sound=True)[-1] for s in range(MICROPHONE // 50)]
    found = [features for features in features_of(board.model, last) if find_rows(board.memory, features)]
    assert found
    assert sum(len(find_rows(board.memory, features)) for features in set(found)) >= WINDOWS
    assert 0 < board.level.peak <= int(np.abs(heard(once)).max())
    assert board.level.clipped == 0
