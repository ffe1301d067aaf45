"""The core does what each cell of SPEC 4.1 says."""

from __future__ import annotations

import pytest
from state_table import SPEC, Cell, StatedBoard, cells, happens

STATES = ["closed", "idle", "receiving", "training", "ready", "adding", "extracting", "stored", "capturing"]


def differs(cell: Cell) -> str | None:
    """Return how the core differs from the cell, None if it does not."""
    board = StatedBoard(cell.state)
    assert StatedBoard(cell.state).state() == cell.state, "the board is not in the state to begin with"
    answers = tuple(happens(board, cell.event))
    after = board.state()
    if (answers, after) == (cell.answers, cell.after):
        return None
    return f"{cell}: {answers} -> {after}, but SPEC says {cell.answers} -> {cell.after}"


@pytest.mark.parametrize("state", STATES)
def test_each_cell_of_a_state(state):
    column = [cell for cell in cells() if cell.state == state]
    assert len(column) == 34
    assert [found for cell in column if (found := differs(cell))] == []


def test_the_table_has_these_states():
    assert sorted({cell.state for cell in cells()}) == sorted(STATES)
    assert {cell.after for cell in cells()} <= set(STATES)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("| ERROR STALE_ROUND |", "| ERROR BUSY |"),
        ("| final ACK → training |", "| final ACK → ready |"),
        ("| - → extracting |", "| final ACK → extracting |"),
        ("| ACCEPT + RESULT → ready |", "| ACCEPT → ready |"),
    ],
)
def test_a_table_that_says_otherwise_is_found_out(said, instead):
    spec = SPEC.read_text(encoding="utf-8")
    assert said in spec
    changed = zip(cells(spec), cells(spec.replace(said, instead, 1)), strict=True)
    (wrong,) = [after for before, after in changed if before != after]
    assert differs(wrong) is not None
