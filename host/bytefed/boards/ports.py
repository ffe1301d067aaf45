"""The serial ports of this machine, and which of them are boards: the one place that looks for ports."""

from __future__ import annotations

import os
from dataclasses import dataclass

from serial.tools import list_ports

from bytefed.boards.catalog import BOARDS, UsbId
from bytefed.errors import LinkError
from bytefed.transport.ports import SharedPorts

_APPLICATIONS = {board.application for board in BOARDS}
_BOOTLOADERS = {board.bootloader for board in BOARDS}
_VENDORS = {board.application.vendor for board in BOARDS}


@dataclass(frozen=True)
class Port:
    """A serial port of this machine.

    Attributes:
        name: Its name in the system, such as /dev/ttyACM0 or COM3.
        usb: USB identity of what is plugged in; None for a port that is not on USB.
        allowed: Whether this user may read and write it.
    """

    name: str
    usb: UsbId | None
    allowed: bool

    @property
    def is_board(self) -> bool:
        """Whether a board's firmware runs behind it."""
        return self.usb in _APPLICATIONS

    @property
    def is_bootloader(self) -> bool:
        """Whether a board waits in its bootloader behind it."""
        return self.usb in _BOOTLOADERS

    @property
    def is_other(self) -> bool:
        """Whether it is something else by a maker of boards: a bootloader, or a board that bytefed doesn't know."""
        return self.usb is not None and self.usb.vendor in _VENDORS and not self.is_board


def all_ports() -> list[Port]:
    """Return every serial port of this machine, by name."""
    return [
        Port(
            port.device,
            None if port.vid is None or port.pid is None else UsbId(port.vid, port.pid),
            os.access(port.device, os.R_OK | os.W_OK),
        )
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
    ]


def board_ports(instead: str = "try N virtual ones: --boards virtual:N") -> list[str]:
    """Return the names of the ports that boards are plugged into.

    Args:
        instead: Advice for who has no board.

    Raises:
        LinkError: E_NO_BOARDS if there are none.
    """
    seen = all_ports()
    ports = [port.name for port in seen if port.is_board]
    waiting = [port.name for port in seen if port.is_bootloader]
    if not ports and waiting:
        raise LinkError(
            "E_NO_BOARDS",
            f"serial:auto finds no board that runs, but one in its bootloader at {', '.join(waiting)}.",
            "Press its reset button once; if that does not help: `bytefed flash BOARD` (see `bytefed flash --help`).",
        )
    if not ports:
        raise LinkError(
            "E_NO_BOARDS",
            "serial:auto finds no board on USB.",
            f"Plug one in ({', '.join(board.name for board in BOARDS)}), name its port, or {instead}.",
        )
    return ports


SHARED = SharedPorts(lambda: all_ports())
"""The ports of this machine, for all transports of this process that look for their boards."""
