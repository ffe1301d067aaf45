"""The clock that waits and time-outs are measured on: the event loop's."""

from __future__ import annotations

import asyncio


def now() -> float:
    """Return seconds on the event loop's clock, which all waiting goes by and tests may replace."""
    return asyncio.get_running_loop().time()
