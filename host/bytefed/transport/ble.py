"""Boards over Bluetooth Low Energy, through bleak: one frame is one ATT value (SPEC.md section 1.2).

What systems really do is handled here, and named where it is: boards that are connected already do not
advertise; the MTU reads 23 until the exchange is over; a call may never return once the board is gone; an
adapter may be switched off and on. The protocol above handles the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError
from bleak_retry_connector import clear_cache, close_stale_connections, establish_connection

from bytefed.clock import now
from bytefed.errors import LinkError
from bytefed.protocol.message import MAX_FRAME, MAX_WINDOW, MIN_FRAME
from bytefed.transport.base import RTO_FLOORS, link_lost
from bytefed.transport.inbox import Inbox

SERVICE_UUID = "d25a0001-4fed-4035-8828-8fd0ea87845b"
RX_UUID = "d25a0002-4fed-4035-8828-8fd0ea87845b"
TX_UUID = "d25a0003-4fed-4035-8828-8fd0ea87845b"
PHONES_UUID = "d25a0004-4fed-4035-8828-8fd0ea87845b"
"""Read by whoever is near, where a host opened it; no host of bytefed does."""

_SCAN_ALL = 5.0  # seconds that ble:auto looks around; a board advertises several times a second
_SCAN_ONE = 3.0  # seconds to look for one board before others get their turn
_FRESH = 10.0  # seconds for which a sighting is good; BlueZ forgets a board after 30
_CONNECTING = 30.0  # seconds for one attempt, bleak-retry-connector's own retries included
_MTU_PATIENCE = 1.0  # seconds in which a larger MTU than 23 must show
UNREAD_LIMIT = 4 * MAX_WINDOW  # frames; a board sends at most a window unasked

_T = TypeVar("_T")
# Errors that bleak and the D-Bus client below it raise for a link or an adapter that is gone.
_FAILURES = (BleakError, OSError, EOFError, TimeoutError)
_Gone = Callable[[BleakClient], None]

# Their warnings are for programmers; what matters to a user comes as a LinkError.
for _library in ("bleak", "bleak_retry_connector"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Backend:
    """The backend that bleak runs on; bleak itself has no option for it."""

    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]


@dataclass(frozen=True)
class _Sighting:
    device: BLEDevice
    name: str | None
    seen: float
    strength: int | None = None  # dBm; None where the system does not say

    def is_(self, wanted: str) -> bool:
        """Whether this is the board of that address or advertised name."""
        return wanted.upper() == self.device.address.upper() or wanted == self.name


class Central:
    """The Bluetooth adapter that boards share: one scan or connection attempt at a time.

    Args:
        backend: Instead of the system's own.
    """

    def __init__(self, backend: Backend | None = None) -> None:
        self._backend = backend
        self._lock = asyncio.Lock()
        self._sightings: dict[str, _Sighting] = {}
        self._strengths: dict[str, int | None] = {}  # by the names that boards were asked for

    async def discover(self) -> list[str]:
        """Return the addresses of all boards in reach.

        Raises:
            LinkError: E_BLE_OFF, E_BLE, or E_NO_BOARDS when there are none.
        """
        async with self._lock:
            try:
                await self._disconnect_stale()
                await self._scan(None, _SCAN_ALL)
            except _FAILURES as error:
                raise ble_error("ble:auto", error) from error
        addresses = sorted(self._sightings)
        if not addresses:
            raise LinkError(
                "E_NO_BOARDS",
                "ble:auto finds no board that advertises the bytefed service.",
                "Power one on, close other programs connected to it, or try `bytefed run --boards virtual-ble:4`.",
            )
        return addresses

    def strength(self, wanted: str) -> int | None:
        """Return how strong a board's advertisement was when it was connected for last, dBm; None if not known."""
        return self._strengths.get(wanted)

    async def connect(self, wanted: str, on_gone: _Gone) -> BleakClient:
        """Connect to the board of that address or name, which must be in reach now.

        Raises:
            LinkError: E_BLE_NOT_FOUND, E_BLE_OFF, E_BLE_SERVICE, E_BLE.
        """
        async with self._lock:
            try:
                sighting = await self._find(wanted)
                self._strengths[wanted] = sighting.strength
                async with asyncio.timeout(_CONNECTING):
                    client = await self._establish(sighting.device, on_gone)
                    return await self._with_characteristics(client, wanted)
            except _FAILURES as error:
                raise ble_error(f"ble:{wanted}", error) from error

    async def _find(self, wanted: str) -> _Sighting:
        known = next((s for s in self._sightings.values() if s.is_(wanted)), None)
        if known is None or now() - known.seen > _FRESH:
            self._sightings.clear()
            await self._disconnect_stale(wanted)
            known = await self._scan(wanted, _SCAN_ONE)
        if known is None:
            raise LinkError(
                "E_BLE_NOT_FOUND",
                f"ble:{wanted}: no board of that name or address advertises",
                "Is it powered, in reach, and not connected to another program? `bytefed devices ble:auto` lists more.",
            )
        del self._sightings[known.device.address]  # once connected it stops advertising
        return known

    async def _scan(self, wanted: str | None, seconds: float) -> _Sighting | None:
        """Note every board that advertises; stop early at the wanted one."""
        found: asyncio.Future[_Sighting] = asyncio.get_running_loop().create_future()

        def on_advertisement(device: BLEDevice, advertisement: AdvertisementData) -> None:
            if SERVICE_UUID not in advertisement.service_uuids:
                return
            name = advertisement.local_name or device.name
            sighting = _Sighting(device, name, now(), advertisement.rssi)
            self._sightings[device.address] = sighting
            if wanted is not None and sighting.is_(wanted) and not found.done():
                found.set_result(sighting)

        backend = self._backend.scanner if self._backend else None
        async with BleakScanner(on_advertisement, [SERVICE_UUID], backend=backend):
            await asyncio.wait([found], timeout=seconds)
        return found.result() if found.done() else None

    async def _disconnect_stale(self, wanted: str | None = None) -> None:
        """Part from boards that a killed program left connected: they don't advertise (bluez/bluez #89)."""
        if self._backend:
            return
        with suppress(NotImplementedError):
            adapter = await BleakAdapter.get()
            for device in await adapter.get_connected_devices([SERVICE_UUID]):
                if wanted is None or _Sighting(device, device.name, now()).is_(wanted):
                    await close_stale_connections(device)

    async def _establish(self, device: BLEDevice, on_gone: _Gone) -> BleakClient:
        return await establish_connection(
            BleakClient,
            device,
            device.name or device.address,
            disconnected_callback=on_gone,
            max_attempts=2,
            use_services_cache=False,
            backend=self._backend.client if self._backend else None,
        )

    async def _with_characteristics(self, client: BleakClient, wanted: str) -> BleakClient:
        """Make sure that both are there; if not, what the system remembers may be out of date."""
        missing = [uuid for uuid in (RX_UUID, TX_UUID) if client.services.get_characteristic(uuid) is None]
        if not missing:
            return client
        with suppress(*_FAILURES):
            await client.disconnect()
            await clear_cache(client.address)
        raise LinkError(
            "E_BLE_SERVICE",
            f"ble:{wanted}: characteristic {missing[0]} is missing",
            "Is this a board with the bytefed firmware? If so, remove it from the system's list of devices.",
        )


