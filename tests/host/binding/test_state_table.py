"""The core does what each cell of SPEC 4.1 says."""

from __future__ import annotations

from itertools import product

import pytest
from state_table import CONFIG, RUN, SPEC, Cell, StatedBoard, cells, happens, hello

from bytefed.protocol.message import VISIT, Kind

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
    assert len(column) == 60
    assert [found for cell in column if (found := differs(cell))] == []


TAKE_EFFECT = [
    "NEXT of the next round",
    "BEGIN of the next round",
    "ADD of more",
    "LABEL that changes nothing",
]


@pytest.mark.parametrize(
    ("state", "event"),
    # While samples are extracted, an ADD of more begins with a number that holds only if they are kept.
    [pair for pair in product(STATES[1:], TAKE_EFFECT) if pair != ("extracting", "ADD of more")],
)
def test_a_request_of_another_run_is_answered_as_in_idle(state, event):
    board = StatedBoard(state)
    happens(board, "HELLO of another run")
    board.ask(Kind.CONFIG, CONFIG.pack())
    (cell,) = [
        cell
        for cell in cells()
        if cell.event == event and cell.state == ("capturing" if state == "capturing" else "idle")
    ]
    assert tuple(happens(board, event)) == cell.answers
    assert board.state() == cell.after


@pytest.mark.parametrize("run", [RUN, RUN + 1, VISIT])
@pytest.mark.parametrize("state", STATES[1:])
def test_hello_forgets_what_was_asked(state, run):
    board = StatedBoard(state)
    board.ask(Kind.HELLO, hello(run))
    assert happens(board, "POLL of the last round") == ["ERROR NOT_RECEIVED"]
    assert happens(board, "POLL of the last ADD") == ["ERROR NOT_RECEIVED"]
    assert happens(board, "GET") == ["ERROR BUSY"]
    assert happens(board, "the work is done") == []


@pytest.mark.parametrize("state", ["training", "ready"])
def test_a_round_goes_on_when_it_is_asked_for_again(state):
    board = StatedBoard(state)
    board.ask(Kind.HELLO, hello())
    answers = happens(board, "NEXT of the last round again") + happens(board, "the work is done")
    assert answers == ["DONE"]
    assert happens(board, "GET") == ["chunks"]


def test_the_table_has_these_states():
    assert sorted({cell.state for cell in cells()}) == sorted(STATES)
    assert {cell.after for cell in cells()} <= set(STATES)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("| ERROR STALE_ROUND |", "| ERROR BUSY |"),
        ("| final ACK → training |", "| final ACK → ready |"),
        ("| - → extracting |", "| final ACK → extracting |"),
        ("| ACCEPT + DONE |", "| ACCEPT |"),
        ("| - → training |", "| DONE → ready |"),
        ("| RELEASED → idle |", "| RELEASED |"),
    ],
)
def test_a_table_that_says_otherwise_is_found_out(said, instead):
    spec = SPEC.read_text(encoding="utf-8")
    assert said in spec
    changed = zip(cells(spec), cells(spec.replace(said, instead, 1)), strict=True)
    (wrong,) = [after for before, after in changed if before != after]
    assert differs(wrong) is not None
