"""A run directory as the report sees it: the CSV files of SPEC.md section 8, and what summary.json adds to them.

The CSV files are read, not the database: they are the documented interface, they are up to date after every round of
a run that is still going on, and a directory that somebody mailed may hold nothing else. Nothing in a directory is
believed: sizes are bounded, numbers are checked, and text stays text.
"""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from bytefed.errors import StoreError
from bytefed.ledger.bytes_to import bytes_to, final_accuracy
from bytefed.ledger.columns import Column
from bytefed.ledger.count import PARTS, REPAIR
from bytefed.ledger.rows import ROUNDS_COLUMNS, SESSIONS_COLUMNS
from bytefed.runs.columns import Table, as_written
from bytefed.runs.directory import holds_no

__all__ = [
    "FILES",
    "PARTS",
    "REPAIR",
    "Round",
    "Row",
    "Run",
    "add_parts",
    "corrupt",
    "find",
    "finite",
    "load",
    "total",
]

FILES = ("bytes.csv", "rounds.csv")
"""One of them makes a directory a run."""

_LARGEST_DOCUMENT = 16 * 1024 * 1024
_LARGEST_NUMBER = 1e18
_MOST_DIGITS = 18
_MOST_KEYS = 1000
_LONGEST_TEXT = 200
_DATABASE_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of bytes.csv or sessions.csv, as far as the report shows it: the columns of these names (ledger/rows.py).

    Attributes:
        phase: ``round`` in bytes.csv.
        parts: Bytes by cause, in the order of PARTS; None where they were lost with a killed process.
    """

    round: int
    board: str
    link: str
    security: str
    codec: str
    status: str
    phase: str
    parts: tuple[int, ...] | None
    estimate_wcr: int
    estimate_wire: int | None
    seconds: float | None
    num_examples: int | None
    loss: float | None
    accuracy: float | None
    air_bytes: int | None
    air_seconds: float | None
    energy_mj: float | None

    @property
    def wire(self) -> int:
        """Bytes of both directions: the causes add up to the port's count."""
        return sum(self.parts or ())


@dataclass(frozen=True, slots=True)
class Round:
    """A row of rounds.csv, as far as the report shows it: the columns of these names (ledger/rows.py)."""

    round: int
    participants: int
    accuracy_boards: float | None
    accuracy_personal: float | None
    accuracy_global: float | None
    loss_global: float | None
    accuracy_held: float | None
    wire_total: int
    estimate_wcr: int
    estimate_wire: int
    seconds: float | None


_ROW = tuple(each for each in SESSIONS_COLUMNS if each.name in {field.name for field in fields(Row)})
_ROUND = tuple(each for each in ROUNDS_COLUMNS if each.name in {field.name for field in fields(Round)})


_UNITS = {"bytes": "B", "air": "s", "energy": "mJ"}


@dataclass(frozen=True)
class Spent:
    """The budget of each board of a run, and what was spent of it.

    Attributes:
        unit: B, s or mJ: what the numbers are in.
        most: The most that each board may spend.
        spent: The spending of the board that spent most.
        planned: The same as planned; None where it is not known.
        ended_early: Whether the budget ended the run before its last planned round.
    """

    unit: str
    most: float
    spent: float
    planned: float | None
    ended_early: bool


