"""Reads a run directory for programs: each CSV file of SPEC.md section 8 as columns, and the newest head.

This works on runs that are still going on or were killed, and takes no lock. Everything is checked as it is read: a
directory may have been copied, cut off or edited.
"""

from __future__ import annotations

import csv
import io
import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import StoreError
from bytefed.ledger.rows import ROUNDS_COLUMNS, SESSIONS_COLUMNS
from bytefed.runs.directory import DATABASE, holds_no

Columns = dict[str, list[Any]]
"""Column name to values in the order of the rows; None stands for an empty field."""

HEAD = "head.npy"
"""File of a simulated run's last head, float32 [P]; other runs have all their heads in the database."""

_KINDS = {column.name: column.kind for column in (*SESSIONS_COLUMNS, *ROUNDS_COLUMNS)}
_LARGEST_TABLE = 512 * 1024 * 1024
_LARGEST_HEAD = 4 * (4096 * 64 + 64)


class Table:
    """A CSV file of a run, line by line; a last line that was cut off by a kill is left out.

    Args:
        path: The file.

    Attributes:
        path: The same.
        header: Names of the columns.
        cut: Whether a last line was left out.

    Raises:
        StoreError: E_RUN_MISSING if there is no such file, E_RUN_IO if it can't be read, E_RUN_CORRUPT if it holds
            something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = _text(path)
        whole, newline, rest = text.rpartition("\n")
        self.cut = bool(rest)
        self._lines = csv.reader(io.StringIO(whole + newline, newline=""), strict=True)
        self.header = next(self._checked(), [])

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the fields of each line below the header.

        Raises:
            StoreError: E_RUN_CORRUPT where a line has another number of fields than the header.
        """
        for fields in self._checked():
            number = self._lines.line_num
            if len(fields) != len(self.header):
                raise _corrupt(self.path, f"line {number} has {len(fields)} fields, not {len(self.header)}")
            yield number, fields

    def _checked(self) -> Iterator[list[str]]:
        try:
            yield from self._lines
        except csv.Error as error:
            raise _corrupt(self.path, f"line {self._lines.line_num}: {error}") from error


def read_columns(path: Path) -> Columns:
    """Read a CSV file of a run: text as str, counts as int, measures as float.

    A last line that was cut off by a kill is left out.

    Raises:
        StoreError: As ``Table``.
    """
    table = Table(path)
    rows = [fields for _, fields in table.lines()]
    fields_of = zip(*rows, strict=True) if rows else ((),) * len(table.header)
    return {name: _values(path, name, fields) for name, fields in zip(table.header, fields_of, strict=True)}


def _values(path: Path, name: str, fields: Sequence[str]) -> list[Any]:
    kind = _KINDS.get(name, str)  # a column that another version added is read as text
    convert: Callable[[str], Any] = as_written if kind is str else _finite if kind is float else int
    try:
        return [convert(field) if field else None for field in fields]
    except ValueError as error:
        raise _corrupt(path, f"column {name}: {error}") from error


def as_written(field: str) -> str:
    """Return a field of text without the apostrophe that it has so that nobody takes it for something else."""
    return field.removeprefix("'")


def _finite(field: str) -> float:
    value = float(field)
    if not math.isfinite(value):
        raise ValueError(f"{field} is not finite")
    return value


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_TABLE + 1)
        text = content.decode()
    except FileNotFoundError:
        raise StoreError(
            "E_RUN_MISSING",
            f"There is no {path.name} in {path.parent}.",
            "Name a directory that a run was written to.",
        ) from None
    except OSError as error:
        raise StoreError("E_RUN_IO", f"{path} can't be read ({error}).", "Make it readable.") from error
    except UnicodeDecodeError as error:
        raise _corrupt(path, "it is not UTF-8 text") from error
    if len(content) > _LARGEST_TABLE:
        raise _corrupt(path, f"it is larger than {_LARGEST_TABLE:,} B")
    return text


def newest_head(directory: Path) -> NDArray[np.float32]:
    """Return the newest global head of a run, float32 [P].

    Raises:
        StoreError: E_RUN_MISSING if the directory has none, E_RUN_CORRUPT if it can't be understood.
    """
    if (directory / DATABASE).is_file():
        blob = _stored(directory / DATABASE)
    elif (directory / HEAD).is_file():  # a simulation's
        blob = _saved(directory / HEAD)
    else:
        raise StoreError("E_RUN_MISSING", holds_no("head", directory), "Name the directory of a run.")
    if not 0 < len(blob) <= _LARGEST_HEAD or len(blob) % 4:
        raise _corrupt(directory, "its newest head has no size that a head can have")
    return np.frombuffer(blob, "<f4").astype(np.float32)


def _saved(path: Path) -> bytes:
    try:
        return bytes(np.load(path, allow_pickle=False).astype("<f4").tobytes())
    except (OSError, ValueError) as error:
        raise _corrupt(path, str(error)) from error


def _stored(path: Path) -> bytes:
    query = "SELECT head FROM heads ORDER BY round DESC LIMIT 1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute(query).fetchone()
    except sqlite3.Error as error:
        raise _corrupt(path, str(error)) from error
    if row is None or not isinstance(row[0], bytes):
        raise _corrupt(path, "it has no head")
    return row[0]


def _corrupt(path: Path, reason: str) -> StoreError:
    return StoreError(
        "E_RUN_CORRUPT",
        f"{path} is not what a run writes: {reason}.",
        "Take another copy of it, or go on with the run, which writes its files anew: `bytefed run --resume DIR`.",
    )
