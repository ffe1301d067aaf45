"""The ledger of a run: the bytes of each board by round and phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from bytefed.ledger.count import COUNTS, ByteCount
from bytefed.ledger.rows import Phase, Traffic
from bytefed.runs.database import Database
from bytefed.runs.schema import MERGE

_TRAFFIC_COLUMNS = tuple(f.name for f in fields(Traffic) if f.name != "count")

_own_values, _counts = attrgetter(*_TRAFFIC_COLUMNS), attrgetter(*COUNTS)
_NAMES = ("run", *_TRAFFIC_COLUMNS, *COUNTS)
_ADD = (
    f"INSERT INTO ledger ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
    f" ON CONFLICT (run, round, board) WHERE phase = 'round' DO UPDATE SET {MERGE}"
)


class Ledger(Database):
    """The part of the store that keeps bytes."""

    def add_traffic(self, row: Traffic) -> None:
        """Keep a ledger row; a further attempt of the same board at the same round is added to its row."""
        counts = (None,) * len(COUNTS) if row.count is None else _counts(row.count)
        values = (self.run, *_own_values(row), *counts)
        with self._transaction() as db:
            db.execute(_ADD, values)

    def traffic(self, phases: Sequence[Phase], after: int = 0) -> list[tuple[int, Traffic]]:
        """Return the rows of some phases in the order in which they were first written, with their row numbers.

        Args:
            phases: The phases to return.
            after: The row number after which to begin.
        """
        names = ", ".join((*_TRAFFIC_COLUMNS, *COUNTS))
        marks = ", ".join("?" * len(phases))
        rows = self._rows(
            f"SELECT id, {names} FROM ledger WHERE run = ? AND id > ? AND phase IN ({marks}) ORDER BY id",  # noqa: S608
            self.run,
            after,
            *phases,
        )
        return [(row[0], _traffic(row[1:])) for row in rows]

    def traffic_of(self, number: int) -> list[Traffic]:
        """Return the rows of a round, one for each board that was asked."""
        rows = self._rows(
            f"SELECT {', '.join((*_TRAFFIC_COLUMNS, *COUNTS))} FROM ledger"  # noqa: S608
            " WHERE run = ? AND round = ? AND phase = 'round' ORDER BY id",
            self.run,
            number,
        )
        return [_traffic(row) for row in rows]

    def last_traffic(self) -> int:
        """Return the number of the newest row; 0 if there is none."""
        return int(self._row("SELECT IFNULL(MAX(id), 0) FROM ledger")[0])

    def open_boards(self) -> int:
        """Return the number of boards with a link that was OPEN at any time."""
        query = "SELECT COUNT(DISTINCT board) FROM ledger WHERE run = ? AND security = 'OPEN'"
        return int(self._row(query, self.run)[0])

    def repair(self, codec: str, estimate_wcr: int) -> None:
        """Add the missing ledger row of each delta that has none, with empty byte columns.

        If a process is killed after storing a delta and before booking its bytes, their number is lost, but the delta
        is there.
        """
        rows = self._rows(
            "SELECT round, board, 'round', link, security, ?, status, NULL, ?, NULL, NULL, num_examples, loss, correct,"
            " NULL, NULL, NULL, client"
            " FROM deltas d JOIN boards USING (run, board) WHERE run = ? AND NOT EXISTS"
            " (SELECT 1 FROM ledger l WHERE l.run = d.run AND l.round = d.round AND l.board = d.board"
            "  AND phase = 'round')",
            codec,
            estimate_wcr,
            self.run,
        )
        with self.one_transaction():
            for row in rows:
                self.add_traffic(Traffic(*row))


def _traffic(row: Sequence[Any]) -> Traffic:
    own, counts = row[: len(_TRAFFIC_COLUMNS)], row[len(_TRAFFIC_COLUMNS) :]
    count = None if counts[0] is None else ByteCount(*counts)
    return Traffic(**dict(zip(_TRAFFIC_COLUMNS, own, strict=True)), count=count)
