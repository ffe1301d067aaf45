"""RFC 6298 with a floor, a cap and jitter."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bytefed.timers import RetransmissionTimer


@given(st.floats(0.01, 20), st.integers(0, 12), st.lists(st.floats(0, 30), max_size=20))
def test_bounds(floor: float, attempt: int, measured: list[float]) -> None:
    timer = RetransmissionTimer(floor, random.Random(1))
    for seconds in measured:
        timer.measured(seconds)
    base = timer.timeout()
    assert base >= floor
    assert 0.8 * base <= timer.timeout(attempt) <= 1.2 * max(5.0, base)


def test_it_doubles_up_to_the_cap() -> None:
    timer = RetransmissionTimer(0.1, random.Random(2))
    for attempt, middle in enumerate((1.0, 2.0, 4.0, 5.0, 5.0)):
        assert 0.8 * middle <= timer.timeout(attempt) <= 1.2 * middle


def test_it_learns_the_link() -> None:
    timer = RetransmissionTimer(0.1, random.Random(3))
    for _ in range(50):
        timer.measured(0.2)
    assert 0.3 <= timer.timeout() < 0.31


def test_the_first_measurement_counts_in_full() -> None:
    timer = RetransmissionTimer(0.0, random.Random(4))
    timer.measured(0.4)
    assert timer.timeout() == 0.4 + 4 * 0.2
