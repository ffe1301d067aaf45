"""The tables that people and scripts read: bytes.csv, rounds.csv, sessions.csv (SPEC.md section 8).

All are derived from the run's database and agree with it: they are written anew when a run is opened and when
it ends, and in between each round's new rows are added.
"""

from __future__ import annotations

import csv
import io
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from bytefed.ledger.columns import Column
from bytefed.ledger.count import COUNTS, REPAIR, ByteCount
from bytefed.ledger.rows import (
    BYTES_COLUMNS,
    ROUNDS_COLUMNS,
    SESSION_PHASES,
    SESSIONS_COLUMNS,
    RoundSummary,
    Traffic,
)
from bytefed.private_files import make_file
from bytefed.runs.dictionary import write_dictionary
from bytefed.runs.directory import coded_errors
from bytefed.runs.numbers import reads_as_number
from bytefed.runs.store import Store

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COUNTED = (*COUNTS, "wire_total")
_OWN = tuple(
    each.name for each in SESSIONS_COLUMNS if each.name not in ("run", *_COUNTED, *ByteCount().directed())
)
_OF_ROUND = tuple(each.name for each in ROUNDS_COLUMNS if each.name != "run")
_counted_values, _own_values = attrgetter(*_COUNTED), attrgetter(*_OWN)


def defused(value: Any) -> Any:
    """Give text that a spreadsheet would take for a formula an apostrophe: run directories may be anybody's."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _as_text(value: Any) -> Any:
    """Give text an apostrophe that would not be read as the text that it is.

    One uid in 800 is like 0123456789012345, or like 12e4567890123456, which is infinite.
    """
    return f"'{value}" if isinstance(value, str) and reads_as_number(value) else defused(value)


def traffic_row(run: int, row: Traffic) -> dict[str, Any]:
    """Return a row of bytes.csv or sessions.csv by column; None becomes an empty field."""
    values: dict[str, Any] = dict(zip(_OWN, _own_values(row), strict=True))
    values["run"] = f"{run:08x}"
    if row.count:
        values.update(zip(_COUNTED, _counted_values(row.count), strict=True))
        values.update(row.count.directed())
    return values


def round_row(run: int, row: RoundSummary) -> dict[str, Any]:
    """Return a row of rounds.csv by column; None becomes an empty field."""
    return {"run": f"{run:08x}", **{name: getattr(row, name) for name in _OF_ROUND}}


class CsvFile:
    """A CSV file that grows, and whose last rows can be removed again."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._path = path
        self._names = [column.name for column in columns]
        self._forms = {i: f".{column.digits}f" for i, column in enumerate(columns) if column.kind is float}
        self.size = 0  # bytes: where the next row will begin

    def rewrite(self) -> None:
        """Leave nothing but the header; other programs see either the old file or the new one."""
        header = (",".join(self._names) + "\n").encode()
        fresh = self._path.with_name(self._path.name + ".new")
        with coded_errors(self._path.parent):
            make_file(fresh).write_bytes(header)
            fresh.replace(self._path)
        self.size = len(header)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows."""
        text = self._encode(rows)
        with coded_errors(self._path.parent), self._path.open("ab") as file:
            file.write(text)
        self.size += len(text)

    def truncate(self, size: int) -> None:
        """Remove all rows from a position on."""
        with coded_errors(self._path.parent):
            os.truncate(self._path, size)
        self.size = size

    def _encode(self, rows: Iterable[Mapping[str, Any]]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(map(self._fields, rows))
        return text.getvalue().encode()

    def _fields(self, row: Mapping[str, Any]) -> list[Any]:
        fields = [_as_text(row.get(name)) for name in self._names]
        for index, form in self._forms.items():
            if isinstance(fields[index], float):
                fields[index] = format(fields[index], form)
        return fields


class Records:
    """The CSV files of a run directory, kept in step with its database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bytes = CsvFile(store.directory / "bytes.csv", BYTES_COLUMNS)
        self._sessions = CsvFile(store.directory / "sessions.csv", SESSIONS_COLUMNS)
        self._rounds = CsvFile(store.directory / "rounds.csv", ROUNDS_COLUMNS)
        self._offsets = array("Q")  # where the row of each round begins in rounds.csv, round 1 first
        self._last_row = 0
        self.rewrite()

    def rewrite(self) -> None:
        """Write all files anew from the database."""
        for file in (self._bytes, self._sessions, self._rounds):
            file.rewrite()
        write_dictionary(self._store.directory, self._store.run)
        self._last_row = 0
        del self._offsets[:]
        self.update(first_round=1)

    def update(self, first_round: int) -> None:
        """Write the rows that are new.

        Args:
            first_round: The earliest round about which something has changed.
        """
        for kind, file in ((("round",), self._bytes), (SESSION_PHASES, self._sessions)):
            rows = self._store.traffic(kind, after=self._last_row)
            file.append(traffic_row(self._store.run, row) for _, row in rows)
        self._last_row = self._store.last_traffic()
        known = min(first_round - 1, len(self._offsets))
        if known < len(self._offsets):
            self._rounds.truncate(self._offsets[known])
            del self._offsets[known:]
        for row in self._store.rounds(known + 1):
            self._offsets.append(self._rounds.size)
            self._rounds.append([round_row(self._store.run, row)])


def totals(rows: Iterable[Traffic]) -> dict[str, Any]:
    """Return sums over ledger rows: wire bytes, estimates, whether every estimate was exact, repair, `unfinished`.

    That is what the rows that `failed` have more than their estimate and their repair, below 0 where they broke off.
    """
    known = [row for row in rows if row.count is not None and row.estimate_wire is not None]
    return {
        "wire_down": sum(row.count.wire_down for row in known if row.count),
        "wire_up": sum(row.count.wire_up for row in known if row.count),
        "wire_total": sum(row.count.wire_total for row in known if row.count),
        "payload_down": sum(row.count.payload_down for row in known if row.count),
        "payload_up": sum(row.count.payload_up for row in known if row.count),
        "estimate_wcr": sum(row.estimate_wcr for row in known),
        "estimate_wire": sum(row.estimate_wire or 0 for row in known),
        "estimate_exact": all(row.count and row.count.wire_total == row.estimate_wire for row in known),
        **{cause: sum(getattr(row.count, cause) for row in known) for cause in REPAIR},
        "unfinished": sum(_without_repair(row) for row in known if row.status == "failed"),
    }


def _without_repair(row: Traffic) -> int:
    """Return the bytes that a row has more than predicted, beside repair."""
    repair: list[int] = [getattr(row.count, cause) for cause in REPAIR]
    return (row.estimate_difference or 0) - sum(repair)
