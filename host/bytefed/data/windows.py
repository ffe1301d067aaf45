"""Turns recordings into an extractor's windows: leaves out columns that are no measurement, cuts long recordings."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.checkout import shipped
from bytefed.data.notes import Notes
from bytefed.data.tables import Table, is_number
from bytefed.errors import ConfigError, DataError

_TIME = re.compile(
    r"(time ?stamp|date ?time|date|time|millis|micros|seconds|secs?|elapsed|ms|us|t|index|row|no)\b.*"
)
_LABEL = re.compile(r"(label|labels|class|target|activity|gesture|category)\b.*")

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Cut:
    """The rule by which long recordings are cut into windows.

    Attributes:
        window: Number of readings in a window; 0 for as many as the extractor takes.
        hop: Number of readings from the start of one window to the start of the next; 0 for a window's length.
    """

    window: int = 0
    hop: int = 0

    @property
    def wanted(self) -> bool:
        """Whether the user asked for windows of a size of their own."""
        return bool(self.window or self.hop)


def from_table(file: Path, table: Table, shape: tuple[int, ...], cut: Cut, notes: Notes) -> list[Values]:
    """Return the windows in a table.

    Args:
        file: The table's file, to name it in errors.
        table: One row for each point in time and one column for each axis; or one window in one row or one column.
        shape: Shape of an input of the extractor, points in time first.
        cut: The windows to cut from a longer recording.
        notes: Gathers remarks about what was left out.

    Returns:
        float32 windows of that shape.

    Raises:
        DataError: E_DATA_SHAPE for another layout, E_DATA_FORMAT for a field that is no number, E_DATA_NAN.
        ConfigError: E_CONFIG_WINDOW for a window that the extractor does not take.
    """
    _, width = layout(shape)
    if not _fits(len(table.rows), table.columns, shape) and table.columns > width:
        table = _measurements(file, table, width, notes)
    try:
        values = table.values()
    except ValueError as error:
        raise DataError(
            "E_DATA_FORMAT", f"{file} is no table of numbers: {error}.",
            f"Correct that line, or leave the file out; {shipped('docs/your-data.md')} says what is read.",
        ) from error  # fmt: skip
    return from_values(file, values, shape, cut, notes)


def from_values(file: Path, values: Values, shape: tuple[int, ...], cut: Cut, notes: Notes) -> list[Values]:
    """Return the windows in a recording, float32 [rows, columns]; arguments and errors are those of `from_table`."""
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(
            "E_DATA_NAN", f"{file}: row {row + 1}, column {column + 1} is a NaN or an infinity.",
            "Leave that sample out, or put a value in.",
        )  # fmt: skip
    if _fits(len(values), values.shape[1], shape):
        return [values.reshape(shape)]
    length, width = layout(shape)
    if cut.wanted and values.shape[1] == width:
        return _pieces(file, values, shape, cut, notes)
    raise DataError(
        "E_DATA_SHAPE",
        f"{file} has {values.shape[0]} rows of {values.shape[1]}; the extractor takes {length} rows of {width}.",
        _remedy(values.shape, length, width),
    )


def check_window(cut: Cut, shape: tuple[int, ...]) -> None:
    """Refuse a window that the extractor doesn't take.

    Raises:
        ConfigError: E_CONFIG_WINDOW.
    """
    length, _ = layout(shape)
    if cut.window not in (0, length):
        raise ConfigError(
            "E_CONFIG_WINDOW", f"--window {cut.window} is not what the extractor takes: {length} readings.",
            f"Give --window {length}, or an extractor that was trained on windows of {cut.window}.",
        )  # fmt: skip


def layout(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (readings, values of a reading) of a window of that shape; axes of length 1 do not count."""
    long = [n for n in shape if n > 1] or [1]
    return long[0], math.prod(long[1:])


def _fits(rows: int, columns: int, shape: tuple[int, ...]) -> bool:
    """Return whether a table is one window: as it is, or with all its values in one row or one column."""
    length, width = layout(shape)
    if width == 1:  # the extractor itself takes a flat list
        return rows * columns == length
    return (rows, columns) in ((length, width), (1, length * width), (length * width, 1))


