"""A user's ready features: an .npz file with X, y and, optionally, client, test, local_test and whiten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data import archive, labels, set_apart, spellings
from bytefed.data.archive import Array
from bytefed.data.columns import Columns, few_codes
from bytefed.data.raw import RawData, divide
from bytefed.data.task import MAX_CLASSES, MAX_FEATURES, Samples, Task
from bytefed.errors import DataError
from bytefed.extractor.quantization import Quantization

TEST_FRACTION = 0.2
"""Fraction of the rows for the global test if the file doesn't choose them."""

_ARRAYS = (*spellings.KNOWN, "client", "test", "local_test", "whiten", "scale", "zero_point")


def load(path: Path) -> Task:
    """Load a task from a file of ready features.

    The file holds ``X`` (numbers [n, D]), ``y`` (a label for each row, see `labels.labels`), and may hold ``client``
    (the natural owner of each row), ``test`` (the rows of the global test set; without it a stratified fifth is
    taken with seed 42), ``local_test`` (the rows that their owner tests on) and ``whiten`` (the rows that whitening is
    made of and judged by, which no client gets: see `set_apart`), all three in a form that `labels.mask` takes.
    int8 features are taken as they are; ``scale`` and ``zero_point`` say what they mean (default 1/128 and 0).
    Numbers of any other type become int8 with an offset and a step for each column, measured on the federated
    rows that are not in ``local_test`` (`columns.Columns`). X and y are also found under other usual names
    (`spellings`), such as ``X_train`` and ``X_test``.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_CORRUPT, E_DATA_ARRAY, E_DATA_SHAPE, E_DATA_TYPE, E_DATA_NAN,
            E_DATA_LABEL, E_DATA_D, E_DATA_CLASSES, E_DATA_SIZE, E_DATA_EMPTY or E_DATA_WHITEN.
    """
    arrays = spellings.proper(path, archive.read(path, _ARRAYS))
    archive.need(path, arrays, ("X", "y"))
    X = _features(path, arrays["X"])
    numbers, classes = labels.labels(path, arrays["y"], len(X))
    test = _test_rows(path, arrays, numbers)
    local = _local_test(path, arrays, ~test)
    apart = set_apart.rows(path, arrays.get("whiten"), numbers, test, local)
    kept = ~test & ~apart
    training = kept if local is None else kept & ~local
    columns, codes, quantization, warnings = _codes(path, arrays, X, training)
    pays = False
    if apart.any():
        codes, quantization, pays, found = set_apart.whitened(codes, quantization, numbers, apart)
        warnings.append(found)
    clients, owners = _owners(path, arrays, kept)
    return Task(
        name=path.stem,
        federated=Samples(codes[kept], numbers[kept]),
        test=Samples(codes[test], numbers[test]),
        num_classes=len(classes),
        quantization=quantization,
        classes=classes,
        clients=clients,
        owners=owners,
        local_test=None if local is None else local[kept],
        columns=columns,
        whitened=pays,
        warnings=(*warnings, *_untaught(classes, numbers[training])),
    )


def load_windows(path: Path) -> tuple[Array, NDArray[np.uint8] | None]:
    """Load inputs of an extractor from a file.

    Args:
        path: An .npz file with ``X`` (int8 codes, or real numbers, [n, ...]) and, if they are known, labels ``y``
            (whole numbers [n], in the head's numbering of the classes).

    Returns:
        X as int8 or floats; and y, None if the file has none.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_CORRUPT, E_DATA_ARRAY, E_DATA_SHAPE, E_DATA_TYPE, E_DATA_NAN,
            E_DATA_LABEL, E_DATA_SIZE or E_DATA_EMPTY.
    """
    arrays = archive.read(path, ("X", "y"))
    archive.need(path, arrays, ("X",))
    X = _numbers(path, arrays["X"])
    if X.ndim < 2:
        raise DataError(
            "E_DATA_SHAPE", f"{path}: X has the shape {X.shape}; [windows, ...] is needed.",
            "Save the windows one after another: X=numpy.stack(windows).",
        )  # fmt: skip
    if not len(X):
        raise DataError("E_DATA_EMPTY", f"{path} holds no windows.", "Save one window at least.")
    if "y" not in arrays:
        return X, None
    y = labels.integers(path, "y", arrays["y"], len(X))
    if y.min() < 0 or y.max() >= MAX_CLASSES:
        row = int(np.flatnonzero((y < 0) | (y >= MAX_CLASSES))[0])
        raise DataError(
            "E_DATA_LABEL", f"{path}: row {row} of y is {y[row]}; classes are 0 to {MAX_CLASSES - 1}.",
            "Number the classes as the head does, from 0.",
        )  # fmt: skip
    return X, y.astype(np.uint8)


