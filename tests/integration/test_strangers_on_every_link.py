"""A stranger on each kind of link, with the host there or gone: an open board obeys, a sealed one does not."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import find_emulator
from bytefed.boards.open import open_devices
from bytefed.boards.qemu import MACHINE, QEMU
from bytefed.boards.virtual import BoardKind, VirtualOptions
from bytefed.checkout import CHECKOUT
from bytefed.device.device import Device
from bytefed.device.plan import Samples, TrainingPlan
from bytefed.errors import BoardError, BytefedError
from bytefed.protocol.message import HEADER_SIZE, Kind
from bytefed.protocol.serial_frame import SerialDecoder, encode_bare_frame, encode_serial_frame
from bytefed.transport.base import Transport, key_of

HOST, STRANGER = 0xB1, 0xBAD
PLAN = TrainingPlan("onebit", "onebit", epochs=1, batch=4, rate=0.1, seed=3)
ENVIRONMENTS = ("nano33ble", "feather_nrf52840", "feather_nrf52840_sense", "itsybitsy_nrf52840")


def why_not(uri: str) -> str:
    """Return why there can be no such board here, "" if there can."""
    scheme, _, what = uri.partition(":")
    if scheme == "virtual" and os.name != "posix":
        return "no pseudo-terminals"
    if scheme == "virtual-ble" and (sys.platform != "linux" or shutil.which("dbus-daemon") is None):
        return "no D-Bus"
    if scheme == "qemu":
        built = CHECKOUT is not None and list((CHECKOUT / "build" / "qemu").glob("*32x10*.elf"))
        return "" if built and shutil.which(QEMU) else f"no {QEMU} with {MACHINE}, or no images: make qemu"
    if scheme == "nrf52840":
        try:
            find_build(what)
            find_emulator()
        except BytefedError as error:
            return str(error)
    return ""


def samples_of(shape: tuple[int, int], seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.integers(-100, 100, (12, shape[0])).astype(np.int8)
    y = (np.arange(12) % shape[1]).astype(np.uint8)
    return Samples("features", x[:9], y[:9], x[9:], y[9:], 0.01, 0)


class Tapped:
    """A link on which a stranger hears all that the host says, and rewrites the first DONE if it is told to."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._decoder = SerialDecoder()
        self._rest = b""  # of a serial frame
        self.heard: list[bytes] = []
        self.rewrites = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    async def write(self, data: bytes) -> None:
        self.heard.append(data)
        await self._transport.write(data)

    async def read(self) -> bytes:
        if self.framing == "ble":
            frame = await self._transport.read()
            return self._poisoned(frame) if self._is_due(frame) else frame
        while b"\0" not in self._rest:
            self._rest += await self._transport.read()
        *whole, self._rest = self._rest.split(b"\0")
        return b"".join(self._passed(part + b"\0") for part in whole)

    def _passed(self, wire: bytes) -> bytes:
        """Return a frame of a serial link as the host shall get it; those of sealed links have no checksum."""
        for frame, _, bare in self._decoder.push(wire):
            if frame and self._is_due(frame):
                return encode_serial_frame(self._poisoned(frame))
            if frame is None and bare and self._is_due(bare):
                return encode_bare_frame(self._poisoned(bare))
        return wire

    def _is_due(self, frame: bytes) -> bool:
        return self.rewrites and frame[0] == Kind.DONE

    def _poisoned(self, frame: bytes) -> bytes:
        """Return DONE with another delta, and the CRC that belongs to it."""
        self.rewrites = False
        delta = bytes(byte ^ 0x55 for byte in frame[HEADER_SIZE + 5 :])
        return frame[: HEADER_SIZE + 1] + zlib.crc32(delta).to_bytes(4, "little") + delta


