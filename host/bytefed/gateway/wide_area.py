"""Forwards TCP connections to the federation's server, and counts the bytes that they carry.

These are the bytes that the connection's two ends hand to TCP, encrypted or not; with TLS, they are TLS records.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

_BLOCK = 65_536


class WideArea:
    """A forwarder of TCP connections; `down` and `up` are the bytes since the last `take`.

    Args:
        host, port: Address of the federation's server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self.down = 0
        self.up = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, port: int) -> int:
        """Listen on a port of the loopback address, 0 for any free one; return the port."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    def take(self) -> tuple[int, int]:
        """Return the bytes from and to the server since the last call."""
        count = (self.down, self.up)
        self.down = self.up = 0
        return count

    async def close(self) -> None:
        """Stop listening, and close all open connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.close()
            return
        self._open |= {writer, far_writer}
        await asyncio.gather(
            self._copy(reader, far_writer, up=True), self._copy(far_reader, writer, up=False)
        )
        self._open -= {writer, far_writer}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with suppress(OSError):
            while block := await reader.read(_BLOCK):
                if up:
                    self.up += len(block)
                else:
                    self.down += len(block)
                writer.write(block)
                await writer.drain()
        with suppress(OSError):
            writer.close()
