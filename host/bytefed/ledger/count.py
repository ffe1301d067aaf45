"""Byte counts by direction and cause: SPEC.md section 8."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from operator import add

from bytefed.errors import BytefedError
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import HEADER_SIZE
from bytefed.protocol.serial_frame import CRC_SIZE, STUFFING_SIZE

CAUSES = ("header", "crc", "stuffing", "padding", "ack", "control", "retransmission", "probe", "junk")


class LedgerError(BytefedError):
    """The causes do not add up to what the port counted: a defect in bytefed."""


@dataclass(frozen=True)
class ByteCount:
    """Bytes by direction and by cause; the same form for what was estimated and for what happened."""

    payload_down: int = 0
    payload_up: int = 0
    header: int = 0
    crc: int = 0
    stuffing: int = 0
    padding: int = 0
    ack: int = 0
    control: int = 0
    retransmission: int = 0
    probe: int = 0
    junk: int = 0
    wire_down: int = 0
    wire_up: int = 0

    @property
    def wire_total(self) -> int:
        """Bytes of both directions."""
        return self.wire_down + self.wire_up

    @property
    def causes_total(self) -> int:
        """Payload and all causes, added up."""
        causes: list[int] = [getattr(self, cause) for cause in CAUSES]
        return self.payload_down + self.payload_up + sum(causes)

    def __add__(self, other: ByteCount) -> ByteCount:
        return ByteCount(*map(add, vars(self).values(), vars(other).values()))

    def __mul__(self, times: int) -> ByteCount:
        return ByteCount(*(count * times for count in vars(self).values()))

    def check(self) -> None:
        """Make sure that the causes add up.

        Raises:
            LedgerError: E_LEDGER when they don't.
        """
        if self.causes_total != self.wire_total:
            raise LedgerError(
                "E_LEDGER",
                f"the causes add up to {self.causes_total:,} B, the port counted {self.wire_total:,} B",
                "This is a defect in bytefed: please report it with the run directory.",
            )


COUNTS = tuple(field.name for field in fields(ByteCount))


@dataclass(frozen=True)
class Framing:
    """What a link adds to a frame: nothing on BLE, CRC and COBS on serial."""

    crc: int
    stuffing: int


SERIAL_FRAMING = Framing(CRC_SIZE, STUFFING_SIZE)


BLE_FRAMING = Framing(0, 0)


@cache
def split_frame(
    framing: Framing, direction: Direction, length: int, wire: int, *, payload: int = 0, ack: bool = False
) -> ByteCount:
    """Return the causes of one frame that crossed the link for the first time.

    Args:
        framing: Of the link.
        direction: Of the frame.
        length: Header and body, bytes.
        wire: Bytes on the wire.
        payload: Bytes of the body that belong to a blob.
        ack: Whether the frame is an ACK: then header and body count as such.
    """
    body = length - HEADER_SIZE - payload
    down = direction is Direction.DOWN
    return ByteCount(
        payload_down=payload if down else 0,
        payload_up=0 if down else payload,
        header=0 if ack else HEADER_SIZE,
        crc=framing.crc,
        stuffing=framing.stuffing,
        padding=wire - length - framing.crc - framing.stuffing,
        ack=HEADER_SIZE + body if ack else 0,
        control=0 if ack else body,
        wire_down=wire if down else 0,
        wire_up=0 if down else wire,
    )
