"""The report of a run that is still going on, at an address of this computer alone.

The server is a process of its own that reads the run's CSV files like `bytefed report` does: drawing takes nothing from
the run's event loop, and the run has nothing to wait for. It ends when its standard input does, so it outlives neither
the run nor a run that was killed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bytefed.errors import BytefedError, ConfigError
from bytefed.events import Event, Listener, RunStarted

PORT = 8270
"""The port of the page by default; any free one if that is taken."""
HOST = "127.0.0.1"
_WATCHED = ("bytes.csv", "rounds.csv", "sessions.csv", "summary.json")
_GRACE = 2.5  # seconds in which a browser that is looking may fetch the last page
_REST = 9  # times as long as drawing took, nothing is drawn again


# In the run's process.


@contextmanager
def serving(listener: Listener, port: int | None) -> Iterator[Listener]:
    """A listener that passes all events on, while a server shows the run.

    Args:
        listener: The terminal's listener.
        port: 0 for PORT or, where that is taken, any; None for no server at all.

    Raises:
        ConfigError: E_LIVE_PORT if the port can't be had.
    """
    if port is None:
        yield listener
        return
    server = subprocess.Popen(
        [sys.executable, "-m", "bytefed.report.live", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert server.stdin is not None and server.stdout is not None  # noqa: S101 (both are pipes)
    pipe = server.stdin
    try:
        url = server.stdout.readline().strip()
        if not url:
            raise ConfigError(
                "E_LIVE_PORT", f"Port {port} can't be had.", "Name another one, or leave it out."
            )
        sys.stderr.write(f"live: {url}\n")

        def tell(event: Event) -> None:
            if isinstance(event, RunStarted):
                _say(pipe, event.directory)
            listener(event)

        yield tell
    finally:
        _stop(server)


def _say(pipe: Any, directory: str) -> None:
    try:
        pipe.write(f"{Path(directory).resolve()}\n")
        pipe.flush()
    except OSError:  # the server is gone; the run is what matters
        return


def _stop(server: subprocess.Popen[str]) -> None:
    """End the server; a browser that is looking gets the last page first."""
    try:
        server.communicate(timeout=_GRACE + 2)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.communicate()


# In the server's process.


class Board:
    """The page on show: the newest one of the run that was named last."""

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
        from bytefed.report.page import body
        from bytefed.report.run_files import load

        if self.directory is None:
            return _message("Waiting for boards", "The page fills as soon as the run begins.")
        try:
            return body([load(self.directory)], live=not self.closing)
        except BytefedError as error:
            return _message("Nothing to show yet", str(error))


def _message(title: str, text: str) -> str:
    from html import escape

    return (
        f'<header><p class="brand">bytefed live</p><h1>{escape(title)}</h1></header>'
        f'<div class="notes"><p>{escape(text)}</p></div>'
    )


class _Handler(BaseHTTPRequestHandler):
    """Two addresses: the page, and what goes inside <main>."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: Server

    def do_GET(self) -> None:
        """Answer a browser on this computer; other names for it are a web page's trick, and refused."""
        from bytefed.report.page import frame

        if self.headers.get("Host", "") not in self.server.hosts:
            return self._answer(403, "text/plain", "not here")
        address = urlsplit(self.path)
        self.server.board.last_asked = time.monotonic()
        if address.path == "/":
            return self._answer(200, "text/html", frame("live", self.server.board.body()[1], live=True))
        if address.path != "/fragment":
            return self._answer(404, "text/plain", "no such page")
        version, body = self.server.board.body()
        if parse_qs(address.query).get("version") == [version]:
            return self._answer(204, "text/html", "")
        return self._answer(200, "text/html", body, version)

    def _answer(self, status: int, kind: str, text: str, version: str = "") -> None:
        content = text.encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if version:
            self.send_header("ETag", version)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing: the terminal is the run's."""


class Server(ThreadingHTTPServer):
    """The server and what its handlers need."""

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # there it would share a port that is in use

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.board = Board()
        self.port = int(self.server_address[1])
        self.hosts = (f"{HOST}:{self.port}", f"localhost:{self.port}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no news."""


def _open(port: int) -> Server:
    try:
        return Server(port or PORT)
    except OSError:
        if port:
            raise
        return Server(0)


def main() -> int:
    """Serve until standard input ends; each of its lines is a run directory."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends this
    try:
        server = _open(int(sys.argv[1]))
    except (OSError, OverflowError):
        return 1
    board = server.board
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://{HOST}:{server.port}/\n")
    sys.stdout.flush()
    for line in sys.stdin:
        board.directory = Path(line.rstrip("\n"))
    board.closing = True
    if time.monotonic() - board.last_asked < _GRACE:
        board.seen_last.wait(_GRACE)
        time.sleep(0.1)  # for the answer to be on its way
    return 0


if __name__ == "__main__":
    sys.exit(main())
