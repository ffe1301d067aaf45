"""What onebit and twobit share (SPEC 5.3): a rotation that makes any values look normally distributed."""

from __future__ import annotations

import numpy as np

from bytefed.codec.arithmetic import Values, random_words

ROWS = 32


def mixed_size(count: int) -> int:
    """Values that `count` parameters become."""
    return -(-count // ROWS) * ROWS


def rotate(values: Values, seed: int) -> Values:
    """Flip signs at random, then mix: float32 [n] to float32 [mixed_size(n)]."""
    padded = np.zeros(mixed_size(len(values)), np.float32)
    padded[: len(values)] = _flip(values, seed)
    return _mix(padded)


def rotate_back(levels: Values, scale: np.float32, count: int, seed: int) -> Values:
    """Return the `count` parameters that levels (small integers) times a scale stand for."""
    return _flip(_mix(levels)[:count] * (scale / np.float32(ROWS)), seed)


def _flip(values: Values, seed: int) -> Values:
    words = random_words(seed, -(-len(values) // 32)).astype("<u4")
    flips = np.unpackbits(words.view(np.uint8), count=len(values), bitorder="little")
    return np.where(flips, -values, values)


def _mix(x: Values) -> Values:
    """Multiply each column of x, 32 rows, by the Hadamard matrix."""
    h = 1
    while h < ROWS:
        pairs = x.reshape(ROWS // (2 * h), 2, -1)
        x = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).ravel()
        h *= 2
    return x
