"""How long to wait for an answer."""

from __future__ import annotations

import random

_INITIAL = 1.0  # seconds, before anything was measured (RFC 6298, section 2.1)
_CAP = 5.0
_JITTER = 0.2

SAVING_FLOOR = 0.25
"""Seconds, the least margin for a board that keeps its state in flash: while it erases a page it hears nothing, 85 ms
on the nRF52840 (product specification, NVMC), and with its radio on it may first have to wait for a gap."""


class RetransmissionTimer:
    """The retransmission time-out of RFC 6298: what answers take, and a margin of four variations or the floor.

    A link whose answers grow slower than the time-out would be asked too early for ever, since an answer that was
    asked for twice measures nothing; so a time-out that was backed off stays so until something is measured
    (section 5.7 and Karn & Partridge 1987).

    Args:
        floor: Seconds, the least margin; set by the link, which may set another.
        rng: Source of the jitter that keeps many boards from asking in step.
    """

    def __init__(self, floor: float, rng: random.Random) -> None:
        self.floor = floor
        self._rng = rng
        self._smoothed: float | None = None
        self._variation = 0.0
        self._backoff = 0

    def timeout(self, attempt: int = 0, *, answers: int = 1) -> float:
        """Return seconds to wait at an attempt, 0 the first; doubles with each, up to a cap.

        Of so many answers that come one behind the other, one is enough: the others may be lost.
        """
        if self._smoothed is None:
            base = max(_INITIAL, self.floor)
        else:
            base = answers * self._smoothed + max(self.floor, 4 * self._variation)
        self._backoff = max(self._backoff, attempt)
        if self._backoff == 0:
            return base
        backed_off = min(base * 2.0**self._backoff, max(_CAP, base))
        return backed_off * self._rng.uniform(1 - _JITTER, 1 + _JITTER)

    def measured(self, seconds: float) -> None:
        """Take note of how long an answer took that was asked for only once (Karn's rule)."""
        self._backoff = 0
        if self._smoothed is None:
            self._smoothed, self._variation = seconds, seconds / 2
            return
        self._variation += (abs(self._smoothed - seconds) - self._variation) / 4
        self._smoothed += (seconds - self._smoothed) / 8


class LinkTimers:
    """The time-outs of one link, by what is waited for.

    Args:
        floor: Seconds, the least margin that the link itself takes.
        rng: Source of the jitter.

    Attributes:
        requests: For answers to requests.
        acks: For ACKs of chunks that were sent.
        chunks: For chunks that were asked for.
        results: For RESULT, beyond the wait that the board announced.
    """

    def __init__(self, floor: float, rng: random.Random) -> None:
        self._floor = floor
        self.requests = RetransmissionTimer(floor, rng)
        self.acks = RetransmissionTimer(floor, rng)
        self.chunks = RetransmissionTimer(floor, rng)
        self.results = RetransmissionTimer(floor, rng)
        self.expect(saving=True)  # until the board has said what it is

    def expect(self, *, saving: bool) -> None:
        """Give all answers the time that a board takes which may be writing to flash, or only what the link takes."""
        for timer in (self.requests, self.acks, self.chunks, self.results):
            timer.floor = max(SAVING_FLOOR, self._floor) if saving else self._floor
