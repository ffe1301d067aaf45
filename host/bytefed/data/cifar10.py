"""CIFAR-10: 60,000 photographs of 32 x 32 pixels, ten classes."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data.raw import RawData
from bytefed.download import WebFile, cache_folder, fetch
from bytefed.errors import DataError

ARCHIVE = WebFile(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_RECORD = 1 + 3 * 32 * 32
_MOST = 10_000 * _RECORD  # bytes of one file

Bytes = NDArray[np.uint8]


def read(data_dir: Path | None = None) -> RawData:
    """Read the photographs as float32 [60000, 32, 32, 3], 0 to 1: the training batches, then the test batch.

    FL-bench merges them in the same order, so the same seed divides them in the same way.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), the binary version.

    Args:
        data_dir: Folder that holds the archive or its unpacked files; None downloads the archive once (162 MiB).

    Raises:
        DataError: E_DATA_DOWNLOAD, E_DATA_CHECKSUM; E_DATA_MISSING, E_DATA_FORMAT for files in a folder of the user's.
    """
    records = np.concatenate([_records(name, content) for name, content in _contents(data_dir)])
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return RawData(np.divide(pixels, 255, dtype=np.float32), records[:, 0].copy(), CLASSES)


def _contents(data_dir: Path | None) -> Iterator[tuple[str, bytes]]:
    """Yield the six files in order, from a folder that has them or from the archive."""
    if data_dir is None:
        yield from _archived(fetch(ARCHIVE, cache_folder() / "data"))
        return
    for folder in (data_dir, data_dir / FOLDER):
        if (folder / FILES[0]).is_file():
            for name in FILES:
                yield name, _file(folder / name)
            return
    if not (data_dir / ARCHIVE.name).is_file():
        raise DataError(
            "E_DATA_MISSING",
            f"{data_dir} holds neither {ARCHIVE.name} nor {FILES[0]}.",
            f"Put {ARCHIVE.url} there, or leave --data-dir out to download it.",
        )
    yield from _archived(data_dir / ARCHIVE.name)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST + 1)
    except OSError as error:
        raise DataError(
            "E_DATA_MISSING", f"{path} cannot be read ({error.strerror}).", "Unpack the archive again."
        ) from error


def _archived(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the archive, without unpacking it to disk."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            found = {member.name.rpartition("/")[2]: member for member in archive if member.isfile()}
            for name in FILES:
                file = archive.extractfile(found[name])
                yield name, file.read(_MOST + 1) if file else b""
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise DataError(
            "E_DATA_FORMAT",
            f"{path} is not the archive of CIFAR-10 ({type(error).__name__}: {error}).",
            f"Delete it, and get {ARCHIVE.url}",
        ) from error


def _records(name: str, content: bytes) -> Bytes:
    """Return the records, uint8 [n, 1 + 3072]: a label, then three planes of 32 x 32."""
    if not content or len(content) % _RECORD or len(content) > _MOST:
        raise DataError(
            "E_DATA_FORMAT",
            f"{name} has {len(content):,} bytes; records of {_RECORD:,} are needed, 10,000 at most.",
            "Get the binary version of the data set.",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise DataError(
            "E_DATA_FORMAT",
            f"{name} has a label above 9.",
            "Get the binary version of CIFAR-10, not CIFAR-100.",
        )
    return records
