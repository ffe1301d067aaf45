"""The durable half of a run: one SQLite database in the run directory.

Promises, kept through a kill at any instant (write-ahead log, synchronous=FULL):

* A delta is on disk before the board hears so. Its key is (run, round, board); a second one changes nothing.
* A global head and the set of deltas applied to it appear together or not at all.
* A delta that comes after its round's head is kept as `late` and never applied.

Everything else in the directory is derived from the database and can be made again (see records.py).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import StoreError
from bytefed.head import Head
from bytefed.ledger.count import COUNTS, ByteCount
from bytefed.ledger.rows import Phase, RoundSummary, Traffic
from bytefed.runs.directory import DATABASE, coded, is_begun, make_folder, refuse_existing
from bytefed.runs.lock import RunLock
from bytefed.runs.schema import FORMAT, MERGE, SCHEMA, is_current

DeltaStatus = Literal["ok", "late"]


@dataclass(frozen=True, eq=False)
class StoredDelta:
    """A delta as it is on disk; ``delta`` is float32 [P]."""

    board: str
    status: DeltaStatus
    applied: bool
    num_examples: int
    loss: float
    correct: int
    delta: NDArray[np.float32]


class Store:
    """A run directory, open for one coordinator."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = 0
        self._lock = RunLock(directory)
        try:
            self._db = _connect(directory / DATABASE)
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def create(
        cls,
        directory: Path,
        run: int,
        head: Head,
        config: str,
        versions: dict[str, str],
        boards: Sequence[tuple[str, str]] = (),
        first: int = 0,
    ) -> Store:
        """Begin a run: all of this is there, or no run.

        Args:
            directory: Is made; must not hold a run yet.
            run: The run's number, 1 to 2^32 - 1.
            head: float32 [P], the global head to start from.
            config: The resolved configuration as TOML.
            versions: Of bytefed and of what it stands on.
            boards: To enrol, as ``enrol`` does.
            first: The client that the first of them is.

        Raises:
            StoreError: E_RUN_EXISTS, E_RUN_IN_USE, E_RUN_READ_ONLY, E_DISK_FULL or E_RUN_IO.
        """
        with coded(directory):
            make_folder(directory)
            refuse_existing(directory)
            store = cls(directory)
            try:
                with store._transaction():
                    store._begin(run, head, config, versions)
                    store.enrol(boards, first)
            except BaseException:
                store.close()
                raise
        return store

    def _begin(self, run: int, head: Head, config: str, versions: dict[str, str]) -> None:
        for statement in SCHEMA.split(";\n"):
            self._db.execute(statement)
        meta = {"format": FORMAT, "run": run, "config": config, "versions": json.dumps(versions)}
        self._db.executemany("INSERT INTO meta VALUES (?, ?)", [(k, str(v)) for k, v in meta.items()])
        self._db.execute("INSERT INTO heads VALUES (?, 0, ?)", (run, _pack(head)))
        self.run = run

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Go on with a run.

        Raises:
            StoreError: E_RUN_MISSING, E_RUN_IN_USE, E_RUN_CORRUPT, E_RUN_FORMAT or as for ``create``.
        """
        path = directory / DATABASE
        with coded(directory):
            if not path.is_file() or not is_begun(path):
                raise StoreError(
                    "E_RUN_MISSING",
                    f"{directory} holds no run.",
                    "Name the directory that `bytefed run` printed; what never began is begun without --resume.",
                )
            store = cls(directory)
            if not is_current(store.meta("format")):
                store.close()
                raise StoreError(
                    "E_RUN_FORMAT",
                    f"{directory} was written by another version of bytefed.",
                    "Resume it with that version, or start a new run.",
                )
            store.run = int(store.meta("run"))
        return store

    def close(self) -> None:
        """Release the directory."""
        self._db.close()
        self._lock.release()

    def meta(self, key: str) -> str:
        """A value given to ``create``, or set since."""
        row = self._row("SELECT value FROM meta WHERE key = ?", key)
        return "" if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a value with the run."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # Boards.

    def enrol(self, boards: Sequence[tuple[str, str]], first: int = 0) -> None:
        """Fix which board is which client, once and for all of the run's life.

        Args:
            boards: uid (16 hexadecimal digits) and link of each, in the order of their clients.
            first: The client that the first of them is.
        """
        rows = [(self.run, uid, client, link) for client, (uid, link) in enumerate(boards, first)]
        with self._transaction() as db:
            db.executemany("INSERT INTO boards VALUES (?, ?, ?, ?)", rows)

    def clients(self) -> dict[str, int]:
        """Client number of each enrolled board, by uid."""
        return dict(self._rows("SELECT board, client FROM boards WHERE run = ? ORDER BY client", self.run))

    # Rounds.

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
        """The boards that were asked to train in a round."""
        row = self._row("SELECT participants FROM rounds WHERE run = ? AND round = ?", self.run, number)
        return list(json.loads(row[0])) if row else []

    def uncounted(self) -> set[str]:
        """The boards whose last delta that was asked of them, in a closed round, did not count."""
        rows = self._rows(
            "SELECT asked.value, MAX(r.round), applied FROM rounds r, json_each(participants) asked"
            " LEFT JOIN deltas d ON d.run = r.run AND d.round = r.round AND d.board = asked.value"
            " WHERE r.run = ? AND seconds IS NOT NULL GROUP BY asked.value",
            self.run,
        )
        return {board for board, _, applied in rows if not applied}

    def hold(self, board: str, head: Head) -> None:
        """Keep which head a board has, float32 [P]: the next one can then go as the difference to it."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (self.run, board, _pack(head)))

    def held(self, board: str) -> Head | None:
        """The head that a board had when it was last heard of; None if that was not kept."""
        row = self._row("SELECT head FROM held WHERE run = ? AND board = ?", self.run, board)
        return None if row is None else _unpack(row[0])

    def all_held(self) -> dict[str, bytes]:
        """The heads of all boards that ``held`` knows of, little-endian float32, by uid."""
        return dict(self._rows("SELECT board, head FROM held WHERE run = ?", self.run))

    def commit_delta(
        self,
        number: int,
        board: str,
        delta: NDArray[np.float32],
        *,
        num_examples: int,
        loss: float,
        correct: int,
    ) -> DeltaStatus:
        """Put a delta on disk; when this returns it survives anything short of a broken disk.

        Args:
            number: Round.
            board: uid, 16 hexadecimal digits.
            delta: float32 [P].
            num_examples: Samples trained on.
            loss: Mean training loss.
            correct: Samples classified correctly.

        Returns:
            What it counts as. For a delta that is there already: what that one counts as.

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
                (*key, status, num_examples, loss, correct, _pack(delta)),
            )
            row = db.execute(
                "SELECT status FROM deltas WHERE run = ? AND round = ? AND board = ?", key
            ).fetchone()
        stored: DeltaStatus = row[0]
        return stored

    def deltas(self, number: int) -> list[StoredDelta]:
        """All deltas of a round, whatever became of them, ordered by board."""
        rows = self._rows(
            "SELECT board, status, applied, num_examples, loss, correct, delta FROM deltas"
            " WHERE run = ? AND round = ? ORDER BY board",
            self.run,
            number,
        )
        return [
            StoredDelta(board, status, bool(applied), examples, loss, correct, _unpack(blob))
            for board, status, applied, examples, loss, correct, blob in rows
        ]

    def counted(self, number: int) -> int:
        """How many deltas of a round count."""
        query = "SELECT COUNT(*) FROM deltas WHERE run = ? AND round = ? AND status = 'ok'"
        row = self._row(query, self.run, number)
        return int(row[0]) if row else 0

    def close_round(
        self,
        number: int,
        head: Head,
        applied: Sequence[str],
        *,
        seconds: float,
        accuracy: float,
        loss: float,
        held: float | None = None,
    ) -> None:
        """End a round: its head, the deltas applied to it and what the host measured, in one transaction.

        Args:
            number: Round.
            head: float32 [P], the global head after the round.
            applied: uids of the boards whose deltas made it.
            seconds: Duration of the round.
            accuracy: Of the head on the global test set, 0 to 1.
            loss: Mean cross-entropy of the head there.
            held: Mean accuracy there of the heads that the boards hold, 0 to 1; None where it was not measured.
        """
        key = (self.run, number)
        with self._transaction() as db:
            db.execute("INSERT INTO heads VALUES (?, ?, ?)", (*key, _pack(head)))
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
        """The newest global head and the round that made it; round 0 is what the run began with."""
        row = self._row("SELECT round, head FROM heads WHERE run = ? ORDER BY round DESC LIMIT 1", self.run)
        if row is None:
            raise StoreError("E_RUN_CORRUPT", f"{self.directory} has no global head.", "Start a new run.")
        return int(row[0]), _unpack(row[1])

    def head_of(self, number: int) -> Head:
        """The global head that a closed round made."""
        return _unpack(self._row("SELECT head FROM heads WHERE run = ? AND round = ?", self.run, number)[0])

    def add_evaluation(self, number: int, board: str, correct: int, tested: int) -> None:
        """Keep what a board found out about the head of a round on its own test samples."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO evaluations VALUES (?, ?, ?, ?, ?)",
                (self.run, number, board, correct, tested),
            )

    def evaluated(self, number: int) -> set[str]:
        """The boards that have evaluated the head of a round."""
        rows = self._rows("SELECT board FROM evaluations WHERE run = ? AND round = ?", self.run, number)
        return {row[0] for row in rows}

    def rounds(self, first: int = 1) -> list[RoundSummary]:
        """The closed rounds from ``first`` on."""
        return [RoundSummary(*row) for row in self._rows(_ROUNDS, self.run, first)]

    # The ledger.

    def add_traffic(self, row: Traffic) -> None:
        """Keep bytes; those of a further attempt of the same board at the same round are added to its row.

        Doesn't wait for the disk: a kill loses nothing, a power cut at most the newest rows, never a delta.
        """
        count = row.count or ByteCount()
        values = {name: getattr(row, name) for name in _TRAFFIC_COLUMNS}
        values |= {name: getattr(count, name) if row.count else None for name in COUNTS}
        values["run"] = self.run
        names = ", ".join(values)
        with self._hurried(), self._transaction() as db:
            db.execute(
                f"INSERT INTO ledger ({names}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608
                f" ON CONFLICT (run, round, board) WHERE phase = 'round' DO UPDATE SET {MERGE}",
                tuple(values.values()),
            )

    def traffic(self, phases: Sequence[Phase], after: int = 0) -> list[tuple[int, Traffic]]:
        """The rows of some phases in the order they were first written, with their row numbers.

        Args:
            phases: Which.
            after: Only rows with a greater number.
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

    def last_traffic(self) -> int:
        """The number of the newest row, 0 for none."""
        return int(self._row("SELECT IFNULL(MAX(id), 0) FROM ledger")[0])

    def repair(self, codec: str, estimate_wcr: int) -> None:
        """Give each delta without a ledger row one, with byte columns left empty.

        A process that was killed between storing a delta and writing down its bytes takes their number with it;
        the delta itself is there.
        """
        rows = self._rows(
            "SELECT round, board, 'round', link, ?, status, NULL, ?, NULL, NULL, num_examples, loss, correct"
            " FROM deltas d JOIN boards USING (run, board) WHERE run = ? AND NOT EXISTS"
            " (SELECT 1 FROM ledger l WHERE l.run = d.run AND l.round = d.round AND l.board = d.board"
            "  AND phase = 'round')",
            codec,
            estimate_wcr,
            self.run,
        )
        for row in rows:
            self.add_traffic(Traffic(*row))

    # SQLite.

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all that is written inside in one transaction: one wait for the disk."""
        with self._transaction():
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._db.in_transaction:  # inside `together`
            yield self._db
            return
        with coded(self.directory):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _hurried(self) -> Iterator[None]:
        """Leave it to the next transaction to wait for the disk (SQLite, "PRAGMA synchronous", NORMAL in WAL mode)."""
        with coded(self.directory):
            self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self._db.execute("PRAGMA synchronous = FULL")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with coded(self.directory):
            return self._db.execute(query, values).fetchall()

    def _row(self, query: str, *values: Any) -> Any:
        with coded(self.directory):
            return self._db.execute(query, values).fetchone()


