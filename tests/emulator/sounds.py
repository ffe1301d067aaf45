"""Recordings for an emulated microphone, and a board's windows of them, computed here as the host would."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.data.audio import UNIT
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import MICROPHONE, FrontEnd, ear, halved

Samples = NDArray[np.int16]

GAIN = 20
"""The gain that the cores' PDM libraries begin with: 10 dB below 40, which is 0 dB, in steps of half a dB."""


def write_wav(path: Path, samples: Samples, rate: int = MICROPHONE) -> Path:
    """Write one channel of 16 bits as the emulator reads it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def heard(samples: Samples, gain: int = GAIN) -> Samples:
    """Return what is in the chip's RAM of a recording at the interface's own rate."""
    scaled = np.floor(samples * 10.0 ** ((gain - 40) / 40) + 0.5)
    return np.asarray(np.clip(scaled, -32768, 32767), np.int16)


@cache
def _ear(model: str) -> _core.Ear:
    manifest = Manifest.load(model_folder(model))
    front_end = FrontEnd.of(manifest.document)
    assert front_end is not None
    return ear(front_end, manifest.input_quantization)


def nowhere_like_itself(seconds: float, seed: int) -> Samples:
    """Noise whose loudness and colour change all the time, as far as 16 bits reach."""
    random = np.random.default_rng(seed)
    count = int(seconds * MICROPHONE)
    steps = -(-count // 400)
    loudness, colour = np.exp(random.uniform(3, 10.2, steps)), random.uniform(-0.9, 0.9, steps)
    noise = random.uniform(-1, 1, count)
    noise += np.repeat(colour, 400)[:count] * np.roll(noise, 1)
    return np.clip(noise * np.repeat(loudness, 400)[:count], -30000, 30000).astype(np.int16)


def windows_at_any_time(model: str, period: Samples) -> Iterator[tuple[int, bytes]]:
    """Yield each window of a sound that is played in a ring, and where in it that begins, but for the ear's first one.

    The period is a whole number of steps from one frame to the next.
    """
    manifest = Manifest.load(model_folder(model))
    front_end = FrontEnd.of(manifest.document)
    assert front_end is not None
    step = front_end.step * MICROPHONE // front_end.rate
    count, ring = len(period) // step, np.tile(period, 4)
    for phase in range(step):
        sound = ring[phase:]
        features = front_end.features(halved(sound) if front_end.rate < MICROPHONE else sound)
        inputs = manifest.input_quantization.quantize(features.astype(np.float32) / np.float32(UNIT))
        for frame in range(count, 2 * count):  # the first period lacks the sound before it
            yield (phase + frame * step) % len(period), inputs[frame : frame + front_end.frames].tobytes()


def windows_of(model: str, samples: Samples, *, on_sound: bool = False, most: int = 3) -> list[bytes]:
    """Return the first windows, int8, that the ear of a board with this model makes of its microphone's samples."""
    one, found = _ear(model), list[bytes]()
    one.clear(on_sound)
    while len(samples) and len(found) < most:
        samples = samples[one.take(samples) :]
        if window := one.window():
            found.append(bytes(window))
    return found
