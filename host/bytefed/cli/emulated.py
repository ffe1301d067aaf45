"""Exact images in emulation, for `bytefed board --image` and `bytefed flash --emulated`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bytefed.boards.describe import describe
from bytefed.boards.nrf52840.builds import Build, find_build
from bytefed.boards.nrf52840.emulator import EmulatedTransport, Emulator, emulated_board, find_emulator
from bytefed.boards.nrf52840.scheme import fitted
from bytefed.boards.virtual import board_uid
from bytefed.cli.telling import write_json
from bytefed.device.device import Device
from bytefed.extractor.manifest import Manifest, model_folder

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


def try_image(what: str, bootloader: Path | None, model: str | None, *, as_json: bool = False) -> int:
    """Boot an image in emulation, check it shortly, and say what was found and what was not proved.

    Args:
        what: Environment of PlatformIO, or path of an image.
        bootloader: Hex of its bootloader, None to look for it.
        model: Name or folder of the model that it must hold, None for any.
        as_json: Say it as one JSON object.

    Raises:
        ConfigError: As `find_build` and `find_emulator`.
        LinkError: It doesn't boot, or went wrong.
        BoardError: E_BOARD_MODEL, E_BOARD_FEATURES, E_BOARD_BITS.
        ModelError: E_MODEL_MISSING if there is no such model.
    """
    model_hash = Manifest.load(model_folder(model)).model_hash if model else None
    build = find_build(what, bootloader, model)
    find_emulator()
    found = {"image": f"{build.image.path}, {build.image.size:,} B from {build.image.start:#x}"}
    if build.bootloader is not None:
        found["behind"] = f"{build.image.softdevice}: {build.bootloader.name}"
    told = _Findings(found, as_json=as_json)
    asyncio.run(_try(told, build, model_hash))
    told.end()
    return 0


class _Findings:
    """Says what was found about an image, as it is found; or all of it at the end as one JSON object.

    Args:
        found: The facts that are known from the beginning, by name.
        as_json: Whether scripts listen.
    """

    def __init__(self, found: Mapping[str, str], *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(emoji=False, highlight=False)
        self._found: dict[str, str] = {}
        for name, value in found.items():
            self.say(name, value)

    def say(self, name: str, value: str) -> None:
        """Say a finding."""
        self._found[name] = value
        if not self._as_json:
            self._console.print(f"  {name:<16}{value}", markup=False, soft_wrap=True)

    def end(self) -> None:
        """Say what was not proved."""
        if self._as_json:
            write_json({"emulated": True, "found": self._found, "not_proved": NOT_PROVED})
            return
        self._console.print("All of this ran in emulation; no board was touched.")
        self._console.print(NOT_PROVED, soft_wrap=True)


async def _try(told: _Findings, build: Build, model_hash: int | None) -> None:
    from bytefed.boards.self_check import check_features, check_model, check_reset, check_round

    uid = board_uid(0, 0)
    async with emulated_board(build, f"nrf52840:{build.name}#0", fitted(build, uid)) as emulator:
        await emulator.enumerated()
        device = Device(EmulatedTransport(emulator))
        try:
            facts = await describe(device)
            told.say("boots", f"its USB is ready; {facts['board']}, uid {facts['uid']}")
            await device.close()
            if model_hash is not None:
                await check_model(device, model_hash)
            for name in ("firmware", "model", "head", "samples", "sensor", "RAM free"):
                if name in facts:
                    told.say(name, facts[name])
            told.say("features", await check_features(device))
            told.say("a round", await check_round(device))
            told.say("a reset", await check_reset(device, emulator.press_reset))
            for name, value in (await emulator.watermarks()).facts().items():
                told.say(name, value)
        finally:
            await device.close()
