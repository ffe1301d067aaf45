"""Charts as SVG inside the page: drawn for a phone's width, coloured by the page's style sheet.

All text is drawn at the size at which a phone shows it; wider screens put charts side by side instead of enlarging
them.
Tooltips are <title> elements, so that they need no script.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from bytefed.report.chart import (
    XY,
    Axis,
    Bars,
    Chart,
    Grid,
    Series,
    log_ticks,
    scale_of,
    shown,
    ticks,
    titled,
)

WIDTH = 360
HEIGHT = 226
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 24, 40
_LETTER = 7.1
_LONGEST_LABEL = 18
_ROW = 20


def draw(chart: Chart) -> str:
    """A chart as an <svg> element."""
    if isinstance(chart, XY):
        return _Plot(chart).svg()
    if isinstance(chart, Bars):
        return _bars(chart)
    if isinstance(chart, Grid):
        return _grid(chart)
    raise TypeError(chart)


def legend(chart: Chart) -> list[tuple[str, str, str]]:
    """The names of a chart's colours, to stand above it: label, colour and form (box, line or dash)."""
    if isinstance(chart, Grid):
        return [(label, color, "box") for label, color in chart.kinds if label]
    if not isinstance(chart, XY):
        return []
    boxes = [(series.label, series.color, "box") for series in chart.stack]
    lines = [(s.label, s.color, "dash" if s.dashed else "line") for s in chart.lines if s.label]
    level = [(chart.level[0], "ink", "dash")] if chart.level else []
    found = [*boxes, *lines, *level]
    return found if len(found) > 1 else []


