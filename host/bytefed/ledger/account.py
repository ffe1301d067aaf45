"""Where every byte went: SPEC.md section 8.

Bytes are counted at the port; each is put down to one cause, and the two must agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import NamedTuple

from bytefed.ledger.count import CAUSES, CLEAR, COUNTS, PARTS, ByteCount, Framing, Sealing, split_frame
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import HEADER_SIZE


class Role(Enum):
    """Why a frame crossed the link."""

    NEWS = "news"
    RETRANSMISSION = "retransmission"
    PROBE = "probe"
    JUNK = "junk"


class Part(NamedTuple):
    """A named range of bytes, such as a chunk of a blob; a control message is one range."""

    name: Hashable
    start: int = 0
    stop: int = 1


class Said:
    """The messages that have crossed a link for one piece of work, over as many connections as that took.

    Args:
        names: Names of messages that had been said before the work began.
    """

    def __init__(self, *names: Hashable) -> None:
        self._parts: dict[Hashable, bytearray] = {name: bytearray(b"\1") for name in names}

    def is_known(self, name: Hashable, start: int = 0, stop: int = 1) -> bool:
        """Return whether all bytes of a part have crossed before."""
        said = self._parts.get(name, b"")
        return len(said) >= stop and 0 not in said[start:stop]

    def is_first_time(self, name: Hashable, start: int = 0, stop: int = 1) -> bool:
        """Return whether any byte of a part crosses for the first time; from now on it has crossed."""
        said = self._parts.get(name)
        if said is None:
            said = self._parts[name] = bytearray()
        length = len(said)
        if start >= length:  # the usual case
            said += bytes(start - length) + b"\1" * (stop - start)
            return True
        said += bytes(max(0, stop - length))
        news = 0 in said[start:stop]
        said[start:stop] = b"\1" * (stop - start)
        return news


_Form = tuple[bool, int, int, int, bool, Sealing]
"""The properties that decide a frame's causes: whether it goes down, length, bytes on the wire, payload, whether it is
an ACK, how it is sealed."""


@cache
def _split(framing: Framing, form: _Form) -> tuple[tuple[str, int], ...]:
    """Return the counts of a frame that are not 0, by name."""
    down, length, wire, payload, ack, sealing = form
    direction = Direction.DOWN if down else Direction.UP
    one = split_frame(framing, direction, length, wire, payload=payload, ack=ack, sealing=sealing)
    return tuple((name, count) for name, count in vars(one).items() if count)


Tracer = Callable[[Direction, int, Mapping[str, int]], None]
"""A function that is told of all that is booked: direction, bytes on the wire, bytes by the names of their causes."""


class Account:
    """The bytes of one link since the last `take`.

    Attributes:
        tracer: Is told of each frame when it is booked; None for nobody.
    """

    def __init__(self, framing: Framing) -> None:
        self.tracer: Tracer | None = None
        self._framing = framing
        self._frames: list[_Form] = []  # that crossed for the first time
        self._whole: Counter[tuple[str, Direction]] = Counter()  # other bytes, by cause and direction
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
        sealing: Sealing = CLEAR,
    ) -> None:
        """Put a whole frame down to its causes; bytes of a part that crossed before are a retransmission."""
        role = self._judged(role, part)
        if role is Role.NEWS:
            self._first_time((direction is Direction.DOWN, length, wire, payload, ack, sealing))
        else:
            self.whole(direction, role.value, wire)

    def chunk(self, direction: Direction, length: int, wire: int, blob: Hashable, start: int) -> None:
        """Put a chunk of a blob down to its causes; what was sent stays so when the blob is cut otherwise.

        Args:
            direction: The frame's direction.
            length: Header and chunk, bytes.
            wire: Bytes on the wire.
            blob: Name of the blob.
            start: The first byte of the chunk in the blob.
        """
        payload = length - HEADER_SIZE
        if not self.recovering and self.said.is_first_time(blob, start, start + payload):
            self._first_time((direction is Direction.DOWN, length, wire, payload, False, CLEAR))
        else:
            self.whole(direction, Role.RETRANSMISSION.value, wire)

    def answer(self, wire: int, payload: int, part: Part) -> None:
        """Put a frame from the board down as the answer to what nobody had to ask; its payload stays payload."""
        news = self._judged(Role.NEWS, part) is Role.NEWS
        self.whole(Direction.UP, Role.PROBE.value, wire - payload)
        self.whole(Direction.UP, "payload_up" if news else Role.RETRANSMISSION.value, payload)

    def delimiter(self, wire: int, role: Role, part: Part | None) -> None:
        """Put the delimiter before a request down to its cause: a repeated one is repair, as the request itself."""
        role = self._judged(role, part)
        self.whole(Direction.DOWN, "padding" if role is Role.NEWS else role.value, wire)

    def _judged(self, role: Role, part: Part | None) -> Role:
        if role is Role.NEWS and (
            self.recovering or (part is not None and not self.said.is_first_time(*part))
        ):
            return Role.RETRANSMISSION
        return role

    def is_repair(self, role: Role, part: Part | None) -> bool:
        """Return whether a frame that is about to cross is one that the work would not take on a good link."""
        if role is not Role.NEWS or self.recovering:
            return True
        return part is not None and self.said.is_known(*part)

    def is_known(self, blob: Hashable, start: int, length: int) -> bool:
        """Return whether a chunk that is about to cross is one that the work would not take on a good link."""
        return self.is_repair(Role.NEWS, Part(blob, start, start + length))

    def whole(self, direction: Direction, cause: str, wire: int) -> None:
        """Put bytes down to one cause."""
        self._whole[cause, direction] += wire
        if self.tracer is not None and wire:
            self.tracer(direction, wire, {cause: wire})

    def _first_time(self, form: _Form) -> None:
        self._frames.append(form)
        if self.tracer is not None:
            counts = dict(_split(self._framing, form))
            wire = counts.pop("wire_down", 0) + counts.pop("wire_up", 0)
            causes = {name: count for name, count in counts.items() if name in PARTS}
            self.tracer(Direction.DOWN if form[0] else Direction.UP, wire, causes)

    def take(self, port_down: int, port_up: int) -> ByteCount:
        """Return what was counted and start afresh.

        Args:
            port_down: Bytes that the port handed over since the last call.
            port_up: Bytes that the port took in and that have been judged since the last call.

        Raises:
            LedgerError: E_LEDGER when the causes and the port disagree.
        """
        count = self._add_up()
        self._frames.clear()
        self._whole.clear()
        if (count.wire_down, count.wire_up) != (port_down, port_up):
            count = replace(count, wire_down=port_down, wire_up=port_up)
        count.check()
        return count

    def _add_up(self) -> ByteCount:
        """Split each form of frame once, however many crossed."""
        sums = dict.fromkeys(COUNTS, 0)
        for form, times in Counter(self._frames).items():
            for name, count in _split(self._framing, form):
                sums[name] += times * count
        for (cause, direction), count in self._whole.items():
            sums[cause] += count
            sums[f"wire_{direction.value}"] += count
            if direction is Direction.DOWN and cause in CAUSES:
                sums[f"{cause}_down"] += count
        return ByteCount(**sums)
