"""USB serial ports, pseudo-terminals and sockets, through pyserial.

A board that is reset takes its port with it. The port comes back after a second or two: for a moment it is denied,
busy or answers EIO; it may have another name, or the name that another board had. So a port that was open once is
waited for, and where the board is not behind it any more (`elsewhere`), it is looked for behind all ports of boards.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Literal

import serial

from bytefed.clock import now
from bytefed.errors import LinkError, too_many_files
from bytefed.protocol.message import MAX_FRAME
from bytefed.transport.base import RTO_FLOORS, link_lost
from bytefed.transport.inbox import Inbox
from bytefed.transport.ports import SeenPort, SharedPorts, real_name

_BAUD_RATE = 115200  # any but 1200, which sends a board into its bootloader; USB ignores the rest
_READ_SIZE = 4096
# A new port's mode is set a moment after it appears, and ModemManager has it open first.
_PATIENCE = 2.0  # seconds
_PASSING = ("E_PORT_DENIED", "E_PORT_BUSY", "E_PORT_LOST")
RETURN_PATIENCE = 30.0
"""Seconds to wait for the port of a board that was reset or unplugged, as long as for one over BLE."""
_PAUSE = 0.1  # seconds between two attempts
_GRACE = 2.0  # seconds for which the last ports of other boards are left to those
_WRONG_FOR = 3.0  # seconds for which a port is not tried again behind which another board was


def _usual_floor(port: str) -> float:
    """Return the margin for an answer: a pseudo-terminal loses nothing, but shares its processor with its board."""
    return 2.0 if port.startswith("/dev/pts/") else RTO_FLOORS["serial"]


class SerialTransport:
    """A serial port by its name, or any URL that pyserial knows (socket://host:port).

    Args:
        port: Its name.
        uri: The name that the user typed, if not serial:PORT.
        rto_floor: Seconds that an answer may take longer than usual on an idle link; None for that of the port.
        ports: Where to look for the board when it is not behind its port any more; None to stay with that one.
        patience: Seconds to wait for a port that was open once and is gone.
    """

    framing: Literal["serial", "ble"] = "serial"
    frame_limit = MAX_FRAME

    def __init__(
        self,
        port: str,
        *,
        uri: str | None = None,
        rto_floor: float | None = None,
        ports: SharedPorts | None = None,
        patience: float | None = None,
        key: bytes | None = None,
    ) -> None:
        self.uri = uri or f"serial:{port}"
        self.key = key
        self.rto_floor = _usual_floor(port) if rto_floor is None else rto_floor
        self.sent = 0
        self.received = 0
        self.trouble: LinkError | None = None
        self._port = self._home = port
        self._ports = ports
        self._patience = RETURN_PATIENCE if patience is None else patience
        self._known = self._reopened = False  # its board was there; it was opened anew since
        self._astray = False  # another board was behind the last port
        self._wrong: dict[str, float] = {}  # when another board was behind a port
        self._since = 0.0  # when the search began
        self._io: _Polled | _Threaded | None = None

    # ---- Opening

    async def open(self) -> None:
        """Open the port exclusively; one that was open before is waited for, or found under another name.

        Raises:
            LinkError: E_PORT_..., E_BOOTLOADER: what kept the last attempt from it.
        """
        if not self._astray:
            self._begin_search()
        patience = self._patience if self._known else _PATIENCE
        while self._io is None:
            waited = now() - self._since
            over = self._astray and waited > patience
            self.trouble = _not_found(self.uri, self._home) if over else await self._attempt()
            if self.trouble is None:
                break
            if waited > patience or not (self._known or self.trouble.code in _PASSING):
                self._astray = False
                self._be_at(self._home)
                raise self.trouble
            await asyncio.sleep(_PAUSE)
        self._reopened, self._astray = self._known, False

    def _begin_search(self) -> None:
        """Start from where the board was last."""
        self._since = now()
        self._wrong.clear()

    async def _attempt(self) -> LinkError | None:
        """Try the ports behind which the board may be; return what kept them from being open, None once one is."""
        seen = await self._ports.seen() if self._ports is not None and self._known else {}
        trouble = None
        for name in self._candidates(seen):
            port = seen.get(real_name(name))
            failure = _in_bootloader(self.uri, name) if port and port.is_bootloader else await self._try(name)
            if failure is None:
                return None
            trouble = trouble or failure
        if trouble is None or trouble.code == "E_PORT_NOT_FOUND":
            waiting = next((port.name for port in seen.values() if port.is_bootloader), None)
            trouble = _in_bootloader(self.uri, waiting) if waiting else trouble
        return trouble or _not_found(self.uri, self._home)

    def _candidates(self, seen: Mapping[str, SeenPort]) -> Iterator[str]:
        """Name the last port first, then free ports of boards, and after a grace those that others hold."""
        waited = now() - self._since
        wrong = {name for name, when in self._wrong.items() if now() - when < _WRONG_FOR}
        home = real_name(self._home)
        if home not in wrong:
            yield self._home
        for name, port in seen.items():
            if not port.is_board or name in wrong or name == home or self._ports is None:
                continue
            if wrong or waited > _GRACE or not self._ports.is_home_of_another(name, self):
                yield port.name

    async def _try(self, name: str) -> LinkError | None:
        """Open one port; return why it can't be."""
        if self._ports is not None and not self._ports.take(name, self):
            return _busy(self.uri, name)
        try:
            self._io = await self._opened(name)
        except (OSError, ValueError) as error:
            self.let_go()
            return port_error(self.uri, name, error)
        except asyncio.CancelledError:
            self.let_go()
            raise
        self._be_at(name)
        return None

    async def _opened(self, name: str) -> _Polled | _Threaded:
        """Open a port in a thread: that may take a while. Whoever is cancelled meanwhile leaves no port open."""
        work: asyncio.Future[serial.Serial] = asyncio.get_running_loop().run_in_executor(
            None, self._open_port, name
        )
        try:
            device = await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(_close_unwanted)
            raise
        return _Polled(self, device) if _has_descriptor(device) else _Threaded(self, device)

    def _open_port(self, name: str) -> serial.Serial:
        if "://" in name:
            return serial.serial_for_url(name, timeout=0)
        return serial.Serial(name, _BAUD_RATE, timeout=0, write_timeout=None, exclusive=True)

    def _be_at(self, name: str) -> None:
        if name != self._port:
            self._port, self.uri = name, f"serial:{name}"

    @property
    def strange(self) -> bool:
        """Whether another board may be behind the port by now: it was opened anew, on a machine with many."""
        return self._reopened and self._ports is not None

    @property
    def wandered(self) -> bool:
        """Whether the port is not the one where the board was last, or another board was there since."""
        return self._port != self._home or real_name(self._port) in self._wrong

    def settle(self) -> None:
        """Remember where the board is, to wait for it there and to look for it from there."""
        self._known, self._home = True, self._port
        self._wrong.clear()
        if self._ports is not None:
            self._ports.settle(self._home, self)

    def elsewhere(self) -> bool:
        """Look behind other ports from the next `open` on; whether there can be any."""
        if self._ports is None:
            return False
        self._wrong[real_name(self._port)] = now()
        self._astray = True
        return True

    def let_go(self) -> None:
        """Leave the port to whoever looks for a board: it is closed, or dead."""
        if self._ports is not None:
            self._ports.let_go(self)

    # ---- Bytes

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
        self.let_go()


def _close_unwanted(work: asyncio.Future[serial.Serial]) -> None:
    if not work.cancelled() and work.exception() is None:
        work.result().close()


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
        self._owner.let_go()
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
        _close(self._device)


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
            self._call(self._fail, error)

    def _fail(self, why: object) -> None:
        self._owner.let_go()
        self.inbox.fail(link_lost(self._owner.uri, why))

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
        _close(self._device)


def _close(device: serial.Serial) -> None:
    """Close a port. Behind a URL that is done in a thread: pyserial then sleeps for 0.3 s, and other boards wait."""
    if "://" in device.name:
        Thread(target=_close_url, args=(device,), daemon=True).start()
        return
    with suppress(OSError):
        device.close()


def _close_url(device: serial.Serial) -> None:
    """Close what is behind a URL; pyserial leaves a socket open if the other side has closed it first."""
    inner = getattr(device, "_socket", None)
    with suppress(OSError):
        device.close()
        if inner is not None:
            inner.close()


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
        return _busy(uri, port)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in text:
        return _not_found(uri, port)
    if number == errno.EIO:
        return LinkError(
            "E_PORT_LOST",
            f"{uri}: {port} is there, but its board is not: it was just reset or unplugged",
            "Plug it in again, or press its reset button.",
        )
    return LinkError(
        "E_PORT", f"{uri}: {port} can't be opened: {text}", "Check the port's name; it must be a serial port."
    )


def _busy(uri: str, port: str) -> LinkError:
    return LinkError(
        "E_PORT_BUSY",
        f"{uri}: {port} is in use by another program",
        "Close the serial monitor, or the other bytefed, that has it open.",
    )


def _not_found(uri: str, port: str) -> LinkError:
    return LinkError(
        "E_PORT_NOT_FOUND",
        f"{uri}: there is no port {port}",
        "Plug the board in: `bytefed devices` lists the boards on USB, `bytefed doctor` says why one can't be reached.",
    )


def _in_bootloader(uri: str, port: str) -> LinkError:
    return LinkError(
        "E_BOOTLOADER",
        f"{uri}: behind {port} a board is in its bootloader, where no firmware runs",
        "Press its reset button once; if that does not help: `bytefed flash BOARD` (see `bytefed flash --help`).",
    )
