"""Reads tables of numbers as text, in the forms that sketches, loggers and spreadsheets write."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_COMMENTS = ("#", "%")
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)  # a first line that spreadsheets understand
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?|[-+]?\d+")


@dataclass(frozen=True, eq=False)
class Table:
    """A table as text.

    Attributes:
        names: The name of each column; empty if the file gives none.
        rows: The fields of each row, one for each column, with a decimal point.
        lines: The line number of each row in the file, from 1.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.rows[0]) if self.rows else len(self.names)

    def without(self, columns: set[int]) -> Table:
        """Return the table without some columns."""
        keep = [number for number in range(self.columns) if number not in columns]
        names = tuple(self.names[number] for number in keep) if self.names else ()
        return Table(names, tuple(tuple(row[number] for number in keep) for row in self.rows), self.lines)

    def values(self) -> NDArray[np.float32]:
        """Return the numbers, float32 [rows, columns]; a number beyond float32 becomes infinite.

        Raises:
            ValueError: A field is no number; the error names its line and column.
        """
        for line, row in zip(self.lines, self.rows, strict=True):
            for number, field in enumerate(row):
                if not is_number(field):
                    name = f"'{self.names[number]}'" if self.names else str(number + 1)
                    raise ValueError(f"line {line}, column {name}: {field[:40]!r} is no number")
        with np.errstate(over="ignore"):
            return np.array(self.rows, np.float64).astype(np.float32).reshape(len(self.rows), self.columns)


def read(content: bytes) -> Table:
    """Read the table in a text file.

    It may have tabs, semicolons, commas or spaces between fields, decimal commas if the comma is not the separator,
    quotes, a separator at the end of each line, a first line of names, and comments that begin with # or %; it may be
    UTF-8, UTF-16 with its mark, or Latin-1.

    Args:
        content: The file's bytes.

    Raises:
        ValueError: The file holds no table: its rows have different lengths, or there are none.
    """
    text = _decode(content)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith(_COMMENTS)]
    separator = None
    if lines and (said := _SEPARATOR_LINE.fullmatch(lines[0][1].strip('"'))):
        separator, lines = said.group(1), lines[1:]
    if not lines:
        raise ValueError("it holds no rows")
    separator = separator or _separator([line for _, line in lines[:20]])
    rows = [_fields(line, separator) for _, line in lines]
    names: list[str] = []
    if not any(is_number(_point(field, separator)) for field in rows[0]):
        names, rows, lines = rows[0], rows[1:], lines[1:]
    rows = [[_point(field, separator) for field in row] for row in rows]
    names, rows = _without_empty_end(names, rows)
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) != len(names or rows[0]):
            raise ValueError(f"line {number} has {len(row)} fields, the first line {len(names or rows[0])}")
    return Table(tuple(names), tuple(map(tuple, rows)), tuple(number for number, _ in lines))


def is_prose(content: bytes) -> bool:
    """Return whether a text is no table at all but a note: no line has numbers in at least a third of its fields.

    Args:
        content: The file's bytes.

    Raises:
        ValueError: It is no text.
    """
    lines = [line.strip() for line in _decode(content).splitlines()]
    rows = [
        re.split(r"[\t;,]", line) if re.search(r"[\t;,]", line) else line.split() for line in lines if line
    ]
    return bool(rows) and not any(
        3 * sum(is_number(field.strip(' "')) for field in row) >= len(row) for row in rows
    )


def is_number(field: str) -> bool:
    """Return whether a field is a number that Python reads, with a decimal point."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _decode(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding)
    if b"\0" in content:
        raise ValueError("it holds zero bytes: a binary file, or UTF-16 without its mark")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _separator(lines: list[str]) -> str:
    """Return the separator: the first of tab, semicolon, comma and space that at least half of the lines have."""
    for separator in "\t;":
        if 2 * sum(separator in line for line in lines) >= len(lines):
            return separator
    commas = [line for line in lines if "," in line]
    if 2 * len(commas) < len(lines):
        return " "
    # Commas within all of several words are decimal commas; one that ends a word separates.
    words = commas[-1].split()
    if len(words) > 1 and all(_DECIMAL_COMMA.fullmatch(word) for word in words):
        return " "
    return ","


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return [field.strip('"') for field in line.split()]
    row = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    return [field.strip() for field in row]


def _point(field: str, separator: str) -> str:
    """Return a number with a decimal comma as Python writes it."""
    if separator != "," and _DECIMAL_COMMA.fullmatch(field):
        return field.replace(",", ".")
    return field


def _without_empty_end(names: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Leave out the empty field that a separator at the end of each line makes."""
    if rows and all(len(row) > 1 and not row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
        if names and not names[-1]:
            names = names[:-1]
    return names, rows