@dataclass(frozen=True)
class Run:
    """A run as its files describe it.

    Attributes:
        directory: The directory that it was read from.
        rows: bytes.csv.
        sessions: sessions.csv.
        rounds: rounds.csv.
        summary: summary.json, empty while the run is not over.
        config: Keys to values, as text.
        versions: Name to version.
        notes: Remarks about files that are missing or cut off.
    """

    directory: Path
    rows: Sequence[Row]
    sessions: Sequence[Row]
    rounds: Sequence[Round]
    summary: Mapping[str, Any]
    config: Mapping[str, str]
    versions: Mapping[str, str]
    notes: Sequence[str]

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.directory.resolve().name or str(self.directory)

    @property
    def complete(self) -> bool:
        """Whether the run reached its last round."""
        return self.summary.get("complete") is True

    @cached_property
    def boards(self) -> list[str]:
        """The uids in the order in which they were first heard of."""
        return list(dict.fromkeys(row.board for row in (*self.sessions, *self.rows)))

    @cached_property
    def open_boards(self) -> list[str]:
        """The boards of which a row says that their link was OPEN to strangers."""
        return list(
            dict.fromkeys(row.board for row in (*self.sessions, *self.rows) if row.security == "OPEN")
        )

    @cached_property
    def parts(self) -> dict[str, int]:
        """Bytes of all rounds by cause."""
        return add_parts(self.rows)

    @cached_property
    def wire(self) -> int:
        """Bytes of all rounds; of rounds.csv where there is no bytes.csv."""
        return sum(row.wire for row in self.rows) or sum(row.wire_total for row in self.rounds)

    @cached_property
    def estimate(self) -> int:
        """Bytes that were predicted for all rounds."""
        counted = [row.estimate_wire or 0 for row in self.rows if row.parts is not None]
        return sum(counted) or sum(row.estimate_wire for row in self.rounds)

    @cached_property
    def wcr(self) -> int:
        """The classic estimate W x C x R for the updates that were asked for."""
        return sum(row.estimate_wcr for row in self.rows) or sum(row.estimate_wcr for row in self.rounds)

    @cached_property
    def exact(self) -> bool:
        """Whether every row of the ledger is as long as predicted."""
        rows = [*self.rows, *self.sessions]
        if not rows:
            return all(row.wire_total == row.estimate_wire for row in self.rounds)
        return all(row.parts is not None and row.wire == row.estimate_wire for row in rows)

    def budget(self) -> Spent | None:
        """Return what the run's budget was and what was spent of it; None where summary.json does not say."""
        entry = self.summary.get("budget")
        if not isinstance(entry, dict):
            return None
        unit = _UNITS.get(str(entry.get("kind")))
        most, spent = finite(entry.get("most")), finite(entry.get("spent_most"))
        plan = entry.get("plan")
        planned = finite(plan.get("worst")) if isinstance(plan, dict) else None
        if unit is None or most is None or spent is None:
            return None
        return Spent(unit, most, spent, planned, entry.get("ended_early") is True)

    def accuracy(self, which: str = "accuracy_global") -> float | None:
        """The last known accuracy, 0 to 1."""
        known = [value for row in self.rounds if (value := getattr(row, which)) is not None]
        return known[-1] if known else None

    @cached_property
    def clients(self) -> int:
        """Number of boards, or of simulated clients."""
        return int(finite(self.summary.get("boards")) or 0) or len(self.boards)

    @cached_property
    def spent(self) -> list[float]:
        """Bytes of a board up to the end of each round: rounds and connecting, in the mean over the boards."""
        found, total = [], 0
        connects = sorted((row.round, row.wire) for row in self.sessions if row.phase == "connect")
        for row in self.rounds:
            while connects and connects[0][0] <= row.round:
                total += connects.pop(0)[1]
            total += row.wire_total
            found.append(total / max(self.clients, 1))
        return found

    def bytes_to(self, target: float, which: str = "accuracy_held") -> float | None:
        """Bytes of a board until the heads that the boards hold have an accuracy; None for never (``bytes_to``)."""
        return bytes_to(target, [getattr(row, which) for row in self.rounds], self.spent)

    def final(self) -> float | None:
        """The accuracy on the test set that the run ends with, 0 to 1 (``final_accuracy``)."""
        return final_accuracy([row.accuracy_global for row in self.rounds])

    @property
    def seed(self) -> str:
        """The run's seed, as its configuration says it; "" where it says none."""
        return self.config.get("seed", "")

    @property
    def central(self) -> float | None:
        """Accuracy of one head trained on all samples together, 0 to 1."""
        return finite(self.summary.get("accuracy_central"))


def add_parts(rows: Sequence[Row]) -> dict[str, int]:
    """Bytes by cause, summed over rows."""
    columns = list(zip(*(row.parts for row in rows if row.parts is not None), strict=True))
    return (
        {part: sum(column) for part, column in zip(PARTS, columns, strict=True)}
        if columns
        else dict.fromkeys(PARTS, 0)
    )


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def find(paths: Sequence[Path]) -> list[Path]:
    """The run directories that paths stand for: themselves, or the runs right under them.

    Raises:
        StoreError: E_RUN_MISSING if a path is neither.
    """
    found: list[Path] = []
    for path in paths:
        try:
            inside = [path] if _is_run(path) else sorted(child for child in path.iterdir() if _is_run(child))
        except OSError:
            inside = []
        if not inside:
            raise StoreError(
                "E_RUN_MISSING",
                holds_no(f"run, no {' or '.join(FILES)}", path),
                "Name the directory that `bytefed run` printed, or one that holds several of them.",
            )
        found += inside
    return list(dict.fromkeys(found))


def _is_run(path: Path) -> bool:
    return any((path / name).is_file() for name in FILES)


def load(directory: Path) -> Run:
    """Read a run directory.

    Raises:
        StoreError: E_RUN_MISSING if it holds none of FILES; E_RUN_CORRUPT if one can't be understood; E_RUN_IO.
    """
    if not _is_run(directory):
        raise StoreError("E_RUN_MISSING", holds_no("run", directory), "Name the directory of a run.")
    notes: list[str] = []
    summary = _json(directory / "summary.json", notes)
    rows = [_row(line) for line in _table(directory / "bytes.csv", ("round", "board", *PARTS), notes)]
    sessions = [_row(line) for line in _table(directory / "sessions.csv", ("round", "board", *PARTS), notes)]
    rounds = [_round(line) for line in _table(directory / "rounds.csv", ("round", "accuracy_global"), notes)]
    return Run(
        directory,
        rows,
        sessions,
        sorted(rounds, key=lambda row: row.round),
        summary,
        _texts(summary.get("config")) or _toml(directory / "config.resolved.toml", notes),
        _texts(summary.get("versions")) or _database_versions(directory / "run.db"),
        notes,
    )


