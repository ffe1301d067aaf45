"""The tables of `bytefed sweep`: for a terminal, and as Markdown for a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bytefed.cli.tables import show_table
from bytefed.cli.terminal import OPEN_LINKS
from bytefed.privacy.claims import BOARD, SAMPLE
from bytefed.simulation.references import Comparison, Group, over_tasks
from bytefed.simulation.sweep import REFERENCE, Row, Setting
from bytefed.simulation.sweep_run import SweepTable

if TYPE_CHECKING:
    from rich.table import Table


def show(found: SweepTable, *, open_links: bool) -> None:
    """Print the results of a sweep to a terminal.

    Args:
        found: The results.
        open_links: Whether the bytes are those of links without keys.
    """
    from rich.console import Console

    console = Console(emoji=False)
    if noise := _noise(found.rows[0]):
        console.print(f"{noise}.", highlight=False)
    show_table(console, _table(found.rows))
    if found.comparisons:
        show_table(console, _compared(found.comparisons))
    if open_links:
        console.print(f"OPEN boards: {OPEN_LINKS}.")
    for name, reason in found.skipped.items():
        console.print(f"Left out: {name}. {reason}", markup=False, highlight=False, soft_wrap=True)
    console.print(_recommended(found), highlight=False, soft_wrap=True)
    console.print(f"Table: {found.path}")
    if found.comparisons_path:
        console.print(f"Comparisons: {found.comparisons_path}")


def _noise(row: Row) -> str:
    """Say what the noise of a sweep's trials hides, and how far; empty without noise."""
    if not row.dp:
        return ""
    unit = (BOARD if row.dp == "board" else SAMPLE).unit
    return f"Noise in all trials: epsilon {row.epsilon:g} and delta {row.delta:g} for {unit}"


def _recommended(found: SweepTable) -> str:
    """Return the sentences about the codecs to take, and why the others are out."""
    reasons = ", ".join(f"{name} ({reason})" for name, reason in found.out.items())
    out = f". Out: {reasons}" if reasons else ""
    if found.recommended:
        named = ", ".join(f"{name} by {cost}" for cost, name in found.recommended.items())
        return f"Recommended by the boards' own test samples: {named}{out}"
    if found.out:
        return (
            f"No codec is recommended: by the boards' own test samples all are out. More rounds may help{out}"
        )
    return "No codec is recommended: boards that train with noise have no test samples of their own"


