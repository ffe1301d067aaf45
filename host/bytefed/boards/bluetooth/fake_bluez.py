"""org.bluez on a private bus, in front of virtual boards: bleak's own Linux backend is what talks to it.

It knows the part of BlueZ's D-Bus interface that bleak uses for scanning, connecting, writing without
response and notifications (https://github.com/bluez/bluez/tree/master/doc), with BlueZ's error names. It runs
in the event loop of the program that drives the boards, so that tests can break it at a chosen moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from dbus_fast import ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from bytefed.boards.bluetooth.peripheral import Peripheral
from bytefed.transport.ble import PHONES_UUID, RX_UUID, SERVICE_UUID, TX_UUID

ADAPTER = "/org/bluez/hci0"
_ADAPTER1 = "org.bluez.Adapter1"
_DEVICE1 = "org.bluez.Device1"
_SERVICE1 = "org.bluez.GattService1"
_CHARACTERISTIC1 = "org.bluez.GattCharacteristic1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
_ADVERTISING_INTERVAL = 0.1  # seconds
_UNCONFIRMED = 32  # messages until the bus must have taken them: dbus-fast dies of a socket that is full
_EARLY_MTU = 23  # what BlueZ says before the exchange

Properties = dict[str, Variant]
Interfaces = dict[str, Properties]


class BlueZError(Exception):
    """An error as BlueZ answers it; `name` goes behind org.bluez.Error."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = f"org.bluez.Error.{name}"


