"""Two real link layers hear each other through the emulated air: connections, losses, and what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulator_process import Emulator, hci_firmware

pytest.importorskip("bumble", reason="no bumble: pip install '.[ble-sim]'")
from bumble.device import Peer
from hci_host import RX, TX, add_echo, bluetooth, first_seen, uuid

from bytefed.ledger.air import Radio

_VALUES = [bytes([number]) * 244 for number in range(20)]


async def _talk(folder: Path, connected: Callable[[], Any]) -> tuple[list[bytes], list[bytes]]:
    """Connect two controllers, write all values without response, notify them back; return what arrived."""
    written: list[bytes] = []
    notified: list[bytes] = []
    async with (
        bluetooth(folder / "hci1", "board", "F0:00:00:00:00:01") as board,
        bluetooth(folder / "hci2", "central", "F0:00:00:00:00:02") as central,
    ):
        tx = add_echo(board, written.append)
        await board.start_advertising()
        connection = await central.connect(await first_seen(central))
        connected()
        peer = Peer(connection)
        await peer.request_mtu(247)
        await peer.discover_services()
        await peer.discover_characteristics()
        remote_rx, remote_tx = (peer.get_characteristics_by_uuid(uuid(text))[0] for text in (RX, TX))
        await remote_tx.discover_descriptors()
        await remote_tx.subscribe(lambda value: notified.append(bytes(value)))
        for value in _VALUES:
            await remote_rx.write_value(value)
        while len(written) < len(_VALUES):
            await asyncio.sleep(0.01)
        for value in _VALUES:
            await board.notify_subscribers(tx, value)
        while len(notified) < len(_VALUES):
            await asyncio.sleep(0.01)
        await connection.disconnect()
    return written, notified


def _run(program: Path, folder: Path, *, lost: int = 0) -> dict[str, Any]:
    """Let them talk over a link that loses so many packets in a million, and return what was in the air."""
    chips: list[str | Path] = []
    for number in (1, 2):
        chips += ["--image", hci_firmware(), "--uid", f"{number:016x}", "--hci", folder / f"hci{number}"]
    with Emulator(program, ["--air", "--air-seed", "1", *chips]) as running:
        talk = _talk(folder, lambda: running.ask("lose", packets_per_million=lost))
        assert asyncio.run(asyncio.wait_for(talk, 120)) == (_VALUES, _VALUES)
        return running.ask("air")


def test_values_cross_the_air_and_are_counted(emulator: Path, tmp_path: Path) -> None:
    air = _run(emulator, tmp_path)
    assert air["connections"] == 1
    assert air["values"] == 2 * len(_VALUES)
    assert air["value_bytes"] == 2 * sum(map(len, _VALUES))
    radio = Radio(phy=1, data_length=27, interval=0.0225, packets=10, encrypted=False)
    assert air["value"]["packets"] == radio.count(244) * air["values"]
    assert air["value"]["bytes"] == radio.data(244) * air["values"]
    assert air["acknowledgement"]["bytes"] == radio.empty * air["acknowledgement"]["packets"]
    assert air["unknown"]["packets"] == 0


def test_a_link_that_loses_packets_delivers_all_values(emulator: Path, tmp_path: Path) -> None:
    air = _run(emulator, tmp_path, lost=100_000)
    assert air["values"] == 2 * len(_VALUES)
    assert air["repeated"]["packets"] > 0
