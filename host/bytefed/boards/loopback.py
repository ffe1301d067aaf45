"""A virtual board in this very process: for tests, and where there are no pseudo-terminals."""

from __future__ import annotations

import asyncio
from typing import Literal

from bytefed._core import VirtualBoard
from bytefed.boards.replay import LOOK
from bytefed.clock import now
from bytefed.protocol.message import MAX_FRAME
from bytefed.transport.base import link_lost
from bytefed.transport.inbox import Inbox


class LoopbackTransport:
    """The firmware's core as the other end: a byte stream, or whole frames as BLE carries them."""

    rto_floor = 2.0  # nothing is ever lost here, but the processor is shared with the board

    def __init__(
        self,
        board: VirtualBoard,
        *,
        name: str = "0",
        framing: Literal["serial", "ble"] = "serial",
        mtu: int = 247,
        key: bytes | None = None,
    ) -> None:
        self.key = key
        self.uri = f"loopback:{name}"
        self.framing: Literal["serial", "ble"] = framing
        self.frame_limit = MAX_FRAME if framing == "serial" else min(MAX_FRAME, mtu - 3)
        self.sent = 0
        self.received = 0
        self._board = board
        self._inbox: Inbox | None = None
        self._work: asyncio.Handle | None = None

    async def open(self) -> None:
        """Be ready at once."""
        self._inbox = Inbox()
        self._pump()

    async def write(self, data: bytes) -> None:
        """Feed the board. Raises LinkError: E_LINK_LOST after `close`."""
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        self.sent += len(data)
        self._tell_time()
        if self.framing == "serial":
            self._board.feed(data)
        else:
            self._board.feed_frame(data)
        self._pump()
        await asyncio.sleep(0)

    def _tell_time(self) -> None:
        """Set the board's clock: it measures silences, and how often it is greeted, by the time that its host has."""
        self._board.set_millis(int(now() * 1000) & 0xFFFF_FFFF)

    def _pump(self) -> None:
        """Let the board work a little, and come back while it has more to do."""
        self._tell_time()
        if self._work is not None:
            self._work.cancel()
            self._work = None
        busy = self._board.poll()
        items = [self._board.take()] if self.framing == "serial" else self._board.take_frames()
        for item in items:
            if item and self._inbox is not None:
                self.received += len(item)
                self._inbox.put(item)
        if busy and self._inbox is not None:
            self._work = asyncio.get_running_loop().call_soon(self._pump)
        elif self._board.senses and self._inbox is not None:
            self._work = asyncio.get_running_loop().call_later(LOOK, self._pump)

    async def read(self) -> bytes:
        """Wait for what the board says. Raises LinkError: E_LINK_LOST after `close`."""
        if self._inbox is None:
            raise link_lost(self.uri, "it is closed")
        return await self._inbox.get()

    async def close(self) -> None:
        """Let go of the board; it keeps its state."""
        if self._inbox is not None:
            inbox, self._inbox = self._inbox, None
            inbox.fail(link_lost(self.uri, "it is closed"))
        if self._work is not None:
            self._work.cancel()
            self._work = None
