"""Boards behind Bumble's virtual controllers: real ATT, SMP and L2CAP, and a link with connection events.

Bumble (https://google.github.io/bumble) is a Bluetooth stack in Python. One of its controllers is the central that
bleak drives through a small backend of ours, each of the others a board. Nothing here touches a file or a socket, so
it runs on a virtual clock.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bumble import core, hci
from bumble.att import ATT_Error
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.link import LocalLink
from bumble.pairing import PairingConfig

from bytefed.boards.bluetooth.peripheral import Peripheral
from bytefed.transport.ble import RX_UUID, SERVICE_UUID, TX_UUID, Backend

_ASKED_MTU = 517  # what BlueZ, Android and Windows ask for
_CENTRAL = "F0:00:00:00:00:00"
_PAIR_TIME = 2.468e-3  # seconds: a full packet on LE 1M, its acknowledgement, two spaces (SPEC.md section 9)
_TIMED_OUT = 0x08  # HCI: connection timeout

T = TypeVar("T")


def make_device(link: LocalLink, name: str, address: str) -> Device:
    controller = Controller(name, link=link)
    controller.le_acl_data_packet_length = 251
    controller.random_address = hci.Address(address)
    configuration = DeviceConfiguration(
        name=name,
        address=hci.Address(address),
        advertising_interval_min=100,
        advertising_interval_max=100,
    )
    return Device.from_config_with_hci(configuration, controller, controller)


def drop_links(controller: Controller) -> None:
    """Lose a controller's links as a time-out does: both ends are told."""
    for ours in list(controller.le_connections.values()):
        peer = controller.link.find_le_controller(ours.peer_address)
        theirs = peer.le_connections[ours.self_address]
        controller.on_le_disconnected(ours, _TIMED_OUT)
        peer.on_le_disconnected(theirs, _TIMED_OUT)


class BumbleBoard:
    """A Peripheral with a GATT server of its own."""

    def __init__(self, link: LocalLink, peripheral: Peripheral, *, encrypted: bool = False) -> None:
        self.peripheral = peripheral
        self.device = make_device(link, peripheral.name, peripheral.address)
        self.device.gatt_server.max_mtu = peripheral.mtu
        self.connection: Connection | None = None
        access = Characteristic.Permissions
        self._tx: Characteristic[bytes] = Characteristic(
            TX_UUID, Characteristic.Properties.NOTIFY, access.READABLE
        )
        rx: Characteristic[bytes] = Characteristic(
            RX_UUID,
            Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            access.WRITE_REQUIRES_ENCRYPTION if encrypted else access.WRITEABLE,
            CharacteristicValue(write=lambda _, value: peripheral.write(bytes(value))),
        )
        self.device.add_service(Service(SERVICE_UUID, [rx, self._tx]))
        kinds = AdvertisingData.Type
        self.device.advertising_data = bytes(
            AdvertisingData(
                [
                    (kinds.FLAGS, b"\x06"),
                    (kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, UUID(SERVICE_UUID).to_bytes()),
                    (kinds.SHORTENED_LOCAL_NAME, peripheral.name.encode()[:8]),
                ]
            )
        )
        # Just Works: boards have neither display nor keys.
        self.device.pairing_config_factory = lambda _: PairingConfig(mitm=False, bonding=True)
        self._outgoing: deque[bytes] = deque()
        self._sending: asyncio.Task[None] | None = None
        self.device.on("connection", self._on_connection)

    async def start(self) -> None:
        await self.device.power_on()
        await self.device.start_advertising(auto_restart=True)

    def drop_link(self) -> None:
        """Lose the link as a time-out does: both ends are told."""
        drop_links(self.device.host.controller)

    def _on_connection(self, connection: Connection) -> None:
        self.connection = connection
        connection.on("disconnection", self._on_disconnection)
        self.peripheral.connect(self._notify)

    def _on_disconnection(self, _: int) -> None:
        self.connection = None
        self._outgoing.clear()
        self.peripheral.disconnect()

    def _notify(self, value: bytes) -> None:
        self._outgoing.append(value)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        while self._outgoing and self.connection:
            await self.device.notify_subscriber(self.connection, self._tx, self._outgoing.popleft())


class PacedLink(LocalLink):
    """Moves L2CAP packets at connection events only, and in each at most so many a direction.

    Args:
        interval: Between two events, seconds.
        packets: Link-layer packets an event, each direction.
        length: Bytes that a link-layer packet carries.

    Attributes:
        packets_sent: Link-layer packets that carried data.
    """

    def __init__(self, interval: float = 0.03, packets: int = 3, length: int = 251) -> None:
        super().__init__()
        self.packets_sent = 0
        self._interval, self._packets, self._length = interval, packets, length
        self._booked: dict[tuple[int, str], int] = {}  # packet slots, counted from the clock's zero

    def send_acl_data(
        self, sender_controller: Controller, destination_address: hci.Address, transport: Any, data: bytes
    ) -> None:
        count = math.ceil(len(data) / self._length)
        self.packets_sent += count
        loop = asyncio.get_running_loop()
        lane = (id(sender_controller), str(destination_address))
        # Data that are handed over during an event are sent at the next one.
        first = (math.floor(loop.time() / self._interval + 1e-6) + 1) * self._packets
        last = max(self._booked.get(lane, 0) + 1, first) + count - 1
        self._booked[lane] = last
        event, slot = divmod(last, self._packets)
        when = event * self._interval + (slot + 1) * _PAIR_TIME
        deliver = super().send_acl_data
        loop.call_at(when, deliver, sender_controller, destination_address, transport, data)


