"""The SQLite database of a run directory, open for one coordinator: transactions, errors with codes, packed values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.runs.directory import DATABASE, coded
from bytefed.runs.lock import RunLock


class Database:
    """The database of a run directory, locked against other coordinators.

    Attributes:
        directory: The run directory.
        run: The run's number, once it is known.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = 0
        self._lock = RunLock(directory)
        try:
            self._db = _connect(directory / DATABASE)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Release the directory."""
        self._db.close()
        self._lock.release()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Put all writes inside this context into one transaction, with one wait for the disk."""
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
        """Leave the wait for the disk to the next transaction (SQLite: "PRAGMA synchronous", NORMAL in WAL mode)."""
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


def pack(values: NDArray[np.float32]) -> bytes:
    """Return float32 values as the bytes in which they are kept."""
    return values.astype("<f4").tobytes()


def unpack(blob: bytes) -> NDArray[np.float32]:
    """Return the float32 values that kept bytes stand for."""
    return np.frombuffer(blob, "<f4").astype(np.float32)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db
