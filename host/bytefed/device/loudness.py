"""Looks at how loud a board's microphone is during a capture, put together (SPEC 3: LEVEL)."""

from __future__ import annotations

import math

from bytefed.protocol.message import Levelled

_LOUDEST = 32_768


def decibels(peak: int) -> float | None:
    """Return a peak in decibels below the loudest sound that there can be, at most 0; None for no sound.

    Args:
        peak: Of LEVELLED, 0 to 32,768.
    """
    return 20 * math.log10(peak / _LOUDEST) if peak else None


class Loudness:
    """The answers to LEVEL during one capture.

    A board counts values that were cut off from where its windows were last begun anew. It begins them anew once the
    capture is over, where something else hears as well, such as RECORD: then its last answer says nothing of the
    capture, and the ones before it count.
    """

    def __init__(self) -> None:
        self._last: Levelled | None = None

    def add(self, told: Levelled | None, *, over: bool) -> Levelled | None:
        """Take an answer of the board, None for none; return how loud the capture is.

        Args:
            told: The answer.
            over: Whether the capture was over before it: then its peak may be of another one.
        """
        last = self._last
        if told is not None and last is not None:
            peak = max(told.peak, last.peak) if over else told.peak
            told = Levelled(peak, max(told.clipped, last.clipped))
        self._last = told or last
        return told
