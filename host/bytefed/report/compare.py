"""Several runs side by side: what they cost to reach the same accuracy.

Runs whose configurations differ in the seed alone form a group, and share a colour and a name. The reference is the
group that sends float32 both ways, if there is one, else the first; targets are 95 % and 99 % of its final accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean, stdev

from bytefed.report.chart import XY, Axis, Bars, Chart, Series
from bytefed.report.charts import thin
from bytefed.report.run_files import Run

TARGETS = (0.95, 0.99)
COLORS = 8
_NOT_OF_THE_GROUP = ("seed", "data_dir", "deadline", "quorum", "central")
_REFERENCE = "float32"


@dataclass(frozen=True)
class Group:
    """Runs that repeat each other with other seeds.

    Attributes:
        label: The settings in which the group differs from the others.
        color: Name of its colour.
        runs: One or more.
    """

    label: str
    color: str
    runs: Sequence[Run]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a figure over seeds; the deviation is 0 for one."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread | None:
        """Return the mean and spread of values; None if one of them is not known."""
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        return cls(fmean(known), stdev(known) if len(known) > 1 else 0.0)


def groups(runs: Sequence[Run]) -> list[Group]:
    """Runs by configuration, in the order in which they were named."""
    found: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        keys = {name: value for name, value in run.config.items() if name not in _NOT_OF_THE_GROUP}
        found.setdefault(tuple(sorted((keys or {"run": run.name}).items())), []).append(run)
    labels = _labels([dict(keys) for keys in found], list(found.values()))
    return [
        Group(label, f"s{index % COLORS}", runs)
        for index, (label, runs) in enumerate(zip(labels, found.values(), strict=True))
    ]


def _labels(tables: Sequence[dict[str, str]], members: Sequence[Sequence[Run]]) -> list[str]:
    """The values of the keys in which the groups differ; directory names where these don't tell them apart."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    differing = [name for name in names if len({table.get(name) for table in tables}) > 1]
    bare = ("codec", "strategy", "data")
    labels = [
        ", ".join(
            table.get(name, "-") if name in bare else f"{name}={table.get(name, '-')}" for name in differing
        )
        for table in tables
    ]
    plain = len(set(labels)) == len(labels) and all(labels) and "run" not in differing
    return labels if plain else [runs[0].name for runs in members]


def reference(found: Sequence[Group]) -> Group:
    """The group that others are measured by."""
    full = [
        group
        for group in found
        if group.runs[0].config.get("codec") in (_REFERENCE, f"{_REFERENCE}/{_REFERENCE}")
    ]
    return (full or list(found))[0]


def bytes_to_reach(run: Run, accuracy: float) -> int | None:
    """Wire bytes of all rounds up to the first whose head is at least so good; None if none is."""
    total = 0
    for row in run.rounds:
        total += row.wire_total
        if row.accuracy_global is not None and row.accuracy_global >= accuracy:
            return total
    return None


def target(group: Group, share: float) -> float | None:
    """The accuracy that is a share of what a group ends with, on average over seeds."""
    end = Spread.of([run.accuracy() for run in group.runs])
    return None if end is None else share * end.mean


def frontier(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """The best accuracy that any run had for so many bytes: corners of a rising staircase."""
    points = [
        (total, row.accuracy_global)
        for run in runs
        for total, row in zip(accumulate(row.wire_total for row in run.rounds), run.rounds, strict=True)
        if row.accuracy_global is not None and total > 0
    ]
    points.sort(key=lambda point: (point[0], -point[1]))  # of equal bytes the best first
    stairs: list[tuple[float, float]] = []
    for total, accuracy in points:
        if not stairs or accuracy > stairs[-1][1]:
            if stairs:
                stairs.append((total, stairs[-1][1]))
            stairs.append((total, accuracy))
    if stairs:
        stairs.append((points[-1][0], stairs[-1][1]))
    return stairs


def charts(found: Sequence[Group]) -> list[Chart]:
    """Accuracy per byte, accuracy per round, bytes to the target."""
    runs = [run for group in found for run in group.runs]
    corners = frontier(runs)
    if not corners:
        return []
    stairs = Series.through(corners, "", "frontier", wide=True)
    return [
        XY(
            "compare-bytes",
            "Accuracy by bytes",
            "Up and left is better. The band is the frontier: the best accuracy that any run had for so many bytes.",
            Axis("wire bytes so far", "B", log=True),
            Axis("accuracy", "%"),
            lines=[stairs, *_curves(found, by_bytes=True)],
        ),
        XY(
            "compare-rounds",
            "Accuracy by round",
            "The same runs, against rounds.",
            Axis("round", whole=True),
            Axis("accuracy", "%"),
            lines=_curves(found, by_bytes=False),
        ),
        *_costs(found),
    ]


def _curves(found: Sequence[Group], *, by_bytes: bool) -> list[Series]:
    curves = []
    for group in found:
        for number, run in enumerate(group.runs):
            totals = accumulate(row.wire_total for row in run.rounds)
            points = [
                (total if by_bytes else row.round, row.accuracy_global)
                for total, row in zip(totals, run.rounds, strict=True)
                if row.accuracy_global is not None and total > 0
            ]
            if points:
                curves.append(Series.through(thin(points), group.label if number == 0 else "", group.color))
    return curves


def _costs(found: Sequence[Group]) -> list[Chart]:
    base = reference(found)
    wanted = target(base, TARGETS[-1])
    reached = [
        (group, Spread.of([bytes_to_reach(run, wanted or 0) for run in group.runs])) for group in found
    ]
    known = sorted(((group, cost.mean) for group, cost in reached if cost), key=lambda pair: pair[1])
    missing = [group.label for group, cost in reached if cost is None]
    note = (
        f"Until the test set's accuracy is {100 * (wanted or 0):.2f} %, 99 % of what {base.label} ends with."
    )
    if missing:
        note += f" Never there: {', '.join(missing)}."
    return [
        Bars(
            "compare-target",
            "Bytes to 99 %",
            note,
            Axis("bytes", "B"),
            [(g.label, cost, g.color) for g, cost in known],
        ),
    ]
