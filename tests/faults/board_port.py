"""A board that can be reset under the host's hands, behind a port that never closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from bytefed.protocol.header import control_frame, is_data
from bytefed.protocol.message import PROTOCOL_VERSION, Hello, Kind, Next, Release, RoundFlag, State, Status
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame
from bytefed.transport.base import RTO_FLOORS, link_lost
from bytefed.transport.inbox import Inbox

_SILENT = 10_001  # milliseconds after which a session can be taken from another link
MakeBoard = Callable[[int, int], Any]  # uid, boot -> VirtualBoard, or what behaves like one


def starts_round(frame: bytes) -> bool:
    """Whether a frame is a NEXT or a BEGIN."""
    return frame[0] & 0xF0 in (Kind.NEXT, Kind.BEGIN)


class BoardPort:
    """The transport to one board, whose training takes time.

    Args:
        uid: The board's.
        make_board: Switches one on.
        framing, frame_limit: Framing and frame limit of the link.
        key: The key that the board shares with the host, 32 bytes; None for an open board.
        slice_time: Seconds that a slice of training takes.
        forgotten: Called with uid and round when the board lets go of a delta as of one that is stored.
        damaged: Called with the board's name when it says that a blob's CRC-32 is wrong; a sealed one says it so that
            only the host can read it.

    Attributes:
        genuine: Frames that the host has sealed and the board has not had yet, as on the wire. A sealed board drops
            everything else, so it is no request.
        releases: Round of the RELEASE that a sealed frame may hold.
    """

    def __init__(
        self,
        uid: int,
        make_board: MakeBoard,
        *,
        framing: Literal["serial", "ble"] = "serial",
        frame_limit: int = 250,
        key: bytes | None = None,
        slice_time: float = 0.0,
        forgotten: Callable[[int, int], None] = lambda uid, round_: None,
        damaged: Callable[[str], None] = lambda who: None,
    ) -> None:
        self.uri = f"board:{uid}"
        self.framing: Literal["serial", "ble"] = framing
        self.frame_limit = frame_limit
        self.key = key
        self.genuine: set[bytes] = set()
        self.releases = 0
        self.rto_floor = RTO_FLOORS[framing]
        self.sent = 0
        self.received = 0
        self.boot = 0
        self.uid = uid
        self._make_board = make_board
        self._slice_time = slice_time
        self._forgotten = forgotten
        self._damaged = damaged
        self._inbox: Inbox | None = None
        self._work: asyncio.Handle | None = None
        self._image = b""
        self.on_vanishing: Callable[[], None] = lambda: None
        self.reset()

    def reset(self) -> None:
        """Switch the board off and on."""
        self.boot += 1
        self.board = self._make_board(self.uid, self.boot)
        if self._image:
            self.board.load(self._image)
        self._seen = (int(self.board.state), self.board.round)
        self._decoder = SerialDecoder()
        self.opened: int | None = None  # number of the transfer under way
        self._request = bytes(2)  # the last control frame
        self._held = self._seen[1] if self._image else 0  # round whose delta the board has

    def save(self) -> None:
        """Let a board that has flash save its state, if it is at rest."""
        self._image = self.board.save() or self._image

    def greet(self, run: int, begun: int = 0) -> None:
        """Let a stranger say HELLO for a run over the board's other link, and perhaps begin a round.

        Args:
            run: The run of the HELLO.
            begun: The round; 0 for none. What the stranger says of its head is not true.
        """
        hello = Hello(PROTOCOL_VERSION, PROTOCOL_VERSION, run, 0, self.frame_limit)
        frames = [control_frame(Kind.HELLO, 0, hello.pack())]
        if begun and self.key is not None:
            frames.append(control_frame(Kind.NEXT, 1, Next(begun, 0).pack()))  # comes to nothing
        elif begun:
            frames.append(control_frame(Kind.NEXT, 1, Next(begun, 0).pack()))
            self._held = 0
        # The board takes it if the session has said nothing for so long.
        self.board.set_millis(int(asyncio.get_running_loop().time() * 1000) + _SILENT)
        for frame in frames:
            if self.framing == "serial":
                self.board.feed_frame(frame)
            else:
                self.board.feed(encode_serial_frame(frame))
        self._pump()
        _ = self.board.take_frames() if self.framing == "serial" else self.board.take()

    async def open(self) -> None:
        self._inbox = Inbox()

    async def write(self, data: bytes) -> None:
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        self.sent += len(data)
        self._follow(data)
        self.board.set_millis(int(asyncio.get_running_loop().time() * 1000))
        if self.framing == "serial":
            self.board.feed(data)
        else:
            self.board.feed_frame(data)
        self._pump()

    def _follow(self, data: bytes) -> None:
        if self.key is not None:
            if data not in self.genuine:
                return
            self.genuine.discard(data)
        serial = self.framing == "serial"
        decoded = [each.frame or each.bare for each in self._decoder.push(data)] if serial else [data]
        for frame in filter(None, decoded):
            if is_data(frame):
                continue
            self._request = frame
            if starts_round(frame) or frame[0] == Kind.GET:
                self.opened = frame[1] % 4

    def _pump(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None
        loop = asyncio.get_running_loop()
        self.board.set_millis(int(loop.time() * 1000))
        busy = self.board.poll(1)
        self._watch()
        items = [self.board.take()] if self.framing == "serial" else self.board.take_frames()
        for item in items:
            if item and self._inbox is not None:
                self.received += len(item)
                self._inbox.put(item)
                self._listen(item)
        if busy:
            self._work = loop.call_later(self._slice_time, self._pump)

    def _watch(self) -> None:
        before, self._seen = self._seen, (int(self.board.state), self.board.round)
        if self._seen == before:
            return
        if before[0] == State.READY and self._held and self._lets_go():
            self._forgotten(self.uid, self._held)
        trains = starts_round(self._request) and self._request[0] & RoundFlag.TRAIN
        if self._seen[0] != State.READY:
            self._held = 0
        elif before[0] == State.TRAINING or trains:
            self._held = self._seen[1] * bool(trains)

    def _lets_go(self) -> bool:
        """Whether the last request says that the board's delta is stored; else it is of no use to anybody."""
        request, held = self._request, self._held
        if starts_round(request):
            return self._seen[1] > held or not request[0] & RoundFlag.TRAIN
        if request[0] == Kind.RELEASE:
            return (Release.unpack(request[2:]).round if self.key is None else self.releases) == held
        return self._seen == (State.IDLE, held)

    def _listen(self, item: bytes) -> None:
        if self.key is not None:
            return
        if self.framing == "serial":
            frames = [decoded.frame for decoded in SerialDecoder().push(item + b"\0")]
        else:
            frames = [item]
        for frame in filter(None, frames):
            refuses = frame[0] == Kind.ERROR or is_data(frame)
            # With one byte an ACK that is not final looks the same; then the board goes on receiving.
            if refuses and frame[2:] == bytes((Status.BAD_CRC,)) and self.board.state == State.IDLE:
                self._damaged(self.uri)

    async def read(self) -> bytes:
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        return await self._inbox.get()

    @property
    def inbox(self) -> Inbox:
        """What it said and nobody has read yet."""
        assert self._inbox is not None
        return self._inbox

    def vanish(self) -> None:
        """Take the port away, under whoever has it open; the board is reset."""
        if self._inbox is not None:
            self._inbox.fail(link_lost(self.uri, "it is gone"))
            self.on_vanishing()
        self.reset()

    async def close(self) -> None:
        self.end()

    def end(self) -> None:
        """Close the port."""
        if self._inbox is not None:
            inbox, self._inbox = self._inbox, None
            inbox.fail(link_lost(self.uri, "it is closed"))
