"""Exact images in emulation, for `bytefed board --image` and `bytefed flash --emulated`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bytefed.boards.describe import describe
from bytefed.boards.nrf52840.builds import Build, find_build
from bytefed.boards.nrf52840.emulator import EmulatedTransport, Emulator, emulated_board, find_emulator
from bytefed.boards.nrf52840.scheme import fitted
from bytefed.boards.virtual import board_uid
from bytefed.device.device import Device

NOT_PROVED = (
    "Not proved: the radio and its reach, pairing, timing to the microsecond, current, what the sensors really "
    "read, and that the board's own bootloader takes the upload."
)
_LOOK = 0.2  # seconds between two looks whether to stop


# ---- bytefed board --image


def serve(args: argparse.Namespace, stopped: Callable[[], bool]) -> None:
    """Serve emulated boards until `stopped` returns True.

    Raises:
        ConfigError: As `find_build` and `find_emulator`.
        LinkError: The image doesn't boot, or went wrong later.
    """
    build = find_build(args.image, args.bootloader)
    find_emulator()
    numbers = range(args.uid_first, args.uid_first + args.count)
    uids = [board_uid(args.uid_seed, number) for number in numbers]
    asyncio.run(_serve(args, build, uids, stopped))


async def _serve(
    args: argparse.Namespace, build: Build, uids: Sequence[int], stopped: Callable[[], bool]
) -> None:
    async with AsyncExitStack() as stack:
        emulators = []
        for number, uid in enumerate(uids, args.uid_first):
            chip = fitted(build, uid, args.state, args.sensor)
            board = emulated_board(build, f"nrf52840:{build.name}#{number}", chip)
            emulators.append(await stack.enter_async_context(board))
        life = asyncio.ensure_future(_live(emulators, lambda: _announce(emulators, uids, build, args.json)))
        while not life.done() and not stopped():
            await asyncio.wait([life], timeout=_LOOK)
        if life.done():
            life.result()
        life.cancel()


async def _live(emulators: Sequence[Emulator], announce: Callable[[], None]) -> None:
    """Wait until all boards have booted, announce them, and wait for the first that ends; raise why it did."""
    await asyncio.gather(*(emulator.enumerated() for emulator in emulators))
    announce()
    ends = [asyncio.ensure_future(emulator.end()) for emulator in emulators]
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    raise done.pop().result()


def _announce(emulators: Sequence[Emulator], uids: Sequence[int], build: Build, as_json: bool) -> None:
    ports = [f"socket://127.0.0.1:{emulator.port}" for emulator in emulators]
    if as_json:
        for port, uid in zip(ports, uids, strict=True):
            sys.stdout.write(json.dumps({"port": port, "uid": f"{uid:016x}"}) + "\n")
        sys.stdout.flush()
        return
    table = Table("port", "uid", "image")
    for port, uid in zip(ports, uids, strict=True):
        table.add_row(port, f"{uid:016x}", build.name)
    console = Console(emoji=False)
    console.print(table)
    console.print("Serving exact images on emulated chips; Ctrl-C stops.")


# ---- bytefed flash --emulated


def try_image(what: str, bootloader: Path | None, model_hash: int | None) -> int:
    """Boot an image in emulation, check it shortly, and say what was found and what was not proved.

    Args:
        what: Environment of PlatformIO, or path of an image.
        bootloader: Hex of its bootloader, None to look for it.
        model_hash: CRC-32 of the model that it must hold, None for any.

    Raises:
        ConfigError: As `find_build` and `find_emulator`.
        LinkError: It doesn't boot, or went wrong.
        BoardError: E_BOARD_MODEL, E_BOARD_FEATURES, E_BOARD_BITS.
    """
    build = find_build(what, bootloader)
    find_emulator()
    console = Console(emoji=False, highlight=False)
    _say(console, "image", f"{build.image.path}, {build.image.size:,} B from {build.image.start:#x}")
    if build.bootloader is not None:
        _say(console, "behind", f"{build.image.softdevice}: {build.bootloader.name}")
    asyncio.run(_try(console, build, model_hash))
    console.print("All of this ran in emulation; no board was touched.")
    console.print(NOT_PROVED, soft_wrap=True)
    return 0


async def _try(console: Console, build: Build, model_hash: int | None) -> None:
    from bytefed.boards.self_check import check_features, check_model, check_reset, check_round

    uid = board_uid(0, 0)
    async with emulated_board(build, f"nrf52840:{build.name}#0", fitted(build, uid)) as emulator:
        await emulator.enumerated()
        device = Device(EmulatedTransport(emulator))
        try:
            facts = await describe(device)
            _say(console, "boots", f"its USB is ready; {facts['board']}, uid {facts['uid']}")
            await device.close()
            if model_hash is not None:
                await check_model(device, model_hash)
            for name in ("firmware", "model", "head", "samples", "sensor", "RAM free"):
                if name in facts:
                    _say(console, name, facts[name])
            _say(console, "features", await check_features(device))
            _say(console, "a round", await check_round(device))
            _say(console, "a reset", await check_reset(device, emulator.press_reset))
            for name, value in (await emulator.watermarks()).facts().items():
                _say(console, name, value)
        finally:
            await device.close()


def _say(console: Console, name: str, value: str) -> None:
    console.print(f"  {name:<16}{value}", markup=False, soft_wrap=True)
