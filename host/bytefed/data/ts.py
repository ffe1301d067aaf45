"""Recordings in .ts files, the format of the UEA and UCR archives, which the package aeon ships some of."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import DataError

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Archive:
    """A data set of the archive.

    Attributes:
        name: Its name there, with which its two files begin: NAME_TRAIN.ts and NAME_TEST.ts.
        classes: The labels as the files write them, in the order of their numbers.
        axes: Number of axes of a recording.
        lengths: Least and greatest number of points of a recording.
    """

    name: str
    classes: tuple[str, ...]
    axes: int
    lengths: tuple[int, int]

    @property
    def files(self) -> tuple[str, str]:
        """The names of the two files."""
        return f"{self.name}_TRAIN.ts", f"{self.name}_TEST.ts"

    def read(self, data_dir: Path | None = None) -> list[tuple[Series, int]]:
        """Return the recordings of both files in their order: float64 [axes, points], and the label.

        Args:
            data_dir: Folder to look in; where it has neither of the files, or where it is None, those inside the
                installed package aeon are taken.

        Raises:
            DataError: E_DATA_MISSING without the files, E_DATA_FORMAT if one differs from the archive's format.
        """
        folder = self._folder(data_dir)
        return [pair for name in self.files for pair in self._read_file(folder / name)]

    def _folder(self, data_dir: Path | None) -> Path:
        """Return the folder that both files are read from, so that halves of two data sets never make a third."""
        if data_dir and (not data_dir.is_dir() or any((data_dir / name).exists() for name in self.files)):
            return data_dir
        if folder := _aeon_folder(self.name):
            return folder
        raise DataError(
            "E_DATA_MISSING",
            f"The data of {self.name} come with the package aeon, which is not installed"
            + (f", and {data_dir} has neither {' nor '.join(self.files)}." if data_dir else "."),
            "Run: pip install --no-deps aeon (its data are all that is needed), or name a --data-dir that holds them.",
        )

    def _read_file(self, path: Path) -> list[tuple[Series, int]]:
        """Return the recordings of a file: a line each, `axis:axis:...:label`, commas within an axis."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                "E_DATA_MISSING",
                f"{path} cannot be read ({error}).",
                f"Name a --data-dir that holds {' and '.join(self.files)}.",
            ) from error
        try:
            recordings = [self._read_line(line) for line in lines if line.strip() and line[0] not in "#@"]
            if not recordings:
                raise ValueError("it holds no recording")
            return recordings
        except ValueError as error:
            raise DataError(
                "E_DATA_FORMAT", f"{path} is not the {self.name} file ({error}).", "Get it again."
            ) from error

    def _read_line(self, line: str) -> tuple[Series, int]:
        *axes, label = line.strip().split(":")
        values = np.array([axis.split(",") for axis in axes], np.float64)
        least, most = self.lengths
        if values.ndim != 2 or len(values) != self.axes or not least <= values.shape[1] <= most:
            raise ValueError(f"a recording has the shape {values.shape}")
        if not (np.abs(values) < np.finfo(np.float32).max).all():
            raise ValueError("a recording has a value that is no number of float32")
        return values, self.classes.index(label)


def _aeon_folder(name: str) -> Path | None:
    """Return a data folder of aeon, found without importing it (which would take seconds and numba)."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name
