"""The sums of a run with secure sums: what a round's boards told together. No board's own delta is ever stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.runs.database import Database, pack, unpack

_NOT_KEPT = b""  # a board's own delta


@dataclass(frozen=True, eq=False)
class StoredSum:
    """The sum of a round.

    Attributes:
        examples: Training samples of all boards in it, at least 1.
        mean: float32 [P], the mean of their deltas, weighted by samples.
        tested: Test samples of all boards in it.
        loss: Mean loss over their training samples; None where no statistics were asked for.
        correct: Training samples classified correctly, likewise.
        test_correct: Test samples that the head before the round classifies correctly, likewise.
    """

    examples: int
    mean: NDArray[np.float32]
    tested: int
    loss: float | None = None
    correct: int | None = None
    test_correct: int | None = None


class Sums(Database):
    """The part of the store that keeps sums."""

    def commit_sum(self, number: int, boards: Sequence[str], total: StoredSum) -> None:
        """Put a round's sum on disk, and who is in it.

        Args:
            number: Number of the round.
            boards: The uids of the boards in the sum.
            total: The sum.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT INTO sums (run, round, examples, loss, correct, test_correct, tested, mean)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self.run, number, total.examples, total.loss, total.correct, total.test_correct,
                    total.tested, pack(total.mean),
                ),
            )  # fmt: skip
            db.executemany(
                "INSERT INTO deltas (run, round, board, status, num_examples, delta) VALUES (?, ?, ?, 'ok', 0, ?)",
                [(self.run, number, board, _NOT_KEPT) for board in boards],
            )

    def sum_of(self, number: int) -> StoredSum | None:
        """Return the sum of a round; None where there is none."""
        row = self._row(
            "SELECT examples, mean, tested, loss, correct, test_correct FROM sums WHERE run = ? AND round = ?",
            self.run,
            number,
        )
        return None if row is None else StoredSum(row[0], unpack(row[1]), *row[2:])

    def summed_rounds(self) -> list[int]:
        """Return the rounds that have a sum, ascending."""
        return [row[0] for row in self._rows("SELECT round FROM sums WHERE run = ? ORDER BY round", self.run)]
