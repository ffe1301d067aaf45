"""A queue of received data that waits to be read."""

from __future__ import annotations

import asyncio
from collections import deque

from bytefed.errors import LinkError


class Inbox:
    """A queue with an end: once failed, it gives what it has and then raises.

    Args:
        limit: Items that may wait; None for as many as come.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._items: deque[bytes] = deque()
        self._failure: LinkError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: bytes) -> bool:
        """Add what arrived; whether there was room for it."""
        if self._limit is not None and len(self._items) >= self._limit:
            return False
        self._items.append(item)
        self._wake()
        return True

    def fail(self, error: LinkError) -> None:
        """Say that nothing more will come; the first reason counts."""
        self._failure = self._failure or error
        self._wake()

    @property
    def failure(self) -> LinkError | None:
        """Why nothing more will come."""
        return self._failure

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> bytes:
        """Wait for the next item.

        Raises:
            LinkError: The reason given to `fail`, once there are no more items.
        """
        while not self._items:
            if self._failure:
                raise self._failure
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._items.popleft()
