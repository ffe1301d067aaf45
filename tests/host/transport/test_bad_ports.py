"""Ports that can't be used: each gets its code, and a remedy that says what to do."""

from __future__ import annotations

import asyncio
import errno
import os
import pty
import subprocess
import sys

import pytest

from bytefed.device.device import Device
from bytefed.errors import BytefedError, LinkError
from bytefed.transport import serial as serial_transport
from bytefed.transport.base import RTO_FLOORS
from bytefed.transport.serial import SerialTransport, port_error

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")


def opening(port: str) -> LinkError:
    async def attempt() -> None:
        transport = SerialTransport(port)
        try:
            await transport.open()
        finally:
            await transport.close()

    with pytest.raises(LinkError) as caught:
        asyncio.run(attempt())
    assert caught.value.remedy
    return caught.value


def test_a_port_that_is_not_there():
    assert opening("/dev/ttyNONESUCH9").code == "E_PORT_NOT_FOUND"


def test_a_file_that_is_no_port(tmp_path):
    path = tmp_path / "file"
    path.write_text("no port")
    assert opening(str(path)).code == "E_PORT"


def test_a_port_that_another_program_has_open():
    master, slave = pty.openpty()

    async def twice() -> None:
        first, second = SerialTransport(os.ttyname(slave)), SerialTransport(os.ttyname(slave))
        await first.open()
        try:
            with pytest.raises(LinkError) as caught:
                await second.open()
            assert caught.value.code == "E_PORT_BUSY"
        finally:
            await first.close()

    asyncio.run(twice())
    os.close(master)
    os.close(slave)


def test_a_port_without_permission_is_tried_for_a_while(monkeypatch):
    tries = []

    def refuse(*_: object, **__: object) -> None:
        tries.append(1)
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial_transport, "_PATIENCE", 0.25)
    monkeypatch.setattr(serial_transport.serial, "Serial", refuse)
    failure = opening("/dev/ttyACM0")
    assert failure.code == "E_PORT_DENIED" and "dialout" in failure.remedy
    assert len(tries) > 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENXIO, "No such device"), "E_PORT_NOT_FOUND"),
        (OSError(errno.EBUSY, "Device or resource busy"), "E_PORT_BUSY"),
        (ValueError("nonsense"), "E_PORT"),
    ],
)
def test_what_the_system_says_becomes_a_code(error, code):
    assert port_error("serial:x", "x", error).code == code


@pytest.mark.slow
def test_a_port_that_is_not_ours():
    """Something is there and talks, but not as SPEC.md has it."""
    master, slave = pty.openpty()

    async def attempt() -> str:
        transport = SerialTransport(os.ttyname(slave))
        transport.rto_floor = 0.01
        device = Device(transport)
        chatter = asyncio.create_task(chat())
        try:
            await device.connect(1)
        except BytefedError as error:
            device.take_bytes()  # the causes still add up: all of it is junk
            return error.code
        finally:
            chatter.cancel()
            await device.close()
        return "connected"

    async def chat() -> None:
        while True:
            os.write(master, b"AT+GMR\r\nOK\r\n\x00\x80\x05")
            await asyncio.sleep(0.05)

    assert asyncio.run(attempt()) == "E_NO_ANSWER"
    os.close(master)
    os.close(slave)


def test_virtual_boards_that_do_not_start(tmp_path):
    command = [
        sys.executable,
        "-m",
        "bytefed",
        "run",
        "--boards",
        "virtual:0",
        "--run-dir",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "error[E_CONFIG_BOARDS]" in done.stderr


def test_a_board_behind_a_pseudo_terminal_is_given_the_time_of_a_shared_processor():
    """Asking again under load would make the bytes of `bytefed board` inexact, where nothing was lost."""
    assert SerialTransport("/dev/pts/3").rto_floor == 2.0
    assert SerialTransport("/dev/ttyACM0").rto_floor == RTO_FLOORS["serial"]
    assert SerialTransport("/dev/pts/3", rto_floor=0.5).rto_floor == 0.5
