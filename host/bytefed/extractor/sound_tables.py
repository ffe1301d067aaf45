"""The tables of the core's front end for sound, by the formulas of SPEC.md, section 7.7.

Plain Python without any import of bytefed: tools/model_to_c.py makes an image's tables with it, where there is neither
numpy nor bytefed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

_WHOLE = 4096
_LARGEST = 32767


def tables(rate: int, frame: int, bands: int, low: int, high: int) -> list[int]:
    """Return all tables one after the other: window, twiddle, split, table, first, width, weight.

    Args:
        rate: Samples a second.
        frame: Samples in a frame.
        bands: Values of a frame.
        low: Lower end of the lowest band in Hz.
        high: Upper end of the highest band in Hz.

    Returns:
        Values of int16.
    """
    size, ranges = transform_size(frame), ranges_of(rate, frame, bands, low, high)
    return [
        *_window(frame),
        *_turns(-2 * math.pi * k / size for k in range(size)),
        *_turns(-math.pi * ((k + 1) / size + 0.5) for k in range(size // 2)),
        *(round(65536 * (math.log2(1 + i / 128) - i / 128)) for i in range(129)),
        first_bin(rate, frame, low),
        *map(len, ranges),
        *(weight for one in ranges for weight in one),
    ]


def transform_size(frame: int) -> int:
    """Return M, the complex values of the transform of a frame."""
    return 1 << max(5, (frame - 1).bit_length() - 1)


def first_bin(rate: int, frame: int, low: int) -> int:
    """Return the first bin that counts: never that of a constant."""
    return int(1.5 + _single(low / _hertz_a_bin(rate, frame)))


def ranges_of(rate: int, frame: int, bands: int, low: int, high: int) -> list[list[int]]:
    """Return the weights of the bins in each of the B + 1 ranges, 1 as 4,096; float32 as SPEC.md has it."""
    lowest, hertz = _mel(low), _hertz_a_bin(rate, frame)
    spacing = _single(_single(_mel(high) - lowest) / (bands + 1))
    at, below, found = first_bin(rate, frame, low), lowest, []
    for band in range(bands + 1):
        centre = _single(lowest + _single(spacing * (band + 1)))
        weights = []
        while (here := _mel(_single(at * hertz))) <= centre:
            share = _single(_single(centre - here) / _single(centre - below))
            weights.append(math.floor(_single(share * _WHOLE) + 0.5))
            at += 1
        found.append(weights)
        below = centre
    return found


def _window(frame: int) -> list[int]:
    """Return the raised cosine, 1 as 4,096."""
    turn = _single(2 * math.pi / frame)
    values = (_single(0.5 - 0.5 * math.cos(turn * (i + 0.5))) for i in range(frame))
    return [math.floor(value * _WHOLE + 0.5) for value in values]


def _turns(angles: Iterable[float]) -> list[int]:
    """Return e^(j angle) in pairs (re, im), 1 as 32,767."""
    return [math.floor(0.5 + _LARGEST * part(angle)) for angle in angles for part in (math.cos, math.sin)]


def _mel(hertz: float) -> float:
    return _single(1127.0 * math.log1p(_single(hertz) / 700.0))


def _hertz_a_bin(rate: int, frame: int) -> float:
    return _single(0.5 * rate / transform_size(frame))


def _single(x: float) -> float:
    """Return the nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", x))[0])