def _n(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")


def _text(x: float, y: float, text: str, css: str = "", anchor: str = "start") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"{kind}>{escape(text)}</text>'


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {_n(height)}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


class _Plot:
    """Lines and stacked bars between two axes."""

    def __init__(self, chart: XY) -> None:
        self._chart = chart
        self._right = WIDTH - _RIGHT
        self._bottom = HEIGHT - _BOTTOM
        self._sums = _stacked(chart.stack)
        self._x_ticks, self._x_low, self._x_high = self._x_range()
        self._y_ticks, self._y_low, self._y_high = self._y_range()

    def svg(self) -> str:
        """The whole chart."""
        parts = [*self._axes(), *self._stack(), *self._lines(), *self._tips()]
        return _svg(HEIGHT, f"{self._chart.title}. {self._chart.note}", parts)

    def _x_range(self) -> tuple[list[float], float, float]:
        values = [value for series in (*self._chart.stack, *self._chart.lines) for value in series.x]
        low, high = min(values), max(values)
        if self._chart.stack:
            half = self._half_bar()
            low, high = low - half, high + half
        elif not self._chart.x.log and not self._chart.x.whole:
            low = 0
        if self._chart.x.log:
            low, high = max(low, 1.0), max(high, 2.0)
            return log_ticks(low, high), low, high
        high = high if high > low else low + 1
        found = ticks(low, high, 5, whole=self._chart.x.whole)
        return [tick for tick in found if low <= tick <= high], low, high

    def _y_range(self) -> tuple[list[float], float, float]:
        values = [value for series in self._chart.lines for value in series.y]
        values += [value for low, high in self._sums for value in (*low, *high)]
        values += [self._chart.level[1]] if self._chart.level else []
        low, high = min(values), max(values)
        if self._chart.y.unit == "%":
            high = min(max(high, low + 0.02), 1.0) if high <= 1 else high
            found = ticks(low, high, 5)
        else:
            found = ticks(
                min(low, 0), max(high, 1 if self._chart.y.whole else 0), 4, whole=self._chart.y.whole
            )
        return found, found[0], found[-1]

    def _half_bar(self) -> float:
        x = self._chart.stack[0].x
        return min((b - a for a, b in pairwise(x)), default=1) / 2

    def _at_x(self, value: float) -> float:
        low, high = self._x_low, self._x_high
        if self._chart.x.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, 1.0))
        return _LEFT + (self._right - _LEFT) * (value - low) / (high - low)

    def _at_y(self, value: float) -> float:
        return self._bottom - (self._bottom - _TOP) * (value - self._y_low) / (self._y_high - self._y_low)

    def _axes(self) -> list[str]:
        chart = self._chart
        y_scale, y_unit = scale_of(chart.y.unit, max(abs(self._y_low), abs(self._y_high)))
        x_scale, x_unit = scale_of(chart.x.unit, self._x_high)
        parts = [_text(0, 12, titled(chart.y, y_unit), "axis")]
        parts.append(_text(self._right, HEIGHT - 4, titled(chart.x, x_unit), "axis", "end"))
        for tick in self._y_ticks:
            y = self._at_y(tick)
            kind = "base" if tick == 0 or tick == self._y_ticks[0] else "grid"
            parts.append(f'<path class="{kind}" d="M{_LEFT} {_n(y)}H{_n(self._right)}"/>')
            parts.append(_text(_LEFT - 6, y + 4, _tick(tick, y_scale), "tick", "end"))
        parts += [
            _text(self._at_x(tick), self._bottom + 17, _tick(tick, x_scale), "tick", "middle")
            for tick in self._x_ticks
        ]
        return parts

    def _stack(self) -> list[str]:
        parts = []
        for series, (lows, highs) in zip(self._chart.stack, self._sums, strict=True):
            half = self._half_bar()
            width = self._at_x(self._x_low + 2 * half) - _LEFT
            gap = min(width * 0.2, 2) / 2 if width > 4 else 0
            shapes = []
            for x, low, high in zip(series.x, lows, highs, strict=True):
                if high != low:
                    left, right = self._at_x(x - half) + gap, self._at_x(x + half) - gap
                    shapes.append(
                        f"M{_n(left)} {_n(self._at_y(low))}V{_n(self._at_y(high))}H{_n(right)}V{_n(self._at_y(low))}z"
                    )
            parts.append(f'<path d="{"".join(shapes)}" fill="var(--{series.color})"/>')
        return parts

    def _lines(self) -> list[str]:
        parts = []
        if self._chart.level:
            y = self._at_y(self._chart.level[1])
            parts.append(
                f'<path class="line dashed" stroke="var(--ink)" d="M{_LEFT} {_n(y)}H{_n(self._right)}"/>'
            )
        for series in self._chart.lines:
            css = "line" + " dashed" * series.dashed + " wide" * series.wide
            points = [
                f"{_n(self._at_x(x))} {_n(self._at_y(y))}" for x, y in zip(series.x, series.y, strict=True)
            ]
            color = f"var(--{series.color})"
            if len(points) == 1:
                left, top = points[0].split()
                parts.append(f'<circle cx="{left}" cy="{top}" r="3.5" fill="{color}"/>')
            parts.append(f'<path class="{css}" stroke="{color}" d="M{"L".join(points)}"/>')
        return parts

    def _tips(self) -> list[str]:
        """The text that is shown when a pointer rests on a bar or a point."""
        chart = self._chart
        if chart.stack:
            return self._bar_tips()
        return [
            f'<circle class="tip" cx="{_n(self._at_x(x))}" cy="{_n(self._at_y(y))}" r="5"><title>'
            f"{escape(series.label)}: {shown(y, chart.y.unit)}, {_where(chart.x, x)}</title></circle>"
            for series in chart.lines
            if not series.wide
            for x, y in zip(series.x, series.y, strict=True)
        ]

    def _bar_tips(self) -> list[str]:
        chart, half, tips = self._chart, self._half_bar(), []
        width = _n(self._at_x(self._x_low + 2 * half) - _LEFT)
        for index, x in enumerate(chart.stack[0].x):
            values = [
                f"{escape(series.label)}: {shown(series.y[index], chart.y.unit)}"
                for series in (*chart.stack, *chart.lines)
                if index < len(series.x) and series.x[index] == x
            ]
            tips.append(
                f'<rect class="tip" x="{_n(self._at_x(x - half))}" y="{_TOP}" width="{width}" '
                f'height="{_n(self._bottom - _TOP)}"><title>{_where(chart.x, x)}\n'
                + "\n".join(values)
                + "</title></rect>"
            )
        return tips


