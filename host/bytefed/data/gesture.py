"""Digits drawn in the air: strokes recorded with an Arduino Nano 33 BLE Sense, as JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data.raw import RawData
from bytefed.errors import DataError

POINTS = 48
"""Points that every stroke is resampled to."""
FOLDER = "magic_wand_digit_data"


def read(data_dir: Path | None = None) -> RawData:
    """Read strokes as float32 [n, 48, 1, 2] (x, y; about -1 to 1, as the wand gives them), with labels 0 to 9.

    Source: https://github.com/petewarden/magic_wand_digit_data, Apache-2.0, one person.

    Args:
        data_dir: A checkout of that repository, or the folder that holds one.

    Raises:
        DataError: E_DATA_MISSING without the files, E_DATA_FORMAT if one differs from the repository's format.
    """
    files = _files(data_dir) if data_dir is not None else []
    if not files:
        raise DataError(
            "E_DATA_MISSING",
            "The gesture strokes are not part of bytefed"
            + (f", and {data_dir} holds none." if data_dir else "."),
            f"Get github.com/petewarden/{FOLDER} and name its folder with --data-dir.",
        )
    strokes = [stroke for path in files for stroke in _read_file(path)]
    if not strokes:
        raise DataError(
            "E_DATA_FORMAT",
            f"The files in {files[0].parent} hold no strokes.",
            f"Get them again from github.com/petewarden/{FOLDER}.",
        )
    return RawData(
        np.stack([points for points, _ in strokes]),
        np.array([label for _, label in strokes], np.uint8),
        tuple("0123456789"),
    )


def _files(data_dir: Path) -> list[Path]:
    folder = data_dir / FOLDER if (data_dir / FOLDER).is_dir() else data_dir
    return sorted(folder.glob("*_[0-9].json"))


def _read_file(path: Path) -> list[tuple[NDArray[np.float32], int]]:
    """Return (points float32 [48, 1, 2], label) of each stroke in a file."""
    try:
        strokes = json.loads(path.read_text(encoding="utf-8"))["strokes"]
        return [(_resample(stroke["strokePoints"]), _label(stroke["label"])) for stroke in strokes]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            "E_DATA_FORMAT",
            f"{path} does not hold strokes ({type(error).__name__}: {error}).",
            f"Get it again from github.com/petewarden/{FOLDER}.",
        ) from error


def _label(text: Any) -> int:
    label = int(text)
    if not 0 <= label <= 9:
        raise ValueError(f"label {label}")
    return label


def _resample(points: list[dict[str, float]]) -> NDArray[np.float32]:
    """Return POINTS points, evenly spaced in time, interpolated linearly between those recorded."""
    track = np.array([(point["x"], point["y"]) for point in points], np.float64)
    if len(track) < 2 or not (np.abs(track) < np.finfo(np.float32).max).all():
        raise ValueError("a stroke has fewer than two points, or one that is no number of float32")
    at = np.linspace(0, len(track) - 1, POINTS)
    axes = [np.interp(at, np.arange(len(track)), track[:, axis]) for axis in range(2)]
    return np.stack(axes, axis=-1)[:, np.newaxis, :].astype(np.float32)
