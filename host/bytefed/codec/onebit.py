"""One bit a parameter after a random rotation, and one scale (SPEC 5.3).

Vargaftik et al.: DRIVE: One-bit Distributed Mean Estimation. NeurIPS 2021. With error feedback instead of a
scale that makes it unbiased.
"""

from __future__ import annotations

import numpy as np

from bytefed.codec.arithmetic import SCALE_SIZE, Values, read_scale, signs, total, write_scale
from bytefed.codec.rotated import mixed_size, rotate, rotate_back

_ONE = np.float32(1)


def size(count: int) -> int:
    """Bytes of a blob."""
    return SCALE_SIZE + mixed_size(count) // 8


def encode(values: Values, seed: int) -> tuple[bytes, Values]:
    """Return the blob and what it stands for."""
    x = rotate(values, seed)
    head, scale = write_scale(total(np.abs(x)) / np.float32(len(x)))
    bits = signs(x)
    blob = head + np.packbits(bits, bitorder="little").tobytes()
    return blob, rotate_back(np.where(bits, _ONE, -_ONE), scale, len(values), seed)


def decode(blob: bytes, count: int, seed: int) -> Values:
    """Return what a blob stands for."""
    bits = np.unpackbits(np.frombuffer(blob, np.uint8)[SCALE_SIZE:], bitorder="little")
    return rotate_back(np.where(bits, _ONE, -_ONE), read_scale(blob), count, seed)
