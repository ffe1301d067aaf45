"""The tables of a run's database, and the format that says which ones a database has."""

from __future__ import annotations

import hashlib

from bytefed.ledger.rows import LEDGER_COLUMNS

STORED = tuple(column for column in LEDGER_COLUMNS if column.stored)
"""The ledger's columns that come from its rows (rows.py); `id` and `run` stand before them."""

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE boards (
    run INTEGER, board TEXT, client INTEGER NOT NULL, link TEXT NOT NULL, security TEXT NOT NULL,
    PRIMARY KEY (run, board), UNIQUE (run, client)) WITHOUT ROWID;
CREATE TABLE held (run INTEGER, board TEXT, head BLOB NOT NULL, PRIMARY KEY (run, board));
CREATE TABLE rounds (
    run INTEGER, round INTEGER, participants TEXT NOT NULL,
    seconds REAL, accuracy_global REAL, loss_global REAL, accuracy_held REAL,
    PRIMARY KEY (run, round)) WITHOUT ROWID;
CREATE TABLE heads (run INTEGER, round INTEGER, head BLOB NOT NULL, PRIMARY KEY (run, round));
CREATE TABLE deltas (
    run INTEGER, round INTEGER, board TEXT, status TEXT NOT NULL, applied INTEGER NOT NULL DEFAULT 0,
    num_examples INTEGER NOT NULL, loss REAL, correct INTEGER, delta BLOB NOT NULL,
    PRIMARY KEY (run, round, board));
CREATE TABLE sums (
    run INTEGER, round INTEGER, examples INTEGER NOT NULL, loss REAL, correct INTEGER, test_correct INTEGER,
    tested INTEGER NOT NULL, mean BLOB NOT NULL,
    PRIMARY KEY (run, round));
CREATE TABLE evaluations (
    run INTEGER, round INTEGER, board TEXT, correct INTEGER NOT NULL, tested INTEGER NOT NULL, personal INTEGER,
    PRIMARY KEY (run, round, board)) WITHOUT ROWID;
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, {", ".join(column.sql for column in STORED)});
CREATE UNIQUE INDEX one_row_per_round_and_board ON ledger (run, round, board) WHERE phase = 'round';
"""


def format_of(schema: str) -> str:
    """Return the format of a database with these tables: 8 hexadecimal digits that differ where a column differs."""
    return hashlib.sha256(" ".join(schema.split()).encode()).hexdigest()[:8]


FORMAT = format_of(SCHEMA)
"""The format that a database states in `meta`. It is computed from the tables, so it changes whenever they do."""

_FORMERLY = {"1": "699a9dce"}
"""Names of the formats in databases that are older than computed names."""


def is_current(name: str) -> bool:
    """Return whether a database with this format name has the tables above."""
    return _FORMERLY.get(name, name) == FORMAT


_MERGES = {
    "add": "{0} = COALESCE({0} + excluded.{0}, {0}, excluded.{0})",
    "replace": "{0} = COALESCE(excluded.{0}, {0})",
}
MERGE = ", ".join(_MERGES[column.merge].format(column.name) for column in STORED if column.merge != "keep")
"""The change that a board's further attempt at the same round makes to its row, as a DO UPDATE SET of SQLite."""
