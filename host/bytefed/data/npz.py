"""Anyone's ready features: an .npz file with X, y and, optionally, client and test."""

from __future__ import annotations

import ast
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data.raw import RawData, divide
from bytefed.data.task import MAX_CLASSES, MAX_FEATURES, Samples, Task
from bytefed.errors import DataError
from bytefed.extractor.quantization import Quantization

MAX_ARRAY_BYTES = 1 << 32
"""The largest array read: 4 GiB, a million clients with 32 samples of 128 features."""
TEST_FRACTION = 0.2
"""What becomes the global test where the file doesn't say."""
MAX_HEADER_BYTES = 4096

_HELP = "Write it with numpy.savez(file, X=features, y=labels); `bytefed partition --help` has an example."

# What zipfile, zlib and the header's parser raise for files that someone else wrote.
_UNSOUND = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, KeyError, MemoryError, OverflowError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip

Array = np.ndarray[Any, np.dtype[Any]]


def load(path: Path) -> Task:
    """A task from a file of ready features.

    The file holds ``X`` (int8 or float32 [n, D]), ``y`` (integers [n], 0 to C-1) and may hold ``client``
    (integers [n], the natural owner), ``test`` (bool [n], the global test set; without it a stratified fifth
    is taken with seed 42), ``scale`` and ``zero_point`` (what int8 features mean: default 1/128 and 0).
    float32 features become int8 with one affine code for the file, which spans the smallest to the largest
    federated value and 0; test values beyond that are clipped.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_CORRUPT, E_DATA_ARRAY, E_DATA_SHAPE, E_DATA_TYPE, E_DATA_NAN,
            E_DATA_LABEL, E_DATA_D, E_DATA_CLASSES, E_DATA_SIZE or E_DATA_EMPTY.
    """
    arrays = _read(path)
    X, labels = _features(path, arrays), _labels(path, arrays)
    if len(X) != len(labels):
        raise _error("SHAPE", f"{path}: X has {len(X)} rows but y has {len(labels)}.")
    test = _test_rows(path, arrays, labels)
    codes, quantization = _quantize(path, arrays, X, ~test)
    clients = None
    if "client" in arrays:
        owners = _vector(path, arrays, "client", len(X))[~test]
        clients = np.unique(owners, return_inverse=True)[1].astype(np.int32)
    return Task(
        name=path.stem,
        federated=Samples(codes[~test], labels[~test]),
        test=Samples(codes[test], labels[test]),
        num_classes=int(labels.max()) + 1,
        quantization=quantization,
        clients=clients,
    )


def load_windows(path: Path) -> tuple[Array, NDArray[np.uint8] | None]:
    """Inputs of an extractor from a file: ``X`` (int8 or float [n, ...]) and ``y`` (integers [n]), None without.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_CORRUPT, E_DATA_ARRAY, E_DATA_SHAPE, E_DATA_TYPE, E_DATA_NAN,
            E_DATA_LABEL, E_DATA_SIZE or E_DATA_EMPTY.
    """
    arrays = _read(path)
    X = _numbers(path, _array(path, arrays, "X"))
    if X.ndim < 2:
        raise _error("SHAPE", f"{path}: X has the shape {X.shape}; [windows, ...] is needed.")
    if not len(X):
        raise _error("EMPTY", f"{path} holds no windows.")
    labels = _labels(path, arrays) if "y" in arrays else None
    if labels is not None and len(labels) != len(X):
        raise _error("SHAPE", f"{path}: X has {len(X)} rows but y has {len(labels)}.")
    return X, labels


def _read(path: Path) -> dict[str, Array]:
    """The arrays that we know by name, each checked for size before memory is taken for it."""
    known = ("X", "y", "client", "test", "scale", "zero_point")
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            return {name: _member(archive, name) for name in known if f"{name}.npy" in names}
    except OSError as error:
        raise DataError("E_DATA_MISSING", f"{path} cannot be read ({error.strerror}).", _HELP) from error
    except _UNSOUND as error:
        raise _error(
            "CORRUPT", f"{path} is not a sound .npz file ({type(error).__name__}: {error})."
        ) from error


