"""Downloads files into the cache, resumes downloads that broke off, and checks the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from bytefed.errors import DataError

_BLOCK = 1 << 20
_PATIENCE = 30.0  # seconds without a byte


@dataclass(frozen=True)
class WebFile:
    """A file on the web that never changes.

    Attributes:
        url: Its address.
        size: Its length in bytes.
        sha256: Its SHA-256, 64 hexadecimal digits.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


Progress = Callable[[WebFile, int], None]
"""A function that is called after each block with the file and the number of its bytes that are there."""


def _silent(_file: WebFile, _done: int) -> None:
    """Show nothing."""


_progress: ContextVar[Progress] = ContextVar("progress", default=_silent)


@contextmanager
def downloads_told(progress: Progress) -> Iterator[None]:
    """Tell `progress` of every download that begins in this block, however deep below.

    A data set is downloaded by its loader, the first time that a run needs it. A context variable spares everything
    between the command line and the loaders an argument that has nothing to do with them.
    """
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def cache_folder() -> Path:
    """Return the folder for what can be downloaded or made again: BYTEFED_CACHE, else one in the user's cache."""
    named = os.environ.get("BYTEFED_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bytefed"


def fetch(file: WebFile, folder: Path) -> Path:
    """Return the path of a file in a folder; it is downloaded unless it is there already.

    An earlier attempt leaves its part of the file as `NAME.part`, and the download goes on from there.

    Raises:
        DataError: E_DATA_DOWNLOAD if it cannot be downloaded, E_DATA_CHECKSUM if another file came.
    """
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.exists():
        return target
    from http.client import HTTPException  # slow to load, and hardly ever needed

    folder.mkdir(parents=True, exist_ok=True)
    try:
        _download(file, part)
    except (OSError, HTTPException) as error:
        raise DataError(
            "E_DATA_DOWNLOAD",
            f"{file.url} can't be downloaded ({error}).",
            f"Try again: it goes on where it stopped. Or get {file.name} otherwise and name its folder: --data-dir.",
        ) from error
    if part.stat().st_size != file.size or _sha256(part) != file.sha256:
        part.unlink()
        raise DataError(
            "E_DATA_CHECKSUM",
            f"{file.url} gave another file than the known one.",
            "Try again, or use --data-dir.",
        )
    part.replace(target)
    return target


def _download(file: WebFile, part: Path) -> None:
    """Append the missing bytes to `part`; a server that cannot resume sends the whole file again."""
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    progress = _progress.get()
    have = part.stat().st_size if part.exists() else 0
    if have >= file.size:
        return
    request = Request(file.url, headers={"Range": f"bytes={have}-"})  # noqa: S310  # our own address
    with urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        resumes = answer.status == 206  # Partial Content
        have = have if resumes else 0
        with part.open("ab" if resumes else "wb") as out:
            while block := answer.read(_BLOCK):
                out.write(block)
                have += len(block)
                progress(file, have)
    if have < file.size:
        raise URLError(f"it ended after {have:,} of {file.size:,} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
