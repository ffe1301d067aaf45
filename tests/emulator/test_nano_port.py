"""The Nano's serial port, on its exact image: opened and closed at any moment, and read or not.

Mbed's USB serial port marks a reading as begun after it has begun it, and lets go of the wrong direction when the
port is closed. SKIPPED where PlatformIO has built no image.
"""

from __future__ import annotations

import os
import random
import socket
import time
from pathlib import Path

import pytest
from emulator_process import Chip

from bytefed.boards.nrf52840.builds import find_build
from bytefed.errors import ConfigError
from bytefed.protocol.header import control_frame
from bytefed.protocol.message import PROTOCOL_VERSION, VISIT, Hello, Kind
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame

TIMES = int(os.environ.get("BYTEFED_REOPENS", "100"))
"""The number of times to open the port in a test."""

_CHECKED = 10  # each tenth time the board is asked whether it hears and speaks
_PATIENCE = 20.0  # seconds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image() -> Path:
    try:
        return find_build("nano33ble").image.path
    except ConfigError as error:
        pytest.skip(f"SKIPPED: {error}")


def hello(nonce: int) -> bytes:
    return b"\0" + encode_serial_frame(
        control_frame(Kind.HELLO, 1, Hello(PROTOCOL_VERSION, PROTOCOL_VERSION, VISIT, nonce, 250).pack())
    )


def opened(chip: Chip) -> socket.socket:
    """Open the port as soon as the emulator has seen that it was closed."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        port = socket.socket(socket.AF_UNIX)
        try:
            port.connect(str(chip.port))
        except BlockingIOError:
            port.close()
            assert time.monotonic() < give_up, "the emulator takes no client"
            time.sleep(0.002)
        else:
            return port


def answers(port: socket.socket, nonce: int) -> bool:
    """Say HELLO until WELCOME comes."""
    decoder, give_up = SerialDecoder(), time.monotonic() + _PATIENCE
    port.settimeout(1.0)
    while time.monotonic() < give_up:
        port.sendall(hello(nonce))
        try:
            heard = decoder.push(port.recv(4096))
        except TimeoutError:
            continue
        if any(item.frame and item.frame[0] == Kind.WELCOME for item in heard):
            return True
    return False


def misuse(chip: Chip, port: socket.socket, chance: random.Random) -> None:
    """Do what a host may do to a port between opening and closing it."""
    what = chance.randrange(5)
    if what == 1:  # an answer is due when it is closed
        port.sendall(hello(7))
    elif what == 2:  # half a frame
        port.sendall(hello(7)[: chance.randrange(1, 20)])
    elif what == 3:  # more than the board's buffers hold
        port.sendall(hello(7) * chance.randrange(2, 60))
    elif what == 4:  # a host that stops reading while answers come
        chip.ask("stop-reading")
        port.sendall(hello(7) * chance.randrange(1, 20))
        time.sleep(chance.uniform(0, 0.02))
        chip.ask("read-again")
    time.sleep(chance.choice((0.0, 0.0, 0.002, 0.01)))


@pytest.mark.parametrize("seed", [1])
def test_a_port_never_goes_deaf(emulator: Path, image: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with Chip(emulator, image, tmp_path / "port") as chip:
        for number in range(TIMES):
            with opened(chip) as port:
                misuse(chip, port, chance)
            if number % _CHECKED == _CHECKED - 1:
                with opened(chip) as port:
                    assert answers(port, number), f"no answer after it was opened {number + 1} times"
        assert chip.ask("statistics")["watchdog_resets"] == 0
