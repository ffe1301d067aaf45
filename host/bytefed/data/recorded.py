"""Writes recordings in the layout that `--data FOLDER` reads: FOLDER/label/recording.csv, an axis a column."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError, DataError

_NO_FOLDER = '/\\:*?"<>|'  # signs that some system doesn't take in the name of a folder
_DIVISIONS = ("training", "train", "testing", "test")  # folders of these names are no labels


class Recordings:
    """The files of one recording session: a new one begins where the signal has a gap.

    Args:
        folder: The folder of all labels; made if it isn't there.
        label: The label, and so the name of the subfolder.
        board: The board's name, in the names of the files.
        axes: The names of the axes; of others than so many only the numbers are written.

    Attributes:
        files: The files so far, each with the readings in it.

    Raises:
        ConfigError: E_CONFIG_LABEL for a label that can't be a folder's name.
    """

    def __init__(self, folder: Path, label: str, board: str, axes: Sequence[str] = ()) -> None:
        plain = label.strip() == label and label.isprintable() and not set(label) & set(_NO_FOLDER)
        if not label or label.startswith(".") or not plain or label.lower() in _DIVISIONS:
            raise ConfigError(
                "E_CONFIG_LABEL",
                f"--label {label} can't be the name of a folder of recordings.",
                f"Give --label letters and digits; {', '.join(_DIVISIONS)} are no labels.",
            )
        self._folder = folder / label
        self._axes = list(axes)
        self._stem = f"{board}-{time.strftime('%Y%m%d-%H%M%S')}"
        self._open: TextIO | None = None
        self.files: dict[Path, int] = {}

    def add(self, readings: NDArray[np.float32], *, joins: bool) -> None:
        """Append readings, float32 [n, axes], or begin a file with them.

        Raises:
            OSError: They can't be written.
        """
        if self._open is None or not joins:
            self._begin(readings.shape[1])
        if self._open is not None:
            csv.writer(self._open).writerows([f"{value:.6g}" for value in row] for row in readings.tolist())
            self.files[list(self.files)[-1]] += len(readings)

    def _begin(self, axes: int) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        paths = (self._folder / f"{self._stem}-{number}.csv" for number in count(1))
        path = next(path for path in paths if not path.exists())
        self._open = path.open("x", newline="", encoding="utf-8")
        self.files[path] = 0
        named = self._axes if len(self._axes) == axes else [f"axis {n + 1}" for n in range(axes)]
        csv.writer(self._open).writerow(named)

    def close(self) -> None:
        """End the file that is open."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Recordings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def put_model(folder: Path, model: Path) -> None:
    """Put an extractor beside the recordings that are made for it, unless it is there.

    Raises:
        DataError: E_RECORD_MODEL if another one is there.
        OSError: It can't be written.
    """
    there = sorted(folder.glob("*.tflite"))
    if not there:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model, folder / model.name)
    elif [path.read_bytes() for path in there] != [model.read_bytes()]:
        raise DataError(
            "E_RECORD_MODEL",
            f"{folder} has recordings for {there[0].name}, and the board's model is {model.stem}.",
            "Record into another folder: its windows have other units, or another length.",
        )