class _Line:
    """One line of a CSV file: fields by column, checked when they are asked for."""

    def __init__(self, path: Path, number: int, columns: Mapping[str, int], fields: Sequence[str]) -> None:
        self._path, self._number, self._columns, self._fields = path, number, columns, fields

    def value(self, column: Column) -> Any:
        """The value of a column, of its kind; what is missing is 0 or None, as the column says."""
        if column.kind is str:
            return self.text(column.name)
        if column.kind is float:
            return self.real(column.name)
        return self.count(column.name) if column.optional else self.count(column.name) or 0

    def text(self, column: str) -> str:
        """A field, cut to a sensible length; empty where there is no such column."""
        index = self._columns.get(column)
        return "" if index is None else as_written(self._fields[index][:_LONGEST_TEXT])

    def count(self, column: str) -> int | None:
        """A field that is a whole number from 0, or nothing."""
        field = self._field(column)
        if not field:
            return None
        if not (field.isascii() and field.isdigit() and len(field) <= _MOST_DIGITS):
            raise corrupt(self._path, f"line {self._number}: {column} is {field[:40]!r}")
        return int(field)

    def real(self, column: str) -> float | None:
        """A field that is a number, or nothing; what is not finite counts as nothing."""
        field = self._field(column)
        try:
            return finite(float(field)) if field else None
        except ValueError:
            raise corrupt(self._path, f"line {self._number}: {column} is {field[:40]!r}") from None

    def _field(self, column: str) -> str:
        index = self._columns.get(column)
        return "" if index is None else self._fields[index]


def _table(path: Path, needed: Sequence[str], notes: list[str]) -> Iterator[_Line]:
    """The lines of a CSV file below its header; none where there is no such file."""
    if not path.is_file():
        notes.append(f"There is no {path.name}.")
        return
    table = Table(path)
    if table.cut:
        notes.append(f"The last line of {path.name} is cut off and was left out.")
    if missing := [column for column in needed if column not in table.header]:
        raise corrupt(path, f"there is no column {missing[0]}")
    columns = {name: index for index, name in enumerate(table.header)}
    for number, line in table.lines():
        yield _Line(path, number, columns, line)


def _row(line: _Line) -> Row:
    parts = [line.count(part) for part in PARTS]
    values = {column.name: line.value(column) for column in _ROW}
    values["phase"] = values["phase"] or "round"
    return Row(**values, parts=None if parts[0] is None else tuple(part or 0 for part in parts))


def _round(line: _Line) -> Round:
    return Round(**{column.name: line.value(column) for column in _ROUND})


def _json(path: Path, notes: list[str]) -> dict[str, Any]:
    text = _read(path, _LARGEST_DOCUMENT)
    try:
        document = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        notes.append(f"{path.name} can't be understood and was left out.")
        return {}
    return document


def _toml(path: Path, notes: list[str]) -> dict[str, str]:
    try:
        return _texts(tomllib.loads(_read(path, _LARGEST_DOCUMENT) or ""))
    except (tomllib.TOMLDecodeError, RecursionError):
        notes.append(f"{path.name} can't be understood and was left out.")
        return {}


def _database_versions(path: Path) -> dict[str, str]:
    """The versions that a run which never ended began with; nothing if they can't be had."""
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            db.set_progress_handler(lambda: 1, _DATABASE_STEPS)  # gives up; the file may be anybody's
            row = db.execute("SELECT value FROM meta WHERE key = 'versions'").fetchone()
            return _texts(json.loads(row[0])) if row else {}
    except (sqlite3.Error, ValueError, TypeError, RecursionError):
        return {}


def _texts(value: Any) -> dict[str, str]:
    """A table of short texts, whatever it was before."""
    if not isinstance(value, dict):
        return {}
    return {str(key)[:_LONGEST_TEXT]: _text(entry) for key, entry in list(value.items())[:_MOST_KEYS]}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_text(entry) for entry in value[:_MOST_KEYS])[:_LONGEST_TEXT]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (f"{value:g}" if isinstance(value, float) else str(value)[:_LONGEST_TEXT]) if value != "" else "-"


def finite(value: Any) -> float | None:
    """A finite number, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST_NUMBER:
        return None
    return float(value)


def _read(path: Path, largest: int) -> str | None:
    """The text of a file; None if there is none."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise StoreError(
            "E_RUN_IO", f"{path} can't be read ({error}).", "Make it readable for you."
        ) from error
    if len(content) > largest:
        raise corrupt(path, f"it is larger than {largest:,} B")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise corrupt(path, "it is not UTF-8 text") from error


def corrupt(path: Path, reason: str) -> StoreError:
    """The error for a file that is not what a run writes."""
    return StoreError(
        "E_RUN_CORRUPT",
        f"{path} is not what `bytefed run` writes: {reason}.",
        "Leave this run out; or continue it, which writes its files anew: `bytefed run --resume DIR`.",
    )
