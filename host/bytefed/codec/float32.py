"""The values themselves."""

from __future__ import annotations

import numpy as np

from bytefed.codec.arithmetic import Values


def size(count: int) -> int:
    """Bytes of a blob."""
    return 4 * count


def encode(values: Values, _seed: int) -> tuple[bytes, Values]:
    """Return the blob and what it stands for."""
    return values.astype("<f4").tobytes(), values.copy()


def decode(blob: bytes, count: int, _seed: int) -> Values:
    """Return what a blob stands for."""
    return np.frombuffer(blob, "<f4", count).astype(np.float32)
