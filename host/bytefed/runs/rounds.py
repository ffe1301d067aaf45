"""The rounds of a run: who was asked, the global heads, and how the boards find them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bytefed.errors import StoreError
from bytefed.head import Head
from bytefed.ledger.rows import RoundSummary
from bytefed.runs.database import Database, pack, unpack

_ROUNDS = """
SELECT r.round,
    (SELECT COUNT(*) FROM deltas d WHERE d.run = r.run AND d.round = r.round AND applied),
    COALESCE(
        (SELECT 1.0 * SUM(e.correct) / NULLIF(SUM(tested), 0) FROM evaluations e
            WHERE e.run = r.run AND e.round = r.round),
        (SELECT 1.0 * test_correct / NULLIF(tested, 0) FROM sums s WHERE s.run = r.run AND s.round = r.round + 1)),
    (SELECT 1.0 * SUM(e.personal) / NULLIF(SUM(tested), 0) FROM evaluations e
        WHERE e.run = r.run AND e.round = r.round AND e.personal IS NOT NULL),
    accuracy_global, loss_global, accuracy_held,
    IFNULL(SUM(wire_down), 0), IFNULL(SUM(wire_up), 0),
    IFNULL(SUM(estimate_wcr), 0), IFNULL(SUM(estimate_wire), 0), r.seconds
FROM rounds r LEFT JOIN ledger l ON l.run = r.run AND l.round = r.round AND phase = 'round'
WHERE r.run = ? AND r.round >= ? AND r.seconds IS NOT NULL
GROUP BY r.round ORDER BY r.round
"""
_GLOBAL_HEADS = """
WITH taken AS (
    SELECT run, board, round - 1 AS round FROM deltas WHERE run = ?
    UNION ALL SELECT run, board, round FROM evaluations WHERE run = ?)
SELECT board, head FROM (SELECT run, board, MAX(round) AS round FROM taken GROUP BY board)
JOIN heads USING (run, round)
"""


class Rounds(Database):
    """The part of the store that keeps rounds and heads."""

    def begin_round(self, number: int, participants: Sequence[str]) -> None:
        """Note which boards are asked to train in a round; those of an earlier attempt at it stay noted."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO rounds (run, round, participants) VALUES (?, ?, '[]')",
                (self.run, number),
            )
            everyone = sorted({*self.participants(number), *participants})
            db.execute(
                "UPDATE rounds SET participants = ? WHERE run = ? AND round = ?",
                (json.dumps(everyone), self.run, number),
            )

    def participants(self, number: int) -> list[str]:
        """Return the boards that were asked to train in a round."""
        row = self._row("SELECT participants FROM rounds WHERE run = ? AND round = ?", self.run, number)
        return list(json.loads(row[0])) if row else []

    def counts(self, board: str, number: int = 0) -> bool:
        """Return whether a board's delta of a round counts, or will once the round is closed.

        Args:
            board: uid.
            number: The round; 0 for the last closed one that asked the board for a delta.

        Returns:
            True, too, where the run never asked the board for that delta: there is nothing to take back.
        """
        row = self._row(
            "SELECT applied OR (seconds IS NULL AND status = 'ok') FROM rounds r, json_each(participants) asked"
            " LEFT JOIN deltas d ON d.run = r.run AND d.round = r.round AND d.board = asked.value"
            " WHERE r.run = ? AND asked.value = ? AND (r.round = ? OR ? = 0 AND seconds IS NOT NULL)"
            " ORDER BY r.round DESC LIMIT 1",
            self.run,
            board,
            number,
            number,
        )
        return row is None or bool(row[0])

    def hold(self, board: str, head: Head) -> None:
        """Keep the head that a board has, float32 [P], so that the next one can be sent as the difference to it."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (self.run, board, pack(head)))

    def held(self, board: str) -> Head | None:
        """Return the head that a board had when it was last heard of; None if that was not kept."""
        row = self._row("SELECT head FROM held WHERE run = ? AND board = ?", self.run, board)
        return None if row is None else unpack(row[0])

    def all_held(self) -> dict[str, bytes]:
        """Return the heads that boards hold, little-endian float32, by uid; boards that never took one are missing.

        A lossless downlink leaves a global head on the board: the last one that it evaluated or trained from.
        """
        global_heads = dict(self._rows(_GLOBAL_HEADS, self.run, self.run))
        return global_heads | dict(self._rows("SELECT board, head FROM held WHERE run = ?", self.run))

    def close_round(
        self,
        number: int,
        head: Head,
        applied: Sequence[str],
        *,
        seconds: float,
        accuracy: float | None,
        loss: float | None,
        held: float | None = None,
    ) -> None:
        """End a round: store its head, the deltas applied to it and the host's measurements in one transaction.

        Args:
            number: Number of the round.
            head: float32 [P], the global head after the round.
            applied: uids of the boards whose deltas were applied.
            seconds: Duration of the round.
            accuracy: Accuracy of the head on the global test set, 0 to 1; None where there is none.
            loss: Mean cross-entropy of the head on the global test set, likewise.
            held: Mean accuracy there of the heads that the boards hold, 0 to 1; None where it was not measured.
        """
        key = (self.run, number)
        with self._transaction() as db:
            db.execute("INSERT INTO heads VALUES (?, ?, ?)", (*key, pack(head)))
            db.executemany(
                "UPDATE deltas SET applied = 1 WHERE run = ? AND round = ? AND board = ? AND status = 'ok'",
                [(*key, board) for board in applied],
            )
            db.execute(
                "UPDATE rounds SET seconds = ?, accuracy_global = ?, loss_global = ?, accuracy_held = ?"
                " WHERE run = ? AND round = ?",
                (seconds, accuracy, loss, held, *key),
            )

    def head(self) -> tuple[int, Head]:
        """Return the newest global head and the round that made it; round 0 has the head that the run began with."""
        row = self._row("SELECT round, head FROM heads WHERE run = ? ORDER BY round DESC LIMIT 1", self.run)
        if row is None:
            raise StoreError("E_RUN_CORRUPT", f"{self.directory} has no global head.", "Start a new run.")
        return int(row[0]), unpack(row[1])

    def head_of(self, number: int) -> Head:
        """Return the global head that a closed round made."""
        return unpack(self._row("SELECT head FROM heads WHERE run = ? AND round = ?", self.run, number)[0])

    def add_evaluation(
        self, number: int, board: str, correct: int, tested: int, personal: int | None = None
    ) -> None:
        """Keep a board's evaluation of a round's head on its own test samples.

        Args:
            number: The round that made the head.
            board: uid.
            correct: Number of samples that the head classifies correctly.
            tested: Number of samples.
            personal: Number that the board's personal head classifies correctly; None where that is not known.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO evaluations VALUES (?, ?, ?, ?, ?, ?)",
                (self.run, number, board, correct, tested, personal),
            )

    def evaluated(self, number: int) -> set[str]:
        """Return the boards that have evaluated the head of a round."""
        rows = self._rows("SELECT board FROM evaluations WHERE run = ? AND round = ?", self.run, number)
        return {row[0] for row in rows}

    def evaluations(self) -> list[tuple[int, str, int, int, int | None]]:
        """Return all that ``add_evaluation`` kept: round, board, correct, tested and personal, by round."""
        return self._rows(
            "SELECT round, board, correct, tested, personal FROM evaluations WHERE run = ? ORDER BY round, board",
            self.run,
        )

    def rounds(self, first: int = 1) -> list[RoundSummary]:
        """Return the closed rounds from ``first`` on."""
        return [RoundSummary(*row) for row in self._rows(_ROUNDS, self.run, first)]
