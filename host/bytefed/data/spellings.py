"""Arrays under the names that other tools give them: `x` or `features` for X, or a training and a test part."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bytefed.data.archive import Array
from bytefed.errors import DataError

_WHOLE = {"X": ("X", "x", "features", "data"), "y": ("y", "Y", "labels", "target", "targets")}
_PARTS = {
    "X": (("X_train", "X_test"), ("x_train", "x_test")),
    "y": (("y_train", "y_test"), ("Y_train", "Y_test")),
}

KNOWN = tuple(
    name
    for array in ("X", "y")
    for name in (*_WHOLE[array], *(part for pair in _PARTS[array] for part in pair))
)
"""All names under which X and y are found."""


def proper(path: Path, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the arrays with X and y under these names, where they are there under another.

    Two parts become one array, and the second part's rows are the global test, if the file has no `test` of its own.

    Args:
        path: The file, to name it in errors.
        arrays: Arrays by the names that they have in the file.

    Raises:
        DataError: E_DATA_SHAPE if the parts don't fit together.
    """
    named = {name: array for name, array in arrays.items() if name not in KNOWN}
    for name in ("X", "y"):
        whole = [arrays[other] for other in _WHOLE[name] if other in arrays]
        parts = [pair for pair in _PARTS[name] if all(part in arrays for part in pair)]
        if whole:
            named[name] = whole[0]
        elif parts:
            named[name] = _joined(path, parts[0], arrays)
            if name == "X":
                named.setdefault("test", np.arange(len(arrays[parts[0][0]]), len(named[name])))
    return named


def _joined(path: Path, names: tuple[str, str], arrays: dict[str, Array]) -> Array:
    first, second = (arrays[name] for name in names)
    if not (first.ndim and second.ndim and first.shape[1:] == second.shape[1:]):
        raise DataError(
            "E_DATA_SHAPE",
            f"{path}: {names[0]} has the shape {first.shape}, {names[1]} {second.shape}: not the same columns.",
            "Save both with one row for each sample and the same columns.",
        )
    return np.concatenate([first, second])
