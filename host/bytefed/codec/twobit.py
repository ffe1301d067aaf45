"""Two bits a parameter after a random rotation, and one scale (SPEC 5.3).

Vargaftik et al.: EDEN: Communication-Efficient and Robust Distributed Mean Estimation for Federated Learning.
ICML 2022. With error feedback instead of a scale that makes it unbiased.
"""

from __future__ import annotations

import numpy as np

from bytefed.codec.arithmetic import SCALE_SIZE, Values, read_scale, signs, total, write_scale
from bytefed.codec.rotated import mixed_size, rotate, rotate_back

_LOW, _HIGH = np.float32(3), np.float32(10)
_THRESHOLD = np.float32(1.2303)  # of the mean magnitude: 0.9816 standard deviations


def size(count: int) -> int:
    """Bytes of a blob."""
    return SCALE_SIZE + mixed_size(count) // 4


def encode(values: Values, seed: int) -> tuple[bytes, Values]:
    """Return the blob and what it stands for."""
    x = rotate(values, seed)
    sizes = np.abs(x)
    high = sizes > total(sizes) / np.float32(len(x)) * _THRESHOLD
    levels = np.where(high, _HIGH, _LOW)
    squares = np.square(levels.astype(np.int64)).sum()
    head, scale = write_scale(total(sizes * levels) / np.float32(squares))
    positive = signs(x)
    blob = head + np.packbits(np.stack([positive, high], axis=1).ravel(), bitorder="little").tobytes()
    return blob, rotate_back(np.where(positive, levels, -levels), scale, len(values), seed)


def decode(blob: bytes, count: int, seed: int) -> Values:
    """Return what a blob stands for."""
    bits = np.unpackbits(np.frombuffer(blob, np.uint8)[SCALE_SIZE:], bitorder="little").reshape(-1, 2)
    levels = np.where(bits[:, 1], _HIGH, _LOW)
    return rotate_back(np.where(bits[:, 0], levels, -levels), read_scale(blob), count, seed)
