"""Where every byte went: SPEC.md section 8.

Bytes are counted at the port; each is put down to one cause, and the two must agree.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import NamedTuple

from bytefed.errors import BytefedError
from bytefed.protocol.message import HEADER_SIZE
from bytefed.protocol.serial_frame import CRC_SIZE, STUFFING_SIZE

CAUSES = ("header", "crc", "stuffing", "padding", "ack", "control", "retransmission", "probe", "junk")


class LedgerError(BytefedError):
    """The causes do not add up to what the port counted: a defect in bytefed."""


class Direction(Enum):
    """Down is to the board."""

    DOWN = "down"
    UP = "up"


class Role(Enum):
    """Why a frame crossed the link."""

    NEWS = "news"
    RETRANSMISSION = "retransmission"
    PROBE = "probe"
    JUNK = "junk"


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
        return ByteCount(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __mul__(self, times: int) -> ByteCount:
        return ByteCount(*(getattr(self, f.name) * times for f in fields(self)))

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


@dataclass(frozen=True)
class Framing:
    """What a link adds to a frame: nothing on BLE, CRC and COBS on serial."""

    crc: int
    stuffing: int


SERIAL_FRAMING = Framing(CRC_SIZE, STUFFING_SIZE)
BLE_FRAMING = Framing(0, 0)


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


class Part(NamedTuple):
    """The bytes from `start` to `stop` of something that has a name; a control message is all of its own."""

    name: Hashable
    start: int = 0
    stop: int = 1


class Said:
    """What crossed a link for one piece of work, over as many connections as that took.

    Args:
        names: Of messages that were said before the work began.
    """

    def __init__(self, *names: Hashable) -> None:
        self._parts: dict[Hashable, bytearray] = {name: bytearray(b"\1") for name in names}

    def is_news(self, part: Part) -> bool:
        """Whether any of a part is said for the first time; the next time it isn't."""
        said = self._parts.setdefault(part.name, bytearray())
        said.extend(bytes(max(0, part.stop - len(said))))
        news = 0 in said[part.start : part.stop]
        said[part.start : part.stop] = b"\1" * (part.stop - part.start)
        return news


class Account:
    """The bytes of one link since the last `take`."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._count = ByteCount()
        self.recovering = False  # everything said to get back to where one was counts as retransmission
        self.said = Said()  # in the work under way

    def frame(
        self,
        direction: Direction,
        length: int,
        wire: int,
        role: Role,
        *,
        payload: int = 0,
        ack: bool = False,
        part: Part | None = None,
    ) -> None:
        """Put a whole frame down to its causes; of a part that was said before, nothing is news."""
        if role is Role.NEWS and (self.recovering or (part is not None and not self.said.is_news(part))):
            role = Role.RETRANSMISSION
        if role is Role.NEWS:
            self._count += split_frame(self._framing, direction, length, wire, payload=payload, ack=ack)
        else:
            self.whole(direction, role.value, wire)

    def whole(self, direction: Direction, cause: str, wire: int) -> None:
        """Put bytes down to one cause."""
        self._count += ByteCount(**{cause: wire, f"wire_{direction.value}": wire})

    def take(self, port_down: int, port_up: int) -> ByteCount:
        """Return what was counted and start afresh.

        Args:
            port_down: Bytes that the port handed over since the last call.
            port_up: Bytes that the port took in and that have been judged since the last call.

        Raises:
            LedgerError: E_LEDGER when the causes and the port disagree.
        """
        count, self._count = self._count, ByteCount()
        replace(count, wire_down=port_down, wire_up=port_up).check()
        return count
