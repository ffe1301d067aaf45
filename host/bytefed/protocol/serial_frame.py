"""Serial framing: COBS(frame, CRC-16) 0x00 (SPEC.md section 1.1).

BLE needs no framing: there a frame is one ATT value. The core encodes and decodes.
"""

from __future__ import annotations

from typing import NamedTuple

from bytefed import _core

CRC_SIZE = 2
STUFFING_SIZE = 2  # COBS code byte and delimiter
_PACKET = 64  # a USB CDC packet


def serial_wire_size(n: int) -> int:
    """Return the bytes on the wire for a frame of n bytes, 2..250."""
    plain = n + CRC_SIZE + STUFFING_SIZE
    return plain + (plain % _PACKET == 0)


def encode_serial_frame(frame: bytes) -> bytes:
    """Return the wire bytes of a frame of 2 to 250 bytes.

    Raises:
        ValueError: The frame has another size.
    """
    return _core.encode_serial_frame(frame)


def bare_wire_size(n: int) -> int:
    """Return the bytes on the wire for a frame of n bytes that has no CRC-16, 2..250."""
    plain = n + STUFFING_SIZE
    return plain + (plain % _PACKET == 0)


def encode_bare_frame(frame: bytes) -> bytes:
    """Return the wire bytes, without a CRC-16, of a frame of 2 to 250 bytes that a tag proves.

    Raises:
        ValueError: The frame has another size.
    """
    return _core.encode_bare_serial_frame(frame)


class Decoded(NamedTuple):
    """The bytes up to one delimiter, decoded.

    Attributes:
        frame: The frame; b"" for padding, None for what has no right CRC-16.
        wire: Bytes on the wire, delimiter included.
        bare: All that was decoded, for a tag to prove; None for what is no frame at all.
    """

    frame: bytes | None
    wire: int
    bare: bytes | None = None


class SerialDecoder:
    """Cuts a byte stream into frames; everything that is not a frame with a correct CRC is junk."""

    def __init__(self) -> None:
        self._reader = _core.SerialReader()

    @property
    def pending(self) -> int:
        """Number of bytes taken from the wire that are not part of anything returned so far."""
        return self._reader.pending

    def push(self, data: bytes) -> list[Decoded]:
        """Take bytes from the wire; return what they complete."""
        return [Decoded(frame, wire, bare) for frame, wire, bare in self._reader.push(data)]
