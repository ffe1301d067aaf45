"""Reads the columns beside the features, in any usual form: labels, owners, and the rows that are for testing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data.task import MAX_CLASSES
from bytefed.errors import DataError

_MOST_SHOWN = 60

Array = np.ndarray[Any, np.dtype[Any]]


def labels(path: Path, y: Array, rows: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return labels renumbered from 0 without gaps, and the names that they had.

    Args:
        path: The file, to name it in errors.
        y: [n] or [n, 1] numbers, strings or booleans, or [n, C] with a single 1 in each row.
        rows: n, the number of rows.

    Returns:
        uint8 [n], and the name of each class; numbers in their order, strings in alphabetical order.

    Raises:
        DataError: E_DATA_SHAPE, E_DATA_TYPE or E_DATA_LABEL, naming the row; E_DATA_CLASSES for too many labels.
    """
    if y.ndim == 2 and y.shape[1] > 1:
        y = _one_hot(path, y)
    numbers, names = owners(path, "y", y, rows)
    if len(names) > MAX_CLASSES:
        raise DataError(
            "E_DATA_CLASSES",
            f"{path}: y has {len(names)} different labels; 2 to {MAX_CLASSES} fit a board.",
            "If y is a measurement, cut it into classes; else put rare labels together under one.",
        )
    return numbers.astype(np.uint8), names


def owners(path: Path, name: str, array: Array, rows: int) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Number owners from 0; they may be any names or numbers, one in each row.

    Args:
        path: The file, to name it in errors.
        name: The array's name in the file.
        array: [n] or [n, 1]: integers, whole floats, strings or booleans.
        rows: n, the number of rows.

    Returns:
        int32 [n], and the name of each number.

    Raises:
        DataError: E_DATA_SHAPE, E_DATA_TYPE or E_DATA_LABEL.
    """
    array = column(path, name, array, rows)
    if array.dtype.kind in "US":
        empty = np.flatnonzero(np.char.str_len(array) == 0)
        if len(empty):
            raise DataError(
                "E_DATA_LABEL", f"{path}: row {empty[0]} of {name} is an empty string.",
                "Give that row a name, or leave it out.",
            )  # fmt: skip
    elif array.dtype != np.bool_:
        array = integers(path, name, array, rows)
    values, numbers = np.unique(array, return_inverse=True)
    return numbers.reshape(-1).astype(np.int32), tuple(_name(value) for value in values.tolist())


def integers(path: Path, name: str, array: Array, rows: int) -> NDArray[np.integer[Any]]:
    """Return whole numbers, one in each row, which may come in any numeric type.

    Raises:
        DataError: E_DATA_SHAPE, E_DATA_TYPE, or E_DATA_LABEL for a number that is not whole, naming the row.
    """
    array = column(path, name, array, rows)
    if np.issubdtype(array.dtype, np.integer):
        return array
    if array.dtype.kind not in "fb":
        raise DataError(
            "E_DATA_TYPE", f"{path}: {name} is {array.dtype}; whole numbers or strings are needed.",
            f"Save it as {name}=numpy.asarray(values, dtype=int) or dtype=str.",
        )  # fmt: skip
    with np.errstate(invalid="ignore"):
        broken = np.flatnonzero(~(np.abs(array.astype(np.float64)) < 2**53) | (array != np.floor(array)))
    if len(broken):
        raise DataError(
            "E_DATA_LABEL", f"{path}: row {broken[0]} of {name} is {array[broken[0]]}, no whole number.",
            "Leave that row out or give it a whole number; a measurement must be cut into classes.",
        )  # fmt: skip
    return array.astype(np.int64)


def mask(path: Path, name: str, array: Array, rows: int) -> NDArray[np.bool_]:
    """Return a mask of the rows that an array picks: by a boolean or a 0 or 1 for each row, or by row numbers.

    Args:
        path: The file, to name it in errors.
        name: The array's name in the file.
        array: bool [n], integers 0 and 1 [n], or row numbers [k].
        rows: n, the number of rows.

    Returns:
        bool [n].

    Raises:
        DataError: E_DATA_SHAPE, E_DATA_TYPE, or E_DATA_LABEL for a row that does not exist.
    """
    array = array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array
    remedy = f"Save {name} as {rows} booleans, one a row, or as the numbers of its rows, 0 to {rows - 1}."
    if array.ndim != 1 or (array.dtype == np.bool_ and len(array) != rows):
        what = f"{path}: {name} has the shape {array.shape}, X has {rows} rows."
        raise DataError("E_DATA_SHAPE", what, remedy)
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf":
        raise DataError("E_DATA_TYPE", f"{path}: {name} is {array.dtype}.", remedy)
    numbers = integers(path, name, array, len(array))
    if len(numbers) == rows and np.isin(numbers, (0, 1)).all():
        return np.asarray(numbers == 1, np.bool_)
    outside = np.flatnonzero((numbers < 0) | (numbers >= rows))
    if len(outside):
        what = f"{path}: {name} names row {numbers[outside[0]]} (at {outside[0]}), X has {rows} rows."
        raise DataError("E_DATA_LABEL", what, remedy)
    picked = np.zeros(rows, np.bool_)
    picked[numbers.astype(np.int64)] = True
    return picked


def column(path: Path, name: str, array: Array, rows: int) -> Array:
    """Return an array as one value in each row.

    Raises:
        DataError: E_DATA_SHAPE.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (rows,):
        raise DataError(
            "E_DATA_SHAPE", f"{path}: {name} has the shape {array.shape}, X has {rows} rows.",
            f"Save {name} with one value for each row of X, in the same order.",
        )  # fmt: skip
    return array


def _one_hot(path: Path, y: Array) -> NDArray[np.int64]:
    """Return the position of the single 1 in each row."""
    broken = np.arange(len(y))
    if y.dtype.kind in "iufb":
        broken = np.flatnonzero(((y != 0).sum(axis=1) != 1) | (y.max(axis=1) != 1))
    if len(broken):
        raise DataError(
            "E_DATA_SHAPE",
            f"{path}: y has the shape {y.shape}, and row {broken[0]} is not a single 1 among zeros.",
            "Save one label a row; of scores or probabilities, y=scores.argmax(axis=1).",
        )
    return np.asarray(y.argmax(axis=1), np.int64)


def _name(value: Any) -> str:
    """Return a label as people read it: of bounded length, on one line."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_MOST_SHOWN])
