"""The deltas of a run: each is on disk before its board gets the ACK, and late ones are kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bytefed.runs.database import Database, pack, unpack

DeltaStatus = Literal["ok", "late"]


@dataclass(frozen=True, eq=False)
class StoredDelta:
    """A delta as it is on disk; ``delta`` is float32 [P]."""

    board: str
    status: DeltaStatus
    applied: bool
    num_examples: int
    loss: float | None
    correct: int | None
    delta: NDArray[np.float32]


class Deltas(Database):
    """The part of the store that keeps deltas."""

    def commit_delta(
        self,
        number: int,
        board: str,
        delta: NDArray[np.float32],
        *,
        num_examples: int,
        loss: float | None,
        correct: int | None,
    ) -> DeltaStatus:
        """Put a delta on disk; once this has returned, only a broken disk can lose it.

        Args:
            number: Number of the round.
            board: uid, 16 hexadecimal digits.
            delta: float32 [P].
            num_examples: Samples trained on.
            loss: Mean training loss; None where no statistics were asked for.
            correct: Samples classified correctly, likewise.

        Returns:
            The status under which it was stored; for a duplicate, the status of the delta that is there already.

        Raises:
            StoreError: E_DISK_FULL, E_RUN_READ_ONLY or E_RUN_IO; then nothing was stored.
        """
        key = (self.run, number, board)
        with self._transaction() as db:
            closed = db.execute("SELECT 1 FROM heads WHERE run = ? AND round = ?", key[:2]).fetchone()
            status = "late" if closed else "ok"
            db.execute(
                "INSERT OR IGNORE INTO deltas (run, round, board, status, num_examples, loss, correct, delta)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, status, num_examples, loss, correct, pack(delta)),
            )
            row = db.execute(
                "SELECT status FROM deltas WHERE run = ? AND round = ? AND board = ?", key
            ).fetchone()
        stored: DeltaStatus = row[0]
        return stored

    def deltas(self, number: int) -> list[StoredDelta]:
        """Return all deltas of a round, of any status, ordered by board."""
        rows = self._rows(
            "SELECT board, status, applied, num_examples, loss, correct, delta FROM deltas"
            " WHERE run = ? AND round = ? ORDER BY board",
            self.run,
            number,
        )
        return [
            StoredDelta(board, status, bool(applied), examples, loss, correct, unpack(blob))
            for board, status, applied, examples, loss, correct, blob in rows
        ]

    def counted(self, number: int) -> int:
        """Return the number of deltas of a round that count."""
        query = "SELECT COUNT(*) FROM deltas WHERE run = ? AND round = ? AND status = 'ok'"
        row = self._row(query, self.run, number)
        return int(row[0]) if row else 0
