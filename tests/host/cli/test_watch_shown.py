"""A watch on the screen: a percentage stands beside the label that it belongs to, whatever smoothing makes of it."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from bytefed.cli.watching import Lines, Seat, table
from bytefed.device.watch import Prediction

NAMES = ("five", "six", "seven")
SIX, SEVEN = 1, 2


def a_seat(label: int | None, last: Prediction) -> Seat:
    """A board whose smoothed label is one, and whose last window said another."""
    device: Any = SimpleNamespace(uri="virtual:0", name="b0")
    return Seat(device, 3, NAMES, round_trip=0.002, last=last, label=label)


def of_window(label: int | None, likeliest: int, confidence: float) -> Prediction:
    return Prediction(43, label, likeliest, confidence, 0.914)


def line_of(seat: Seat) -> str:
    shown = io.StringIO()
    Lines(Console(file=shown))(seat)
    return shown.getvalue().strip().partition("virtual:0  ")[2]


def table_of(seat: Seat) -> str:
    shown = io.StringIO()
    Console(file=shown, width=200).print(table([seat]))
    return shown.getvalue().splitlines()[1]


def cells_of(seat: Seat) -> list[str]:
    return re.split(r" {2,}", table_of(seat).strip())[1:-1]


FORMS = [
    (SEVEN, of_window(SEVEN, SEVEN, 0.984), ["seven", "98 %", "43"]),
    (SIX, of_window(SEVEN, SEVEN, 0.984), ["six", "43: seven 98 %"]),
    (None, of_window(SEVEN, SEVEN, 0.984), ["none", "43: seven 98 %"]),
    (None, of_window(None, SEVEN, 0.62), ["none", "43: none, nearest seven 62 %, below 91.4 %"]),
    (SIX, of_window(None, SEVEN, 0.62), ["six", "43: none, nearest seven 62 %, below 91.4 %"]),
    (None, of_window(None, SIX, 1.0), ["none", "43: none, nearest six 100 %, below 91.4 %"]),
]


@pytest.mark.parametrize(("label", "last", "told"), FORMS)
def test_a_percentage_stands_beside_its_label(label: int | None, last: Prediction, told: list[str]) -> None:
    seat = a_seat(label, last)
    *shown, window = told
    assert line_of(seat).split("  ") == [*shown, f"window {window}"]
    cells = cells_of(seat)
    assert [cell for cell in cells if "█" not in cell] == told
    assert ("█" in "".join(cells)) == (len(told) == 3)  # the bar belongs to the percentage beside it
