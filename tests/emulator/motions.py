"""A board's readings of a recording and the features of them, computed here as the host would."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.extractor import Extractor

GRAVITY = 9.80665  # m/s^2 per g
DEGREES = 180 / math.pi
HOP = 25  # readings from one window of a board to the next
BITS16 = 32767

# A step of each sensor as the boards' images set it, in m/s^2 and in rad/s; None: it has no gyroscope.
STEPS = {
    "lsm9ds1": (0.122e-3 * GRAVITY, 0.070 / DEGREES),
    "bmi270": (4 / 32768 * GRAVITY, 2000 / 32768 / DEGREES),
    "lsm6ds33": (0.122e-3 * GRAVITY, 0.070 / DEGREES),
    "lsm6ds3trc": (0.122e-3 * GRAVITY, 0.070 / DEGREES),
    "lis3dh": (2e-3 * GRAVITY, None),
}
_LARGEST = {"lis3dh": 2047}
# What the library makes of a step, where that is not quite what the chip means: 0.06 % more, of which nobody can tell.
_LIBRARY = {"lsm9ds1": 4 / 32768 * GRAVITY}


def reported(sensor: str, motion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [n, 6] as the board's sensor library gives it: in whole steps, cut off at the end of the range."""
    step, turn = STEPS[sensor]
    largest = _LARGEST.get(sensor, BITS16)
    whole = np.clip(np.floor(motion / np.array([step] * 3 + [turn or 1] * 3) + 0.5), -largest - 1, largest)
    return whole * np.array([_LIBRARY.get(sensor, step)] * 3 + [turn or 0] * 3)


def write_recording(path: Path, motion: NDArray[np.float64], hertz: int) -> None:
    """Write [n, 6] as the emulator reads it."""
    rows = "\n".join(",".join(f"{value:.6f}" for value in row) for row in motion)
    path.write_text(f"# hertz: {hertz}\nax,ay,az,gx,gy,gz\n{rows}\n")


def features_at(extractor: Extractor, values: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return the features [n, D] of windows that begin at each row of a recording, which is played in a ring."""
    steps = extractor.input_shape[0]
    ring = np.concatenate([values, values[: steps - 1]])
    windows = np.stack([ring[start : start + steps] for start in range(len(values))])
    return extractor.extract(extractor.quantize(windows[:, :, np.newaxis, :]))


def find_rows(memory: bytes, row: bytes) -> list[int]:
    """Return the places of a sample's features in a board's memory."""
    places, at = [], memory.find(row)
    while at >= 0:
        places.append(at)
        at = memory.find(row, at + 1)
    return places
