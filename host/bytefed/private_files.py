"""Files and folders for this user alone, which survive a power cut: runs hold what boards learnt, keys open boards."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

_PRIVATE = 0o600

if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int, *, wait: bool) -> None:
        """Lock an open file against other processes until it is closed, in whatever way.

        Args:
            descriptor: The file, open for writing.
            wait: Whether to wait for it.

        Raises:
            OSError: Another process has locked it.
        """
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def lock(descriptor: int, *, wait: bool) -> None:
        """Lock an open file against other processes until it is closed, in whatever way.

        Args:
            descriptor: The file, open for writing.
            wait: Whether to wait for it.

        Raises:
            OSError: Another process has locked it.
        """
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def make_folder(folder: Path) -> None:
    """Make a folder for this user alone: a run holds what boards learnt of their samples.

    It survives a power cut: its name is safe once the parent folder has been synced.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    _sync_folder(folder.parent)


def make_file(path: Path) -> Path:
    """Make a file for this user alone, or make one so that is there; its content stays. Returns the path."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        if os.name == "posix" and stat.S_IMODE(os.fstat(descriptor).st_mode) != _PRIVATE:
            with suppress(OSError):  # of another user, or a file system without modes
                os.fchmod(descriptor, _PRIVATE)
    finally:
        os.close(descriptor)
    return path


def replace_file(path: Path, content: bytes) -> None:
    """Give a file a new content, at once or not at all, whatever ends the process or cuts the power.

    Args:
        path: The file; it is then for this user alone. Where it is a link, the file behind it is replaced.
        content: All that it is to hold.
    """
    path = path.resolve()
    make_folder(path.parent)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    # Nobody else's file, and no link: it would be read, or written, elsewhere.
    mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(fresh, mode, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems can't, and go on without as well
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
