"""Serial framing: COBS(frame, CRC-16) 0x00 (SPEC.md section 1.1).

BLE needs none of it: there a frame is one ATT value. Encoding and decoding are the core's.
"""

from __future__ import annotations

from typing import NamedTuple

from bytefed import _core

CRC_SIZE = 2
STUFFING_SIZE = 2  # COBS code byte and delimiter
_PACKET = 64  # a USB CDC packet


def serial_wire_size(n: int) -> int:
    """Bytes on the wire for a frame of n bytes, 2..250."""
    plain = n + CRC_SIZE + STUFFING_SIZE
    return plain + (plain % _PACKET == 0)


def encode_serial_frame(frame: bytes) -> bytes:
    """Return the wire bytes of a frame of 2 to 250 bytes.

    Raises:
        ValueError: It has another size.
    """
    return _core.encode_serial_frame(frame)


class Decoded(NamedTuple):
    """What one delimiter ended: a frame, b"" for padding, None for junk; and its bytes on the wire."""

    frame: bytes | None
    wire: int


class SerialDecoder:
    """Cuts a byte stream into frames; whatever is not a frame with a right CRC is junk."""

    def __init__(self) -> None:
        self._reader = _core.SerialReader()

    @property
    def pending(self) -> int:
        """Bytes taken from the wire that are not part of anything returned so far."""
        return self._reader.pending

    def push(self, data: bytes) -> list[Decoded]:
        """Take bytes from the wire; return what they complete."""
        return [Decoded(frame, wire) for frame, wire in self._reader.push(data)]
