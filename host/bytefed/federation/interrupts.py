"""Ctrl-C during a run: the first ends it after the round under way, the second at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType

from bytefed.federation.coordinator import Coordinator


class Interrupts:
    """Ctrl-C, once: end after the round under way. Twice: end now."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._task: asyncio.Task[bool] | None = None
        self._count = 0

    async def run(self, work: Coroutine[None, None, bool]) -> bool:
        """Whether the work was completed; False where Ctrl-C ended it."""
        self._task = asyncio.create_task(work)
        try:
            return await self._task
        except asyncio.CancelledError:
            if self._count < 2:
                raise
            return False

    def press(self) -> None:
        """Ctrl-C was pressed."""
        self._count += 1
        if self._count == 1:
            self._coordinator.stop()
        elif self._task is not None:
            self._task.cancel()


@contextmanager
def interrupts(coordinator: Coordinator) -> Iterator[Interrupts]:
    """While this holds, Ctrl-C is an orderly matter."""
    interrupts = Interrupts(coordinator)
    loop = asyncio.get_running_loop()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(interrupts.press)

    if threading.current_thread() is not threading.main_thread():
        yield interrupts  # no signals here: a library's user, or a test
        return
    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