async def serve(device: Device) -> tuple[Samples, np.ndarray]:
    """Do a host's work: samples, one round, and good-bye; the samples and the delta."""
    await device.connect(HOST)
    theirs = samples_of(device.shape, 1)
    await device.provision(theirs)
    delta = await delta_of(device, 1)
    await device.close()
    return theirs, delta


async def delta_of(device: Device, number: int) -> np.ndarray:
    head = np.zeros((device.shape[0] + 1) * device.shape[1], np.float32)
    reply = await device.train(device.plan_round(number, head, PLAN, statistics=False))
    assert reply.delta is not None
    return reply.delta


async def answers_to(transport: Transport, heard: list[bytes]) -> set[int]:
    """Say all that was heard, one after the other; the kinds of what the board answers."""
    decoder = SerialDecoder()
    kinds: set[int] = set()

    async def listen() -> None:
        while True:
            data = await transport.read()
            frames = (
                [data] if transport.framing == "ble" else [f or b or b"" for f, _, b in decoder.push(data)]
            )
            kinds.update(frame[0] for frame in frames if frame)

    await transport.open()
    listening = asyncio.create_task(listen())
    for data in heard:
        await transport.write(data)
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await transport.close()
    return kinds


async def stranger_does(transport: Transport, run: int, deed: Callable[[Device], Awaitable[Any]]) -> Any:
    """Let a stranger connect and do something; what it got, or the code of its error."""
    stranger = Device(transport)
    try:
        await stranger.connect(run)
        return await deed(stranger)
    except BoardError as error:
        return error.code
    finally:
        await stranger.close()


async def attack(uri: str, options: VirtualOptions) -> dict[str, Any]:
    """Attack a board in turn by each means that a stranger has on its link; what came of it."""
    async with open_devices([uri], options) as (device,):
        transport = device.transport
        tapped, key = Tapped(transport), key_of(transport)
        tapped.rewrites = True
        theirs, told = await serve(Device(tapped))
        assert not tapped.rewrites
        transport.key = None  # type: ignore[attr-defined]
        answers = await answers_to(transport, tapped.heard)
        read = await stranger_does(transport, HOST, lambda stranger: delta_of(stranger, 1))
        later = await stranger_does(transport, HOST, lambda stranger: delta_of(stranger, 65_535))
        swapped = await stranger_does(
            transport, STRANGER, lambda stranger: stranger.provision(samples_of(stranger.shape, 2))
        )
        transport.key = key and os.urandom(32)  # type: ignore[attr-defined]
        handed = await stranger_does(transport, HOST, lambda host: host.provision(samples_of(host.shape, 3)))
        transport.key = key  # type: ignore[attr-defined]
        await device.connect(HOST)
        return {
            "rewritten": told,
            "repeated": Kind.DONE in answers,
            "read": read,
            "later": later,
            "swapped": swapped,
            "handed to an impostor": handed,
            "whole": device.holds(theirs),
        }


@pytest.mark.parametrize(
    "uri",
    ["loopback:1", "virtual:1", "virtual-ble:1", "qemu:1", *(f"nrf52840:{name}" for name in ENVIRONMENTS)],
)
def test_attacks_on_a_board(uri: str) -> None:
    if why := why_not(uri):
        pytest.skip(f"SKIPPED: {why}")
    kind = BoardKind(32, 10)
    came = asyncio.run(attack(uri, VirtualOptions(kind, sealed=False)))
    true = came.pop("read")
    assert isinstance(true, np.ndarray)
    assert not np.array_equal(came.pop("rewritten"), true)
    assert isinstance(came.pop("later"), np.ndarray)
    assert came == {"repeated": True, "swapped": None, "handed to an impostor": None, "whole": False}
    came = asyncio.run(attack(uri, VirtualOptions(kind, sealed=True)))
    assert np.array_equal(came.pop("rewritten"), true)
    refused = dict.fromkeys(("read", "later", "swapped", "handed to an impostor"), "E_BOARD_LOCKED")
    assert came == {"repeated": False, "whole": True, **refused}
