"""Boards that fail in a round: the fleet reconnects to those that are lost, others stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bytefed.errors import BytefedError, LinkError, ProtocolError, counted
from bytefed.events import BoardTrouble, Listener
from bytefed.federation.fleet import Fleet, Member
from bytefed.ledger.rows import Status

_WITHOUT_MASKS = ("E_BOARD_NO_MASKS", "E_BOARD_MASKS_USED")
"""Errors of boards that get masks before the next round."""
_FOR_GOOD = ("E_BOARD_NO_NOISE", "E_DELTA_NOT_FINITE", "E_BUDGET_SPENT", "E_BOARD_BUDGET_SPENT")
"""Errors that a board has again when the run goes on."""
_BUDGET_SPENT = ("E_BUDGET_SPENT", "E_BOARD_BUDGET_SPENT")
"""Errors of boards that take no further part."""


def failed(fleet: Fleet, member: Member, number: int, error: BytefedError, listener: Listener) -> Status:
    """Report a board that failed, and return what became of its delta.

    Args:
        fleet: The boards.
        member: The board.
        number: The round.
        error: The error that it failed with.
        listener: Is told of boards that stay; the fleet tells of those that are lost.
    """
    if error.code not in (*_WITHOUT_MASKS, *_BUDGET_SPENT, "E_DELTA_NOT_FINITE"):
        fleet.lose(member, error)
        return "failed"
    fleet.troubles[member.device.name] = error
    listener(BoardTrouble(member.device.name, number, error.code, error.message, error.remedy))
    if error.code == "E_DELTA_NOT_FINITE":
        return "rejected"
    if error.code in _BUDGET_SPENT:
        fleet.purses.retire(member.device)
    return "failed"


def remedy_of(troubles: Sequence[BytefedError], also: str = "") -> str:
    """Say what helps a run that lacks boards, by the error that most of them failed with.

    Args:
        troubles: The last error of each board that failed.
        also: The end of the sentence where boards are only away: what else helps.
    """
    code, count = Counter(error.code for error in troubles).most_common(1)[0] if troubles else ("", 0)
    cause = next((error for error in troubles if error.code == code), None)
    if cause is None or isinstance(cause, (LinkError, ProtocolError)):
        return f"See to the boards named above, then continue: `bytefed run --resume DIR`{also}."
    then = "" if code in _FOR_GOOD else " Then continue: `bytefed run --resume DIR`."
    return f"{counted(count, 'board')} failed with {code}. {cause.remedy}{then}"
