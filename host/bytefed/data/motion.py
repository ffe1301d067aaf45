"""Motions of a wrist: BasicMotions, 80 recordings of a smartwatch, as the package aeon ships it.

Each recording is 10 s of a 3-axis accelerometer and a 3-axis gyroscope at 10 Hz. Windows of 5 s, one every
second, are the samples. They overlap, so the windows of one recording always stay together.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data.raw import RawData
from bytefed.errors import DataError

CLASSES = ("Standing", "Running", "Walking", "Badminton")
FILES = ("BasicMotions_TRAIN.ts", "BasicMotions_TEST.ts")
AXES = 6
WINDOW = 50
"""Samples in a window: 5 s."""
STEP = 10
"""Samples from one window to the next."""


def read(data_dir: Path | None = None) -> RawData:
    """Read windows as float32 [480, 50, 1, 6] in the watch's own units, labels 0 to 3, one group for each recording.

    Source: the UEA archive's BasicMotions (student project, University of East Anglia, 2016).

    Args:
        data_dir: Folder with the two .ts files; None takes those inside the installed package aeon.

    Raises:
        DataError: E_DATA_MISSING without the files, E_DATA_FORMAT if one differs from the archive's format.
    """
    folder = data_dir or _aeon_folder()
    series, labels = zip(*(pair for name in FILES for pair in _read_file(folder / name)), strict=True)
    starts = range(0, series[0].shape[1] - WINDOW + 1, STEP)
    windows = np.stack([one[:, start : start + WINDOW].T for one in series for start in starts])
    return RawData(
        windows[:, :, np.newaxis, :].astype(np.float32),
        np.repeat(np.array(labels, np.uint8), len(starts)),
        CLASSES,
        groups=np.repeat(np.arange(len(series), dtype=np.int32), len(starts)),
    )


def _aeon_folder() -> Path:
    """Return the data folder of aeon, found without importing it (which would take seconds and numba)."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "E_DATA_MISSING",
            "The motion data come with the package aeon, which is not installed.",
            "Run: pip install --no-deps aeon (its data are all that is needed), or name a --data-dir.",
        )
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "BasicMotions"


def _read_file(path: Path) -> list[tuple[NDArray[np.float64], int]]:
    """Return (values [6, 100], label) of each recording in a .ts file: `axis:axis:...:label`, commas within an axis."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "E_DATA_MISSING",
            f"{path} cannot be read ({error}).",
            f"Name a --data-dir that holds {' and '.join(FILES)}.",
        ) from error
    try:
        recordings = [_read_line(line) for line in lines if line.strip() and line[0] not in "#@"]
        if not recordings:
            raise ValueError("it holds no recording")
        return recordings
    except ValueError as error:
        raise DataError(
            "E_DATA_FORMAT", f"{path} is not the BasicMotions file ({error}).", "Get it again."
        ) from error


def _read_line(line: str) -> tuple[NDArray[np.float64], int]:
    *axes, label = line.strip().split(":")
    values = np.array([axis.split(",") for axis in axes], np.float64)
    if values.shape != (AXES, 100):
        raise ValueError(f"a recording has the shape {values.shape}")
    if not (np.abs(values) < np.finfo(np.float32).max).all():
        raise ValueError("a recording has a value that is no number of float32")
    return values, CLASSES.index(label)
