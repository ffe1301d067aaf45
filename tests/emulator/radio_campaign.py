"""Losses of packets on exact images over the air, by seed.

bytefed's BLE transport and Bumble's host drive Zephyr's controller on one emulated chip; the board is on another one
beside it. In the middle of a round the receivers of both lose packets for a while: some of them, most, or all, so
that the link itself is lost. Each trial must end as those of fault_campaign.py do: same delta, nothing trained twice.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bumble_bed import backend_of
from checks import features
from emulator_process import Emulator, hci_firmware
from fault_campaign import Bench, connect, failure
from hci_host import bluetooth
from paired import pair

from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import find_emulator
from bytefed.device.device import Device
from bytefed.protocol.message import Kind
from bytefed.runs.numbers import new_run
from bytefed.transport import ble
from bytefed.transport.ble import BleTransport

RADIO = "radio that loses packets"
_PATIENCE = 2.0  # seconds for an answer: on a busy machine virtual time falls behind
_LONGEST = 1.5  # seconds for which packets are lost
_SILENT = 0.25  # share of trials in which all packets are lost


class _Orders:
    """The orders to the emulator of both chips, which don't hold the event loop up."""

    def __init__(self, running: Emulator) -> None:
        self._running = running

    async def ask(self, **request: Any) -> Mapping[str, Any]:
        return await asyncio.to_thread(self._running.ask, **request)


async def _prepare(what: str, seed: int, state: Path) -> tuple[int, bytes]:
    """Let a board get a key and save samples, over USB, into its flash; return the samples' CRC-32 and the key."""
    crc = 0

    async def save_samples(device: Device) -> None:
        nonlocal crc
        await connect(device, new_run())
        await device.provision(features(device))
        await device.ask(Kind.SAVE, b"", Kind.SAVED)
        crc = device.stored.crc

    key = await pair(what, seed & 0xFFFF, state, save_samples)
    return crc, key


@asynccontextmanager
async def _board_on_air(
    what: str, seed: int, folder: Path, key: bytes
) -> AsyncIterator[tuple[_Orders, Device]]:
    """Switch both chips on. The board's flash is a file in `folder`, with its key."""
    build = find_build(what)
    words: list[str | Path] = ["--air", "--air-seed", str(seed)]
    words += ["--image", hci_firmware(), "--hci", folder / "hci"]
    words += ["--image", build.image.symbols, "--uid", f"{seed & 0xFFFF:016x}", "--state", folder / "flash"]
    words += ["--bootloader", build.bootloader] if build.bootloader else []
    with Emulator(find_emulator(), words) as running:
        async with bluetooth(folder / "hci", "central", "F0:00:00:00:00:02") as adapter:
            central = ble.Central(backend_of(adapter))
            [address] = await central.discover()
            yield _Orders(running), Device(BleTransport(central, address, rto_floor=_PATIENCE, key=key))


async def lose_packets(bench: Bench, work: asyncio.Task[object]) -> str:
    """Lose packets both ways for a while, somewhere in a round."""
    before, seconds = bench.random.uniform(0, 0.5), bench.random.uniform(0.1, _LONGEST)
    share = 1.0 if bench.random.random() < _SILENT else bench.random.uniform(0.02, 0.9)
    await asyncio.sleep(before)
    connections = bench.device.connections
    order = {"packets_per_million": int(share * 1e6), "seed": bench.random.getrandbits(32)}
    await bench.emulator.ask(do="lose", **order)
    await asyncio.sleep(seconds)
    await bench.emulator.ask(do="lose", packets_per_million=0)
    await work
    links = bench.device.connections - connections
    return f"{share:.0%} for {seconds:.2f} s, {before:.2f} s after the start, {links} links lost"


async def radio_campaign(
    what: str, trials: Sequence[int], seed: int, said: Callable[[str], None], *, life: int
) -> list[str]:
    """Run trials with losses on one image; return what went wrong.

    Args:
        what: Environment or ELF of the image.
        trials: Their numbers, of which the seed makes what is lost.
        seed: Seed of everything that is random.
        said: Called with a line for each trial.
        life: Trials until both chips are switched off and on; they are after a failure, too.
    """
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crc, key = await _prepare(what, seed, folder / "prepared")
        waiting = deque(trials)
        while waiting:
            shutil.copy(folder / "prepared", folder / "flash")
            async with _board_on_air(what, seed, folder, key) as (orders, device):
                bench = Bench(orders, device, crc, random.Random(seed))
                failed, lived = "", 0
                while waiting and not failed and lived < life:
                    number, lived = waiting.popleft(), lived + 1
                    bench.random = random.Random(f"{seed} {RADIO} {number}")
                    failed = await failure(bench, lose_packets, f"{RADIO} {number}", said)
                    wrong += [failed] if failed else []
                await device.close()
    return wrong
