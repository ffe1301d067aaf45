"""Names of boards for people, as far as knowing them takes no byte on a link."""

from __future__ import annotations

from bytefed.boards.catalog import BOARDS
from bytefed.device.device import Device
from bytefed.transport.base import name_of

_STARTED = ("virtual", "loopback", "qemu", "virtual-ble")


class Names:
    """The names of a run's boards; ports are looked through once for each URI."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, device: Device) -> str | None:
        """Return a board's name; None where nothing tells one."""
        if device.uri not in self._known:
            self._known[device.uri] = _name_of(device)
        return self._known[device.uri]


def _name_of(device: Device) -> str | None:
    """Return the make of a board by its USB identity, its advertised name, or `virtual`."""
    scheme, _, place = device.uri.partition(":")
    if scheme == "serial":
        from bytefed.boards.ports import all_ports  # needs pyserial, which is there where boards are

        usb = next((port.usb for port in all_ports() if port.name == place.partition("?")[0]), None)
        return next((board.name for board in BOARDS if board.application == usb), None)
    return name_of(device.transport) or ("virtual" if scheme in _STARTED else None)
