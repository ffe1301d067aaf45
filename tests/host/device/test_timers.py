"""Time-outs by RFC 6298 with a floor, a cap and jitter."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bytefed.device.timers import RetransmissionTimer


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


def test_the_floor_is_the_least_margin() -> None:
    timer = RetransmissionTimer(0.1, random.Random(5))
    timer.measured(1.0)
    assert timer.timeout() == 1.0 + 4 * 0.5


def test_what_may_be_lost_in_a_row_is_waited_out() -> None:
    timer = RetransmissionTimer(0.1, random.Random(6))
    timer.measured(0.02)
    assert timer.timeout(answers=4) == 4 * 0.02 + 0.1


def test_answers_that_grow_slower_are_learned() -> None:
    """Karn's rule alone would ask too early for ever."""
    timer = RetransmissionTimer(0.02, random.Random(7))
    timer.measured(0.001)
    for _ in range(20):
        attempt = 0
        while (patience := timer.timeout(attempt)) < 0.5:
            attempt += 1
        if attempt == 0:  # answered before it was asked again
            timer.measured(0.5)
    assert attempt == 0
    assert 0.5 < patience < 1.5
