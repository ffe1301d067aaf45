"""Charts for print: PNG at 300 dpi, or SVG whose text stays text, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytefed.errors import ConfigError
from bytefed.report.chart import XY, Bars, Chart, Grid, scale_of, titled
from bytefed.runs.directory import coded_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 3.5, 2.4
"""Inches; the width of one column of a two-column paper."""
_COLORS = {
    "s0": "#0067a5", "s1": "#b85a00", "s2": "#00805d", "s3": "#a84a86",
    "s4": "#8a6d00", "s5": "#2b8fc9", "s6": "#b3261e", "s7": "#5d5d5d",
    "payload_down": "#0067a5", "payload_up": "#66b3e0",
    "header": "#00805d", "crc": "#39a785", "stuffing": "#85ccb3", "padding": "#bfe3d7",
    "ack": "#c08bb0", "control": "#8b3a6e", "seal": "#6b5fb5", "handshake": "#b3aae0",
    "retransmission": "#d55e00", "probe": "#eda84c", "junk": "#7a3b1d",
    "bad": "#b3261e", "rejected": "#1b1f24", "late": "#8b3a6e", "clean": "#dfe8e4",
    "frontier": "#e0b84a", "bar": "#9ccbea", "ink": "#1b1f24",
}  # fmt: skip
_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "svg.fonttype": "none",
    "svg.hashsalt": "bytefed",  # the same figures give the same file
    "text.parse_math": False,  # names come from files: a dollar sign is a dollar sign
}


def _color(name: str) -> str:
    """Return the colour of a series; a cause that has none of its own yet is grey."""
    return _COLORS.get(name, _COLORS["s7"])


def write(directory: Path, kind: str, drawn: Iterable[tuple[str, Chart]]) -> list[Path]:
    """Write charts as files.

    Args:
        directory: Is made.
        kind: ``png`` or ``svg``.
        drawn: File name, without its suffix, and chart.

    Returns:
        The files written.

    Raises:
        ConfigError: E_EXTRA_MISSING without matplotlib.
        StoreError: E_DISK_FULL, E_RUN_READ_ONLY or E_RUN_IO.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ConfigError(
            "E_EXTRA_MISSING", f"--{kind} needs matplotlib.", "Run: pip install matplotlib"
        ) from error
    with coded_errors(directory, f"--{kind}", "say it again"), mpl.rc_context(_STYLE):
        directory.mkdir(parents=True, exist_ok=True)
        return [_write(directory / f"{name}.{kind}", chart) for name, chart in drawn]


def _write(path: Path, chart: Chart) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    if isinstance(chart, XY):
        _plot(axes, chart)
    elif isinstance(chart, Bars):
        _bars(axes, chart)
    elif isinstance(chart, Grid):
        _grid(axes, chart)
    axes.set_title(chart.title, loc="left", fontweight="bold")
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=300, metadata=metadata)
    return path


def _plot(axes: Axes, chart: XY) -> None:
    series = [*chart.stack, *chart.lines]
    x_scale, x_unit = scale_of(chart.x.unit, max(max(one.x) for one in series))
    y_scale, y_unit = scale_of(chart.y.unit, _highest(chart))
    base = [0.0] * len(chart.stack[0].x) if chart.stack else []
    for one in chart.stack:
        x = [value / x_scale for value in one.x]
        y = [value / y_scale for value in one.y]
        gap = min((b - a for a, b in pairwise(x)), default=1.0)
        axes.bar(x, y, bottom=base, width=0.9 * gap, color=_color(one.color), label=one.label, linewidth=0)
        base = [low + value for low, value in zip(base, y, strict=True)]
    for one in chart.lines:
        axes.plot(
            [value / x_scale for value in one.x],
            [value / y_scale for value in one.y],
            color=_color(one.color),
            label=one.label or None,
            linestyle="--" if one.dashed else "-",
            linewidth=6 if one.wide else 1.2,
            alpha=0.35 if one.wide else 1,
        )
    if chart.level:
        axes.axhline(
            chart.level[1] / y_scale,
            color=_COLORS["ink"],
            linewidth=0.9,
            linestyle="--",
            label=chart.level[0],
        )
    if chart.x.log:
        axes.set_xscale("log")
    axes.set_xlabel(titled(chart.x, x_unit))
    axes.set_ylabel(titled(chart.y, y_unit))
    if chart.x.whole:
        axes.locator_params(axis="x", integer=True)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        _legend(axes)


def _highest(chart: XY) -> float:
    stacked: Sequence[float] = [sum(values) for values in zip(*(one.y for one in chart.stack), strict=True)]
    return max(map(abs, [*stacked, *(value for one in chart.lines for value in one.y)]), default=1)


def _bars(axes: Axes, chart: Bars) -> None:
    scale, unit = scale_of(chart.axis.unit, max((value for _, value, _ in chart.rows), default=1))
    rows = list(reversed(chart.rows))
    places = range(len(rows))
    axes.barh(places, [value / scale for _, value, _ in rows], color=[_color(color) for *_, color in rows])
    axes.set_yticks(places, [label for label, *_ in rows])
    axes.set_xlabel(titled(chart.axis, unit))
    axes.grid(visible=False, axis="y")


def _grid(axes: Axes, chart: Grid) -> None:
    for kind, (label, color) in enumerate(chart.kinds):
        places = [place for place, found in chart.cells.items() if found == kind]
        if places:
            bottom, left = [row - 0.5 for row, _ in places], [column - 0.5 for _, column in places]
            axes.bar(
                left,
                [1] * len(places),
                bottom=bottom,
                width=1,
                align="edge",
                color=_color(color),
                label=label,
                linewidth=0,
            )
    every = max(1, len(chart.columns) // 6)
    axes.set_xticks(range(0, len(chart.columns), every), [str(number) for number in chart.columns[::every]])
    down = max(1, len(chart.rows) // 10)
    axes.set_yticks(range(0, len(chart.rows), down), chart.rows[::down])
    axes.set_ylim(len(chart.rows) - 0.5, -0.5)
    axes.set_xlabel("round")
    axes.grid(visible=False)
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Names below the plot, where they cover nothing."""
    axes.figure.legend(loc="outside lower center", ncols=4, columnspacing=1, handlelength=1.2)
