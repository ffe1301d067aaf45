"""The charts of one run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Sized
from itertools import accumulate

from bytefed.report.chart import XY, Axis, Bars, Chart, Grid, Series
from bytefed.report.run_files import PARTS, REPAIR, Round, Row, Run

MOST_COLUMNS = 240
"""Rounds beyond which several of them share a bar: a phone has no more pixels."""
MOST_BOARDS = 64

PART_NAMES = {
    "payload_down": "payload down",
    "payload_up": "payload up",
    "retransmission": "sent again",
}
_ROUND = Axis("round", whole=True)
_ACCURACY = Axis("accuracy", "%")
_BAD = ("failed", "rejected", "late")
_STATUS_COLORS = {"failed": "bad", "rejected": "rejected", "late": "late"}


def part_name(part: str) -> str:
    """Return the name of a cause on the page."""
    return PART_NAMES.get(part, part)


def learning(run: Run) -> list[Chart]:
    """Return the charts of accuracy against rounds and against bytes."""
    if run.accuracy() is None:
        return []
    total = list(accumulate(row.wire_total for row in run.rounds))
    rounds = [row.round for row in run.rounds]
    level = None if run.central is None else ("central", run.central)
    return [
        XY(
            "accuracy-rounds",
            "Accuracy by round",
            "The head after each round, on the test set and on the boards’ own test samples; and the heads that the "
            "boards hold by then, on the test set. Central: one head trained on all samples together.",
            _ROUND,
            _ACCURACY,
            lines=_accuracies(run, rounds),
            level=level,
        ),
        *_losses(run),
        XY(
            "accuracy-bytes",
            "Accuracy by bytes",
            "The same, against all bytes that the rounds put on the wire up to then, all boards, both directions.",
            Axis("wire bytes so far", "B"),
            _ACCURACY,
            lines=_accuracies(run, total),
            level=level,
        ),
    ]


def _losses(run: Run) -> list[Chart]:
    points = [(row.round, row.loss_global) for row in run.rounds if row.loss_global is not None]
    if not points:
        return []
    return [
        XY(
            "loss-rounds",
            "Loss by round",
            "Mean cross-entropy of the head after each round on the test set.",
            _ROUND,
            Axis("loss", "nats"),
            lines=[Series.through(thin(points), "test set", "s0")],
        )
    ]


def _accuracies(run: Run, x: Sequence[float]) -> list[Series]:
    lines = []
    for name, label, color in (
        ("accuracy_global", "test set", "s0"),
        ("accuracy_held", "held by boards", "s2"),
        ("accuracy_boards", "on boards", "s1"),
        ("accuracy_personal", "personal heads", "s3"),
    ):
        points = [
            (at, value)
            for at, row in zip(x, run.rounds, strict=True)
            if (value := getattr(row, name)) is not None
            and (row.round > 1 or name != "accuracy_held")  # before, boards hold zeros
        ]
        points = thin(points)
        if points:
            lines.append(Series.through(points, label, color))
    return lines


def thin(points: Sequence[tuple[float, float]], most: int = MOST_COLUMNS) -> list[tuple[float, float]]:
    """At most about so many points, the first and the last among them."""
    step = -(-len(points) // most) or 1
    return [*points[:-1:step], *points[-1:]]


def estimates(run: Run) -> list[Chart]:
    """Estimated against actual bytes."""
    if not run.rounds:
        return []
    x, (actual, estimate) = _by_round(run.rounds, ("wire_total", "estimate_wire"))
    return [
        XY(
            "bytes-rounds",
            "Bytes by round",
            "Bars: counted at the port. Dashes: predicted before the run." + _shared(run.rounds),
            _ROUND,
            Axis("wire bytes a round", "B"),
            stack=[Series("counted", "bar", x, actual)],
            lines=[Series("predicted", "ink", x, estimate, dashed=True)],
        )
    ]


def _difference(run: Run) -> list[Series]:
    """Counted minus predicted, unless that is nothing in every round."""
    if all(row.wire_total == row.estimate_wire for row in run.rounds):
        return []
    x, (actual, estimate) = _by_round(run.rounds, ("wire_total", "estimate_wire"))
    difference = [a - e for a, e in zip(actual, estimate, strict=True)]
    return [Series("counted minus predicted", "ink", x, difference, dashed=True)]


def _by_round(rounds: Sequence[Round], names: Iterable[str]) -> tuple[list[float], list[list[float]]]:
    groups = _groups(rounds)
    x: list[float] = [group[0].round for group in groups]
    return x, [[sum(getattr(row, name) for row in group) / len(group) for group in groups] for name in names]


def _groups(rounds: Sequence[Round]) -> list[Sequence[Round]]:
    step = _step(rounds)
    return [rounds[first : first + step] for first in range(0, len(rounds), step)]


def _step(rounds: Sized) -> int:
    return -(-len(rounds) // MOST_COLUMNS) or 1


def _shared(rounds: Sized) -> str:
    step = _step(rounds)
    return f" Each bar is the mean of {step} rounds." if step > 1 else ""


def causes(run: Run) -> list[Chart]:
    """Return the charts of bytes by cause."""
    if not run.rows:
        return []
    present = [part for part in PARTS if run.parts[part]]
    series = _part_series(run, present)
    overhead = [one for part, one in zip(present, series, strict=True) if not part.startswith("payload")]
    note = _shared({row.round for row in run.rows})
    charts: list[Chart] = [
        Bars(
            "causes-total",
            "Every byte by cause",
            "All rounds, all boards, both directions. The causes add up to the count at the port.",
            Axis("bytes", "B"),
            [(part_name(part), run.parts[part], part) for part in PARTS],
        ),
        XY(
            "causes-rounds",
            "Causes by round",
            "What each round put on the wire." + note,
            _ROUND,
            Axis("bytes a round", "B"),
            stack=series,
        ),
    ]
    if overhead:
        charts.append(
            XY(
                "overhead-rounds",
                "Causes by round, without payload",
                "What the protocol itself costs." + note,
                _ROUND,
                Axis("bytes a round", "B"),
                stack=overhead,
            )
        )
    return charts


def _part_series(run: Run, parts: Sequence[str]) -> list[Series]:
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * len(PARTS))
    for row in run.rows:
        if row.parts is not None:
            sums[row.round] = [a + b for a, b in zip(sums[row.round], row.parts, strict=True)]
    rounds = sorted(sums)
    step = _step(rounds)
    x = rounds[::step]
    series = []
    for part in parts:
        index = PARTS.index(part)
        values = [sums[number][index] for number in rounds]
        means = [_mean(values[first : first + step]) for first in range(0, len(values), step)]
        series.append(Series(part_name(part), part, x, means))
    return series


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def faults(run: Run) -> list[Chart]:
    """Return the charts of repair: bytes sent again, and rounds of boards that brought nothing."""
    charts: list[Chart] = []
    present = [part for part in REPAIR if run.parts[part]]
    difference = _difference(run)
    if present or difference:
        charts.append(
            XY(
                "repair-rounds",
                "Bytes for repair by round",
                "Frames sent or received again, questions after a time-out (probe), bytes of no valid frame (junk)."
                + _shared(run.rounds),
                _ROUND,
                Axis("bytes a round", "B"),
                stack=_part_series(run, present),
                lines=difference,
            )
        )
    if any(row.status in _BAD for row in run.rows):
        charts.append(_undelivered(run))
    if charts and run.rows:
        charts.append(_fault_map(run))
    return charts


def _undelivered(run: Run) -> Chart:
    count: dict[tuple[str, int], int] = defaultdict(int)
    for row in run.rows:
        count[row.status, row.round] += 1
    rounds = sorted({row.round for row in run.rows})
    step = _step(rounds)
    series = [
        Series(
            status,
            _STATUS_COLORS[status],
            rounds[::step],
            [
                sum(count[status, number] for number in rounds[first : first + step])
                for first in range(0, len(rounds), step)
            ],
        )
        for status in _BAD
        if any(row.status == status for row in run.rows)
    ]
    return XY(
        "updates-lost",
        "Updates that did not count",
        "Late: came after its round was closed. Rejected: not finite. Failed: the board was not reached."
        + (f" Sums of {step} rounds." if step > 1 else ""),
        _ROUND,
        Axis("boards", whole=True),
        stack=series,
    )


_KINDS = (
    ("clean", "clean"),
    ("repaired", "retransmission"),
    ("late", "late"),
    ("rejected", "rejected"),
    ("failed", "bad"),
)


def _fault_map(run: Run) -> Chart:
    trouble: dict[str, int] = defaultdict(int)
    for row in run.rows:
        trouble[row.board] += _repair(row) + (row.status in _BAD)
    names = list(dict.fromkeys(row.board for row in run.rows))
    if cut := len(names) > MOST_BOARDS:
        kept = set(sorted(names, key=lambda name: -trouble[name])[:MOST_BOARDS])
        names = [name for name in names if name in kept]
    rounds = sorted({row.round for row in run.rows})
    step = _step(rounds)
    column = {number: index // step for index, number in enumerate(rounds)}
    line = {name: index for index, name in enumerate(names)}
    cells: dict[tuple[int, int], int] = {}
    for row in run.rows:
        if row.board in line:
            place = (line[row.board], column[row.round])
            cells[place] = max(cells.get(place, 0), _kind(row))
    used = {0, *cells.values()}
    return Grid(
        "faults-boards",
        "Which board, in which round",
        ("The boards with most faults. " if cut else "")
        + "Empty: the board was not asked."
        + (f" Each cell is {step} rounds." if step > 1 else ""),
        [name[:6] for name in names],
        rounds[::step],
        [kind if index in used else ("", kind[1]) for index, kind in enumerate(_KINDS)],
        cells,
    )


def _repair(row: Row) -> int:
    return 0 if row.parts is None else sum(row.parts[PARTS.index(part)] for part in REPAIR)


def _kind(row: Row) -> int:
    if row.status in _BAD:
        return 2 + ("late", "rejected", "failed").index(row.status)
    return 1 if _repair(row) else 0


def of_run(run: Run) -> list[Chart]:
    """All charts of a run."""
    return [*learning(run), *estimates(run), *causes(run), *faults(run)]
