"""Closing a board's port keeps the event loop free for the others."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time

import pytest

from bytefed.errors import LinkError
from bytefed.transport.serial import SerialTransport


def test_a_closed_socket_is_waited_for_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial sleeps when it has closed a socket, so that a server may be quick to take the next one."""
    waits: list[threading.Thread] = []
    waited = threading.Event()

    def sleep(_seconds: float) -> None:
        waits.append(threading.current_thread())
        waited.set()

    async def open_and_close(port: int) -> None:
        transport = SerialTransport(f"socket://127.0.0.1:{port}")
        await transport.open()
        monkeypatch.setattr(time, "sleep", sleep)
        await transport.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        asyncio.run(open_and_close(server.getsockname()[1]))
        assert waited.wait(10)
    assert threading.main_thread() not in waits


def test_a_socket_that_the_board_has_closed_is_closed_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open socket that nobody holds any more is a ResourceWarning, and that an error in tests."""
    waited = threading.Event()

    async def lose_and_close(server: socket.socket) -> None:
        transport = SerialTransport(f"socket://127.0.0.1:{server.getsockname()[1]}")
        await transport.open()
        board, _ = server.accept()
        board.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        board.close()  # by a reset: a shutdown of this side fails then
        with pytest.raises(LinkError, match="E_LINK_LOST"):
            await transport.read()
        monkeypatch.setattr(time, "sleep", lambda _seconds: waited.set())
        await transport.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        asyncio.run(lose_and_close(server))
        assert waited.wait(10)
