"""Serves the page on this computer alone."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import uvicorn

from bytefed.errors import ConfigError
from bytefed.report.live import Board
from bytefed.ui.actions import Actions
from bytefed.ui.app import BESIDE, Pages, make_app
from bytefed.ui.bench import Bench
from bytefed.ui.board_thread import BoardThread
from bytefed.ui.guard import HOST, Guard
from bytefed.ui.news import News

PORT = 8271
"""The port of the page by default; any free one if that is taken."""


class _Server(uvicorn.Server):
    """A server that, when it is to stop, first ends what has no end of its own or one that is far away.

    Args:
        config: How it serves.
        end: Ends it.
    """

    def __init__(self, config: uvicorn.Config, end: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._end = end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        await self._end()
        await super().shutdown(sockets)


class Service:
    """The page's server: it has its port from the beginning, serves when told to, and closes its boards in the end.

    Args:
        port: The port, None for PORT or, where that is taken, any.
        folder: The folder of the runs.
        beside: The report of a run of the command line, which the URL then leads to; None for the page itself.
        sounds: The recordings that virtual boards with a model of sound hear, as ``Bench`` takes them.

    Attributes:
        url: The URL that opens it, with the token.

    Raises:
        ConfigError: E_LIVE_PORT if the port can't be had.
    """

    def __init__(
        self, port: int | None, folder: Path, beside: Board | None = None, sounds: str | None = None
    ) -> None:
        self._listener = _listening(port)
        number = int(self._listener.getsockname()[1])
        self._thread, self._bench = BoardThread(), Bench(folder, sounds)
        self._news = News(self._bench.state)
        self._bench.tell = self._news.tell
        pages = Pages(folder, Actions(self._bench, self._thread), self._news, beside)
        guard = Guard(make_app(pages), number, "/" if beside is None else BESIDE)
        config = uvicorn.Config(
            guard, log_level="error", access_log=False, server_header=False, ws="none", lifespan="off",
            timeout_graceful_shutdown=3,
        )  # fmt: skip
        self._server = _Server(config, self._end)
        self.url = f"http://{HOST}:{number}/?token={guard.token}"

    def serve(self) -> None:
        """Serve until Ctrl-C in the main thread; in another until the context ends."""
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End serving, from any thread."""
        self._server.should_exit = True

    async def _end(self) -> None:
        """End the streams of open pages, and the captures that some page waits for."""
        self._news.close()
        await self._thread.do(self._bench.end_captures())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._listener.close()
        asyncio.run(self._thread.do(self._bench.close()))
        self._thread.close()


def serve(port: int | None, folder: Path, ready: Callable[[str], object], sounds: str | None = None) -> None:
    """Serve the page until Ctrl-C.

    Args:
        port: The port, None for PORT or, where that is taken, any.
        folder: The folder of the runs.
        ready: Called with the URL, which has the token, once the server is about to listen.
        sounds: The recordings that virtual boards with a model of sound hear; None for the model's own.

    Raises:
        ConfigError: E_LIVE_PORT if the port can't be had.
    """
    with Service(port, folder, sounds=sounds) as service:
        ready(service.url)
        service.serve()


def _listening(port: int | None) -> socket.socket:
    try:
        return _bound(PORT if port is None else port)
    except (OSError, OverflowError) as error:
        if port is None:
            return _bound(0)
        raise ConfigError(
            "E_LIVE_PORT", f"Port {port} can't be had.", "Name another one, or leave it out."
        ) from error


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        if sys.platform != "win32":  # there it would share a port that is in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()  # whoever is told the URL can ask at once, and waits until serving begins
    except BaseException:
        listener.close()
        raise
    return listener
