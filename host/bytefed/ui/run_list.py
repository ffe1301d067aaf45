"""The runs in a folder, as the page lists them, and their reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bytefed.errors import BytefedError, StoreError
from bytefed.report import page
from bytefed.report.live import Board
from bytefed.report.run_files import FILES, Run, find, load
from bytefed.ui.exports import exported

MOST = 200
"""The most runs that are listed: the newest."""
_READ = (*FILES, "sessions.csv", "summary.json", "config.resolved.toml")


class RunList:
    """The runs that lie right under a folder.

    Args:
        folder: The folder; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._live: dict[str, Board] = {}
        self._lines: dict[Path, tuple[list[int], dict[str, Any]]] = {}

    def lines(self) -> list[dict[str, Any]]:
        """Return a line for each run, the newest first; one that can't be read says why."""
        return [self._line(directory) for directory in list(self._directories())[:MOST]]

    def _line(self, directory: Path) -> dict[str, Any]:
        """Return the line of a run; its files are read again only when they have changed."""
        stamp = [_changed(directory / name) for name in _READ]
        known = self._lines.get(directory)
        if known is None or known[0] != stamp:
            known = self._lines[directory] = stamp, _line(directory)
        return known[1]

    def report(self, name: str) -> str:
        """Return the report of a run, an HTML document.

        Raises:
            StoreError: As ``load``; E_RUN_MISSING for a name that is no run's.
        """
        return page.page([load(self._directory(name))])

    def live(self, name: str) -> Board:
        """Return the report of a run that may be going on; it is drawn anew when the run's files change.

        Raises:
            StoreError: E_RUN_MISSING.
        """
        directory = self._directory(name)
        board = self._live.setdefault(name, Board())
        board.directory = directory
        return board

    def exported(self, name: str, form: str) -> tuple[str, bytes]:
        """Return the head of a run as a file's name and content.

        Raises:
            StoreError: E_RUN_MISSING; and as ``exports.exported``.
        """
        return exported(self._directory(name), form)

    def _directories(self) -> Iterator[Path]:
        try:
            found = find([self.folder])
        except StoreError:
            return iter(())
        return iter(sorted(found, key=_changed, reverse=True))

    def _directory(self, name: str) -> Path:
        """Return the directory of a run that is listed, and of no other."""
        for directory in self._directories():
            if directory.name == name:
                return directory
        raise StoreError("E_RUN_MISSING", f"There is no run {name[:60]}.", "Choose one that is listed.")


def _changed(path: Path) -> int:
    """Return when a file or folder has changed, nanoseconds; 0 for one that is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _line(directory: Path) -> dict[str, Any]:
    try:
        return _facts(load(directory))
    except BytefedError as error:
        return {"name": directory.name, "error": str(error)}


def _facts(run: Run) -> dict[str, Any]:
    return {
        "name": run.directory.name,
        "task": run.config.get("data", ""),
        "codec": run.config.get("codec", ""),
        "boards": len(run.boards),
        "rounds": len(run.rounds),
        "accuracy": run.accuracy(),
        "accuracy_boards": run.accuracy("accuracy_boards"),
        "wire": run.wire,
        "estimate": run.estimate,
        "complete": run.complete,
    }
