"""Byte counts by direction and cause: SPEC.md section 8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import add, attrgetter
from typing import Any, Literal, NamedTuple

from bytefed.errors import BytefedError
from bytefed.ledger.columns import column, computed
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import HEADER_SIZE
from bytefed.protocol.serial_frame import CRC_SIZE, STUFFING_SIZE
from bytefed.seal import FRAME_SEAL_SIZE

Security = Literal["sealed", "OPEN"]
"""Whether a link keeps strangers out or lets them in."""


class LedgerError(BytefedError):
    """The causes do not add up to what the port counted: a defect in bytefed."""


_WIRE = "counted at the port"


def _cause(what: str, where: str = "this cause, both directions", *, repair: bool = False) -> Any:
    """Return the field of a cause.

    Args:
        what: The cause's description in SPEC 8: the bytes that it covers.
        where: The description of its column in SPEC 8.1.
        repair: Whether only a link that loses something has such bytes.
    """
    return field(default=0, metadata={**column(where, "B", merge="add"), "cause": what, "repair": repair})


def _down(cause: str) -> Any:
    """Return the field for the part of a cause that goes down to the board; a computed column has the rest."""
    alone = "this cause, in that direction alone"
    return field(
        default=0, metadata=column(alone, "B", merge="add", then=(computed(f"{cause}_up", int, alone, "B"),))
    )


def _payload(where: str) -> Any:
    return _cause(
        "blob bytes: chunks of data frames sent or received for the first time, and inline blobs", where
    )


@dataclass(frozen=True)
class ByteCount:
    """Bytes by direction and by cause, estimated or counted.

    This is the one list of causes: the ledger's columns, the report and the tables of SPEC 8 are made from it. Each
    byte of `wire_down` and `wire_up`, the port's own counts, is put down to exactly one cause. A cause such as
    `header` counts both directions; `header_down` is the part of it that goes down, `directed` has the other, too.
    """

    payload_down: int = _payload("blob bytes, host to board")
    payload_up: int = _payload("blob bytes, board to host")
    header: int = _cause("the two header bytes of data frames and control frames")
    crc: int = _cause("CRC-16 of serial frames")
    stuffing: int = _cause("COBS byte and delimiter of serial frames")
    padding: int = _cause("second delimiter, and the one before HELLO")
    ack: int = _cause("ACK frames: header and body")
    control: int = _cause("bodies of control messages, without the inline blob")
    seal: int = _cause("counter and tag of sealed frames, number and tag of sealed blobs")
    handshake: int = _cause("points and tags of GREET and WELCOMED")
    retransmission: int = _cause(
        "whole frames sent again, frames received again, ERROR (the LOCKED of a first contact is `control`), an ACK "
        "that reports a gap, and what it takes to recover from a link loss or a reset: all that the same row has had "
        "before (messages by their kind, blobs byte by byte, one ACK a window), and all that it would not have had "
        "otherwise",
        repair=True,
    )
    probe: int = _cause(
        "POLL, and the ACK or ACCEPT that answers it; DONE or RESULT without its blob, where it comes in place of a "
        "lost final ACK",
        repair=True,
    )
    junk: int = _cause("received bytes that belong to no valid, expected frame", repair=True)
    wire_down: int = field(default=0, metadata=column(_WIRE, "B", merge="add"))
    wire_up: int = field(
        default=0, metadata=column(_WIRE, "B", merge="add", then=(computed("wire_total", int, _WIRE, "B"),))
    )

    header_down: int = _down("header")
    crc_down: int = _down("crc")
    stuffing_down: int = _down("stuffing")
    padding_down: int = _down("padding")
    ack_down: int = _down("ack")
    control_down: int = _down("control")
    seal_down: int = _down("seal")
    handshake_down: int = _down("handshake")
    retransmission_down: int = _down("retransmission")
    probe_down: int = _down("probe")
    junk_down: int = _down("junk")

    @property
    def wire_total(self) -> int:
        """Bytes of both directions."""
        return self.wire_down + self.wire_up

    @property
    def causes_down(self) -> int:
        """Payload and all causes of what went down to the board, added up."""
        return self.payload_down + sum(_parts_down(self))

    @property
    def causes_total(self) -> int:
        """Payload and all causes, added up."""
        return sum(_parts(self))

    def directed(self) -> dict[str, int]:
        """Return the part of each cause in each direction, by column: `header_down`, `header_up` and so on."""
        parts: dict[str, int] = {}
        for cause, down in zip(CAUSES, _parts_down(self), strict=True):
            parts |= {f"{cause}_down": down, f"{cause}_up": getattr(self, cause) - down}
        return parts

    def __add__(self, other: ByteCount) -> ByteCount:
        return ByteCount(*map(add, vars(self).values(), vars(other).values()))

    def __mul__(self, times: int) -> ByteCount:
        return ByteCount(*(count * times for count in vars(self).values()))

    def check(self) -> None:
        """Make sure that the causes add up.

        Raises:
            LedgerError: E_LEDGER when they do not.
        """
        if (self.causes_total, self.causes_down) != (self.wire_total, self.wire_down):
            raise LedgerError(
                "E_LEDGER",
                f"the causes add up to {self.causes_total:,} B, {self.causes_down:,} B of them down; "
                f"the port counted {self.wire_total:,} B, {self.wire_down:,} B of them down",
                "This is a defect in bytefed: please report it with the run directory.",
            )


COUNTS = tuple(each.name for each in fields(ByteCount))
"""All names of counts: the causes and the port's own counts."""