class BleTransport:
    """A board in reach of a Central, by its address or its advertised name.

    Args:
        central: The adapter.
        board: Address (on macOS the UUID that stands for it), or name.
        uri: The URI as the user typed it; None for ble:BOARD.
        rto_floor: Seconds that an answer may take longer than usual on an idle link.
        patience: Seconds to wait for a board that does not come (back), or for an adapter that is off.
    """

    framing: Literal["serial", "ble"] = "ble"

    def __init__(
        self,
        central: Central,
        board: str,
        *,
        uri: str | None = None,
        rto_floor: float = RTO_FLOORS["ble"],
        patience: float = 30.0,
        key: bytes | None = None,
    ) -> None:
        self.uri = uri or f"ble:{board}"
        self.key = key
        self.board_name: str | None = None
        self.rto_floor = rto_floor
        self.frame_limit = MIN_FRAME
        self.sent = 0
        self.received = 0
        self._central = central
        self._board = board
        self._patience = patience
        self._connection: _Connection | None = None

    @property
    def strength(self) -> int | None:
        """The strength with which the board was heard when it was found, dBm; None where that is not known."""
        return self._central.strength(self._board)

    async def open(self) -> None:
        """Connect, with patience: a board may be out of reach, an adapter off, for a while.

        Raises:
            LinkError: E_BLE_... of the last attempt.
        """
        give_up = now() + self._patience
        while self._connection is None:
            try:
                self._connection = await self._attempt()
            except LinkError as error:
                if now() > give_up or error.code == "E_BLE_ABSENT":
                    raise
                await asyncio.sleep(0.5)
        self.frame_limit = self._connection.frame_limit

    async def _attempt(self) -> _Connection:
        connection = _Connection(self)
        try:
            client = await self._central.connect(self._board, connection.on_gone)
            self.board_name = client.name
            await connection.start(client)
        except _FAILURES as error:
            await connection.close()
            raise ble_error(self.uri, error) from error
        except BaseException:
            await connection.close()
            raise
        return connection

    async def write(self, data: bytes) -> None:
        """Send one frame. Raises LinkError: E_LINK_LOST."""
        await self._connected().write(data)

    async def read(self) -> bytes:
        """Wait for a frame. Raises LinkError: E_LINK_LOST."""
        return await self._connected().inbox.get()

    def _connected(self) -> _Connection:
        if self._connection is None:
            raise link_lost(self.uri, "it is closed")
        return self._connection

    async def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()


