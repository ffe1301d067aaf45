"""Puts together how loud a board's microphone is told to be during a capture (SPEC 3: LEVEL)."""

from __future__ import annotations

import math

from bytefed.protocol.message import Levelled

_LOUDEST = 32_768
_SILENT = 1.0
"""Seconds without any sound: a microphone has noise of its own, so there is none."""
_STILL = 10.0
"""Seconds at one level: in a quiet room the largest sample may be the same for a while, until a word comes."""
_QUIET = 64
"""Below it a level stands still in a quiet room: a board's peak fades by a sixteenth of itself, in whole numbers."""


def decibels(peak: int) -> float | None:
    """Return a peak in decibels below the loudest sound that there can be, at most 0; None for no sound.

    Args:
        peak: Of LEVELLED, 0 to 32,768.
    """
    return 20 * math.log10(peak / _LOUDEST) if peak else None


class Loudness:
    """The answers to LEVEL during one capture, and once after it."""

    def __init__(self) -> None:
        self._last: Levelled | None = None
        self._same: Levelled | None = None  # the last answer as it came
        self._since = self._until = 0.0  # seconds: between these all answers were the same

    def add(self, told: Levelled | None, at: float, *, over: bool) -> Levelled | None:
        """Take an answer of the board, None for none; return how loud the capture is.

        Args:
            told: The answer.
            at: When it came, in seconds.
            over: Whether the capture was over before it: then its peak may be that of sound after it.
        """
        if told != self._same:
            self._same, self._since = told, at
        self._until = at
        if told is not None and self._last is not None and over:
            told = Levelled(max(told.peak, self._last.peak), told.clipped)
        self._last = told or self._last
        return told

    def is_deaf(self, *, waits: bool) -> bool:
        """Return whether a board has no microphone that hears: nothing that it told has changed for too long.

        Args:
            waits: Whether the board waits for words, which somebody is about to say.
        """
        if self._same is None:
            return False
        same = self._until - self._since
        if self._same.peak == 0:
            return same >= _SILENT
        return waits and same >= _STILL and self._same.peak >= _QUIET
