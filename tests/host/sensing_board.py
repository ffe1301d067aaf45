"""A board whose sensor a test holds in its hand: a window is complete when the test says so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bytefed._core import VirtualBoard
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder

MOTION = Manifest.load(model_folder("motion"))
LENGTH, AXES = 50, 6
HOP = LENGTH // 2


class Sensor:
    """A continuous signal of which the test releases window after window; a CAPTURE waits for `captures`.

    Attributes:
        signal: int8 [readings, AXES].
        released: Windows that are complete.
        given: Windows that the board has taken.
        captures: Whether windows of a CAPTURE are complete.
        hurries: Whether the first window comes again and again, whenever the board looks.
    """

    def __init__(self, windows: int = 20, seed: int = 3) -> None:
        random = np.random.default_rng(seed)
        self.signal = random.integers(-128, 128, ((windows + 1) * HOP, AXES)).astype(np.int8)
        self.released = self.given = 0
        self.captures = self.hurries = False

    def window(self, number: int) -> NDArray[np.int8]:
        """Return a window by its number, 1 the first."""
        return self.signal[(number - 1) * HOP : (number - 1) * HOP + LENGTH]

    def sense(self, label: int) -> bytes | None:
        if label >= 0:
            return self.window(1).tobytes() if self.captures else None
        if self.hurries:
            return self.window(1).tobytes()
        if self.given >= self.released:
            return None
        self.given += 1
        return self.window(self.given).tobytes()


def sensing_board(sensor: Sensor, *, window_time: int = 250, key: bytes | None = None) -> VirtualBoard:
    """Return a board with the motion model and that sensor; `window_time` is in units of 10 ms."""
    extractor = Extractor.load("motion")

    def extract(values: bytes) -> bytes:
        inputs = np.frombuffer(values, np.int8).reshape(1, *extractor.input_shape)
        return extractor.extract(inputs).tobytes()

    return VirtualBoard(
        features=MOTION.D, classes=MOTION.C, uid=9, capacity=20, model=MOTION.model_hash, input_size=LENGTH * AXES,
        scale=extractor.quantization.scale, zero_point=extractor.quantization.zero_point, extract=extract,
        sense=sensor.sense, sense_time=window_time, key=key,
    )  # fmt: skip


def a_head(seed: int = 1) -> NDArray[np.float32]:
    """Return a head that tells windows apart, float32 [P]."""
    return np.random.default_rng(seed).normal(0, 0.1, MOTION.D * MOTION.C + MOTION.C).astype(np.float32)


def probabilities(head: NDArray[np.float32], windows: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return what a head says of windows [n, LENGTH, AXES], by numpy: float64 [n, C]."""
    extractor = Extractor.load("motion")
    codes = extractor.extract(windows.reshape(-1, *extractor.input_shape)).astype(np.float64)
    features = extractor.quantization.scale * (codes - extractor.quantization.zero_point)
    weights, biases = head[: MOTION.D * MOTION.C], head[MOTION.D * MOTION.C :]
    z = features @ weights.reshape(MOTION.D, MOTION.C) + biases
    e = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))