def _where(axis: Axis, value: float) -> str:
    return f"{axis.label} {value:g}" if axis.whole else shown(value, axis.unit)


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def _tick(value: float, scale: float) -> str:
    number = value / scale
    return f"{round(number, 6):,.10g}" if abs(number) < 1e6 else f"{number:.3g}"


def _stacked(stack: Sequence[Series]) -> list[tuple[list[float], list[float]]]:
    """Lower and upper edge of each bar."""
    if not stack:
        return []
    edges, base = [], [0.0] * len(stack[0].x)
    for series in stack:
        top = [low + value for low, value in zip(base, series.y, strict=True)]
        edges.append((base, top))
        base = top
    return edges


def _bars(chart: Bars) -> str:
    """One line for each bar: name, bar, value."""
    rows = chart.rows
    most = max((value for _, value, _ in rows), default=0) or 1
    names = 10 + _LETTER * max((len(_short(label)) for label, _, _ in rows), default=0)
    values = 6 + _LETTER * max((len(shown(value, chart.axis.unit)) for _, value, _ in rows), default=0)
    room = WIDTH - names - values
    parts = []
    for index, (label, value, color) in enumerate(rows):
        y = _ROW * index
        css = "" if value else "none"
        parts.append(_text(0, y + 14, _short(label), css))
        width = max(room * value / most, 1.5 if value else 0)
        parts.append(
            f'<rect x="{_n(names)}" y="{y + 4}" width="{_n(width)}" height="{_ROW - 8}" rx="1.5" fill="var(--{color})">'
            f"<title>{escape(label)}: {shown(value, chart.axis.unit)}</title></rect>"
        )
        parts.append(_text(WIDTH, y + 14, shown(value, chart.axis.unit), f"{css} value", "end"))
    return _svg(_ROW * len(rows) + 2, f"{chart.title}. {chart.note}", parts)


def _grid(chart: Grid) -> str:
    """Cells; one path for each kind, so that thousands of them are a few elements."""
    columns, rows = max(len(chart.columns), 1), max(len(chart.rows), 1)
    left, top = 52, 4
    height = min(max(140 / rows, 3.0), 14.0)
    width = (WIDTH - left - 4) / columns
    inset = 0.5 if width > 5 and height > 5 else 0
    across = width - 2 * inset
    shapes: dict[int, list[str]] = {}
    for (row, column), kind in sorted(chart.cells.items()):
        x, y = left + column * width, top + row * height
        shapes.setdefault(kind, []).append(
            f"M{x + inset:.2f} {y + inset:.2f}h{across:.2f}v{height - 2 * inset:.2f}h-{across:.2f}z"
        )
    bottom = top + rows * height
    every = math.ceil(13 / height)
    parts = [
        _text(left - 6, top + index * height + height / 2 + 4, label, "tick", "end")
        for index, label in enumerate(chart.rows)
        if index % every == 0
    ]
    parts += [
        f'<path d="{"".join(paths)}" fill="var(--{chart.kinds[kind][1]})"/>' for kind, paths in shapes.items()
    ]
    step = math.ceil(columns / 6)
    parts += [
        _text(left + (index + 0.5) * width, bottom + 15, str(number), "tick", "middle")
        for index, number in enumerate(chart.columns)
        if index % step == 0
    ]
    parts.append(_text(WIDTH - 4, bottom + 32, "round", "axis", "end"))
    return _svg(bottom + 36, f"{chart.title}. {chart.note}", parts)
