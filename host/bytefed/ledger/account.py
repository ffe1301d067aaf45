"""Where every byte went: SPEC.md section 8.

Bytes are counted at the port; each is put down to one cause, and the two must agree.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from bytefed.ledger.count import ByteCount, Framing, split_frame
from bytefed.protocol.direction import Direction


class Role(Enum):
    """Why a frame crossed the link."""

    NEWS = "news"
    RETRANSMISSION = "retransmission"
    PROBE = "probe"
    JUNK = "junk"


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
