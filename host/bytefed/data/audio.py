"""Sound from WAV files, as the features of a front end that boards have, too (`bytefed.extractor.sound`)."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.extractor.sound import FrontEnd

KIND = ".wav"
UNIT = 64
"""A feature is 64 times a natural logarithm; extractors take the logarithm."""
_RATES, _SECONDS, _WIDEST = (
    range(4_000, 192_001),
    300,
    4,
)  # samples a second, seconds at most, bytes of a sample

Samples = NDArray[np.int16]


def read(content: bytes, rate: int) -> Samples:
    """Read a WAV file of whole numbers as one channel.

    Args:
        content: The file: 8, 16, 24 or 32 bits, 4,000 to 192,000 samples a second, five minutes at most, any number of
            channels, whose mean is taken.
        rate: Samples a second that are wanted; sound of another rate is brought to it, its spectrum cut off at half the
            lower one.

    Returns:
        int16 [n].

    Raises:
        ValueError: It is no such file.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width, found = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(_SECONDS * found + 1)
    except (wave.Error, EOFError, RuntimeError) as error:  # the last where lengths point outside
        reason = str(error) or ("it is empty" if not content else "it ends too early")
        raise ValueError(f"it is no WAV file of whole numbers ({reason})") from error
    if found not in _RATES or width > _WIDEST:
        raise ValueError(f"it has {found:,} samples a second of {8 * width} bits")
    if len(data) > _SECONDS * found * channels * width:
        raise ValueError(f"it is longer than {_SECONDS} seconds")
    whole = data[: len(data) // (channels * width) * channels * width]
    values = _values(whole, width).reshape(-1, channels).mean(axis=1)
    if found != rate:
        values = _resampled(values, found, rate)
    return np.asarray(np.clip(np.floor(values + 0.5), -32768, 32767), np.int16)


def rate(file: Path) -> int:
    """Return how many samples a second a WAV file has; 0 if it can't be read as one."""
    try:
        with wave.open(str(file)) as opened:
            found: int = opened.getframerate()
    except (OSError, wave.Error, EOFError, RuntimeError):
        return 0
    return found


def _values(data: bytes, width: int) -> NDArray[np.float64]:
    """Return samples of 1 to 4 bytes in units of a 16-bit step."""
    raw = np.frombuffer(data, np.uint8).reshape(-1, width)
    if width == 1:  # the only one without a sign
        return (raw[:, 0].astype(np.float64) - 128) * 256
    words = np.zeros((len(raw), 4), np.uint8)
    words[:, 4 - width :] = raw
    return words.view("<i4")[:, 0].astype(np.float64) / 65536


def _resampled(values: NDArray[np.float64], found: int, rate: int) -> NDArray[np.float64]:
    """Return the same sound at another rate: its Fourier series, with fewer or more terms."""
    count = len(values) * rate // found
    if not count:
        return values[:0]
    spectrum = np.fft.rfft(values)[: count // 2 + 1]
    return np.fft.irfft(spectrum, count) * (count / len(values))


def loudest(samples: Samples, length: int) -> Samples:
    """Return the `length` samples in a row that are loudest; shorter sound in the middle of silence."""
    if len(samples) <= length:
        before = (length - len(samples)) // 2
        return np.pad(samples, (before, length - len(samples) - before))
    sums = np.concatenate([[0], np.cumsum(np.abs(samples.astype(np.int64)))])
    start = int((sums[length:] - sums[:-length]).argmax())
    return samples[start : start + length]


def frames(samples: Samples, front_end: FrontEnd, *, whole: bool = False) -> NDArray[np.float32]:
    """Return the frames of a sound: of its loudest window, or of all of it.

    Args:
        samples: int16 [n], at the front end's rate; shorter sound than a window gets silence around it.
        front_end: The front end.
        whole: Whether to keep all of a sound that is longer than a window.

    Returns:
        float32 [frames, bands], natural logarithms of amplitudes.
    """
    if not whole or len(samples) < front_end.samples:
        samples = loudest(samples, front_end.samples)
    return front_end.features(samples).astype(np.float32) / np.float32(UNIT)
