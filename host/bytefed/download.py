"""Files from the web: into the cache, resumed where a download broke off, and checked."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from bytefed.errors import DataError

_BLOCK = 1 << 20
_PATIENCE = 30.0  # seconds without a byte


def cache_folder() -> Path:
    """Where bytefed keeps what it can get or make again: BYTEFED_CACHE, else the user's cache folder."""
    named = os.environ.get("BYTEFED_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bytefed"


@dataclass(frozen=True)
class WebFile:
    """A file of the web that never changes.

    Attributes:
        url: Its address.
        size: Bytes.
        sha256: 64 hexadecimal digits.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Of the file."""
        return self.url.rpartition("/")[2]


def fetch(file: WebFile, folder: Path) -> Path:
    """A file in a folder; downloaded unless it is there already, with a progress bar.

    What came of an earlier attempt is kept as `NAME.part`, and the download goes on from there.

    Raises:
        DataError: E_DATA_DOWNLOAD when it can't be had, E_DATA_CHECKSUM when it is not the file that is meant.
    """
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _bar() as progress:
            task = progress.add_task(file.name, total=file.size)
            _download(file, part, lambda done: progress.update(task, completed=done))
    except (OSError, http.client.HTTPException) as error:
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


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(compact=True)
    )


def _download(file: WebFile, part: Path, done: Callable[[int], None]) -> None:
    """Write to `part` what it lacks; a server that can't resume sends all of it again."""
    have = part.stat().st_size if part.exists() else 0
    if have >= file.size:
        return
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"})  # noqa: S310  # our own address
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
        resumes = answer.status == http.client.PARTIAL_CONTENT
        have = have if resumes else 0
        with part.open("ab" if resumes else "wb") as out:
            while block := answer.read(_BLOCK):
                out.write(block)
                have += len(block)
                done(have)
    if have < file.size:
        raise urllib.error.URLError(f"it ended after {have:,} of {file.size:,} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
