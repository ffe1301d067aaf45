"""USB serial ports, pseudo-terminals and sockets, through pyserial."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal

import serial

from bytefed.errors import LinkError, too_many_files
from bytefed.protocol.message import MAX_FRAME
from bytefed.transport.base import RTO_FLOORS, link_lost
from bytefed.transport.inbox import Inbox

_BAUD_RATE = 115200  # any but 1200, which sends a board into its bootloader; USB ignores the rest
_READ_SIZE = 4096
# A new port's mode is set a moment after it appears, and ModemManager has it open first.
_PATIENCE = 2.0  # seconds
_PASSING = ("E_PORT_DENIED", "E_PORT_BUSY")


class SerialTransport:
    """A serial port by its name, or any URL that pyserial knows (socket://host:port)."""

    framing: Literal["serial", "ble"] = "serial"
    frame_limit = MAX_FRAME

    def __init__(self, port: str, *, uri: str | None = None, rto_floor: float = RTO_FLOORS["serial"]) -> None:
        self.uri = uri or f"serial:{port}"
        self.rto_floor = rto_floor
        self.sent = 0
        self.received = 0
        self._port = port
        self._io: _Polled | _Threaded | None = None

    async def open(self) -> None:
        """Open the port exclusively. Raises LinkError: E_PORT_..."""
        device = await asyncio.get_running_loop().run_in_executor(None, self._open_patiently)
        self._io = _Polled(self, device) if _has_descriptor(device) else _Threaded(self, device)

    def _open_patiently(self) -> serial.Serial:
        give_up = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._open_port()
            except (OSError, ValueError) as error:
                failure = port_error(self.uri, self._port, error)
                if failure.code not in _PASSING or time.monotonic() > give_up:
                    raise failure from error
                time.sleep(0.1)

    def _open_port(self) -> serial.Serial:
        if "://" in self._port:
            return serial.serial_for_url(self._port, timeout=0)
        return serial.Serial(self._port, _BAUD_RATE, timeout=0, write_timeout=None, exclusive=True)

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`. Raises LinkError: E_LINK_LOST."""
        if self._io is None:
            raise link_lost(self.uri, "it is closed")
        await self._io.write(data)

    async def read(self) -> bytes:
        """Wait for bytes. Raises LinkError: E_LINK_LOST."""
        if self._io is None:
            raise link_lost(self.uri, "it is closed")
        return await self._io.inbox.get()

    async def close(self) -> None:
        """Close the port."""
        if self._io is not None:
            io, self._io = self._io, None
            io.close()


class _Polled:
    """Descriptors that the event loop can watch: all but Windows."""

    def __init__(self, owner: SerialTransport, device: serial.Serial) -> None:
        self.inbox = Inbox()
        self._owner = owner
        self._device = device
        self._fd: int = device.fileno()
        self._loop = asyncio.get_running_loop()
        self._room: asyncio.Future[None] | None = None
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._on_readable)

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if not data:
            self._fail("the other side closed it")
            return
        self._owner.received += len(data)
        self.inbox.put(data)

    def _fail(self, why: object) -> None:
        self._loop.remove_reader(self._fd)
        self.inbox.fail(link_lost(self._owner.uri, why))
        if self._room and not self._room.done():
            self._room.set_result(None)

    async def write(self, data: bytes) -> None:
        while data:
            if self.inbox.failure:
                raise self.inbox.failure
            try:
                taken = os.write(self._fd, data)
            except BlockingIOError:
                await self._wait_for_room()
                continue
            except OSError as error:
                self._fail(error)
                continue
            self._owner.sent += taken
            data = data[taken:]

    async def _wait_for_room(self) -> None:
        self._room = self._loop.create_future()
        self._loop.add_writer(self._fd, self._on_writable)
        try:
            await self._room
        finally:
            self._loop.remove_writer(self._fd)

    def _on_writable(self) -> None:
        if self._room and not self._room.done():
            self._room.set_result(None)

    def close(self) -> None:
        self._fail("it is closed")
        self._loop.remove_writer(self._fd)
        with suppress(OSError):
            self._device.close()


class _Threaded:
    """Ports that only block: a thread reads, another writes."""

    def __init__(self, owner: SerialTransport, device: serial.Serial) -> None:
        self.inbox = Inbox()
        self._owner = owner
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._open = True
        device.timeout = 0.1
        self._pool = ThreadPoolExecutor(2, thread_name_prefix=owner.uri)
        self._pool.submit(self._read_all)

    def _read_all(self) -> None:
        try:
            while self._open:
                data = self._device.read(max(1, self._device.in_waiting))
                if data:
                    self._call(self._on_data, bytes(data))
        except (OSError, TypeError) as error:  # pyserial reads from None once it is closed
            self._call(self.inbox.fail, link_lost(self._owner.uri, error))

    def _call(self, function: object, *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            self._loop.call_soon_threadsafe(function, *args)  # type: ignore[arg-type]

    def _on_data(self, data: bytes) -> None:
        self._owner.received += len(data)
        self.inbox.put(data)

    async def write(self, data: bytes) -> None:
        if self.inbox.failure:
            raise self.inbox.failure
        try:
            await self._loop.run_in_executor(self._pool, self._device.write, data)
        except (OSError, TypeError, RuntimeError) as error:
            failure = link_lost(self._owner.uri, error)
            self.inbox.fail(failure)
            raise failure from error
        self._owner.sent += len(data)

    def close(self) -> None:
        self._open = False
        self.inbox.fail(link_lost(self._owner.uri, "it is closed"))
        self._pool.shutdown(wait=False)
        with suppress(OSError):
            self._device.close()


def _has_descriptor(device: serial.Serial) -> bool:
    return os.name == "posix" and hasattr(device, "fileno")


def port_error(uri: str, port: str, error: Exception) -> LinkError:
    """Return the coded error for a port that could not be opened."""
    number = getattr(error, "errno", None)
    text = str(error)
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        return LinkError(
            "E_PORT_DENIED",
            f"{uri}: no permission to open {port}",
            "On Linux add yourself to the group that owns it (often `sudo usermod -aG dialout $USER`, then log in "
            "again); elsewhere close the program that has the port open.",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return too_many_files(f"{uri}: {port}")
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in text:
        return LinkError(
            "E_PORT_BUSY",
            f"{uri}: {port} is in use by another program",
            "Close the serial monitor, or the other bytefed, that has it open.",
        )
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in text:
        return LinkError(
            "E_PORT_NOT_FOUND",
            f"{uri}: there is no port {port}",
            "Plug the board in and list the ports with `python -m serial.tools.list_ports`, or say `serial:auto`.",
        )
    return LinkError(
        "E_PORT", f"{uri}: {port} can't be opened: {text}", "Check the port's name; it must be a serial port."
    )