def _measurements(file: Path, table: Table, width: int, notes: Notes) -> Table:
    """Return a table without columns of time, labels or row numbers, if it has too many columns."""
    found = _named(table)
    if table.columns - len(found) != width:
        # A column with words in every row is no measurement, whatever its name.
        words = {n for n in range(table.columns) if n not in found and _words(table, n)}
        if table.columns - len(found) - len(words) != width:
            return table
        found |= dict.fromkeys(words, "words: the subfolder is the label")
    for what in found.values():
        notes.add(f"Left out, a column of {what}, in", file)
    return table.without(set(found))


def measured(table: Table) -> int:
    """Return the number of columns that are measurements: neither time, nor labels, nor row numbers, nor words."""
    named = _named(table)
    return sum(number not in named and not _words(table, number) for number in range(table.columns))


def _named(table: Table) -> dict[int, str]:
    """Return the columns that their names tell to be no measurement, with what they are."""
    found: dict[int, str] = {}
    for number, name in enumerate(table.names):
        plain = name.strip().lower().replace("_", " ")
        if _TIME.fullmatch(plain) or not plain or plain.startswith("unnamed"):
            found[number] = f"time or row number ('{name}')" if plain else "row number (no name)"
        elif _LABEL.fullmatch(plain):
            found[number] = f"label ('{name}'): the subfolder is the label"
    return found


def _words(table: Table, column: int) -> bool:
    return bool(table.rows) and not any(is_number(row[column]) for row in table.rows)


def _pieces(file: Path, values: Values, shape: tuple[int, ...], cut: Cut, notes: Notes) -> list[Values]:
    length, _ = layout(shape)
    hop = cut.hop or length
    starts = range(0, len(values) - length + 1, hop)
    if not starts:
        notes.add(f"Left out, shorter than a window of {length} readings", file)
    elif starts[-1] + length < len(values):
        notes.add("Left out, readings at the end that fill no window, in", file)
    return [values[start : start + length].reshape(shape) for start in starts]


def _remedy(found: tuple[int, ...], length: int, width: int) -> str:
    rows, columns = found
    if (rows, columns) == (width, length):
        return "Turn the table: a row a point in time, a column an axis."
    if columns == width and rows > length:
        return f"Cut the recordings into windows: --window {length} (and --hop N for windows that overlap)."
    if columns == width:
        return f"The recording is shorter than a window of {length} readings: leave it out, or record longer."
    if columns > width:
        return f"Leave out {columns - width} of the columns; bytefed itself leaves out those called time or label."
    return "Write a row a point in time and a column an axis, as the extractor was trained on."


def check_units(inputs: NDArray[np.float32], files: Sequence[Path], quantization: Any, notes: Notes) -> None:
    """Remark which files can't be in the units that the extractor was trained on.

    Each file is judged by itself, so that one recording in mg among many in g is found.

    Args:
        inputs: float32 [n, ...].
        files: The file of each input.
        quantization: The `Quantization` of the extractor's input.
        notes: Gathers the remarks.
    """
    scale, zero = quantization.scale, quantization.zero_point
    low, high = scale * (-128 - zero), scale * (127 - zero)
    values = inputs.reshape(len(inputs), -1)
    beyond = ((values < low - scale / 2) | (values > high + scale / 2)).mean(axis=1)
    spread = values.max(axis=1) - values.min(axis=1)
    far = {file for file, share in zip(files, beyond, strict=True) if share > 0.5}
    if float(values.max()) - float(values.min()) < 8 * scale:
        near = set(files)
    else:  # a sensor at rest is next to one value, too: only what is far smaller than the other files counts
        near = {file for file, one in zip(files, spread, strict=True) if one < np.median(spread) / 200}
    trained = f"The extractor was trained on values from {low:.4g} to {high:.4g};"
    for file in sorted(far):
        notes.add(f"{trained} most are beyond, and clipped (other units, as mg for g?), in", file)
    for file in sorted(near):
        notes.add(f"{trained} they are next to one value (other units, as g for mg?) in", file)
