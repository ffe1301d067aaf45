"""The thread in which all work with boards is done: loading data or judging a head there never holds up the page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class BoardThread:
    """A thread with an event loop of its own; to be closed in the end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bytefed boards", daemon=True)
        self._thread.start()

    async def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do work in the thread, and wait for it in the event loop of the caller.

        Cancelling the caller does not cancel the work: a page that is closed does not leave a board half asked.
        """
        return await asyncio.shield(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop)))

    def close(self) -> None:
        """Cancel what is still under way, wait for its end, and end the thread."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
