"""The SQLite database of a run directory, open for one coordinator: transactions, errors with codes, packed values."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import StoreError
from bytefed.private_files import make_file
from bytefed.runs.directory import DATABASE, coded_errors
from bytefed.runs.lock import RunLock


class Database:
    """The database of a run directory, locked against other coordinators.

    A write is on disk when its method returns. Writes inside `one_transaction` are one; those inside `gathered`
    share theirs with all others of the same turn of the event loop, and are on disk after `on_disk`.

    Attributes:
        directory: The run directory.
        run: The run's number, once it is known.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = 0
        self._writing = False  # inside a transaction of the same writer
        self._durable = True  # whether the open transaction, or the last one, waits for the disk
        self._turn: asyncio.Handle | None = None  # will end the turn in which something is gathered
        self._failure: BaseException | None = None  # with which gathered writes were lost
        self._lock = RunLock(directory)
        try:
            self._db = _connect(directory / DATABASE)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Release the directory.

        Raises:
            StoreError: The writes that were gathered last can't be stored.
        """
        try:
            if self._turn is not None:
                self._turn.cancel()
                self._end_turn()
                self._refuse_after_failure()
        finally:
            self._db.close()
            self._lock.release()

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        """Put all writes inside this context into one transaction, with one wait for the disk."""
        with self._transaction():
            yield

    @contextmanager
    def gathered(self, *, durable: bool = True) -> Iterator[None]:
        """Put all writes inside this context into one transaction with others of this turn of the event loop.

        So boards that deliver at the same time share one wait for the disk.

        Args:
            durable: False if the end of the turn need not wait for the disk: then a power cut may lose these writes,
                but no kill can.
        """
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._end_turn)
        with self._attempt(durable):
            yield

    async def on_disk(self) -> None:
        """Wait for the end of the turn, when all that was gathered in it is on disk.

        Raises:
            StoreError: As the writes themselves; then nothing of the turn was stored.
        """
        turn = self._turn
        while turn is not None and turn is self._turn:
            await asyncio.sleep(0)
        self._refuse_after_failure()

    def _end_turn(self) -> None:
        with suppress(StoreError):  # whoever waits for the disk, or writes next, is told
            if self._db.in_transaction:
                with self._attempt(self._durable) as db:
                    db.execute("COMMIT")
        self._turn = None

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write, and wait until it is on disk, with what was gathered before; or join `one_transaction`."""
        if self._writing:
            yield self._db
            return
        with self._attempt(durable=True) as db:
            yield db
            db.execute("COMMIT")

    @contextmanager
    def _attempt(self, durable: bool) -> Iterator[sqlite3.Connection]:
        """Write into the open transaction, or a new one; an error undoes all of it."""
        self._refuse_after_failure()
        self._writing = True
        try:
            with coded_errors(self.directory):
                self._enter(durable)
                yield self._db
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if self._turn is not None:
                self._failure = error
            raise
        finally:
            self._writing = False

    def _enter(self, durable: bool) -> None:
        """Begin a transaction, unless one is open that waits for the disk, or need not (see "PRAGMA synchronous")."""
        if self._db.in_transaction:
            if self._durable or not durable:
                return
            self._db.execute("COMMIT")
        if durable != self._durable:
            self._durable = durable
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._db.execute("BEGIN IMMEDIATE")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with coded_errors(self.directory):
            return self._db.execute(query, values).fetchall()

    def _row(self, query: str, *values: Any) -> Any:
        with coded_errors(self.directory):
            return self._db.execute(query, values).fetchone()


def pack(values: NDArray[np.float32]) -> bytes:
    """Return float32 values as the bytes in which they are kept."""
    return values.astype("<f4").tobytes()


def unpack(blob: bytes) -> NDArray[np.float32]:
    """Return the float32 values that kept bytes stand for."""
    return np.frombuffer(blob, "<f4").astype(np.float32)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(make_file(path), isolation_level=None)  # its log files take their modes from it
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db
