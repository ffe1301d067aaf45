"""`bytefed devices`: what boards there are, and what each is and holds."""

from __future__ import annotations

import argparse
import asyncio

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bytefed.device.device import Device
from bytefed.errors import BoardError, BytefedError
from bytefed.extractor.manifest import Manifest, known_model, model_folder
from bytefed.protocol.message import RAM_UNIT, VISIT, Capability, Details, Kind, State, Welcome

BOARDS = {
    1: "Nano 33 BLE", 2: "Feather nRF52840", 3: "Feather nRF52840 Sense", 4: "ItsyBitsy nRF52840",
    5: "Circuit Playground Bluefruit",
}  # fmt: skip
SENSORS = {1: "LSM9DS1", 2: "BMI270", 3: "LSM6DS33", 4: "LSM6DS3TR-C", 5: "LIS3DH", 6: "replayed data"}

_EPILOG = """\
examples:
  bytefed devices                          boards on USB
  bytefed devices serial:auto ble:auto     and those in reach of the radio
  bytefed devices serial:/dev/ttyACM0      one of them
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "devices",
        help="list boards: what each is, and what it holds",
        description="List boards. Looking changes nothing: a run that was interrupted goes on afterwards.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "boards", nargs="*", default=["serial:auto"], metavar="URI", help="default: serial:auto"
    )
    parser.set_defaults(run=run)


async def about(device: Device) -> Details | None:
    """Ask a connected board what it is made of; None where its firmware can't tell.

    Raises:
        LinkError: It does not answer.
    """
    try:
        _, body = await device.ask(Kind.ABOUT, b"", Kind.DETAILS)
    except BoardError:
        return None
    return Details.unpack(body)


def run(args: argparse.Namespace) -> int:
    """Ask each board, and print what it is. 1 if one did not answer."""
    return asyncio.run(_list(args.boards))


async def _list(uris: list[str]) -> int:
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind

    manifest = Manifest.load(model_folder("digits"))
    options = VirtualOptions(BoardKind(manifest.D, manifest.C, "digits"))
    failures = 0
    console = Console(highlight=False)
    async with open_devices(uris, options) as devices:
        for device in devices:
            console.print(device.uri, style="bold", markup=False)
            try:
                console.print(_table(await describe(device)))
            except BytefedError as error:
                failures += 1
                console.print(f"  {error}", markup=False, soft_wrap=True)
    return 1 if failures else 0


def _table(facts: dict[str, str]) -> Table:
    """Two facts a line."""
    table = Table.grid(padding=(0, 2))
    cells = [cell for name, value in facts.items() for cell in (f"  {name}", Text(value))]
    for start in range(0, len(cells), 4):
        table.add_row(*cells[start : start + 4])
    return table


async def describe(device: Device) -> dict[str, str]:
    """Connect to a board for a visit and return what it says of itself, by name: two facts fit 80 columns.

    Raises:
        LinkError: It does not answer.
    """
    await device.connect(VISIT)
    details = await about(device)
    board, stored = device.board, device.stored
    has_extractor = board.capabilities & Capability.EXTRACTOR
    facts = {
        "board": "unknown",
        "uid": device.name,
        "model": model_label(board.model) if has_extractor else "none: takes features",
        "head": f"{board.features}x{board.classes}, batch up to {stored.max_batch}",
        "samples": f"{stored.train} + {stored.test} of {stored.capacity}",
        "run": where_it_stands(device.welcome),
    }
    if details is not None:
        facts["board"] = BOARDS.get(details.board, f"board {details.board}" if details.board else "virtual")
        facts["firmware"] = f"{details.major}.{details.minor}.{details.patch}"
        facts["sensor"] = SENSORS.get(details.sensor, "none")
        facts["saves"] = str(details.saves)
        facts["RAM free"] = f"{details.ram * RAM_UNIT:,} B" if details.ram else "unknown"
        if details.heap:
            facts["heap"] = f"{details.heap} requests: a defect"
    return facts


def where_it_stands(welcome: Welcome) -> str:
    """Return the run that a board knows, its last round, and what it does or holds."""
    if not welcome.run:
        return "none"
    states: dict[int, str] = {
        State.RECEIVING: ", receiving",
        State.TRAINING: ", training",
        State.READY: ", holds its delta",
    }
    return f"{welcome.run:08x}, round {welcome.round}{states.get(welcome.state, '')}"


def model_label(model_hash: int) -> str:
    """Return the name of the model that a board holds, its hash where it is none of bytefed's own."""
    known = known_model(model_hash)
    return known[0] if known else f"unknown ({model_hash:08x})"