def _member(archive: zipfile.ZipFile, name: str) -> Array:
    """One array, whose header may not promise more than the archive holds."""
    where = f"{archive.filename}: {name}"
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > MAX_ARRAY_BYTES:
        raise _error("SIZE", f"{where} has {info.file_size:,} bytes; {MAX_ARRAY_BYTES:,} at most.")
    with archive.open(info) as file:
        shape, fortran, dtype = _header(file)
        if dtype.hasobject:
            raise _error("TYPE", f"{where} holds Python objects, which are not read.")
        data = file.read()
    if dtype.itemsize * math.prod(shape) != len(data):
        raise _error("CORRUPT", f"{where} declares the shape {shape} and holds {len(data):,} bytes.")
    array: Array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C", copy=False)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, Fortran order, dtype) that an .npy header declares.

    numpy's own parser also takes what Python 2 wrote, by way of a tokenizer that raises anything.
    """
    magic = file.read(8)
    if magic not in (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00"):
        raise ValueError("no array of .npy format 1.0 or 2.0")
    length = int.from_bytes(file.read(2 if magic[6] == 1 else 4), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {length:,} bytes")
    header = ast.literal_eval(file.read(length).decode("latin-1").strip())
    descr, shape = header["descr"], header["shape"]
    if not (isinstance(descr, str) and re.fullmatch(r"[<>|=]?[a-zA-Z?]\d{0,6}", descr)):
        raise ValueError(f"the type {descr!r}")
    if not (isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
        raise ValueError(f"the shape {shape!r}")
    return shape, bool(header["fortran_order"]), np.dtype(descr)


def _features(path: Path, arrays: dict[str, Array]) -> Array:
    """X: int8 or finite float32 [n, D]."""
    X = _array(path, arrays, "X")
    if X.ndim != 2:
        raise _error("SHAPE", f"{path}: X has the shape {X.shape}; [samples, features] is needed.")
    if not 1 <= X.shape[1] <= MAX_FEATURES:
        raise _error("D", f"{path}: X has {X.shape[1]} features; 1 to {MAX_FEATURES} fit a board.")
    return _numbers(path, X)


def _numbers(path: Path, X: Array) -> Array:
    """X itself: int8, or finite floats."""
    if X.dtype not in (np.int8, np.float32, np.float64):
        raise _error("TYPE", f"{path}: X is {X.dtype}; int8 or float32 is needed.")
    if X.dtype != np.int8:
        largest = float(np.finfo(np.float32).max) / 4
        if not (np.isfinite(X).all() and (np.abs(X) < largest).all()):
            raise _error("NAN", f"{path}: X holds values that are no number, infinite or beyond float32.")
    return X


def _labels(path: Path, arrays: dict[str, Array]) -> NDArray[np.uint8]:
    """y: integers from 0, at most MAX_CLASSES of them."""
    y = _vector(path, arrays, "y")
    if not len(y):
        raise _error("EMPTY", f"{path} holds no samples.")
    if y.min() < 0 or y.max() >= MAX_CLASSES:
        raise _error(
            "LABEL", f"{path}: y goes from {y.min()} to {y.max()}; labels are 0 to {MAX_CLASSES - 1}."
        )
    return y.astype(np.uint8)


def _test_rows(path: Path, arrays: dict[str, Array], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which rows are the global test."""
    if "test" in arrays:
        test = arrays["test"]
        if test.dtype != np.bool_ or test.shape != labels.shape:
            raise _error("TYPE", f"{path}: test must be bool [{len(labels)}], not {test.dtype} {test.shape}.")
        return test
    raw = RawData(np.empty(0, np.float32), labels, ())
    test = np.zeros(len(labels), np.bool_)
    test[divide(raw, 0.0, TEST_FRACTION, seed=42).test] = True
    return test


def _quantize(
    path: Path, arrays: dict[str, Array], X: Array, federated: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], Quantization]:
    """int8 codes of X, and what they mean."""
    if X.dtype != np.int8:
        seen = X[federated] if federated.any() else X
        code = Quantization.covering(float(seen.min()), float(seen.max()))
        return code.quantize(X), code
    try:
        scale, zero_point = arrays.get("scale", np.float64(1 / 128)), arrays.get("zero_point", np.int64(0))
        return X, Quantization(float(scale), int(zero_point))
    except (TypeError, ValueError) as error:
        raise _error("TYPE", f"{path}: scale or zero_point is not one usable number ({error}).") from error


def _array(path: Path, arrays: dict[str, Array], name: str) -> Array:
    if name not in arrays:
        raise _error("ARRAY", f"{path} holds no array named '{name}'.")
    return arrays[name]


def _vector(path: Path, arrays: dict[str, Array], name: str, length: int | None = None) -> Array:
    """An array of integers in one dimension."""
    array = _array(path, arrays, name)
    if array.ndim != 1 or (length is not None and len(array) != length):
        raise _error("SHAPE", f"{path}: {name} has the shape {array.shape}; one number a row of X is needed.")
    if not np.issubdtype(array.dtype, np.integer):
        raise _error("TYPE", f"{path}: {name} is {array.dtype}; integers are needed.")
    return array


def _error(code: str, message: str) -> DataError:
    return DataError(f"E_DATA_{code}", message, _HELP)
