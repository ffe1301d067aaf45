"""Bumble's host on an emulated Bluetooth controller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bumble import hci
from bumble.core import UUID
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.transport import open_transport

SERVICE = "d25a0001-4fed-4035-8828-8fd0ea87845b"
RX = "d25a0002-4fed-4035-8828-8fd0ea87845b"
TX = "d25a0003-4fed-4035-8828-8fd0ea87845b"


@asynccontextmanager
async def bluetooth(socket: Path, name: str, address: str) -> AsyncIterator[Device]:
    """Open the controller behind an H4 socket, and yield it as a device that is on."""
    async with await open_transport(f"unix:{socket}") as transport:
        device = Device.from_config_with_hci(
            DeviceConfiguration(
                name=name,
                address=hci.Address(address),
                advertising_interval_min=100,
                advertising_interval_max=100,
            ),
            transport.source,
            transport.sink,
        )
        await device.power_on()
        yield device
        await device.power_off()


def add_echo(device: Device, write: Callable[[bytes], None]) -> Characteristic[bytes]:
    """Give a device a service like a board's, and return what it notifies by."""
    properties, access = Characteristic.Properties, Characteristic.Permissions
    tx: Characteristic[bytes] = Characteristic(TX, properties.NOTIFY, access.READABLE)
    rx: Characteristic[bytes] = Characteristic(
        RX,
        properties.WRITE | properties.WRITE_WITHOUT_RESPONSE,
        access.WRITEABLE,
        CharacteristicValue(write=lambda _, value: write(bytes(value))),
    )
    device.add_service(Service(SERVICE, [rx, tx]))
    return tx


async def first_seen(device: Device, wanted: hci.Address | None = None) -> hci.Address:
    """Scan until an advertisement of that address comes, or of any one."""
    found: asyncio.Future[hci.Address] = asyncio.get_running_loop().create_future()

    def see(advertisement: object) -> None:
        address = advertisement.address  # type: ignore[attr-defined]
        if not found.done() and wanted in (None, address):
            found.set_result(address)

    device.on("advertisement", see)
    await device.start_scanning(filter_duplicates=False)
    try:
        return await asyncio.wait_for(found, 60)
    finally:
        device.remove_listener("advertisement", see)
        await device.stop_scanning()


def uuid(text: str) -> UUID:
    """Return a UUID as Bumble writes it."""
    return UUID(text)
