"""A Nano with the real ArduinoBLE: the app as a process under ASan and UBSan, its controller one of Bumble's.

The library comes from where PlatformIO has put it, `.pio/libdeps/nano33ble/ArduinoBLE` after `pio pkg install -e
nano33ble`, or from the folder that BYTEFED_ARDUINOBLE names. Nothing of it is kept here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSink, StreamPacketSource
from bumble_bed import Central, drop_links

from bytefed.device.device import Device
from bytefed.transport import ble
from bytefed.transport.ble import BleTransport

ROOT = Path(__file__).parents[2]
_BUILD = ROOT / "build" / "arduinoble"
_INSTALLED = ROOT / ".pio/libdeps/nano33ble/ArduinoBLE"
_ADDRESS = "C0:DE:11:22:33:44"
_STUCK = 3  # exit status of a board whose app makes no step


def library() -> Path:
    """The folder of ArduinoBLE; skips where there is none."""
    folder = Path(os.environ.get("BYTEFED_ARDUINOBLE", _INSTALLED))
    if not (folder / "src" / "ArduinoBLE.h").exists():
        pytest.skip(
            f"SKIPPED: no ArduinoBLE in {folder}; `pio pkg install -e nano33ble` brings it, or "
            "BYTEFED_ARDUINOBLE=folder names it"
        )
    return folder


def build() -> Path:
    """Compile both boards, `nano` and `nano_own_transport`, and return their folder."""
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("SKIPPED: the Nano with the real ArduinoBLE needs cmake and a C++ compiler")
    source = ROOT / "tests/ble/arduinoble"
    configure = ["cmake", "-S", source, "-B", _BUILD, f"-DARDUINOBLE={library()}", "-DCMAKE_BUILD_TYPE=Debug"]
    for command in (configure, ["cmake", "--build", _BUILD, "--parallel", "2"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return _BUILD


@dataclass
class Nano:
    """A board that is switched on, and a central in its reach."""

    central: ble.Central
    name: str
    controller: Controller
    process: asyncio.subprocess.Process
    log: Path

    def device(self) -> Device:
        return Device(BleTransport(self.central, self.name))

    def cut(self) -> None:
        """Lose the link."""
        drop_links(self.controller)

    @property
    def stuck(self) -> bool:
        """True if the watchdog would have reset it."""
        return self.process.returncode == _STUCK

    def check(self) -> None:
        """It still runs, and no sanitizer found anything."""
        assert self.process.returncode is None, (
            f"it ended: {self.process.returncode}\n{self.log.read_text()[-3000:]}"
        )


@asynccontextmanager
async def nano(program: Path, folder: Path, link: LocalLink | None = None) -> AsyncIterator[Nano]:
    """Switch a board on. Its controller has the buffers of Mbed's: four, of 256 bytes."""
    link = link or LocalLink()
    ours, its = socket.socketpair()
    wire, source = await asyncio.get_running_loop().create_connection(StreamPacketSource, sock=ours)
    controller = Controller("nano", host_source=source, host_sink=StreamPacketSink(wire), link=link)
    controller.le_acl_data_packet_length, controller.total_num_le_acl_data_packets = 256, 4
    controller.public_address = hci.Address(_ADDRESS, hci.Address.PUBLIC_DEVICE_ADDRESS)
    controller.random_address = controller.public_address  # Bumble's link finds controllers by the latter
    # The app's `new` ends in malloc(), where its requests are counted.
    options = {"HCI": str(its.fileno()), "ASAN_OPTIONS": "alloc_dealloc_mismatch=0:detect_leaks=0"}
    log = folder / "board.log"
    with its, log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            program, env={**os.environ, **options}, stderr=errors, pass_fds=[its.fileno()]
        )
    try:
        central = Central(link)
        await central.start()
        adapter = ble.Central(central.backend)
        [name] = await adapter.discover()
        yield Nano(adapter, name, controller, process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        wire.close()
        await asyncio.sleep(0)
