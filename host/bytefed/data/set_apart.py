"""Rows of ready features that the host knows and no client gets: all features are whitened by them, where that pays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data import labels
from bytefed.data.raw import RawData, divide
from bytefed.errors import DataError, counted
from bytefed.extractor.choice import LEAST_SAMPLES, choose, folds_of, layer_of
from bytefed.extractor.quantization import Quantization

SEED = 42
"""Seed of the draw where the file says how many rows, and not which."""


def rows(
    path: Path,
    array: np.ndarray[Any, np.dtype[Any]] | None,
    numbers: NDArray[np.uint8],
    test: NDArray[np.bool_],
    local: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    """Return a mask of the rows that are set apart.

    Args:
        path: The file, to name it in errors.
        array: The file's ``whiten``: a mask or row numbers as `labels.mask` takes them, or one number, how many rows
            are to be drawn among those for training; None for none.
        numbers: uint8 [n], the labels.
        test: bool [n], the rows of the global test.
        local: bool [n], the rows that their owner tests on; None if the file does not say.

    Raises:
        DataError: As `labels.mask` raises it; E_DATA_LABEL for a row that is for testing, too, or for a number that
            leaves nothing to train on.
    """
    if array is None:
        return np.zeros(len(numbers), np.bool_)
    training = ~test if local is None else ~test & ~local
    if array.ndim == 0:
        return _drawn(path, array, numbers, training)
    apart = labels.mask(path, "whiten", array, len(numbers))
    both = np.flatnonzero(apart & ~training)
    if len(both):
        raise DataError(
            "E_DATA_LABEL", f"{path}: row {both[0]} is in whiten, and in test or local_test.",
            "A row that makes the features must not test them: leave it out of one.",
        )  # fmt: skip
    return apart


def whitened(
    codes: NDArray[np.int8], quantization: Quantization, numbers: NDArray[np.uint8], apart: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], Quantization, bool, str]:
    """Whiten features by the rows set apart, where that pays.

    Args:
        codes: int8 [n, D].
        quantization: Their meaning.
        numbers: uint8 [n], the labels.
        apart: bool [n], the rows set apart.

    Returns:
        The codes, int8 [n, d] or as they were; their meaning; whether it pays; and a sentence that says what was found.

    Raises:
        DataError: E_DATA_WHITEN for too few rows.
    """
    own = codes[apart]
    found = choose(*folds_of(own, quantization, numbers[apart]))
    d, a = found.setting
    said = (
        f"{counted(int(apart.sum()), 'row')} set apart for whitening: cross-validated, {100 * found.plain:.1f} % on "
        f"plain features, {100 * found.whitened:.1f} % whitened (needed: {100 * found.needed:.1f} %)"
    )
    if not found.pays:
        return codes, quantization, False, f"{said}: the features stay plain."
    layer = layer_of(own, quantization, numbers[apart], directions=d, shrinkage=a)
    said += f": whitened, {codes.shape[1]} features become {d}."
    return layer.apply(codes), layer.output, True, said


def _drawn(
    path: Path,
    array: np.ndarray[Any, np.dtype[Any]],
    numbers: NDArray[np.uint8],
    training: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return a mask of that many training rows, each label in proportion."""
    count = int(labels.integers(path, "whiten", array.reshape(1), 1)[0])
    among = np.flatnonzero(training)
    if not 0 <= count < len(among):
        raise DataError(
            "E_DATA_LABEL", f"{path}: whiten is {count}; {len(among)} rows are for training.",
            f"Save how many of them are to be set apart, {LEAST_SAMPLES} at least, or which: whiten=row_numbers.",
        )  # fmt: skip
    raw = RawData(np.empty(0, np.float32), numbers[among], ())
    apart = np.zeros(len(numbers), np.bool_)
    apart[among[divide(raw, count / len(among), 0.0, SEED).pretrain]] = True
    return apart
