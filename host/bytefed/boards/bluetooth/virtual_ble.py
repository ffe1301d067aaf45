"""`virtual-ble:N`: virtual boards behind bleak, with no radio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bytefed._core import VirtualBoard
from bytefed.boards.bluetooth.fake_bluez import FakeBlueZ, fake_bluez
from bytefed.boards.bluetooth.peripheral import Peripheral
from bytefed.boards.bluetooth.private_bus import private_bus
from bytefed.transport.ble import BleTransport, system_central

_RTO_FLOOR = 2.0  # nothing is lost that a test does not lose, but the boards share this processor


def peripherals(boards: Sequence[VirtualBoard], first: int = 0, mtu: int = 247) -> list[Peripheral]:
    """Give each board a name and an address; `first` is the number of the first."""
    return [
        Peripheral(f"bytefed-{number}", f"F1:00:00:00:{number >> 8:02X}:{number & 255:02X}", board, mtu=mtu)
        for number, board in enumerate(boards, first)
    ]


@asynccontextmanager
async def virtual_radio(near: Sequence[Peripheral]) -> AsyncIterator[FakeBlueZ]:
    """While this holds, this process's Bluetooth adapter is a fake, with these boards in reach.

    Raises:
        LinkError: E_VIRTUAL where there is no dbus-daemon.
    """
    async with private_bus() as address, fake_bluez(address, list(near)) as bluez:
        yield bluez


@asynccontextmanager
async def virtual_ble_boards(
    boards: Sequence[tuple[VirtualBoard, bytes | None]], first: int
) -> AsyncIterator[list[BleTransport]]:
    """Give a transport for each board, which comes with its key; `first` is the number of the first."""
    near = peripherals([board for board, _ in boards], first)
    async with virtual_radio(near):
        yield [
            BleTransport(
                system_central(), p.address, uri=f"virtual-ble:{number}", rto_floor=_RTO_FLOOR, key=key
            )
            for number, (p, (_, key)) in enumerate(zip(near, boards, strict=True), first)
        ]
