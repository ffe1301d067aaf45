"""Virtual boards that live on while one command after the other visits them: behind pseudo-terminals, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bytefed._core import VirtualBoard
from bytefed.boards.virtual import (
    BoardKind,
    PtyBoard,
    board_uid,
    load_extractor,
    load_recording,
    make_board,
    serve_boards,
)


@dataclass(frozen=True)
class Living:
    """A board that lives: its uid, and the URI at which it is reached without a key."""

    board: VirtualBoard
    uid: str
    uri: str


@contextmanager
def living_boards(count: int, kind: BoardKind) -> Iterator[list[Living]]:
    """Give that many boards, which end with the block."""
    extractor = load_extractor(kind)
    recording = load_recording(kind, extractor)
    uids = [board_uid(0, index) for index in range(count)]
    ports = [PtyBoard(make_board(kind, uid, extractor, recording), None) for uid in uids]
    stop = threading.Event()
    server = threading.Thread(target=serve_boards, args=(ports, stop.is_set))
    server.start()
    try:
        yield [
            Living(port.board, f"{uid:016x}", f"serial:{port.port}")
            for port, uid in zip(ports, uids, strict=True)
        ]
    finally:
        stop.set()
        server.join()
        for port in ports:
            port.close()
