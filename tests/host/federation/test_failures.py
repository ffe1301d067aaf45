"""The remedy of a run that lacks boards follows what most of them failed with."""

from __future__ import annotations

import pytest

from bytefed.errors import BoardError, BytefedError, LinkError, ProtocolError
from bytefed.federation.failures import remedy_of

AWAY = LinkError("E_NO_ANSWER", "It does not answer.", "Look at its cable.")
GO_ON = "`bytefed run --resume DIR`"


@pytest.mark.parametrize(
    "trouble", [None, AWAY, ProtocolError("E_WELCOME", "It says nonsense.", "Flash it.")]
)
def test_boards_that_are_away_are_seen_to_and_the_run_goes_on(trouble: BytefedError | None) -> None:
    told = remedy_of([trouble] if trouble else [], "; or lower --quorum")
    assert told == f"See to the boards named above, then continue: {GO_ON}; or lower --quorum."


def test_most_boards_decide() -> None:
    reset = BoardError("E_BOARD_NO_MASKS", "It was reset.", "All get new masks.")
    told = remedy_of([AWAY, reset, reset])
    assert told == f"2 boards failed with E_BOARD_NO_MASKS. All get new masks. Then continue: {GO_ON}."


@pytest.mark.parametrize("code", ["E_BOARD_NO_NOISE", "E_BOARD_BUDGET_SPENT", "E_DELTA_NOT_FINITE"])
def test_what_comes_back_is_not_continued(code: str) -> None:
    told = remedy_of([BoardError(code, "It refused.", "Do otherwise.")])
    assert told == f"1 board failed with {code}. Do otherwise."
