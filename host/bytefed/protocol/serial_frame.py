"""Serial framing: COBS(frame, CRC-16) 0x00 (SPEC.md section 1.1).

BLE needs none of it: there a frame is one ATT value.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from bytefed.protocol.message import HEADER_SIZE, MAX_FRAME

CRC_SIZE = 2
STUFFING_SIZE = 2  # COBS code byte and delimiter
_PACKET = 64  # a USB CDC packet
_MAX_ENCODED = MAX_FRAME + CRC_SIZE + 1


def serial_wire_size(n: int) -> int:
    """Bytes on the wire for a frame of n bytes, 2..250."""
    plain = n + CRC_SIZE + STUFFING_SIZE
    return plain + (plain % _PACKET == 0)


def encode_serial_frame(frame: bytes) -> bytes:
    """Return the wire bytes of a frame of 2 to 250 bytes."""
    if not HEADER_SIZE <= len(frame) <= MAX_FRAME:
        raise ValueError(f"a frame has {HEADER_SIZE} to {MAX_FRAME} bytes, not {len(frame)}")
    crc = binascii.crc_hqx(frame, 0xFFFF)
    wire = _cobs_encode(frame + crc.to_bytes(CRC_SIZE, "little")) + b"\0"
    return wire + b"\0" if len(wire) % _PACKET == 0 else wire


def _cobs_encode(data: bytes) -> bytes:
    """Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999; at most 253 bytes, so no block overflows."""
    return b"".join(bytes((len(block) + 1,)) + block for block in data.split(b"\0"))


def _cobs_decode(encoded: bytes) -> bytes | None:
    """Return the decoded bytes, or None when the block lengths don't add up."""
    blocks = []
    at = 0
    while at < len(encoded):
        end = at + encoded[at]
        if end > len(encoded):
            return None
        blocks.append(encoded[at + 1 : end])
        blocks.append(b"\0" if encoded[at] != 0xFF else b"")
        at = end
    return b"".join(blocks[:-1])


@dataclass(frozen=True)
class Decoded:
    """What one delimiter ended: a frame, b"" for padding, None for junk; and its bytes on the wire."""

    frame: bytes | None
    wire: int


class SerialDecoder:
    """Cuts a byte stream into frames; whatever is not a frame with a right CRC is junk."""

    def __init__(self) -> None:
        self._encoded = bytearray()
        self._dropped = 0  # bytes of a frame that is too long already
        self._held: bytes | None = None  # whole, but its second delimiter is still to come

    @property
    def pending(self) -> int:
        """Bytes taken from the wire that are not part of anything returned so far."""
        held = 0 if self._held is None else len(self._held) + 1
        return held + len(self._encoded) + self._dropped

    def push(self, data: bytes) -> list[Decoded]:
        """Take bytes from the wire; return what they complete."""
        out: list[Decoded] = []
        *ended, rest = data.split(b"\0")
        for part in ended:
            self._take(part, out)
            self._end(out)
        self._take(rest, out)
        return out

    def _take(self, part: bytes, out: list[Decoded]) -> None:
        if part and self._held is not None:
            self._release(out, padding=0)
        room = _MAX_ENCODED - len(self._encoded)
        if self._dropped or len(part) > room:
            self._dropped += len(self._encoded) + len(part)
            self._encoded.clear()
        else:
            self._encoded += part

    def _end(self, out: list[Decoded]) -> None:
        if self._held is not None:
            self._release(out, padding=1)
            return
        encoded, dropped = bytes(self._encoded), self._dropped
        self._encoded.clear()
        self._dropped = 0
        if dropped:
            out.append(Decoded(None, dropped + 1))
        elif encoded and (len(encoded) + 1) % _PACKET == 0:
            self._held = encoded
        else:
            out.append(Decoded(_judge(encoded), len(encoded) + 1))

    def _release(self, out: list[Decoded], padding: int) -> None:
        assert self._held is not None  # noqa: S101  # the callers looked
        encoded, self._held = self._held, None
        out.append(Decoded(_judge(encoded), len(encoded) + 1 + padding))


def _judge(encoded: bytes) -> bytes | None:
    """Return the frame, b"" for none at all, None for junk."""
    if not encoded:
        return b""
    decoded = _cobs_decode(encoded)
    if decoded is None or len(decoded) < HEADER_SIZE + CRC_SIZE:
        return None
    frame, crc = decoded[:-CRC_SIZE], decoded[-CRC_SIZE:]
    return frame if binascii.crc_hqx(frame, 0xFFFF) == int.from_bytes(crc, "little") else None