def _features(path: Path, X: Array) -> Array:
    """Return X, int8 or finite numbers [n, D]."""
    if X.ndim != 2:
        raise DataError(
            "E_DATA_SHAPE",
            f"{path}: X has the shape {X.shape}; [samples, features] is needed.",
            "Save X.reshape(len(X), -1)."
            if X.ndim > 2
            else "Save one row for each sample, X=numpy.stack(rows).",
        )
    if not 1 <= X.shape[1] <= MAX_FEATURES:
        raise DataError(
            "E_DATA_D", f"{path}: X has {X.shape[1]} features; 1 to {MAX_FEATURES} fit a board.",
            "Take a smaller extractor, or choose among the features.",
        )  # fmt: skip
    if not len(X):
        raise DataError("E_DATA_EMPTY", f"{path} holds no samples.", "Save one row for each sample.")
    return _numbers(path, X)


def _numbers(path: Path, X: Array) -> Array:
    """Return X itself if it is int8, else X as finite floats."""
    if X.dtype == np.int8:
        return X
    if X.dtype.kind not in "fiub":
        raise DataError(
            "E_DATA_TYPE", f"{path}: X is {X.dtype}; numbers are needed.",
            "Save X=numpy.asarray(values, dtype=numpy.float32); give words a column of 0 and 1 each.",
        )  # fmt: skip
    if X.dtype.kind != "f":
        return X.astype(np.float32 if X.dtype.itemsize <= 2 else np.float64)
    with np.errstate(invalid="ignore"):
        sound = np.abs(X) < (np.finfo(np.float32).max / 4 if X.dtype.itemsize > 2 else np.inf)
    if not sound.all():
        where = np.unravel_index(int(np.argmin(sound)), X.shape)
        place = f"row {where[0]}" + "".join(f", column {at}" for at in where[1:])
        raise DataError(
            "E_DATA_NAN", f"{path}: X is {X[where]} in {place}: no number of float32.",
            "Leave those rows out, or put a value in: numpy.nan_to_num(X).",
        )  # fmt: skip
    return X


def _test_rows(path: Path, arrays: dict[str, Array], numbers: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask of the rows for the global test."""
    if "test" in arrays:
        return labels.mask(path, "test", arrays["test"], len(numbers))
    raw = RawData(np.empty(0, np.float32), numbers, ())
    test = np.zeros(len(numbers), np.bool_)
    test[divide(raw, 0.0, TEST_FRACTION, seed=42).test] = True
    return test


def _local_test(path: Path, arrays: dict[str, Array], kept: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return a mask of the rows that their owner tests on; None if the file does not say."""
    if "local_test" not in arrays:
        return None
    local = labels.mask(path, "local_test", arrays["local_test"], len(kept))
    both = np.flatnonzero(local & ~kept)
    if len(both) and "test" in arrays:
        raise DataError(
            "E_DATA_LABEL", f"{path}: row {both[0]} is in test and in local_test.",
            "A row of the global test is no client's: leave it out of local_test.",
        )  # fmt: skip
    if kept.any() and not (kept & ~local).any():
        raise DataError(
            "E_DATA_EMPTY", f"{path}: local_test and test leave no row to train on.",
            "Leave some rows out of both.",
        )  # fmt: skip
    return local


def _codes(
    path: Path, arrays: dict[str, Array], X: Array, training: NDArray[np.bool_]
) -> tuple[Columns | None, NDArray[np.int8], Quantization, list[str]]:
    """Return int8 codes of X, the columns' code if there is one, the quantisation, and warnings."""
    rows = (
        training if training.any() else np.ones(len(X), np.bool_)
    )  # the task refuses data without training rows
    if X.dtype != np.int8:
        columns = Columns.fit(X, rows)
        return columns, columns.encode(X), columns.quantization, columns.warnings(X, rows)
    try:
        scale, zero_point = arrays.get("scale", np.float64(1 / 128)), arrays.get("zero_point", np.int64(0))
        return None, X, Quantization(float(scale), int(zero_point)), few_codes(X, rows)
    except (TypeError, ValueError) as error:
        raise DataError(
            "E_DATA_TYPE", f"{path}: scale or zero_point is not one usable number ({error}).",
            "Save one scale above 0 and one zero_point from -128 to 127, or leave them out.",
        ) from error  # fmt: skip


def _owners(
    path: Path, arrays: dict[str, Array], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
    """Return the owners of the federated rows, counted from 0, and their names."""
    if "client" not in arrays:
        return None, ()
    numbers, names = labels.owners(path, "client", arrays["client"], len(kept))
    present, clients = np.unique(numbers[kept], return_inverse=True)
    return clients.reshape(-1).astype(np.int32), tuple(names[number] for number in present)


def _untaught(classes: tuple[str, ...], numbers: NDArray[np.uint8]) -> list[str]:
    """Return a warning for each class that no training row has."""
    counts = np.bincount(numbers, minlength=len(classes))
    return [f"No training row has the label {classes[number]}." for number in np.flatnonzero(counts == 0)]
