"""The numbers behind the page, as CSV files: one for each chart, one of key figures, one of boards."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytefed.report.chart import XY, Bars, Chart, Grid
from bytefed.report.run_files import PARTS, REPAIR, Row, Run, add_parts, total
from bytefed.runs.csv_files import defused
from bytefed.runs.directory import coded_errors


@dataclass(frozen=True)
class BoardSum:
    """The figures of one board over all rounds.

    Attributes:
        board, link: Which.
        security: `sealed` or `OPEN`, of the last round; empty in runs that know of no keys.
        rounds, ok: Rounds that it was asked in; those whose update counted.
        parts: Bytes by cause.
        estimate: Bytes predicted for the same.
        num_examples, accuracy: Samples and accuracy of the last round that is known.
        seconds: Mean of a round.
        air_seconds, energy: Sums, seconds and millijoules; None off the radio.
    """

    board: str
    link: str
    security: str
    rounds: int
    ok: int
    parts: Mapping[str, int]
    estimate: int
    num_examples: int | None
    accuracy: float | None
    seconds: float | None
    air_seconds: float | None
    energy: float | None

    @property
    def wire(self) -> int:
        """Bytes of both directions."""
        return sum(self.parts.values())

    @property
    def difference(self) -> int:
        """Counted minus predicted."""
        return self.wire - self.estimate

    @property
    def repair(self) -> int:
        """Bytes that a link without loss would not have needed."""
        return sum(self.parts[part] for part in REPAIR)


def board_sums(run: Run) -> list[BoardSum]:
    """All boards of a run, in the order in which they were first heard of."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in run.rows:
        rows[row.board].append(row)
    return [_board_sum(board, rows[board]) for board in run.boards if board in rows]


def _board_sum(board: str, rows: Sequence[Row]) -> BoardSum:
    rows = sorted(rows, key=lambda row: row.round)
    seconds = [row.seconds for row in rows if row.seconds is not None]
    accuracies = [row.accuracy for row in rows if row.accuracy is not None]
    examples = [row.num_examples for row in rows if row.num_examples is not None]
    return BoardSum(
        board=board,
        link=rows[-1].link,
        security=rows[-1].security,
        rounds=len(rows),
        ok=sum(row.status == "ok" for row in rows),
        parts=add_parts(rows),
        estimate=sum(row.estimate_wire or 0 for row in rows if row.parts is not None),
        num_examples=examples[-1] if examples else None,
        accuracy=accuracies[-1] if accuracies else None,
        seconds=sum(seconds) / len(seconds) if seconds else None,
        air_seconds=total(row.air_seconds for row in rows),
        energy=total(row.energy_mj for row in rows),
    )


def write(directory: Path, runs: Sequence[Run], drawn: Iterable[tuple[str, Chart]]) -> list[Path]:
    """Write key figures, boards, and the points of each chart.

    Args:
        directory: Is made.
        runs: The runs that the report is about.
        drawn: File name, without its suffix, and chart.

    Returns:
        The files written.

    Raises:
        StoreError: E_DISK_FULL, E_RUN_READ_ONLY or E_RUN_IO.
    """
    tables = {"key-figures": _key_figures(runs), "boards": _boards(runs)}
    tables |= {name: _points(chart) for name, chart in drawn}
    with coded_errors(directory, "--csv", "say it again"):
        directory.mkdir(parents=True, exist_ok=True)
        return [_write(directory / f"{name}.csv", rows) for name, rows in tables.items()]


def _write(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([[_cell(value) for value in row] for row in rows])
    return path


def _cell(value: Any) -> Any:
    return "" if value is None else defused(value)


def _key_figures(runs: Sequence[Run]) -> list[list[Any]]:
    head = [
        "run",
        "complete",
        "boards",
        "rounds",
        "accuracy_final",
        "accuracy_central",
        "accuracy_boards_final",
        "accuracy_personal_final",
    ]
    head += ["wire_total", "estimate_wire", "estimate_wcr", "estimate_exact", *PARTS]
    head += ["budget", "budget_unit", "budget_spent_most", "budget_planned"]
    return [
        head,
        *(
            [run.name, run.complete, len(run.boards), len(run.rounds), run.accuracy(), run.central]
            + [
                run.accuracy("accuracy_boards"),
                run.accuracy("accuracy_personal"),
                run.wire,
                run.estimate,
                run.wcr,
                run.exact,
            ]
            + [run.parts[part] for part in PARTS]
            + _budget(run)
            for run in runs
        ),
    ]


def _budget(run: Run) -> list[Any]:
    """Return the columns about the budget; empty in a run without one."""
    budget = run.budget()
    return [None] * 4 if budget is None else [budget.most, budget.unit, budget.spent, budget.planned]


def _boards(runs: Sequence[Run]) -> list[list[Any]]:
    head = [
        "run",
        "board",
        "link",
        "security",
        "rounds",
        "counted",
        *PARTS,
        "wire_total",
        "estimate_wire",
        "num_examples",
    ]
    lines = [
        [
            *(run.name, entry.board, entry.link, entry.security, entry.rounds, entry.ok),
            *(entry.parts[part] for part in PARTS),
            *(entry.wire, entry.estimate, entry.num_examples, entry.accuracy, entry.seconds),
            *(entry.air_seconds, entry.energy),
        ]
        for run in runs
        for entry in board_sums(run)
    ]
    return [[*head, "accuracy", "seconds", "air_seconds", "energy_mj"], *lines]


def _points(chart: Chart) -> list[list[Any]]:
    if isinstance(chart, Bars):
        return [["label", chart.axis.label], *([label, value] for label, value, _ in chart.rows)]
    if isinstance(chart, Grid):
        lines = [
            [chart.rows[row], chart.columns[column], chart.kinds[kind][0]]
            for (row, column), kind in sorted(chart.cells.items())
        ]
        return [["board", "round", "status"], *lines]
    if isinstance(chart, XY):
        points = [
            [series.label or "(as above)", x, y]
            for series in (*chart.stack, *chart.lines)
            for x, y in zip(series.x, series.y, strict=True)
        ]
        return [["series", chart.x.label, chart.y.label], *points]
    raise TypeError(chart)
