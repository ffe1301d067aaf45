"""The host handles every answer of SPEC 4.1: it makes each request of a board of the core in each state."""

from __future__ import annotations

import asyncio
import random

import pytest
from scripted_board import run_fast
from state_table import CHUNK, HEAD, RECORDS, REQUESTS, Cell, StatedBoard, cells

from bytefed.device.blob import pull, push
from bytefed.device.link import Link
from bytefed.errors import BoardError
from bytefed.protocol.chunks import ChunkPlan, ChunkReceiver
from bytefed.protocol.header import is_data
from bytefed.protocol.message import Kind, Status

STATES = list(dict.fromkeys(cell.state for cell in cells()))
PLAN = ChunkPlan(len(HEAD), CHUNK, 2)


class StatedTransport:
    """A board in a state, as a transport; the first data frames from the host can be lost."""

    framing = "ble"
    frame_limit = 200
    rto_floor = 0.05
    uri = "stated:0"

    def __init__(self, board: StatedBoard, lost: int = 0) -> None:
        self.board, self.lost = board, lost
        self.sent = self.received = 0
        self._said: list[bytes] = []

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, data: bytes) -> None:
        self.sent += len(data)
        if is_data(data) and self.lost > 0:
            self.lost -= 1
        else:
            self._said += self.board.give(data)

    async def read(self) -> bytes:
        while not self._said:
            self.board.core.poll(10_000)
            self._said += self.board.core.take_frames()
            await asyncio.sleep(0.01)
        frame = self._said.pop(0)
        self.received += len(frame)
        return frame


def link_to(board: StatedBoard, lost: int = 0, sequence: int | None = None) -> Link:
    link = Link(StatedTransport(board, lost), random.Random(1))
    link.sequence = board.sequence if sequence is None else sequence
    return link


def outcome(call) -> str:
    """`ok`, or the ERROR that the host reports, which has a code and a remedy."""
    try:
        run_fast(call)
    except BoardError as error:
        assert error.code.startswith("E_BOARD_")
        return f"ERROR {error.code.removeprefix('E_BOARD_')}"
    return "ok"


async def asked(link: Link, kind: Kind, body: bytes, flags: int, answer: Kind) -> None:
    await link.request(kind, body, answer, flags=flags)
    link.take_bytes()  # E_LEDGER if a byte has no cause


def expected(cell: Cell) -> str:
    return cell.answers[0] if cell.answers and cell.answers[0].startswith("ERROR") else "ok"


def answer_to(event: str) -> Kind:
    """The answer that the event's row has, where it is no ERROR; DONE comes when the work is done.

    CLASSIFIED comes with the next window.
    """
    if event == "CLASSIFY":
        return Kind.CLASSIFIED
    answers = [cell.answers for cell in cells() if cell.event == event and expected(cell) == "ok"]
    return Kind[answers[0][0]] if answers and answers[0] else Kind.DONE


@pytest.mark.parametrize("state", STATES)
def test_requests(state):
    found = {}
    column = [
        cell for cell in cells() if cell.state == state and cell.event in REQUESTS and cell.event != "GET"
    ]
    for cell in column:
        board = StatedBoard(state)
        kind, body, *flags = REQUESTS[cell.event](board)
        found[str(cell)] = outcome(asked(link_to(board), kind, body, sum(flags), answer_to(cell.event)))
    assert found == {str(cell): expected(cell) for cell in column}
    assert len(found) == 40


# By POLL alone the host learns where a push stands, when the chunks or the final ACK were lost.
PUSHES = {"POLL of the last round": (HEAD, "begun"), "POLL of the last ADD": (RECORDS, "added")}


@pytest.mark.parametrize("event", PUSHES)
@pytest.mark.parametrize("state", STATES)
def test_a_push_that_has_to_ask(state, event):
    (cell,) = [cell for cell in cells() if cell.state == state and cell.event == event]
    board = StatedBoard(state)
    blob, request = PUSHES[event]
    sequence = getattr(board, request)
    link = link_to(board, lost=3)

    async def pushed() -> None:
        extracts = event == "POLL of the last ADD"
        done = await push(link, blob, PLAN, sequence, 0, name="blob", extracts=extracts)
        assert done.status == Status.OK

    assert outcome(pushed()) == expected(cell)


@pytest.mark.parametrize("state", STATES)
def test_a_pull(state):
    (cell,) = [cell for cell in cells() if cell.state == state and cell.event == "GET"]
    board = StatedBoard(state)
    receiver = ChunkReceiver(PLAN)

    async def pulled() -> None:
        await pull(link_to(board), receiver, "delta")

    assert outcome(pulled()) == expected(cell)
    assert receiver.complete == (state == "ready")
