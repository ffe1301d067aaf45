"""Eight bits a parameter with one scale, rounded up or down at random (SPEC 5.2)."""

from __future__ import annotations

import numpy as np

from bytefed.codec.arithmetic import SCALE_SIZE, Values, random_words, read_scale, write_scale

_LEAST = np.float32(2.0**-100)  # below, 1 / scale might overflow


def size(count: int) -> int:
    """Bytes of a blob."""
    return SCALE_SIZE + count


def encode(values: Values, seed: int) -> tuple[bytes, Values]:
    """Return the blob and what it stands for."""
    m = np.abs(values).max()
    if m < _LEAST:
        return bytes(size(len(values))), np.zeros_like(values)
    bits = (m / np.float32(127)).view(np.uint32)
    # The least bfloat16 that is not below m / 127, so that no value needs more than 127 of it.
    head, scale = write_scale((bits + np.uint32(0xFFFF) & np.uint32(0xFFFF0000)).view(np.float32))
    halves = random_words(seed, -(-len(values) // 2)).astype("<u4").view("<u2")[: len(values)]
    u = halves.astype(np.float32) * np.float32(2.0**-16)
    shifted = values * (np.float32(1) / scale) + (np.float32(128) + u)
    q = (np.minimum(shifted.astype(np.int32), 255) - 128).astype(np.int8)
    return head + q.tobytes(), q.astype(np.float32) * scale


def decode(blob: bytes, count: int, _seed: int) -> Values:
    """Return what a blob stands for."""
    return np.frombuffer(blob, np.int8, count, SCALE_SIZE).astype(np.float32) * read_scale(blob)