class Central:
    """The adapter, and the two classes that let bleak use it."""

    def __init__(self, link: LocalLink, *, pairs: bool = False) -> None:
        self.device = make_device(link, "central", _CENTRAL)
        self.device.pairing_config_factory = lambda _: PairingConfig(mitm=False, bonding=True)
        self.backend = backend_of(self.device, pairs=pairs)

    async def start(self) -> None:
        await self.device.power_on()


def backend_of(central: Device, *, pairs: bool = False) -> Backend:
    """Let bleak use a device of Bumble's as its adapter."""

    class Scanner(BumbleScanner):
        device = central

    class Client(BumbleClient):
        central_device = central
        always_pairs = pairs

    return Backend(scanner=Scanner, client=Client)


class BumbleScanner(BaseBleakScanner):
    device: Device

    def __init__(self, detection_callback: Any, service_uuids: Any, scanning_mode: str, **_: Any) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        self.seen_devices = {}
        self.device.on("advertisement", self._on_advertisement)
        await self.device.start_scanning(filter_duplicates=False)

    async def stop(self) -> None:
        self.device.remove_listener("advertisement", self._on_advertisement)
        await self.device.stop_scanning()

    def _on_advertisement(self, seen: Any) -> None:
        kinds = AdvertisingData.Type
        listed = (
            seen.data.get(kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
            or seen.data.get(kinds.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
            or []
        )
        uuids = [uuid.to_hex_str("-").lower() for uuid in listed]
        name = seen.data.get(kinds.COMPLETE_LOCAL_NAME) or seen.data.get(kinds.SHORTENED_LOCAL_NAME)
        if not self.is_allowed_uuid(uuids):
            return
        data = AdvertisementData(name, {}, {}, uuids, None, seen.rssi, (seen,))
        address = seen.address.to_string(False)
        device = self.create_or_update_device(address, address, name, seen.address, data)
        self.call_detection_callbacks(device, data)


class BumbleClient(BaseBleakClient):
    central_device: Device
    always_pairs: bool  # as systems do with a board that they are bonded to

    def __init__(self, address_or_ble_device: BLEDevice, **options: Any) -> None:
        super().__init__(
            address_or_ble_device,
            timeout=options["timeout"],
            disconnected_callback=options["disconnected_callback"],
        )
        self._target = address_or_ble_device.details
        self._name = address_or_ble_device.name or self.address
        self._connection: Connection | None = None
        self._gone: asyncio.Future[None]

    @property
    def name(self) -> str:
        return self._name

    @property
    def mtu_size(self) -> int:
        return self._connection.att_mtu if self._connection else 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **_: Any) -> None:
        try:
            connection = await self.central_device.connect(self._target, transport=core.PhysicalTransport.LE)
        except core.ConnectionError as error:
            raise BleakDeviceNotFoundError(self.address, str(error)) from error
        self._connection = connection
        self._gone = asyncio.get_running_loop().create_future()
        connection.on("disconnection", self._on_disconnection)
        if pair or self.always_pairs:
            await connection.pair()
        peer = Peer(connection)
        await self._while_connected(peer.request_mtu(_ASKED_MTU))
        self.services = await self._while_connected(self._discover(peer))

    async def _while_connected(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what takes answers. Once the link is lost, Bumble cancels it or waits in vain; bleak raises an error."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled():
                return task.result()
        finally:
            task.cancel()
        raise BleakError("the link was lost")

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        services = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            shown = BleakGATTService(service, service.handle, _text(service.uuid))
            services.add_service(shown)
            for found in await service.discover_characteristics():
                properties = ["write-without-response", "notify"]
                services.add_characteristic(
                    BleakGATTCharacteristic(
                        found, found.handle, _text(found.uuid), properties, lambda: self.mtu_size - 3, shown
                    )
                )
                await found.discover_descriptors()
        return services

    def _on_disconnection(self, _: int) -> None:
        self._connection = None
        self._gone.set_result(None)
        self.services = None
        if self._disconnected_callback:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        if self._connection:
            await self._connection.disconnect()

    async def pair(self, *_: Any, **__: Any) -> None:
        await self._connected().pair()

    async def unpair(self) -> None:
        raise NotImplementedError

    def _connected(self) -> Connection:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        if len(data) > self._connected().att_mtu - 3:
            raise BleakError("longer than the MTU allows")
        await self._while_connected(characteristic.obj.write_value(bytes(data), with_response=response))

    async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: Any, **_: Any) -> None:
        await self._while_connected(characteristic.obj.subscribe(lambda value: callback(bytearray(value))))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        raise NotImplementedError

    async def read_gatt_char(self, characteristic: Any, *, use_cached: bool = False, **_: Any) -> bytearray:
        try:
            return bytearray(await self._while_connected(characteristic.obj.read_value()))
        except ATT_Error as error:
            raise BleakError(str(error)) from error

    async def read_gatt_descriptor(self, descriptor: Any, *, use_cached: bool = False, **_: Any) -> bytearray:
        raise NotImplementedError

    async def write_gatt_descriptor(self, descriptor: Any, data: Any) -> None:
        raise NotImplementedError


def _text(uuid: UUID) -> str:
    text = str(uuid.to_hex_str("-")).lower()
    return text if len(text) == 36 else f"0000{text:0>4}-0000-1000-8000-00805f9b34fb"


def run(main: Coroutine[Any, Any, T]) -> T:
    """On a clock that jumps: a paced link is as slow as a real one, and the test is not."""
    from virtual_time import run as run_on_virtual_time

    return run_on_virtual_time(main)