PARTS = tuple(each.name for each in fields(ByteCount) if "cause" in each.metadata)
"""All causes that a byte can be put down to, payload by direction."""

_parts: Callable[[ByteCount], tuple[int, ...]] = attrgetter(*PARTS)

CAUSES = tuple(part for part in PARTS if not part.startswith("payload_"))
"""The causes other than payload."""

_parts_down: Callable[[ByteCount], tuple[int, ...]] = attrgetter(*(f"{cause}_down" for cause in CAUSES))


REPAIR = tuple(each.name for each in fields(ByteCount) if each.metadata.get("repair"))
"""The causes that do not occur on a link without loss."""


class Framing(NamedTuple):
    """The bytes that a link adds to a frame: nothing on BLE, CRC and COBS on serial."""

    crc: int
    stuffing: int


SERIAL_FRAMING = Framing(CRC_SIZE, STUFFING_SIZE)


BLE_FRAMING = Framing(0, 0)


class Sealing(NamedTuple):
    """The part that seals have in a frame.

    Attributes:
        sealed: Whether the frame is sealed; on a serial link it then has no CRC-16.
        proof: Bytes of the body that are a blob's number and tag.
        handshake: Bytes of the body that are a point and its tag.
    """

    sealed: bool = False
    proof: int = 0
    handshake: int = 0


CLEAR = Sealing()


@cache
def split_frame(
    framing: Framing,
    direction: Direction,
    length: int,
    wire: int,
    *,
    payload: int = 0,
    ack: bool = False,
    sealing: Sealing = CLEAR,
) -> ByteCount:
    """Return the causes of one frame that crossed the link for the first time.

    Args:
        framing: The link's framing.
        direction: The frame's direction.
        length: Header and body, bytes, as they are before the frame is sealed.
        wire: Bytes on the wire.
        payload: Bytes of the body that belong to a blob.
        ack: Whether the frame is an ACK, whose header and body both count as `ack`.
        sealing: The part that seals have in it.
    """
    body = length - HEADER_SIZE - payload - sealing.proof - sealing.handshake
    crc = 0 if sealing.sealed else framing.crc
    seal = FRAME_SEAL_SIZE if sealing.sealed else 0
    causes = {
        "header": 0 if ack else HEADER_SIZE,
        "crc": crc,
        "stuffing": framing.stuffing,
        "padding": wire - length - seal - crc - framing.stuffing,
        "ack": HEADER_SIZE + body if ack else 0,
        "control": 0 if ack else body,
        "seal": seal + sealing.proof,
        "handshake": sealing.handshake,
    }
    if direction is Direction.UP:
        return ByteCount(payload_up=payload, wire_up=wire, **causes)
    down = {f"{cause}_down": count for cause, count in causes.items()}
    return ByteCount(payload_down=payload, wire_down=wire, **causes, **down)
