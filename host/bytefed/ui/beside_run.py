"""The page beside a run of the command line (`bytefed run --live`): it opens with the run's report, which grows.

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
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from bytefed.errors import ConfigError
from bytefed.events import Event, Listener, RunStarted

_GRACE = 2.5  # seconds in which a browser that is looking may fetch the last page
_NEEDED = ("starlette", "uvicorn")


# In the run's process.


@contextmanager
def serving(listener: Listener, port: int | None) -> Iterator[Listener]:
    """A listener that passes all events on, while the page shows the run.

    Args:
        listener: The terminal's listener.
        port: 0 for the page's own or, where that is taken, any; None for no server at all.

    Raises:
        ConfigError: E_EXTRA_MISSING without the packages of the page; E_LIVE_PORT if the port can't be had.
    """
    if port is None:
        yield listener
        return
    require_packages("run --live")
    server = subprocess.Popen(
        [sys.executable, "-m", "bytefed.ui.beside_run", str(port)],
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


def require_packages(command: str) -> None:
    """Refuse what needs the page where the packages that it is built on are missing; raises E_EXTRA_MISSING."""
    for name in _NEEDED:
        if find_spec(name) is None:
            raise ConfigError(
                "E_EXTRA_MISSING", f"{command} needs {name}.", "Run: pip install starlette uvicorn"
            )


def _say(pipe: IO[str], directory: str) -> None:
    try:
        pipe.write(f"{Path(directory).resolve()}\n")
        pipe.flush()
    except OSError:  # the server is gone; the run is what matters
        return


def _stop(server: subprocess.Popen[str]) -> None:
    """End the server; a browser that is looking gets the last page first."""
    try:
        server.communicate(timeout=_GRACE + 5)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.communicate()


# In the server's process.


def main() -> int:
    """Serve until standard input ends; each of its lines is a run directory."""
    import signal

    from bytefed.report.live import Board
    from bytefed.ui.serve import Service

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends this
    board = Board()
    try:
        service = Service(int(sys.argv[1]) or None, Path("runs"), board)
    except ConfigError:
        return 1
    with service:
        server = threading.Thread(target=service.serve, daemon=True)
        server.start()
        sys.stdout.write(f"{service.url}\n")
        sys.stdout.flush()
        for line in sys.stdin:
            board.directory = Path(line.rstrip("\n"))
        board.closing = True
        if time.monotonic() - board.last_asked < _GRACE:
            board.seen_last.wait(_GRACE)
            time.sleep(0.1)  # for the answer to be on its way
        service.stop()
        server.join(_GRACE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
