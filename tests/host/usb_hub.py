"""A USB hub of virtual boards: their ports come and go, change names, and are what ports are just after a reset."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import serial

from bytefed._core import VirtualBoard
from bytefed.boards import ports
from bytefed.boards.catalog import BOARDS, UsbId
from bytefed.boards.ports import Port
from bytefed.boards.virtual import PtyBoard
from bytefed.transport import serial as serial_transport

MAKE = BOARDS[0]


class HubBoard:
    """A board on the hub; it has no flash, so that a reset loses its samples, though not its key.

    Attributes:
        uid, boots: Its identity; how often it was switched on.
        key: The key that it shares with its host; None for none.
        board: The firmware's core.
        at: Asked after each piece of work whether something happens to it; then forgotten.
        heard: Bytes that it was told, over all ports.
        senses: Whether it waits for a sensor: it has none.
    """

    senses = False

    def __init__(self, uid: int, features: int, classes: int, key: bytes | None = None) -> None:
        self.uid = uid
        self.key = key
        self.boots = 0
        self.heard = 0
        self.at: Callable[[HubBoard], bool] | None = None
        self._shape = features, classes
        self.reset()

    def reset(self) -> None:
        """Switch it off and on."""
        self.boots += 1
        features, classes = self._shape
        self.board = VirtualBoard(
            features=features, classes=classes, uid=self.uid, boot=self.boots, capacity=200, key=self.key
        )

    def feed(self, data: bytes) -> None:
        self.heard += len(data)
        self.board.feed(data)

    def poll(self, slices: int) -> bool:
        return bool(self.board.poll(slices))

    def take(self) -> bytes:
        return bytes(self.board.take())


class Hub:
    """Ports are links in a folder; each leads to the pseudo-terminal of the board that is plugged in there.

    Attributes:
        shy: Names of ports that can't be opened for now, and the error of the system.
        opened: Names that were opened, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.shy: dict[str, int] = {}
        self.opened: list[str] = []
        self._folder = folder
        self._plugged: dict[str, tuple[PtyBoard, UsbId]] = {}
        self._strangers: dict[str, UsbId] = {}
        folder.mkdir()

    def be_the_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this hub's ports be all ports that there are."""
        monkeypatch.setattr(ports, "all_ports", self.scan)
        monkeypatch.setattr(serial_transport.serial, "Serial", self._open)

    @property
    def plugged(self) -> dict[str, Any]:
        """The boards that are plugged in, by the name of their port."""
        return {name: pty.board for name, (pty, _) in self._plugged.items()}

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def scan(self) -> list[Port]:
        seen = {name: usb for name, (_, usb) in self._plugged.items()} | self._strangers
        return [Port(self.path(name), usb, True) for name, usb in sorted(seen.items())]

    def _open(self, name: str, *args: Any, **options: Any) -> serial.Serial:
        short = Path(name).name
        self.opened.append(short)
        if short in self.shy:
            raise OSError(self.shy[short], os.strerror(self.shy[short]))
        return _SERIAL(name, *args, **options)

    def plug(self, board: HubBoard, name: str) -> None:
        """Give a board a port; from now on the running loop serves it."""
        pty = PtyBoard(board, None)  # type: ignore[arg-type]
        self._plugged[name] = pty, MAKE.application
        (self._folder / name).symlink_to(pty.port)
        asyncio.get_running_loop().add_reader(pty.master, self._serve, name, pty, True)

    def _serve(self, name: str, pty: PtyBoard, readable: bool) -> None:
        if self._plugged.get(name, (None,))[0] is not pty:
            return
        wait = pty.serve(readable)
        board: Any = pty.board
        if board.at is not None and board.at(board):
            board.at = None
        elif wait is not None:
            asyncio.get_running_loop().call_later(wait, self._serve, name, pty, False)

    def unplug(self, name: str) -> HubBoard:
        """Take a port away."""
        pty, _ = self._plugged.pop(name)
        (self._folder / name).unlink()
        asyncio.get_running_loop().remove_reader(pty.master)
        pty.close()
        board: Any = pty.board
        return board

    def enter_bootloader(self, name: str) -> None:
        """Let something with a bootloader's identity stand behind a name: opening it fails the test."""
        self._strangers[name] = MAKE.bootloader

    def leave_bootloader(self, name: str) -> None:
        del self._strangers[name]

    def close(self) -> None:
        for name in list(self._plugged):
            self.unplug(name)


_SERIAL = serial.Serial
EIO, EACCES, EBUSY = errno.EIO, errno.EACCES, errno.EBUSY
