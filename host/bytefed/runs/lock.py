"""The lock of a run directory, held by one coordinator; the system releases it when the process ends in any way."""

from __future__ import annotations

import os
from pathlib import Path

from bytefed.errors import StoreError
from bytefed.private_files import lock


class RunLock:
    """A lock that holds a run directory until it is released."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            StoreError: E_RUN_IN_USE when another process has it.
            OSError: When the lock file can't be opened.
        """
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock(self._descriptor, wait=False)
        except OSError as error:
            os.close(self._descriptor)
            raise StoreError(
                "E_RUN_IN_USE",
                f"Another process is working in {directory}.",
                "Wait for it, stop it, or name another directory with --run-dir.",
            ) from error

    def release(self) -> None:
        """Release the directory; harmless if it is released already."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
