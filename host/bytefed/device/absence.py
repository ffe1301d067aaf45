"""Tells that a board is away for longer than a moment, why, and when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bytefed.errors import BytefedError
from bytefed.transport.base import Transport, trouble_of

_QUIET = 1.0  # seconds without a board before that is told

OnAway = Callable[[BytefedError | None], None]
"""Is told what keeps a board away that is waited for, and None when it is back."""


@asynccontextmanager
async def absence_told(transport: Transport, trouble: BytefedError, on_away: OnAway) -> AsyncIterator[None]:
    """Tell what keeps a board away, each reason once, as long as the work inside lasts; and None after it.

    Args:
        transport: The way to the board; it may know better what is the matter.
        trouble: The error that began it.
        on_away: Is told; not at all where the board is back within a moment.
    """
    told: list[str] = []

    async def tell() -> None:
        while True:
            await asyncio.sleep(_QUIET)
            why = trouble_of(transport) or trouble
            if why.code not in told:
                told.append(why.code)
                on_away(why)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
    if told:
        on_away(None)
