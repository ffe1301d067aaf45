"""Several runs side by side: what they cost to reach the same accuracy.

Only comparable runs are compared: of the same task, the same number of clients, and all on boards or all simulated.
Runs whose configurations differ in the seed alone form a group, and share a colour and a name. The reference is a
complete group that sends float32 both ways; where nobody sent float32, the first complete one. Targets are shares of
its final accuracy with the same seed (ledger/bytes_to.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev

from bytefed.ledger.bytes_to import SHARES
from bytefed.report.chart import XY, Axis, Bars, Chart, Series
from bytefed.report.charts import thin
from bytefed.report.run_files import Run

COLORS = 8
_NOT_OF_THE_GROUP = ("seed", "data_dir", "deadline", "quorum", "central")
_REFERENCE = "float32"


@dataclass(frozen=True)
class Group:
    """Runs that repeat each other with other seeds.

    Attributes:
        label: The settings in which the group differs from the others.
        color: Name of its colour.
        runs: One of each seed, at least one.
        repeats: Further runs with one of these seeds: they say nothing new, and don't count.
    """

    label: str
    color: str
    runs: Sequence[Run]
    repeats: Sequence[Run] = ()

    @property
    def complete(self) -> bool:
        """Whether all its runs are."""
        return all(run.complete for run in self.runs)

    @cached_property
    def final(self) -> Spread | None:
        """The accuracy that its runs end with."""
        return Spread.of([run.final() for run in self.runs])

    def target(self, run: Run, share: float) -> float | None:
        """A share of what the group ends with under the seed of a run; of its mean where it has no such seed."""
        ends = [one.final() for one in self.runs if one.seed == run.seed]
        end = ends[0] if ends else self.final.mean if self.final else None
        return None if end is None else share * end

    def cost(self, reference: Group, share: float, which: str = "accuracy_held") -> Spread | None:
        """Bytes of a board to a share of what a reference ends with; None if a seed never gets there."""
        targets = [(run, reference.target(run, share)) for run in self.runs]
        return Spread.of([None if goal is None else run.bytes_to(goal, which) for run, goal in targets])


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


@dataclass(frozen=True)
class Comparable:
    """Runs that can be compared.

    Attributes:
        kind: The aspects that they have in common, each in words.
        groups: The runs by configuration.
    """

    kind: tuple[str, ...]
    groups: Sequence[Group]

    @property
    def runs(self) -> list[Run]:
        """The runs that count."""
        return [run for group in self.groups for run in group.runs]


ASPECTS = ("task", "kind of run", "number of clients")


def comparable(runs: Sequence[Run]) -> list[Comparable]:
    """Divide runs into those that can be compared with each other, in the order in which they were named."""
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        found.setdefault(_kind(run), []).append(run)
    return [Comparable(kind, groups(members)) for kind, members in found.items()]


def _kind(run: Run) -> tuple[str, ...]:
    """Return the task, the kind and the number of clients of a run; see ASPECTS."""
    task = str(run.summary.get("task") or run.config.get("data") or "unknown task")[:80]
    simulated = run.summary.get("simulated") is True
    return task, "simulated" if simulated else "on boards", f"{run.clients:,} clients"


def differing(parts: Sequence[Comparable]) -> list[str]:
    """Return in which aspects runs differ that can't be compared, with what each part has there."""
    values = [list(dict.fromkeys(kinds)) for kinds in zip(*(part.kind for part in parts), strict=True)]
    return [
        f"{aspect} ({', '.join(found)})"
        for aspect, found in zip(ASPECTS, values, strict=True)
        if len(found) > 1
    ]


def groups(runs: Sequence[Run]) -> list[Group]:
    """Runs by configuration, in the order in which they were named."""
    found: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        keys = {name: value for name, value in run.config.items() if name not in _NOT_OF_THE_GROUP}
        found.setdefault(tuple(sorted((keys or {"run": run.name}).items())), []).append(run)
    labels = _labels([dict(keys) for keys in found], list(found.values()))
    return [
        Group(label, f"s{index % COLORS}", *_by_seed(members))
        for index, (label, members) in enumerate(zip(labels, found.values(), strict=True))
    ]


def _by_seed(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return one run of each seed, the first that is complete, and those that repeat a seed."""
    chosen: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: not run.complete):
        chosen.setdefault(run.seed, run)
    return [run for run in runs if run is chosen[run.seed]], [
        run for run in runs if run is not chosen[run.seed]
    ]


def _labels(tables: Sequence[dict[str, str]], members: Sequence[Sequence[Run]]) -> list[str]:
    """The values of the keys in which the groups differ; directory names where these don't tell them apart."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    differing = [name for name in names if len({table.get(name) for table in tables}) > 1]
    bare = ("codec", "strategy", "data")
    labels = [
        ", ".join(
            _told(name, table) if name in bare else f"{name}={_told(name, table)}" for name in differing
        )
        for table in tables
    ]
    plain = len(set(labels)) == len(labels) and all(labels) and "run" not in differing
    return labels if plain else [runs[0].name for runs in members]


def _told(name: str, table: Mapping[str, str]) -> str:
    """The value of a key in words, "-" where there is none."""
    value = table.get(name, "-")
    return "by rule" if name in ("learning_rate", "local_epochs") and value in ("0", "0.0") else value


def reference(found: Sequence[Group]) -> Group | None:
    """The group that others are measured by; None where float32 was sent, but no such group is complete.

    Of several that send float32 the hardest to beat: the one with the fewest bytes to 99 % of the best of them.
    """
    full = [
        group
        for group in found
        if group.runs[0].config.get("codec") in (_REFERENCE, f"{_REFERENCE}/{_REFERENCE}")
    ]
    complete = [group for group in full or found if group.complete and group.final]
    if not full:
        return complete[0] if complete else None
    best = max(complete, key=lambda group: group.final.mean if group.final else 0.0, default=None)
    costs = [(group, group.cost(best, SHARES[-1])) for group in complete if best]
    known = [(group, cost.mean) for group, cost in costs if cost]
    return min(known, key=lambda pair: pair[1])[0] if known else best


def frontier(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """The best accuracy that any run had for so many bytes: corners of a rising staircase."""
    points = [
        (total, row.accuracy_held)
        for run in runs
        for total, row in zip(run.spent, run.rounds, strict=True)
        if row.accuracy_held is not None and row.round > 1
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
            "Of the heads that the boards hold, on the test set, from the second round on. Up and left is better. The "
            "band is the frontier: the best accuracy that any run had for so many bytes.",
            Axis("wire bytes of a board so far", "B", log=True),
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
            points = [
                (total if by_bytes else row.round, row.accuracy_held)
                for total, row in zip(run.spent, run.rounds, strict=True)
                if row.accuracy_held is not None and row.round > 1
            ]
            if points:
                curves.append(Series.through(thin(points), group.label if number == 0 else "", group.color))
    return curves


def _costs(found: Sequence[Group]) -> list[Chart]:
    base = reference(found)
    if base is None:
        return []
    reached = [(group, group.cost(base, SHARES[-1])) for group in found]
    known = sorted(((group, cost.mean) for group, cost in reached if cost), key=lambda pair: pair[1])
    missing = [group.label for group, cost in reached if cost is None]
    note = (
        f"Of a board, until the heads that the boards hold have 99 % of what {base.label or 'it'} ends with."
    )
    if missing:
        note += f" Never there: {', '.join(missing)}."
    return [
        Bars(
            "compare-target",
            "Bytes to 99 %",
            note,
            Axis("bytes", "B"),
            [(group.label, round(cost), group.color) for group, cost in known],
        ),
    ]
