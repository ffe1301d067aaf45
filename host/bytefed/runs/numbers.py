"""Numbers of runs, and text that readers of CSV files take for numbers: no run's number is one."""

from __future__ import annotations

import re
import secrets

_NUMBER = re.compile(r"[0-9]+(e[0-9]+)?", re.IGNORECASE)
_NO_DIGITS = frozenset("abc")  # no language writes numbers with these; Java ends some with d or f, R has 1d5


def reads_as_number(text: str) -> bool:
    """Return whether a reader takes text for a number, such as 01234567, or 12e45678, which is infinite."""
    return _NUMBER.fullmatch(text) is not None


def new_run() -> int:
    """Return a random number for a run, 1 to 2^32 - 1; a board that meets a new number forgets the round it knows."""
    return readable(secrets.randbelow(2**32 - 1) + 1)


def readable(run: int) -> int:
    """Return a run's number in a form that no reader takes for a number: its last digit is a where none was a, b or c.

    Four numbers in five stay as they are.

    Args:
        run: 1 to 2^32 - 1.
    """
    return run if _NO_DIGITS & {*f"{run:08x}"} else run & ~0xF | 0xA
