"""The clock for waits and time-outs: that of the event loop."""

from __future__ import annotations

import asyncio


def now() -> float:
    """Return the seconds on the event loop's clock, which all waiting uses and tests may replace."""
    return asyncio.get_running_loop().time()
