"""What codecs are made of: random words, bfloat16 scales, sums in a fixed order."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from bytefed.seeds import mix32

Values = NDArray[np.float32]

GOLDEN = 0x9E3779B9
SCALE_SIZE = 2


def random_words(seed: int, count: int) -> NDArray[np.uint32]:
    """Return word(0), word(1), ... of SPEC 5.1: uint32 [count]."""
    return mix32(np.uint64(seed) + np.uint64(GOLDEN) * np.arange(count, dtype=np.uint64)).astype(np.uint32)


def mixed_seed(value: int) -> int:
    """Return mix32 of one number, its low 32 bits."""
    return int(mix32(np.array([value & 0xFFFFFFFF], np.uint64))[0])


def total(values: Values) -> np.float32:
    """Return the float32 sum from left to right, each addition rounded (not numpy's pairwise one)."""
    return np.float32(np.add.accumulate(values, dtype=np.float32)[-1])


def signs(values: Values) -> NDArray[np.bool_]:
    """Return where there is no minus sign."""
    return ~np.signbit(values)


def write_scale(scale: np.float32) -> tuple[bytes, np.float32]:
    """Round a scale of at least 0 to a bfloat16; its two bytes, and what the other end reads."""
    bits = int(np.float32(scale).view(np.uint32))
    blob = struct.pack("<H", bits + 0x7FFF + (bits >> 16 & 1) >> 16)
    return blob, read_scale(blob)


def read_scale(blob: bytes) -> np.float32:
    """Return the scale that a blob starts with."""
    return np.float32(np.frombuffer(b"\0\0" + blob[:SCALE_SIZE], "<f4")[0])
