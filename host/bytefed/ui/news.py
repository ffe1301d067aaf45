"""News of boards and runs, from the thread that works with boards to every page that is open (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from threading import Lock
from typing import Any

_MOST_WAITING = 500
"""News that wait for a page; one that does not keep up is cut off, asks again and gets the state of things anew."""
_SILENCE = 15.0  # seconds after which a word is sent, so that a page that is gone is noticed


class News:
    """Passes news to pages; each of them begins with the state of things.

    Args:
        state: Returns the state of things, as JSON has it.
    """

    def __init__(self, state: Callable[[], dict[str, Any]]) -> None:
        self._state = state
        self._pages: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}
        self._lock = Lock()

    def tell(self, kind: str, **facts: Any) -> None:
        """Tell all pages something; from any thread.

        Args:
            kind: Name of the news.
            facts: Values that JSON can hold.
        """
        text = _event(kind, facts)
        with self._lock:
            pages = list(self._pages.items())
        for queue, loop in pages:
            with suppress(RuntimeError):  # the server has ended, and with it the page's loop
                loop.call_soon_threadsafe(self._put, queue, text)

    def close(self) -> None:
        """End the streams of all pages."""
        with self._lock:
            pages = list(self._pages.items())
        for queue, loop in pages:
            loop.call_soon_threadsafe(self._end, queue)

    async def stream(self) -> AsyncIterator[str]:
        """Yield a page's news as the text of an event stream."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        with self._lock:
            self._pages[queue] = asyncio.get_running_loop()
        try:
            yield _event("state", self._state())
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _SILENCE)
                except TimeoutError:
                    text = ": still here\n\n"
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                self._pages.pop(queue, None)

    def _put(self, queue: asyncio.Queue[str | None], text: str) -> None:
        if queue.qsize() < _MOST_WAITING:
            queue.put_nowait(text)
        else:
            self._end(queue)

    def _end(self, queue: asyncio.Queue[str | None]) -> None:
        with self._lock:
            self._pages.pop(queue, None)
        queue.put_nowait(None)


def _event(kind: str, facts: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(facts)}\n\n"
