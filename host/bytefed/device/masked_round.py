"""The part of a round that is different where a board hides its delta for a secure sum (SPEC.md section 11)."""

from __future__ import annotations

import struct

from bytefed.device.plan import PlannedRound
from bytefed.device.refusals import without_masks
from bytefed.device.session import Session
from bytefed.protocol.message import Capability, Done, Result


def step_of(planned: PlannedRound) -> bytes:
    """Return the step that goes with a request that trains in a masked run; nothing in other runs."""
    return b"" if planned.hide is None else struct.pack("<f", planned.hide.step)


def require_masks(session: Session, planned: PlannedRound, connections: int) -> None:
    """Refuse to ask a board for a hidden delta that was reset, and might know no more that it has to hide it.

    Args:
        session: With the board.
        planned: The round.
        connections: Sessions that were opened before the round began.

    Raises:
        BoardError: E_BOARD_NO_MASKS.
    """
    back = session.connections != connections
    if planned.hide is not None and back and not session.board.capabilities & Capability.MASKED:
        raise without_masks(session.uri)


def claimed_examples(message: Done | Result, planned: PlannedRound, stored: int) -> int:
    """Return how many training samples the board says it used; where it does not say, as many as it has stored."""
    if planned.hide is not None or not isinstance(message, Result):
        return stored
    return message.num_examples
