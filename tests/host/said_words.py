"""Words for tests to hear: bursts of noise, whose colour tells them apart, as WAV files."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.sound import MICROPHONE


def a_word(number: int, seed: int, seconds: float = 0.4) -> NDArray[np.int16]:
    """A burst of noise whose colour tells words apart."""
    noise = np.random.default_rng(seed).normal(0, 3000, int(seconds * MICROPHONE))
    coloured = np.convolve(noise, np.cos(np.arange(24) * (0.3 + 0.5 * number)) / 5, "same")
    return np.asarray(np.clip(coloured, -32768, 32767), np.int16)


def save(path: Path, samples: NDArray[np.int16], rate: int = MICROPHONE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def save_words(folder: Path, words: Sequence[str]) -> Path:
    """Write four recordings of each word, and return the folder."""
    for number, word in enumerate(words):
        for index in range(4):
            save(folder / word / f"{index}.wav", a_word(number, 10 * number + index))
    return folder