class FakeBlueZ:
    """The service: one adapter, and the boards in its reach.

    Attributes:
        devices: By address.
        connects: Most calls of Connect under way at the same time; real adapters take one.
    """

    def __init__(self, bus: MessageBus, peripherals: list[Peripheral]) -> None:
        self.objects: dict[str, Interfaces] = {ADAPTER: {_ADAPTER1: _adapter_properties()}}
        self.devices = {p.address: FakeDevice(self, p) for p in peripherals}
        self.connects = 0
        self._bus = bus
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._discovery: asyncio.Task[None] | None = None
        self._wanted: set[str] = set()

    # ---- What tests break

    async def power_cycle(self, seconds: float) -> None:
        """Switch the adapter off and on again: every link is lost."""
        self._stop_discovery()
        for device in self.devices.values():
            device.disconnect()
        self.change(ADAPTER, _ADAPTER1, Powered=Variant("b", False))
        await asyncio.sleep(seconds)
        self.change(ADAPTER, _ADAPTER1, Powered=Variant("b", True))

    @property
    def powered(self) -> bool:
        """Whether the adapter is on."""
        return bool(self.objects[ADAPTER][_ADAPTER1]["Powered"].value)

    # ---- Objects and signals

    def add(self, path: str, interfaces: Interfaces) -> None:
        """Make an object known."""
        self.objects[path] = interfaces
        self._signal("/", _OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    def remove(self, path: str) -> None:
        """Take an object away."""
        gone = list(self.objects.pop(path, {}))
        self._signal("/", _OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, gone])

    def change(self, path: str, interface: str, **properties: Variant) -> None:
        """Change properties of an object."""
        self.objects[path][interface].update(properties)
        self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._outgoing.put_nowait(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )

    async def send_all(self) -> None:
        """Send what waits, in order, for ever."""
        unconfirmed = 0
        while True:
            await self._bus.send(await self._outgoing.get())
            unconfirmed += 1
            if unconfirmed == _UNCONFIRMED:
                unconfirmed = 0
                await self._bus.call(
                    Message(
                        destination="org.freedesktop.DBus",
                        path="/org/freedesktop/DBus",
                        interface="org.freedesktop.DBus.Peer",
                        member="Ping",
                    )
                )

    # ---- Calls

    def on_message(self, message: Message) -> bool | None:
        """Serve a call in a task of its own; says that the message is taken."""
        if (
            message.message_type != MessageType.METHOD_CALL
            or message.interface == "org.freedesktop.DBus.Peer"
        ):
            return None
        task = asyncio.ensure_future(self._serve(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _serve(self, message: Message) -> None:
        try:
            answer = await self._answer(message)
        except BlueZError as error:
            answer = Message.new_error(message, error.name, str(error))
        except KeyError:
            answer = Message.new_error(message, ErrorType.UNKNOWN_OBJECT, f"no {message.path}")
        self._outgoing.put_nowait(answer)

    async def _answer(self, message: Message) -> Message:
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
        path = str(message.path)
        if path == ADAPTER:
            self._call_adapter(str(message.member), message.body)
        else:
            if path not in self.objects:
                raise KeyError(path)
            device = next(d for d in self.devices.values() if path.startswith(d.path))
            value = await device.call(str(message.member), message.body, path)
            if value is not None:
                return Message.new_method_return(message, "ay", [value])
        return Message.new_method_return(message)

    def _call_adapter(self, member: str, body: list[Any]) -> None:
        if member == "RemoveDevice":
            device = next(d for d in self.devices.values() if d.path == body[0])
            device.disconnect()
            self.remove(device.path)
        elif not self.powered:
            raise BlueZError("NotReady", "Resource Not Ready")
        elif member == "SetDiscoveryFilter":
            self._wanted = set(body[0]["UUIDs"].value) if "UUIDs" in body[0] else set()
        elif member == "StartDiscovery":
            self._stop_discovery()
            self._discovery = asyncio.ensure_future(self._advertise())
        elif member == "StopDiscovery":
            self._stop_discovery()
        else:
            raise BlueZError("NotSupported", member)

    def _stop_discovery(self) -> None:
        if self._discovery is not None:
            self._discovery.cancel()
            self._discovery = None

    async def _advertise(self) -> None:
        while True:
            for device in self.devices.values():
                if device.visible and (not self._wanted or self._wanted & set(device.services)):
                    device.advertise()
            await asyncio.sleep(_ADVERTISING_INTERVAL)

    async def close(self) -> None:
        """Leave nothing running."""
        self._stop_discovery()
        for device in self.devices.values():
            device.peripheral.disconnect()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class FakeDevice:
    """One board as BlueZ shows it.

    Attributes:
        services: UUIDs of the services that it advertises.
        connect_errors: Each is raised by one Connect, first to last.
        missing: UUID of a characteristic that the next connections don't show.
        late_mtu: Seconds for which the MTU reads 23.
        connect_seconds: Seconds that Connect takes.
        stuck: Writes are never answered.
    """

    def __init__(self, bluez: FakeBlueZ, peripheral: Peripheral) -> None:
        self.peripheral = peripheral
        self.path = f"{ADAPTER}/dev_{peripheral.address.replace(':', '_')}"
        self.services = [SERVICE_UUID]
        self.connect_errors: list[BlueZError] = []
        self.missing: str | None = None
        self.late_mtu = 0.0
        self.connect_seconds = 0.01
        self.stuck = False
        self.connected = False
        self._bluez = bluez
        self._connecting = 0

    @property
    def visible(self) -> bool:
        """Whether it advertises: not while it is connected."""
        return self.peripheral.advertising and not self.connected

    @property
    def _service(self) -> str:
        return f"{self.path}/service000a"

    @property
    def _tx(self) -> str:
        return f"{self._service}/char000d"

    @property
    def _phones(self) -> str:
        return f"{self._service}/char0010"

    def advertise(self) -> None:
        """Be seen once."""
        if self.path in self._bluez.objects:
            self._bluez.change(self.path, _DEVICE1, RSSI=Variant("n", -50))
        else:
            self._bluez.add(self.path, {_DEVICE1: self._properties()})

    def _properties(self) -> Properties:
        return {
            "Address": Variant("s", self.peripheral.address),
            "AddressType": Variant("s", "random"),
            "Name": Variant("s", self.peripheral.name),
            "Alias": Variant("s", self.peripheral.name),
            "Adapter": Variant("o", ADAPTER),
            "UUIDs": Variant("as", self.services),
            "RSSI": Variant("n", -50),
            "Connected": Variant("b", False),
            "Paired": Variant("b", False),
            "Trusted": Variant("b", False),
            "ServicesResolved": Variant("b", False),
        }

    async def call(self, member: str, body: list[Any], path: str = "") -> bytes | None:
        """Serve a call of the device or of one of its characteristics; returns the value that was read, if one was."""
        if path == self._phones and member == "ReadValue":
            return self.peripheral.board.shown
        if path == self._phones and member == "StartNotify":
            self.peripheral.subscribe(self._notify_phone)
            return None
        calls: dict[str, Callable[..., Awaitable[None]]] = {
            "Connect": self._connect,
            "Disconnect": self._disconnect,
            "WriteValue": self._write,
            "StartNotify": self._start_notify,
        }
        if member not in calls:
            raise BlueZError("NotSupported", member)
        await calls[member](*body)
        return None

    async def _connect(self) -> None:
        bluez = self._bluez
        if not bluez.powered:
            raise BlueZError("NotReady", "Resource Not Ready")
        connecting = 1 + sum(d._connecting for d in bluez.devices.values())
        bluez.connects = max(bluez.connects, connecting)
        self._connecting += 1
        try:
            await asyncio.sleep(self.connect_seconds)
        finally:
            self._connecting -= 1
        if self.connect_errors:
            raise self.connect_errors.pop(0)
        if not self.peripheral.advertising or not bluez.powered:
            raise BlueZError("Failed", "le-connection-abort-by-local")
        self.connected = True
        bluez.change(self.path, _DEVICE1, Connected=Variant("b", True))
        self._show_services()
        bluez.change(self.path, _DEVICE1, ServicesResolved=Variant("b", True))

    def _show_services(self) -> None:
        early = Variant("q", _EARLY_MTU if self.late_mtu else self.peripheral.mtu)
        service = {
            "UUID": Variant("s", SERVICE_UUID),
            "Primary": Variant("b", True),
            "Device": Variant("o", self.path),
        }
        self._bluez.add(self._service, {_SERVICE1: service})
        shown = {
            "char000b": (RX_UUID, ["write", "write-without-response"]),
            "char000d": (TX_UUID, ["notify"]),
            "char0010": (PHONES_UUID, ["read", "notify"]),
        }
        for name, (uuid, flags) in shown.items():
            if uuid == self.missing:
                continue
            characteristic = {
                "UUID": Variant("s", uuid),
                "Service": Variant("o", self._service),
                "Value": Variant("ay", b""),
                "MTU": early,
                "Flags": Variant("as", flags),
            }
            self._bluez.add(f"{self._service}/{name}", {_CHARACTERISTIC1: characteristic})
        if self.late_mtu:
            asyncio.get_running_loop().call_later(self.late_mtu, self._exchange_mtu)

    def _exchange_mtu(self) -> None:
        for path in (f"{self._service}/char000b", self._tx):
            if path in self._bluez.objects:
                self._bluez.change(path, _CHARACTERISTIC1, MTU=Variant("q", self.peripheral.mtu))

    async def _start_notify(self) -> None:
        self.peripheral.connect(self._notify)

    def _notify(self, value: bytes) -> None:
        if self.connected:
            self._bluez.change(self._tx, _CHARACTERISTIC1, Value=Variant("ay", value))

    def _notify_phone(self, value: bytes) -> None:
        if self.connected:
            self._bluez.change(self._phones, _CHARACTERISTIC1, Value=Variant("ay", value))

    async def _write(self, value: bytes, options: Properties) -> None:
        if options["type"].value != "command":
            raise BlueZError("NotSupported", "only writes without response are served here")
        if len(value) > self.peripheral.mtu - 3:
            raise BlueZError("InvalidArguments", "Invalid Length")
        if self.stuck:
            await asyncio.get_running_loop().create_future()
        self.peripheral.write(bytes(value))

    async def _disconnect(self) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        """End the connection, whoever wants to."""
        if not self.connected:
            return
        self.connected = False
        self.peripheral.disconnect()
        off = Variant("b", False)
        self._bluez.change(self.path, _DEVICE1, ServicesResolved=off, Connected=off)
        for path in [p for p in self._bluez.objects if p.startswith(f"{self._service}/")]:
            self._bluez.remove(path)
        self._bluez.remove(self._service)


def _adapter_properties() -> Properties:
    return {
        "Address": Variant("s", "00:11:22:33:44:55"),
        "Name": Variant("s", "bytefed"),
        "Alias": Variant("s", "bytefed"),
        "Powered": Variant("b", True),
        "Discovering": Variant("b", False),
        "Roles": Variant("as", ["central"]),
        "UUIDs": Variant("as", []),
    }


@asynccontextmanager
async def fake_bluez(address: str, peripherals: list[Peripheral]) -> AsyncIterator[FakeBlueZ]:
    """Serve org.bluez on the bus of that address, with these boards in reach."""
    bus = await MessageBus(bus_address=address).connect()
    bluez = FakeBlueZ(bus, peripherals)
    bus.add_message_handler(bluez.on_message)
    await bus.request_name("org.bluez")
    sender = asyncio.ensure_future(bluez.send_all())
    try:
        yield bluez
    finally:
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender
        await bluez.close()
        bus.disconnect()