def _table(rows: Sequence[Row]) -> Table:
    """Return the table for a terminal: axes of the grid with one value are left out, sweep.csv has them all."""
    from rich.table import Table

    title = (
        "kB: wire bytes of a board until the heads that boards hold have 95 or 99 % of float32's final accuracy;\n"
        "host: until the host's head has 99 %; fewer: than float32 with the same settings, and at its best tried;\n"
        "air s, mJ: a board's seconds in the air and energy (radio, codec, seals, training) until it has 99 %"
    )
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    axes = [_axes_of(row) for row in rows]
    varying = _varying(axes)
    for name in varying:
        table.add_column(name, no_wrap=True)
    for name in (
        "accuracy %",
        "change (worst)",
        "kB 95",
        "kB 99",
        "host",
        "fewer",
        "at best",
        "air s",
        "mJ",
        "RAM B",
        "insns",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for row, axis in zip(rows, axes, strict=True):
        table.add_row(
            *(axis[name] for name in varying),
            f"{row.accuracy:.2f}±{row.accuracy_sd:.2f}",
            f"{row.change:+.2f} ({row.worst_change:+.2f})",
            _number(row.bytes_95 / 1000, ".2f"),
            _number(row.bytes_99 / 1000, ".2f") + _missed(row.reached, row.seeds),
            _number(row.host_99 / 1000, ".2f"),
            f"{row.ratio_99:.1f}x ({row.ratio_99_low:.0f}-{row.ratio_99_high:.0f})" if row.reached else "-",
            _number(row.ratio_99_best, ".1f", "x") + _missed(row.reached_best, row.seeds),
            _number(row.air_99, ".2f"),
            _number(row.energy_99, ".2f"),
            f"{row.ram:,}",
            f"{row.instructions:,}",
        )
    return table


def _number(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if isfinite(value) else "-"


def _missed(reached: int, seeds: int) -> str:
    return "" if reached == seeds else f" ({reached}/{seeds})"


def _varying(axes: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names of the axes with more than one value, and the codec's."""
    return [name for name in axes[0] if name == "codec" or len({row[name] for row in axes}) > 1]


def _axes_of(row: Setting) -> dict[str, str]:
    return {
        "task": row.data,
        "alpha": f"{row.alpha:g}",
        "epochs": str(row.local_epochs or "by rule"),
        "rate": f"{row.learning_rate:g}" if row.learning_rate else "by rule",
        "batch": str(row.batch_size),
        "part": f"{row.fraction_train:g}",
        "strategy": row.strategy,
        "first round": row.first_round,
        "codec": row.codec,
    }


_AGAINST = {
    "classic": "classic",
    "same": "same setting",
    "same plain": "same setting, plain",
    "best": "at its best",
    "best plain": "at its best, plain",
}
_MEAN = "all (geometric mean)"


def _lines(rows: Iterable[Comparison]) -> Iterable[tuple[dict[str, str], str, str, list[Comparison]]]:
    """Yield the axes, whose head, which bytes, and the comparisons with all references, a line of a table each."""
    lines: dict[tuple[tuple[str, ...], str, bool], list[Comparison]] = {}
    for row in rows:
        if row.codec != REFERENCE:
            lines.setdefault((tuple(_axes_of(row).values()), row.head, row.handshake), []).append(row)
    for (_, head, handshake), group in lines.items():
        yield _axes_of(group[0]), head, "all" if handshake else "without handshake", group


def _compared(rows: Sequence[Comparison]) -> Table:
    """Return the comparisons for a terminal, and the geometric means over the tasks."""
    from rich.table import Table

    title = (
        "Times fewer bytes than float32, until the head of the boards or of the host has 99 % of its final accuracy:\n"
        "classic: 5 epochs at 0.05 on plain features; same setting and at its best, on the same and on plain features"
    )
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    lines = list(_lines(rows))
    varying = _varying([axes for axes, *_ in lines]) if lines else []
    for name in (*varying, "head", "bytes"):
        table.add_column(name, no_wrap=True)
    for name in (*_AGAINST.values(), "change (worst)"):
        table.add_column(name, justify="right", no_wrap=True)
    for axes, head, counted, group in lines:
        table.add_row(
            *(axes[name] for name in varying), head, counted, *(_fewer(row) for row in group),
            f"{group[0].change:+.2f} ({group[0].worst_change:+.2f})",
        )  # fmt: skip
    return table


def _fewer(row: Comparison) -> str:
    return _number(row.fewer, ".1f", "x") + _missed(row.reached, row.seeds)


def document(found: SweepTable) -> dict[str, Any]:
    """Return the results of a sweep as an object for scripts: the columns of its CSV files."""
    return {
        "rows": [asdict(row) for row in found.rows],
        "comparisons": [asdict(row) for row in found.comparisons],
        "recommended": dict(found.recommended),
        "out": dict(found.out),
        "skipped": dict(found.skipped),
        "table": str(found.path),
        "comparisons_table": str(found.comparisons_path) if found.comparisons_path else None,
    }


def markdown(found: SweepTable) -> str:
    """Return the results of a sweep as the tables of a document, with the mean over the tasks of each comparison."""
    noise = _noise(found.rows[0])
    text = (f"{noise}.\n\n" if noise else "") + _markdown_rows(found.rows)
    if found.comparisons:
        text += "\n" + _markdown_comparisons(found.comparisons)
    text += "".join(f"\nLeft out: {name}. {reason}\n" for name, reason in found.skipped.items())
    return text + f"\n{_recommended(found)}.\n"


def _markdown_rows(rows: Sequence[Row]) -> str:
    axes = [_axes_of(row) for row in rows]
    varying = _varying(axes)
    heads = (
        "accuracy %",
        "against float32",
        "kB to 95 %",
        "kB to 99 %",
        "host's head",
        "fewer",
        "air s",
        "mJ",
    )
    lines = [_line((*varying, *heads)), _line([*("---" for _ in varying), *("---:" for _ in heads)])]
    for row, axis in zip(rows, axes, strict=True):
        lines.append(_line((
            *(axis[name] for name in varying),
            f"{row.accuracy:.2f} ± {row.accuracy_sd:.2f}", f"{row.change:+.2f} (worst {row.worst_change:+.2f})",
            _number(row.bytes_95 / 1000, ".2f"),
            _number(row.bytes_99 / 1000, ".2f") + _missed(row.reached, row.seeds),
            _number(row.host_99 / 1000, ".2f"),
            _number(row.ratio_99, ".1f", f" x ({row.ratio_99_low:.1f} to {row.ratio_99_high:.1f})"),
            _number(row.air_99, ".2f"), _number(row.energy_99, ".2f"),
        )))  # fmt: skip
    return "\n".join(lines) + "\n"


def _markdown_comparisons(rows: Sequence[Comparison]) -> str:
    """Return a line for each codec, reference, head and way to count, a column for each task and for their mean."""
    tasks = list(dict.fromkeys(row.data for row in rows))
    groups: dict[Group, dict[str, Comparison]] = {}
    for row in rows:
        if row.codec != REFERENCE:
            groups.setdefault(Group.of(row), {})[row.data] = row
    means = over_tasks(rows)
    heads = ("setting", "float32", "head", "bytes", *tasks, _MEAN, "accuracy, points")
    lines = [_line(heads), _line([*("---" for _ in range(4)), *("---:" for _ in heads[4:])])]
    shown = [_axes_of(next(iter(row.values()))) for row in groups.values()]
    varying = [name for name in _varying(shown) if name != "task"] if shown else []
    for (group, by_task), axes in zip(groups.items(), shown, strict=True):
        lines.append(_line((
            ", ".join(axes[name] if name == "codec" else f"{name} {axes[name]}" for name in varying),
            _AGAINST[group.against], group.head, "all" if group.handshake else "without handshake",
            *(_spread(by_task.get(task)) for task in tasks), _mean(means[group], by_task.values()),
            _changes(by_task.values()),
        )))  # fmt: skip
    return "\n".join(lines) + "\n"


def _mean(mean: float, rows: Iterable[Comparison]) -> str:
    rows = list(rows)
    return _number(mean, ".1f", " x") + _missed(
        sum(row.reached for row in rows), sum(row.seeds for row in rows)
    )


def _changes(rows: Iterable[Comparison]) -> str:
    """Return the mean over the tasks of the final accuracy beyond the reference's, and the worst seed of any."""
    rows = list(rows)
    return f"{fmean(row.change for row in rows):+.2f} (worst {min(row.worst_change for row in rows):+.2f})"


def _spread(row: Comparison | None) -> str:
    if row is None:
        return "-"
    return _number(row.fewer, ".1f", f" x ({row.fewer_low:.1f} to {row.fewer_high:.1f})") + _missed(
        row.reached, row.seeds
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
