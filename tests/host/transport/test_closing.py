"""Closing a board's port keeps the event loop free for the others."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

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
