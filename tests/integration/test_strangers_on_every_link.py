"""A stranger who comes when the host is gone: an open board obeys, a sealed one says LOCKED and keeps what it has."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys

import numpy as np
import pytest

from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import find_emulator
from bytefed.boards.open import open_devices
from bytefed.boards.qemu import MACHINE, QEMU
from bytefed.boards.virtual import BoardKind, VirtualOptions
from bytefed.checkout import CHECKOUT
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.errors import BoardError, BytefedError
from bytefed.transport.base import key_of

HOST, STRANGER = 0xB1, 0xBAD
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


async def attack(uri: str, options: VirtualOptions) -> tuple[str, bool]:
    """Let a stranger replace a board's samples; the code that it got, and whether the board still has its own."""
    async with open_devices([uri], options) as (device,):
        await device.connect(HOST)
        theirs = samples_of(device.shape, 1)
        await device.provision(theirs)
        await device.close()
        transport = device.transport
        key, transport.key = key_of(transport), None  # type: ignore[attr-defined]
        code = ""
        try:
            stranger = Device(transport)
            await stranger.connect(STRANGER)
            await stranger.provision(samples_of(stranger.shape, 2))
        except BoardError as error:
            code = error.code
        await stranger.close()
        transport.key = key  # type: ignore[attr-defined]
        again = Device(transport)
        await again.connect(HOST)
        return code, again.holds(theirs)


@pytest.mark.parametrize(
    "uri",
    ["loopback:1", "virtual:1", "virtual-ble:1", "qemu:1", *(f"nrf52840:{name}" for name in ENVIRONMENTS)],
)
def test_a_stranger_comes_when_the_host_is_gone(uri: str) -> None:
    if why := why_not(uri):
        pytest.skip(f"SKIPPED: {why}")
    kind = BoardKind(32, 10)
    assert asyncio.run(attack(uri, VirtualOptions(kind, sealed=False))) == ("", False)
    assert asyncio.run(attack(uri, VirtualOptions(kind, sealed=True))) == ("E_BOARD_LOCKED", True)
