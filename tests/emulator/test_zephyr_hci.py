"""A firmware that nobody here wrote: Zephyr's Bluetooth controller over USB works on the emulated chip."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from emulator_process import Emulator, hci_firmware

pytest.importorskip("bumble", reason="no bumble: pip install '.[ble-sim]'")
from bumble import hci
from bumble.core import AdvertisingData
from hci_host import bluetooth, first_seen

_ADDRESS = "F0:00:00:00:00:01"
_LINUX_FOUNDATION = 0x05F1  # company identifier that Zephyr's controller gives


def test_enumerates_unchanged_and_answers_hci_commands(emulator: Path, tmp_path: Path) -> None:
    arguments = ["--image", hci_firmware(), "--hci", tmp_path / "hci"]

    async def commands() -> None:
        async with bluetooth(tmp_path / "hci", "controller", _ADDRESS) as device:
            version = device.host.local_version
            assert version is not None
            assert version.company_identifier == _LINUX_FOUNDATION
            answer = await device.send_command(hci.HCI_Read_BD_ADDR_Command(), check_result=True)
            assert str(answer.return_parameters.bd_addr).startswith("00:00")  # it has no public address
            assert device.random_address == hci.Address(_ADDRESS)

    with Emulator(emulator, arguments) as running:
        asyncio.run(commands())
        usb = running.ask("statistics")["usb"]
    assert (usb["configured"], usb["vendor"], usb["product"]) == (True, "2fe3", "000b")


def test_advertises_and_another_one_hears_it(emulator: Path, tmp_path: Path) -> None:
    chips = []
    for number in (1, 2):
        chips += ["--image", hci_firmware(), "--uid", f"{number:016x}", "--hci", tmp_path / f"hci{number}"]

    async def advertise_and_scan() -> None:
        async with (
            bluetooth(tmp_path / "hci1", "advertiser", _ADDRESS) as advertiser,
            bluetooth(tmp_path / "hci2", "scanner", "F0:00:00:00:00:02") as scanner,
        ):
            advertiser.advertising_data = bytes(AdvertisingData([(AdvertisingData.Type.FLAGS, b"\x06")]))
            await advertiser.start_advertising()
            assert await first_seen(scanner) == hci.Address(_ADDRESS)

    with Emulator(emulator, ["--air", *chips]) as running:
        asyncio.run(advertise_and_scan())
        air = running.ask("air")
    assert air["advertising"]["packets"] >= 3  # one event is three channels
    assert air["connections"] == 0
