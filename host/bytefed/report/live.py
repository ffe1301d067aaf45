"""The report of a run that is still going on: drawn anew when the run's files have changed, and not too often."""

from __future__ import annotations

import threading
import time
from html import escape
from pathlib import Path

from bytefed.errors import BytefedError
from bytefed.report.page import body
from bytefed.report.run_files import load

_WATCHED = ("bytes.csv", "rounds.csv", "sessions.csv", "summary.json")
_REST = 9  # times as long as drawing took, nothing is drawn again


class Board:
    """The page on show: the newest one of the run that was named last.

    Attributes:
        directory: The run directory; None while there is none yet.
        closing: Whether the run is over: what is drawn from now on is the last page.
        last_asked: The moment of the last look, by the monotonic clock.
        seen_last: Set once somebody has got the last page.
    """

    def __init__(self) -> None:
        self.directory: Path | None = None
        self.closing = False
        self.last_asked = 0.0
        self.seen_last = threading.Event()
        self._lock = threading.Lock()
        self._version = ""
        self._body = ""
        self._rested = 0.0

    def body(self) -> tuple[str, str]:
        """Version and HTML; drawn anew when files have changed, and not too often."""
        self.last_asked = time.monotonic()
        with self._lock:
            version = self._files()
            if version != self._version and (self.closing or time.monotonic() >= self._rested):
                started = time.monotonic()
                self._body, self._version = self._draw(), version
                self._rested = time.monotonic() + _REST * (time.monotonic() - started)
            if self.closing:
                self.seen_last.set()
            return self._version, self._body

    def _files(self) -> str:
        if self.directory is None:
            return "waiting"
        parts = [str(self.directory)]
        for name in _WATCHED:
            try:
                status = (self.directory / name).stat()
                parts.append(f"{status.st_size}.{status.st_mtime_ns}")
            except OSError:
                parts.append("-")
        return f'"{abs(hash(tuple(parts))):x}"'

    def _draw(self) -> str:
        if self.directory is None:
            return _message("Waiting for boards", "The page fills as soon as the run begins.")
        try:
            return body([load(self.directory)], live=not self.closing)
        except BytefedError as error:
            return _message("Nothing to show yet", str(error))


def _message(title: str, text: str) -> str:
    return (
        f'<header><p class="brand">bytefed live</p><h1>{escape(title)}</h1></header>'
        f'<div class="notes"><p>{escape(text)}</p></div>'
    )
