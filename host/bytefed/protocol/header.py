"""The two bytes in front of a frame's body: SPEC.md section 1."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from bytefed.protocol.message import Kind

_BITS = struct.Struct(">H")


@dataclass(slots=True)  # a frozen one takes three times as long to make, and each chunk has one
class DataHeader:
    """Header of a chunk or of an ACK.

    Attributes:
        transfer: The transfer's number, 0..3.
        poll: Whether the sender of a chunk asks for an ACK.
        index: The chunk's number, 0..4095.
    """

    transfer: int
    poll: bool
    index: int

    def pack(self) -> bytes:
        """Return the two header bytes."""
        return _BITS.pack(0x8000 | self.transfer << 13 | self.poll << 12 | self.index)

    @classmethod
    def unpack(cls, frame: bytes) -> Self:
        """Read the header of a data frame of at least two bytes."""
        (bits,) = _BITS.unpack_from(frame)
        return cls(bits >> 13 & 3, bool(bits & 0x1000), bits & 0xFFF)


def is_data(frame: bytes) -> bool:
    """Return whether a frame of at least one byte is a chunk or an ACK."""
    return bool(frame[0] & 0x80)


def control_frame(kind: Kind, sequence: int, body: bytes = b"", flags: int = 0) -> bytes:
    """Return a whole control frame; flags go into the low bits of the kind."""
    return bytes((kind | flags, sequence)) + body
