"""The durable half of a run: one SQLite database in the run directory.

Promises, kept through a kill at any instant (write-ahead log, synchronous=FULL):

* A delta is on disk before its board gets the ACK. Its key is (run, round, board); a duplicate changes nothing.
* A global head and the set of deltas applied to it appear together or not at all.
* A delta that arrives after its round's head is kept as `late` and never applied.
* With secure sums no board's own delta is in it: each round has one sum, and the boards in it are named.

Everything else in the directory is derived from the database and can be made again (see csv_files.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hmac import compare_digest
from pathlib import Path

from bytefed.errors import StoreError
from bytefed.head import Head
from bytefed.ledger.count import Security
from bytefed.private_files import make_folder
from bytefed.runs.database import pack, unpack
from bytefed.runs.deltas import Deltas
from bytefed.runs.directory import DATABASE, coded_errors, holds_no, is_begun, refuse_existing
from bytefed.runs.ledger import Ledger
from bytefed.runs.origin import signature
from bytefed.runs.rounds import Rounds
from bytefed.runs.schema import FORMAT, SCHEMA, is_current
from bytefed.runs.sums import Sums


class Store(Deltas, Sums, Rounds, Ledger):
    """A run directory, open for one coordinator: its deltas, rounds and ledger in one database."""

    @classmethod
    def create(
        cls,
        directory: Path,
        run: int,
        head: Head,
        config: str,
        versions: dict[str, str],
        boards: Sequence[tuple[str, str, Security]] = (),
        first: int = 0,
    ) -> Store:
        """Begin a run: afterwards either all of this is on disk, or no run.

        Args:
            directory: The run directory, which is made if it is missing and must not hold a run yet.
            run: The run's number, 1 to 2^32 - 1.
            head: float32 [P], the global head to start from.
            config: The resolved configuration as TOML.
            versions: Versions of bytefed and of the packages that it depends on.
            boards: The boards to enrol, in the form that ``enrol`` takes.
            first: Client number of the first of them.

        Raises:
            StoreError: E_RUN_EXISTS, E_RUN_IN_USE, E_RUN_READ_ONLY, E_DISK_FULL or E_RUN_IO.
        """
        with coded_errors(directory):
            make_folder(directory)
            refuse_existing(directory)
            store = cls(directory)
            try:
                with store._transaction():
                    store._begin(run, head, config, versions)
                    store.enrol(boards, first)
                    store.sign()
            except BaseException:
                store.close()
                raise
        return store

    def _begin(self, run: int, head: Head, config: str, versions: dict[str, str]) -> None:
        for statement in SCHEMA.split(";\n"):
            self._db.execute(statement)
        meta = {"format": FORMAT, "run": run, "config": config, "versions": json.dumps(versions)}
        self._db.executemany("INSERT INTO meta VALUES (?, ?)", [(k, str(v)) for k, v in meta.items()])
        self._db.execute("INSERT INTO heads VALUES (?, 0, ?)", (run, pack(head)))
        self.run = run

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Go on with a run.

        Raises:
            StoreError: E_RUN_MISSING, E_RUN_IN_USE, E_RUN_CORRUPT, E_RUN_FORMAT or as for ``create``.
        """
        path = directory / DATABASE
        with coded_errors(directory):
            if not path.is_file() or not is_begun(path):
                raise StoreError(
                    "E_RUN_MISSING",
                    holds_no("run", directory),
                    "Name the directory that `bytefed run` printed; one that never began is started with --run-dir.",
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

    def meta(self, key: str) -> str:
        """Return a value given to ``create``, or set since."""
        row = self._row("SELECT value FROM meta WHERE key = ?", key)
        return "" if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a value with the run."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def sign(self) -> None:
        """Note that this user, on this computer, stands behind the run's configuration and boards."""
        self.set_meta("origin", signature(self.run, self.meta("config"), self.clients()))

    def is_own(self) -> bool:
        """Return whether this user signed the run here, and nobody changed its configuration or boards since."""
        own = signature(self.run, self.meta("config"), self.clients())
        return own != "" and compare_digest(self.meta("origin").encode(), own.encode())

    def change_heads(self, changed: Callable[[Head], Head], key: str, value: str) -> None:
        """Change all heads and deltas of the run at once, and keep a value that says why; or nothing of this.

        Args:
            changed: From a head or delta to what takes its place.
            key: The value's key.
            value: The value.
        """
        with self._transaction() as db:
            for table, column in (("heads", "head"), ("held", "head"), ("deltas", "delta")):
                rows = db.execute(f"SELECT rowid, {column} FROM {table}").fetchall()  # noqa: S608
                db.executemany(
                    f"UPDATE {table} SET {column} = ? WHERE rowid = ?",  # noqa: S608
                    [(pack(changed(unpack(blob))), row) for row, blob in rows],
                )
            self.set_meta(key, value)

    def enrol(self, boards: Sequence[tuple[str, str, Security]], first: int = 0) -> None:
        """Assign boards to clients, once for the whole life of the run.

        Args:
            boards: uid (16 hexadecimal digits), link, and security of each, in the order of their clients.
            first: Client number of the first of them.
        """
        rows = [(self.run, uid, client, *link) for client, (uid, *link) in enumerate(boards, first)]
        with self._transaction() as db:
            db.executemany("INSERT INTO boards VALUES (?, ?, ?, ?, ?)", rows)

    def clients(self) -> dict[str, int]:
        """Return the client number of each enrolled board, by uid."""
        return dict(self._rows("SELECT board, client FROM boards WHERE run = ? ORDER BY client", self.run))
