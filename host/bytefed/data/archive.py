"""A bounded reader of .npz archives: reads arrays by name, no Python objects, with no more memory than the file has."""

from __future__ import annotations

import ast
import math
import re
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np

from bytefed.checkout import shipped
from bytefed.errors import DataError

MAX_ARRAY_BYTES = 1 << 32
"""The largest array read: 4 GiB, a million clients with 32 samples of 128 features."""
MAX_HEADER_BYTES = 4096

_WRITE = (
    f"Write it with numpy.savez(file, X=features, y=labels); {shipped('docs/your-data.md')} has all arrays."
)

# Errors that zipfile, zlib and the header's parser raise for files that someone else wrote.
_UNSOUND = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, KeyError, MemoryError, OverflowError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip

Array = np.ndarray[Any, np.dtype[Any]]


def read(path: Path, known: Collection[str]) -> dict[str, Array]:
    """Read the arrays that have a known name, each checked for size before memory is taken for it.

    Args:
        path: The .npz file.
        known: Names of arrays to read; others are ignored.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_CORRUPT, E_DATA_SIZE, or E_DATA_TYPE for Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            arrays = {name: _member(archive, name) for name in known if name in names}
    except OSError as error:
        raise DataError("E_DATA_MISSING", f"{path} cannot be read ({error.strerror}).", _WRITE) from error
    except _UNSOUND as error:
        what = f"{path} is not a sound .npz file ({type(error).__name__}: {error})."
        raise DataError("E_DATA_CORRUPT", what, _WRITE) from error
    return arrays


def need(path: Path, arrays: Collection[str], names: Collection[str]) -> None:
    """Refuse a file that lacks an array.

    Raises:
        DataError: E_DATA_ARRAY, with the names of the arrays that it has.
    """
    for name in names:
        if name not in arrays:
            with zipfile.ZipFile(path) as archive:
                there = [other.removesuffix(".npy") for other in archive.namelist()[:10]]
            held = ", ".join(f"'{_printable(other)}'" for other in there) or "nothing"
            raise DataError(
                "E_DATA_ARRAY", f"{path} holds no array named '{name}', but {held}.",
                f"Save it under that name: numpy.savez(file, {name}=...).",
            )  # fmt: skip


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])


def _member(archive: zipfile.ZipFile, name: str) -> Array:
    """Read one array, whose header may not promise more than the archive holds."""
    where = f"{archive.filename}: {name}"
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > MAX_ARRAY_BYTES:
        what = f"{where} has {info.file_size:,} bytes; {MAX_ARRAY_BYTES:,} at most."
        raise DataError("E_DATA_SIZE", what, "Save fewer rows, or int8 features.")
    with archive.open(info) as file:
        shape, fortran, dtype = _header(file)
        if dtype.hasobject:
            raise DataError(
                "E_DATA_TYPE", f"{where} holds Python objects, which are not read.",
                "Save an array of numbers or of strings: numpy.array(values, dtype=float) or dtype=str.",
            )  # fmt: skip
        data = file.read()
    if dtype.itemsize * math.prod(shape) != len(data):
        what = f"{where} declares the shape {shape} and holds {len(data):,} bytes."
        raise DataError("E_DATA_CORRUPT", what, _WRITE)
    array: Array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C", copy=False)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return (shape, Fortran order, dtype) that an .npy header declares.

    numpy's own parser is not used because it also accepts headers from Python 2, with a tokenizer that may raise any
    error.
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
