"""A phone without a key, by bleak over virtual Bluetooth: it reads what a host opened, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from bleak import BleakClient, BleakError
from sensing_board import Sensor, a_head, sensing_board

from bytefed.boards.bluetooth.virtual_ble import peripherals, virtual_radio
from bytefed.device.device import Device
from bytefed.device.labels import set_labels
from bytefed.device.plan import TrainingPlan
from bytefed.device.watch import Watch, Way, stop
from bytefed.protocol.message import VISIT, Capability
from bytefed.transport.ble import PHONES_UUID, RX_UUID, TX_UUID, BleTransport, system_central

PLAN = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)
NAMES = ("stand", "run", "walk", "hop")


async def read(address: str) -> str:
    """Connect as a phone does, and read the text."""
    async with BleakClient(address) as phone:
        return bytes(await phone.read_gatt_char(PHONES_UUID)).decode()


def test_a_phone_reads_what_a_host_opened_and_nothing_else() -> None:
    async def action() -> None:
        sensor = Sensor()
        sensor.released = 2
        near = peripherals([sensing_board(sensor)])
        address = near[0].address
        async with virtual_radio(near), asyncio.timeout(60):
            device = Device(BleTransport(system_central(), address, rto_floor=2.0))
            await device.connect(1)
            await device.train(device.plan_round(1, a_head(), PLAN, train=False))
            await set_labels(device, NAMES)
            await anext(Watch(device, Way(alone=True)))
            await device.close()
            assert await read(address) == ""  # nobody opened it

            await device.connect(VISIT)
            assert not device.board.capabilities & Capability.SHOWN
            said = [
                await anext(watch)
                for watch in [Watch(device, Way(alone=True, phones=True))]
                for _ in range(1)
            ]
            await device.close()
            last = said[-1]
            expected = f"{NAMES[last.likeliest]} {round(last.confidence * 255) * 100 // 255}%"
            assert await read(address) == expected

            async with BleakClient(address) as phone:
                heard: asyncio.Queue[bytes] = asyncio.Queue()
                await phone.start_notify(PHONES_UUID, lambda _, value: heard.put_nowait(bytes(value)))
                for number in range(3, 9):
                    sensor.released = number
                    await asyncio.sleep(0.1)
                assert heard.qsize() > 1
                texts = [heard.get_nowait().decode() for _ in range(heard.qsize())]
                assert all(text.split()[0] in NAMES and text.endswith("%") for text in texts)
                for uuid in (RX_UUID, TX_UUID):
                    with pytest.raises(BleakError):
                        await phone.read_gatt_char(uuid)
                with pytest.raises(BleakError):
                    await phone.write_gatt_char(PHONES_UUID, b"hop 99%", response=True)

            await device.connect(VISIT)
            assert device.board.capabilities & Capability.SHOWN
            await stop(device)
            await device.close()
            assert await read(address) == ""

    asyncio.run(action())
