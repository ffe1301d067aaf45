"""One's own recordings or pictures: a folder with one .tflite file, and a subfolder of samples for each label."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data.raw import RawData, divide
from bytefed.data.task import MAX_CLASSES, Samples, Task
from bytefed.errors import ConfigError, DataError, ModelError
from bytefed.extractor.extractor import Extractor, read_model

TEST = 0.2
"""What becomes the global test."""
SEED = 42
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
MAX_FILE_BYTES = 1 << 26
"""The largest sample read: a picture of a good camera, or a window of a million values."""
MAX_PIXELS = 1 << 26
_HELP = "docs/your-data.md shows a folder."


def load(folder: Path) -> Task:
    """A task from a folder, such as this one.

        NAME.tflite               any int8 feature extractor that boards can run
        walking/one.csv           a window: a row a point in time, a column an axis; or one row with all values
        walking/two.csv
        running/one.png           or pictures, which are scaled to the extractor's input: 0 is black, 1 white

    The labels are the subfolders in alphabetical order. A fifth of each, drawn with seed 42, is the global test.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_FORMAT, E_DATA_SHAPE, E_DATA_NAN; E_DATA_CLASSES or E_DATA_EMPTY.
        ModelError: If there is no extractor, or it can't be used.
        ConfigError: E_CONFIG_EXTRA if a package is missing.
    """
    extractor = _extractor(folder)
    raw = read(folder, extractor.input_shape)
    division = divide(raw, 0.0, TEST, SEED)
    features = extractor.extract(extractor.quantize(raw.inputs))
    return Task(
        name=folder.resolve().name,
        federated=Samples(features[division.federated], raw.labels[division.federated]),
        test=Samples(features[division.test], raw.labels[division.test]),
        num_classes=len(raw.classes),
        quantization=extractor.quantization,
    )


def _extractor(folder: Path) -> Extractor:
    found = sorted(folder.glob("*.tflite"))
    if len(found) != 1:
        raise ModelError("E_MODEL_MISSING", f"{folder} has {len(found)} .tflite files; one is needed.", _HELP)
    return Extractor(read_model(found[0]))


def read(folder: Path, shape: tuple[int, ...]) -> RawData:
    """The samples as float32 [n, *shape], their labels and the names of those."""
    labels = [path for path in _entries(folder) if path.is_dir() and not path.name.startswith(".")]
    if len(labels) > MAX_CLASSES:
        raise DataError(
            "E_DATA_CLASSES",
            f"{folder} has {len(labels)} subfolders; {MAX_CLASSES} labels fit a board.",
            _HELP,
        )
    pairs = [(_sample(file, shape), label) for label, path in enumerate(labels) for file in _files(path)]
    if len(labels) < 2 or not pairs:
        raise DataError("E_DATA_EMPTY", f"{folder} has no two subfolders with .csv files or pictures.", _HELP)
    inputs, numbers = zip(*pairs, strict=True)
    return RawData(np.stack(inputs), np.array(numbers, np.uint8), tuple(path.name for path in labels))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError("E_DATA_MISSING", f"{folder} cannot be read ({error.strerror}).", _HELP) from error


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in _entries(folder) if path.suffix.lower() in (".csv", *PICTURES))


def _content(file: Path) -> bytes:
    """The bytes of a sample; raises OSError, or ValueError for a file that is none by its size."""
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"it has more than {MAX_FILE_BYTES:,} bytes")
    return content


def _sample(file: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    values = _window(file) if file.suffix.lower() == ".csv" else _picture(file, shape)
    if values.size != math.prod(shape):
        raise DataError(
            "E_DATA_SHAPE",
            f"{file} has {values.size} values, the extractor takes {' x '.join(map(str, shape))}.",
            "Cut the recordings into windows of that length.",
        )
    if not np.isfinite(values).all():
        raise DataError("E_DATA_NAN", f"{file} has a NaN or an infinity.", "Leave that sample out.")
    return values.reshape(shape)


def _window(file: Path) -> NDArray[np.float32]:
    """The numbers of a CSV file; its first line may be names."""
    try:
        lines = [line for line in _content(file).decode("utf-8-sig").splitlines() if line.strip()]
        if lines and not _numbers(lines[0]):
            lines = lines[1:]
        with np.errstate(over="ignore"):  # an infinity, which the caller refuses
            return np.array([[float(field) for field in line.split(",")] for line in lines], np.float32)
    except (OSError, ValueError) as error:
        raise DataError(
            "E_DATA_FORMAT", f"{file} is no table of numbers with commas ({error}).", _HELP
        ) from error


def _numbers(line: str) -> bool:
    try:
        return bool([float(field) for field in line.split(",")])
    except ValueError:
        return False


def _picture(file: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA", "Pictures need the package Pillow.", "Run: pip install pillow"
        ) from error
    height, width, channels = shape if len(shape) == 3 else (*shape, 1, 1)[:3]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow only warns of pictures that take a gigabyte
            content = io.BytesIO(_content(file))
            with Image.open(content, formats=("PNG", "JPEG", "BMP")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise ValueError(f"it has {picture.width} x {picture.height} points")
                scaled = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
        return np.asarray(scaled, np.float32) / np.float32(255)
    except Exception as error:  # Pillow raises anything for what is broken
        raise DataError("E_DATA_FORMAT", f"{file} is no picture ({error}).", _HELP) from error
