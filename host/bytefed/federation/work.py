"""The asyncio tasks that a run has under way: started one by one, ended all together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from bytefed.clock import now


class Work:
    """The tasks under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start a task; whoever needs its outcome waits for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the first that ends the run is raised; asyncio would print a trace of each other

    async def end(self) -> None:
        """Cancel what is still under way, and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def collect(tasks: Iterable[asyncio.Task[None]], seconds: float, is_enough: Callable[[], bool]) -> None:
    """Wait for tasks, no longer than some seconds once enough of them are done.

    Args:
        tasks: The tasks; an error of one of them is raised.
        seconds: How long to wait for all of them.
        is_enough: Whether those that are done are enough.
    """
    deadline = now() + seconds
    pending = set(tasks)
    while pending:
        left = deadline - now()
        if left <= 0 and is_enough():
            break
        done, pending = await asyncio.wait(
            pending, timeout=left if left > 0 else None, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()  # whatever is not about one board ends the run
