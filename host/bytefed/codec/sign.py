"""One bit a parameter and one scale (SPEC 5.4): the baseline that the rotated codecs improve on."""

from __future__ import annotations

import numpy as np

from bytefed.codec.arithmetic import SCALE_SIZE, Values, read_scale, signs, total, write_scale


def size(count: int) -> int:
    """Bytes of a blob."""
    return SCALE_SIZE + -(-count // 8)


def encode(values: Values, _seed: int) -> tuple[bytes, Values]:
    """Return the blob and what it stands for."""
    head, scale = write_scale(total(np.abs(values)) / np.float32(len(values)))
    bits = signs(values)
    return head + np.packbits(bits, bitorder="little").tobytes(), np.where(bits, scale, -scale)


def decode(blob: bytes, count: int, _seed: int) -> Values:
    """Return what a blob stands for."""
    scale = read_scale(blob)
    bits = np.unpackbits(np.frombuffer(blob, np.uint8)[SCALE_SIZE:], count=count, bitorder="little")
    return np.where(bits, scale, -scale)
