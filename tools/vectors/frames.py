"""Serial frames: SPEC.md section 1.1, with the PyPI package `cobs`."""

from __future__ import annotations

import binascii
import random
from collections.abc import Iterator

from cobs import cobs


def wire(frame: bytes) -> bytes:
    """Return COBS(frame, CRC-16) 0x00 and the padding."""
    crc = binascii.crc_hqx(frame, 0xFFFF)
    encoded = cobs.encode(frame + bytes((crc & 0xFF, crc >> 8))) + b"\x00"
    return encoded + b"\x00" * (len(encoded) % 64 == 0)


def lines() -> Iterator[str]:
    """Yield `frame wire`, hexadecimal."""
    yield "# frame wire: every edge of length, zeros, 0xFF, and random bytes of every length"
    rng = random.Random(1)
    edges = (2, 3, 4, 59, 60, 61, 123, 124, 125, 187, 188, 189, 249, 250)
    samples = [bytes([fill]) * n for n in edges for fill in (0x00, 0x01, 0xFF)]
    samples += [bytes(range(1, 251)), bytes(range(250)), b"\x00\x01" * 125, b"\xff\x00" * 125]
    samples += [rng.randbytes(n) for n in range(2, 251)]
    for frame in samples:
        yield f"{frame.hex()} {wire(frame).hex()}"
