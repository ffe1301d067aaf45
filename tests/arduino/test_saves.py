"""Saves cost no repetitions: a board whose flash stalls it as a chip's does, and rounds as estimated, to the byte."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from booked_device import BookedDevice
from fake_board import FakeBoard
from test_app import FAMILIES, HEAD, LINKS, D, Framing, meet, samples

from bytefed.device.plan import TrainingPlan
from bytefed.ledger.wire_size import CODECS
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import MAX_FRAME, Kind
from bytefed.protocol.serial_frame import encode_serial_frame
from bytefed.transport.base import RTO_FLOORS
from bytefed.transport.inbox import Inbox

STALL = 85  # ms: nRF52840 product specification, NVMC, page erase
HASTE = 10  # the board's clock runs that much faster than the host's, but for its flash
PATIENCE = 60.0  # seconds
MTU = 247
pytestmark = pytest.mark.usefixtures("blank_flash")


class LiveBoard:
    """A transport to a fake board that goes on by itself, in a thread, whatever the host does meanwhile."""

    uri = "live:0"

    def __init__(self, board: FakeBoard, framing: Framing) -> None:
        self.framing = framing
        self.frame_limit = MAX_FRAME if framing == "serial" else MTU - 3
        self.rto_floor = RTO_FLOORS[framing]
        self.sent = self.received = 0
        self._board = board
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._inbox = Inbox()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        self._thread = threading.Thread(target=self._run, args=[asyncio.get_running_loop()], daemon=True)
        self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        board, serial = self._board, self.framing == "serial"
        while not self._stopped.wait(0.001):
            while not self._arrived.empty():
                (board.feed if serial else board.feed_frame)(self._arrived.get())
            board.step(HASTE)
            for item in [board.take()] if serial else board.take_frames():
                if item:
                    loop.call_soon_threadsafe(self._deliver, item)

    def _deliver(self, item: bytes) -> None:
        self.received += len(item)
        self._inbox.put(item)

    async def write(self, data: bytes) -> None:
        self.sent += len(data)
        self._arrived.put(data)

    async def read(self) -> bytes:
        return await self._inbox.get()

    async def close(self) -> None:
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None


async def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_page_is_erased_while_a_host_speaks(fake_boards: Path, family: str) -> None:
    """However long the board takes for a frame: a handshake takes it 40 ms and more."""
    board = FakeBoard(fake_boards / f"fake_{family}.so")
    board.spoil_flash(1)
    ask_info = encode_serial_frame(control_frame(Kind.INFO, 2, b""))

    async def action() -> None:
        device = await meet(board, "serial")
        await device.provision(samples())  # which is to be saved
        board.set("usb_pace", 5)
        erasures = board.get("flash_erasures")
        for _ in range(100):
            board.feed(ask_info)
            board.step()
            board.take()
        assert board.get("flash_erasures") == erasures
        board.step(2000)
        assert board.get("flash_erasures") > erasures

    asyncio.run(action())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("framing", LINKS)
def test_rounds_that_meet_a_save_are_as_estimated(fake_boards: Path, family: str, framing: Framing) -> None:
    """Each round begins when a page is just being erased; every codec, with the time-outs of real links."""
    board = FakeBoard(fake_boards / f"fake_{family}.so", flash_stall=STALL)
    board.spoil_flash(1)  # no page is blank
    board.connect()

    async def action() -> None:
        device = BookedDevice(LiveBoard(board, framing), rng=random.Random(3))
        await device.connect(1)
        await device.provision(samples())
        for number, name in enumerate(CODECS, 1):
            erasures = board.get("flash_erasures")
            await until(lambda: board.get("flash_erasures") > erasures)  # noqa: B023
            plan = TrainingPlan(name, name, epochs=2, batch=8, rate=0.05, seed=1)
            await device.run_round(number, HEAD + np.float32(number) / D, plan)
        assert board.get("flash_writes") > 0
        assert device.take_bytes() == device.take_expected()
        await device.close()

    asyncio.run(action())
