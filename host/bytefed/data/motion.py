"""Motions of a wrist: BasicMotions, 80 recordings of a smartwatch, as the package aeon ships it.

Each recording is 10 s of a 3-axis accelerometer and a 3-axis gyroscope at 10 Hz. Windows of 5 s, one every
second, are the samples. They overlap, so the windows of one recording always stay together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bytefed.data.raw import RawData
from bytefed.data.ts import Archive

CLASSES = ("Standing", "Running", "Walking", "Badminton")
_ARCHIVE = Archive("BasicMotions", CLASSES, axes=6, lengths=(100, 100))
FILES = _ARCHIVE.files
WINDOW = 50
"""Samples in a window: 5 s."""
STEP = 10
"""Samples from one window to the next."""


def read(data_dir: Path | None = None) -> RawData:
    """Read windows as float32 [480, 50, 1, 6] in the watch's own units, labels 0 to 3, one group for each recording.

    Source: the UEA archive's BasicMotions (student project, University of East Anglia, 2016).

    Args:
        data_dir: Folder to look for the two .ts files in; without them there, those inside the installed package
            aeon are taken.

    Raises:
        DataError: E_DATA_MISSING without the files, E_DATA_FORMAT if one differs from the archive's format.
    """
    series, labels = zip(*_ARCHIVE.read(data_dir), strict=True)
    starts = range(0, series[0].shape[1] - WINDOW + 1, STEP)
    windows = np.stack([one[:, start : start + WINDOW].T for one in series for start in starts])
    return RawData(
        windows[:, :, np.newaxis, :].astype(np.float32),
        np.repeat(np.array(labels, np.uint8), len(starts)),
        CLASSES,
        groups=np.repeat(np.arange(len(series), dtype=np.int32), len(starts)),
    )
