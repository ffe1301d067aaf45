"""A board that follows a script instead of SPEC.md, and a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from bytefed.protocol.header import control_frame
from bytefed.protocol.message import (
    HEADER_SIZE,
    PROTOCOL_VERSION,
    Accept,
    Board,
    Done,
    Hello,
    Kind,
    Result,
    Stored,
    Welcome,
)
from bytefed.transport.base import link_lost
from bytefed.transport.inbox import Inbox

UID = 0x1122334455667788
Answers = list[bytes]


class ScriptedBoard:
    """A transport of whole frames; `answers` maps a kind to what is said to it. None in `answers`: silence."""

    framing: Literal["serial", "ble"] = "ble"
    frame_limit = 200
    rto_floor = 0.05
    uri = "scripted:0"

    def __init__(self, **answers: Callable[[bytes], Answers]) -> None:
        self.sent = self.received = 0
        self.heard: list[bytes] = []
        self.opened = 0
        self._inbox: Inbox | None = None
        self._answers: dict[str, Callable[[bytes], Answers]] = {
            "HELLO": self.welcome,
            "INFO": lambda f: [answer(f, Kind.BOARD, Board(UID, 0, 4, 2, 0).pack())],
            "STORE": lambda f: [answer(f, Kind.STORED, stored(train=3))],
            "CONFIG": lambda f: [answer(f, Kind.CONFIGURED)],
            "NEXT": lambda f: [],
            "RELEASE": lambda f: [answer(f, Kind.RELEASED)],
            "BEGIN": lambda f: [answer(f, Kind.ACCEPT, Accept(2, 0, 1).pack())],
            **answers,
        }

    @staticmethod
    def welcome(frame: bytes, **changes: int) -> Answers:
        hello = Hello.unpack(frame[2:])
        fields = {"version": PROTOCOL_VERSION, "state": 0, "boot": 5, "round": 0, "nonce": hello.nonce}
        return [
            answer(
                frame, Kind.WELCOME, Welcome(**{**fields, "frame_limit": 200, "window": 8, **changes}).pack()
            )
        ]

    async def open(self) -> None:
        self._inbox = Inbox()
        self.opened += 1

    async def write(self, data: bytes) -> None:
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        self.sent += len(data)
        self.heard.append(data)
        for frame in self._answers.get(name_of(data), lambda f: [])(data):
            whole = frame + self._inside(data, frame)
            self.received += len(whole)
            self._inbox.put(whole)

    def _inside(self, request: bytes, frame: bytes) -> bytes:
        """BOARD and STORED, as they follow inside a WELCOME that has room for them."""
        body = frame[HEADER_SIZE:]
        if frame[0] != Kind.WELCOME or len(body) != Welcome.size() or Welcome.unpack(body).frame_limit < 44:
            return b""
        parts = (self._answers[name](request)[0] for name in ("INFO", "STORE"))
        return b"".join(part[HEADER_SIZE:] for part in parts)

    async def read(self) -> bytes:
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        return await self._inbox.get()

    async def close(self) -> None:
        if self._inbox is not None:
            inbox, self._inbox = self._inbox, None
            inbox.fail(link_lost(self.uri, "it is closed"))


def name_of(frame: bytes) -> str:
    if frame[0] & 0x80:
        return "DATA"
    return Kind(frame[0] & 0xF0 if frame[0] & 0x30 else frame[0]).name


def answer(request: bytes, kind: Kind, body: bytes = b"") -> bytes:
    return control_frame(kind, request[1], body)


def error(status: int) -> Callable[[bytes], Answers]:
    return lambda frame: [answer(frame, Kind.ERROR, bytes((status,)))]


def stored(train: int = 0) -> bytes:
    fields = {"capacity": 50, "train": train, "test": 0, "crc": 0, "max_batch": 32, "head": 0}
    return Stored(**fields).pack()


def done(request: bytes, blob: bytes = b"", *, status: int = 0, crc: int = 0) -> bytes:
    return answer(request, Kind.DONE, Done(status, crc).pack() + blob)


def result(request: bytes, blob: bytes = b"", **changes: float) -> bytes:
    fields = {
        "status": 0,
        "num_examples": 3,
        "loss": 1.0,
        "correct": 1,
        "test_correct": 0,
        "duration": 1,
        "crc": 0,
    }
    return answer(request, Kind.RESULT, Result(**{**fields, **changes}).pack() + blob)  # type: ignore[arg-type]


def run_fast(main: Coroutine[Any, Any, object], patience: float = 1000.0) -> object:
    """Run on an event loop that sleeps by moving its clock; nothing here waits for files."""
    loop = asyncio.new_event_loop()
    skipped = 0.0
    real_time, real_select = loop.time, loop._selector.select  # type: ignore[attr-defined]

    def select(timeout: float | None = None) -> object:
        nonlocal skipped
        if timeout:
            skipped += timeout
        return real_select(0)

    loop.time = lambda: real_time() + skipped  # type: ignore[method-assign]
    loop._selector.select = select  # type: ignore[attr-defined]
    try:
        return loop.run_until_complete(asyncio.wait_for(main, patience))
    finally:
        loop.close()