class _Connection:
    """One connection, from its first to its last byte."""

    def __init__(self, owner: BleTransport) -> None:
        self.inbox = Inbox(UNREAD_LIMIT)
        self.frame_limit = MIN_FRAME
        self._owner = owner
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client: BleakClient | None = None
        self._rx: BleakGATTCharacteristic

    def on_gone(self, _: BleakClient) -> None:
        """Called by bleak when the board is gone."""
        self._end("the board is gone")

    def _end(self, why: str) -> None:
        self.inbox.fail(link_lost(self._owner.uri, why))
        if not self._gone.done():
            self._gone.set_result(None)

    async def start(self, client: BleakClient) -> None:
        """Learn the frame limit and listen. Raises LinkError: E_LINK_LOST, E_BLE."""
        self._client = client
        self._rx = _characteristic(client, RX_UUID)
        await self._unless_gone(client.start_notify(_characteristic(client, TX_UUID), self._on_notification))
        await self._unless_gone(self._learn_frame_limit())

    async def _learn_frame_limit(self) -> None:
        """Windows and BlueZ say MTU 23 until the exchange is over (bleak #1497): look again for a while."""
        give_up = now() + _MTU_PATIENCE
        while self._rx.max_write_without_response_size <= MIN_FRAME and now() < give_up:
            await asyncio.sleep(0.05)
        self.frame_limit = min(MAX_FRAME, self._rx.max_write_without_response_size)

    def _on_notification(self, _: BleakGATTCharacteristic, value: bytearray) -> None:
        # A full inbox loses what comes, as a radio would: the protocol asks for it again.
        if value and self.inbox.put(bytes(value)):
            self._owner.received += len(value)

    async def write(self, data: bytes) -> None:
        """Hand a frame to the system: one at a time, as dbus-fast dies of a socket that takes no more."""
        if self.inbox.failure or self._client is None:
            raise self.inbox.failure or link_lost(self._owner.uri, "it is closed")
        self._owner.sent += len(data)
        await self._unless_gone(self._client.write_gatt_char(self._rx, data, response=False))

    async def _unless_gone(self, operation: Coroutine[Any, Any, _T]) -> _T:
        """Do a GATT operation; some systems never end it when the board goes away meanwhile."""
        task = asyncio.ensure_future(operation)
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        except _FAILURES as error:
            failure = link_lost(self._owner.uri, error)
            self.inbox.fail(failure)
            raise failure from error
        finally:
            task.cancel()
        raise self.inbox.failure or link_lost(self._owner.uri, "the board is gone")

    async def close(self) -> None:
        """Disconnect, if still connected."""
        self._end("it is closed")
        client, self._client = self._client, None
        if client is not None:
            with suppress(*_FAILURES):
                await client.disconnect()


def _characteristic(client: BleakClient, uuid: str) -> BleakGATTCharacteristic:
    characteristic = client.services.get_characteristic(uuid)
    if characteristic is None:
        raise BleakError(f"characteristic {uuid} is missing")
    return characteristic


def ble_error(uri: str, error: BaseException) -> LinkError:
    """Return the coded error for what bleak says."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return LinkError(
            "E_BLE_OFF",
            f"{uri}: Bluetooth is not available ({error.args[0]})",
            "Switch Bluetooth on, plug an adapter in, or try `bytefed run --boards virtual-ble:4`, without radio.",
        )
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return LinkError(
            "E_BLE_ABSENT",
            f"{uri}: this system has no Bluetooth service ({error})",
            "On Linux install and start BlueZ (`sudo apt install bluez`); or try `bytefed run --boards virtual-ble:4`.",
        )
    return LinkError(
        "E_BLE",
        f"{uri}: {error or type(error).__name__}",
        "Bring the board nearer; switch Bluetooth off and on if it happens with every board.",
    )


_centrals: WeakKeyDictionary[asyncio.AbstractEventLoop, Central] = WeakKeyDictionary()


def system_central() -> Central:
    """Return the system's adapter, which all boards of an event loop share."""
    loop = asyncio.get_running_loop()
    if loop not in _centrals:
        _centrals[loop] = Central()
    return _centrals[loop]


async def find_boards(wanted: str) -> list[BleTransport]:
    """Return the boards that `ble:WANTED` means: all in reach for `auto`, else that of that address or name.

    Raises:
        LinkError: E_NO_BOARDS, E_BLE_OFF, E_BLE_ABSENT, E_BLE.
    """
    central = system_central()
    if wanted != "auto":
        return [BleTransport(central, wanted)]
    return [BleTransport(central, address) for address in await central.discover()]
