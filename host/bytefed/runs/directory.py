"""Run directories: their names, whether one holds a run, and coded errors for what the system refuses."""

from __future__ import annotations

import errno
import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bytefed.errors import BytefedError, StoreError, too_many_files

DATABASE = "run.db"
_RUN_DIR, _RESUME = "--run-dir", "continue: `bytefed run --resume DIR`"  # of most directories


def holds_no(thing: str, directory: Path) -> str:
    """Return the sentence for a directory that lacks a run, or a part of one; it may also be that of another folder."""
    if directory.exists():
        return f"{directory} holds no {thing}."
    return f"There is no {directory}" + ("." if directory.is_absolute() else f" in {Path.cwd()}.")


def refuse_existing(directory: Path) -> None:
    """Make sure that a directory holds no run yet.

    Raises:
        StoreError: E_RUN_EXISTS if it does; E_RUN_READ_ONLY, E_RUN_CORRUPT, E_RUN_IO if that can't be found out.
    """
    with coded_errors(directory):
        if (directory / DATABASE).exists() and is_begun(directory / DATABASE):
            raise StoreError(
                "E_RUN_EXISTS",
                f"{directory} holds a run already.",
                f"Continue it: `bytefed run --resume {directory}`; or name another directory with --run-dir.",
            )
        if (directory / "head.npy").exists():
            raise StoreError(
                "E_RUN_EXISTS",
                f"{directory} holds a simulation already.",
                "Name another directory with --run-dir.",
            )


def refuse_impossible(directory: Path, option: str = _RUN_DIR) -> None:
    """Make sure that a run can be kept in a directory, before anything else is done for it; makes nothing.

    Args:
        directory: The directory.
        option: The option that names it.

    Raises:
        StoreError: E_RUN_DIRECTORY if a file is in its place or above it, E_RUN_READ_ONLY if it may not be written.
    """
    with coded_errors(directory):
        found = next(path for path in (directory, *directory.absolute().parents) if os.path.lexists(path))
        if not found.is_dir():
            raise StoreError(
                "E_RUN_DIRECTORY",
                f"{directory} can't be a directory: {found} is {'a file' if found.exists() else 'a broken link'}.",
                _elsewhere(option),
            )
    if not os.access(found, os.W_OK | os.X_OK):
        raise StoreError(
            "E_RUN_READ_ONLY", f"{directory}: {found} may not be written to.", _read_only(option)
        )


def is_begun(path: Path) -> bool:
    """Return whether a database holds a run: a process may have been killed before it wrote anything."""
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger'").fetchone() is not None
    finally:
        db.close()


def _full(again: str) -> str:
    return f"Free some space, then {again}."


def _check_disk(again: str) -> str:
    return f"Check the disk, then {again}."


def _elsewhere(option: str) -> str:
    return f"Name another directory with {option}."


def _read_only(option: str) -> str:
    return f"Make the directory writable for you, or name another one with {option}."


@contextmanager
def coded_errors(directory: Path, option: str = _RUN_DIR, again: str = _RESUME) -> Iterator[None]:
    """Turn the system's errors about a run directory into coded ones.

    Args:
        directory: The directory.
        option: The option that names it.
        again: Advice for the time when the fault is mended, such as "start it again".
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _from_sqlite(directory, error) from error
    except OSError as error:
        raise _from_system(directory, error, option, again) from error


def _from_sqlite(directory: Path, error: sqlite3.Error) -> StoreError:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StoreError("E_DISK_FULL", f"No space left for {directory}.", _full(_RESUME))
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(
            "E_RUN_READ_ONLY", f"{directory} cannot be written to ({error}).", _read_only(_RUN_DIR)
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            "E_RUN_IN_USE",
            f"Another process has the database in {directory} locked.",
            f"Close it, then {_RESUME}.",
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            "E_RUN_CORRUPT", f"The database in {directory} is damaged ({error}).", "Start a new run."
        )
    return StoreError("E_RUN_IO", f"{directory}: {error}.", _check_disk(_RESUME))


def _from_system(directory: Path, error: OSError, option: str, again: str) -> BytefedError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("E_DISK_FULL", f"No space left for {directory}.", _full(again))
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        reason = os.strerror(error.errno)
        return StoreError(
            "E_RUN_READ_ONLY", f"{directory} cannot be written to ({reason}).", _read_only(option)
        )
    if error.errno in (
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.ENOENT,
    ):
        return StoreError(
            "E_RUN_DIRECTORY", f"{directory} can't be used: {error.strerror}.", _elsewhere(option)
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return too_many_files(str(directory))
    return StoreError("E_RUN_IO", f"{directory}: {error}.", _check_disk(again))


RESOLVED = "config.resolved.toml"


def default_directory(run: int) -> Path:
    """Return the default directory of a run."""
    return Path("runs") / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{run:08x}"


def versions() -> dict[str, str]:
    """Return the versions of bytefed, Python and the packages that results depend on, by name."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("bytefed", "numpy", "pyserial", "tflite-micro"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
