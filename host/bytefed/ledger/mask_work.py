"""The instructions that a board's processor executes for a secure sum: setup, lanes, masks (docs/cost.md).

An emulator counted them for a head with D = 32 and C = 10, for each codec and for 8 and 64 boards; they are linear in
what goes through the masks: blocks of their streams, words of these, and lanes.
"""

from __future__ import annotations

from bytefed.ledger.wire_size import LinkProfile
from bytefed.ledger.work import SEALED_FRAME
from bytefed.masks.form import Form
from bytefed.masks.neighbours import degree

OWN_POINT, NEIGHBOUR = 1_202_572, 1_215_711
"""Instructions of a board's own point, and of a neighbour's: X25519 each."""
KEY = 13_308
"""Instructions of the key that is shared with a neighbour in a round."""
_DIGEST = 6_122  # for each 128 B that a round's masks are bound to
_BLOCK = 1_813  # for each 64 B of a key's stream
_WHOLE = 21.5  # for a word that is a lane
_DRAWN = 65.5  # for a word that lanes are cut from
_LANE = 44.0  # for each of these lanes
_ENCODED = {"float32": 26.2, "int8": 78.8, "onebit": 67.0, "twobit": 68.8}  # for a value
_SHARED = {"float32": 3_814.3, "int8": 3_896.5}  # for a value that is bounded and gets a share of the noise
_BLOCK_SIZE, _WORD_SIZE, _DIGESTED = 64, 4, 128
_PLAN_SIZE = 28  # bytes beside the head that masks are bound to


def setup_instructions(profile: LinkProfile, boards: int) -> int:
    """Return the instructions of a board's masks before the first round.

    Args:
        profile: The link; a sealed one has its messages sealed.
        boards: Boards in the sum.
    """
    near = degree(boards)
    messages = 1 - (-near // profile.points_per_peers)  # MASK, and PEERS
    return OWN_POINT + near * NEIGHBOUR + messages * SEALED_FRAME * profile.sealed


def encoding_instructions(form: Form) -> float:
    """Return the instructions that make lanes of a delta; with a share of the noise, if it has one."""
    return form.lanes * (_SHARED if form.shares else _ENCODED)[form.codec]


def hiding_instructions(form: Form) -> float:
    """Return the instructions that hide lanes under a board's own mask and those that it shares."""
    words = -(-form.size // _WORD_SIZE)
    mask = _DRAWN * words + _LANE * form.lanes if form.levels else _WHOLE * words
    near = degree(form.boards)
    return (1 + near) * (mask + _BLOCK * -(-form.size // _BLOCK_SIZE)) + near * KEY


def masked_instructions(profile: LinkProfile, form: Form) -> float:
    """Return the instructions that make a hidden delta, and tell the own key once all deltas have come.

    Args:
        profile: The link; a sealed one has its messages sealed.
        form: The form of the delta.
    """
    digest = _DIGEST * -(-(_WORD_SIZE * form.parameters + _PLAN_SIZE) // _DIGESTED)
    return encoding_instructions(form) + digest + hiding_instructions(form) + SEALED_FRAME * profile.sealed
