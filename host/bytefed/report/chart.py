"""The content of charts. svg.py (page) and paper.py (matplotlib) draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: Name of the quantity, without the unit.
        unit: ``B`` is written with kB, MB, GB where numbers are large; ``%`` takes fractions of 1.
        log: Whether it is logarithmic.
        whole: Whether ticks must be whole numbers.
    """

    label: str
    unit: str = ""
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Series:
    """Points to be joined.

    Attributes:
        label: Its name on the chart.
        color: Name of a colour in page.css, without the two dashes.
        x, y: Coordinates, equally many.
        dashed: For what is not measured, such as an estimate.
        wide: For a line in the background that embraces others.
    """

    label: str
    color: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False
    wide: bool = False

    @classmethod
    def through(
        cls, points: Sequence[tuple[float, float]], label: str, color: str, *, wide: bool = False
    ) -> Self:
        """A line through points given as pairs."""
        return cls(label, color, [x for x, _ in points], [y for _, y in points], wide=wide)


@dataclass(frozen=True)
class Chart:
    """Base: a name for files, a title, and what to see in it."""

    name: str
    title: str
    note: str


@dataclass(frozen=True)
class XY(Chart):
    """Lines, over bars that are stacked in the order given.

    Attributes:
        stack: Bars; all have the same x, whole numbers.
        lines: Lines.
        level: A horizontal line: its label and y.
    """

    x: Axis
    y: Axis
    stack: Sequence[Series] = ()
    lines: Sequence[Series] = ()
    level: tuple[str, float] | None = None


@dataclass(frozen=True)
class Bars(Chart):
    """Horizontal bars, one below the other: label, value, colour."""

    axis: Axis
    rows: Sequence[tuple[str, float, str]]


@dataclass(frozen=True)
class Grid(Chart):
    """Cells of a few kinds: rows are boards, columns are rounds.

    Attributes:
        rows: Labels.
        columns: Rounds; a cell stands for one or several.
        kinds: Name and colour of each kind, the order of ``cells``.
        cells: (row, column) to the number of a kind; a cell that is not there stays empty.
    """

    rows: Sequence[str]
    columns: Sequence[int]
    kinds: Sequence[tuple[str, str]]
    cells: Mapping[tuple[int, int], int] = field(default_factory=dict)


def ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Round numbers from below ``low`` to above ``high``, about ``count`` of them."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power * count >= span * 0.999)
    if whole:
        step = max(1, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each decade between two positive numbers, or the powers of ten alone where these are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(decades) > 4 else (1, 3) if len(decades) > 3 else (1, 2, 5)
    found = [factor * 10.0**decade for decade in decades for factor in factors]
    return [value for value in found if low <= value <= high]


def scale_of(unit: str, largest: float) -> tuple[float, str]:
    """By what to divide a value for display, and the unit that it then has."""
    if unit == "%":
        return 0.01, "%"
    if unit == "B":
        for factor, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if largest >= 2 * factor:
                return factor, name
    return 1.0, unit


def titled(axis: Axis, unit: str) -> str:
    """Return the label of an axis, with its unit, and a mark where it is logarithmic."""
    marks = ", ".join(filter(None, (unit, "log" * axis.log)))
    return f"{axis.label} ({marks})" if marks else axis.label


def shown(value: float, unit: str) -> str:
    """A value for a reader, with its unit."""
    if unit == "%":
        return f"{100 * value:.2f} %"
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {unit}".rstrip()
