"""Looks at how loud it is during a capture: what they come to, and when they say that a board is deaf."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle, islice

import pytest

from bytefed.device.loudness import Loudness, decibels
from bytefed.protocol.message import Levelled

Told = tuple[int, int] | None
EACH = 0.5  # seconds from one look to the next


def level(told: Told) -> Levelled | None:
    return None if told is None else Levelled(*told)


def looks_until_deaf(answers: Iterable[Told], *, waits: bool) -> int | None:
    """The looks after which a board is deaf; None for never."""
    loudness = Loudness()
    for number, told in enumerate(answers):
        loudness.add(level(told), 100 + EACH * number, over=False)
        if loudness.is_deaf(waits=waits):
            return number
    return None


def test_decibels_are_below_the_loudest_sound() -> None:
    assert decibels(32_768) == 0
    assert decibels(328) == pytest.approx(-40, abs=0.02)
    assert decibels(0) is None


def test_no_sound_at_all_for_a_second_is_deafness_whatever_a_capture_waits_for() -> None:
    for waits in (False, True):
        assert looks_until_deaf([(0, 0)] * 100, waits=waits) == 2
        assert looks_until_deaf([(500, 0), (500, 0), *[(0, 0)] * 100], waits=waits) == 4


@pytest.mark.parametrize("constant", [(64, 0), (10_362, 0), (32_767, 65_535)])
def test_one_value_for_ten_seconds_is_deafness_where_somebody_speaks(constant: Told) -> None:
    """A capture that does not wait for words may well be of a room in which nothing changes."""
    assert looks_until_deaf([constant] * 100, waits=True) == 20
    assert looks_until_deaf([constant] * 100, waits=False) is None


@pytest.mark.parametrize(
    "answers",
    [
        [(12, 0), (13, 0)],  # a quiet room
        [(15, 0)],  # a quieter one, in which the peak of the last word no longer fades
        [(0, 0), (1, 0)],
        [(32_768, 100), (32_768, 200)],  # somebody who shouts
        [None],  # a board that keeps it to itself
    ],
)
def test_what_changes_is_heard(answers: list[Told]) -> None:
    for waits in (False, True):
        assert looks_until_deaf(islice(cycle(answers), 100), waits=waits) is None


def test_the_peak_of_a_capture_outlives_it() -> None:
    loudness = Loudness()
    told = [
        loudness.add(level(each), number, over=number == 3)
        for number, each in enumerate([(900, 2), (30_000, 50), (700, 50), (1, 51)])
    ]
    assert told == [Levelled(900, 2), Levelled(30_000, 50), Levelled(700, 50), Levelled(700, 51)]
    assert loudness.add(None, 4, over=True) is None
