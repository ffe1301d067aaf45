"""Ctrl-C during a run: the first ends it after the round under way, the second at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from bytefed.waiting import interrupts


async def interruptible(work: Coroutine[None, None, bool], stop: Callable[[], None]) -> bool:
    """Do the work of a run, for which the first Ctrl-C calls `stop` and the second cancels it.

    Returns:
        What the work returned; False where it was cancelled so.

    Raises:
        Exception: What `stop` raised; the work is cancelled then.
    """
    task, loop = asyncio.create_task(work), asyncio.get_running_loop()
    aborted = False
    failures: list[Exception] = []

    def abort() -> None:
        nonlocal aborted
        aborted = True
        task.cancel()

    def stop_or_abort() -> None:
        try:
            stop()
        except (
            Exception
        ) as error:  # whoever is told of it can't be, such as a reader that Ctrl-C has ended as well
            failures.append(error)
            abort()

    with interrupts(lambda: _soon(loop, stop_or_abort), lambda: _soon(loop, abort)):
        try:
            return await task
        except asyncio.CancelledError:
            if failures:
                raise failures[0] from None
            if not aborted:
                raise
            return False


def _soon(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    """Call something in the event loop; a signal handler alone would not wake it."""
    loop.call_soon_threadsafe(action)