_ROUNDS = """
SELECT r.round,
    (SELECT COUNT(*) FROM deltas d WHERE d.run = r.run AND d.round = r.round AND applied),
    (SELECT 1.0 * SUM(e.correct) / NULLIF(SUM(tested), 0) FROM evaluations e
        WHERE e.run = r.run AND e.round = r.round),
    accuracy_global, loss_global, accuracy_held,
    IFNULL(SUM(wire_down), 0), IFNULL(SUM(wire_up), 0),
    IFNULL(SUM(estimate_wcr), 0), IFNULL(SUM(estimate_wire), 0), r.seconds
FROM rounds r LEFT JOIN ledger l ON l.run = r.run AND l.round = r.round AND phase = 'round'
WHERE r.run = ? AND r.round >= ? AND r.seconds IS NOT NULL
GROUP BY r.round ORDER BY r.round
"""
_TRAFFIC_COLUMNS = tuple(f.name for f in fields(Traffic) if f.name != "count")


def _traffic(row: Sequence[Any]) -> Traffic:
    own, counts = row[: len(_TRAFFIC_COLUMNS)], row[len(_TRAFFIC_COLUMNS) :]
    count = None if counts[0] is None else ByteCount(*counts)
    return Traffic(**dict(zip(_TRAFFIC_COLUMNS, own, strict=True)), count=count)


def _pack(values: NDArray[np.float32]) -> bytes:
    return values.astype("<f4").tobytes()


def _unpack(blob: bytes) -> NDArray[np.float32]:
    return np.frombuffer(blob, "<f4").astype(np.float32)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db
