"""An event loop whose clock jumps: waiting takes no time, and every run is the same to the last event."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StuckError(Exception):
    """Nothing is left that could ever happen, or far too much has happened."""


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting for files, of which there are none, it moves the clock."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        self.loop.advance(timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its `time` starts at 0 and stands still while anything can run."""

    def __init__(self) -> None:
        selector = _NoWaiting()
        selector.loop = self
        self._now = 0.0
        self._turns = 0
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def advance(self, timeout: float | None) -> None:
        self._turns += 1
        if timeout is None or self._turns > 3_000_000:
            raise StuckError(f"after {self._now:.1f} s and {self._turns} turns of the loop")
        self._now += timeout


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a virtual clock, and cancel what it left behind."""
    loop = VirtualTimeLoop()
    try:
        task = loop.create_task(main)
        return loop.run_until_complete(task)
    finally:
        loop._turns = 0
        loop.run_until_complete(_end_others())
        loop.close()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
