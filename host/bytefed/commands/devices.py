"""`bytefed devices`: what boards there are, and what each is and holds."""

from __future__ import annotations

import argparse
import asyncio

from rich.console import Console
from rich.table import Table

from bytefed.device import Device
from bytefed.errors import BoardError, BytefedError
from bytefed.manifest import Manifest, model_folder, model_names
from bytefed.message import VISIT, Capability, Details, Kind

BOARDS = {
    1: "Nano 33 BLE", 2: "Feather nRF52840", 3: "Feather nRF52840 Sense", 4: "ItsyBitsy nRF52840",
    5: "Circuit Playground Bluefruit",
}  # fmt: skip
SENSORS = {1: "LSM9DS1", 2: "BMI270", 3: "LSM6DS33", 4: "LSM6DS3TR-C", 5: "LIS3DH", 6: "replayed data"}

_COLUMNS = ("link", "uid", "board", "firmware", "model", "head", "samples", "RAM free", "sensor", "saves")
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
    """Ask each board, and print a line for each. 1 if one did not answer."""
    return asyncio.run(_list(args.boards))


async def _list(uris: list[str]) -> int:
    from bytefed.devices import VirtualOptions, open_devices
    from bytefed.virtual import BoardKind

    manifest = Manifest.load(model_folder("digits"))
    options = VirtualOptions(BoardKind(manifest.D, manifest.C, "digits"))
    table = Table()
    for column in _COLUMNS:
        table.add_column(column, no_wrap=column in ("link", "uid"))
    failures = 0
    async with open_devices(uris, options) as devices:
        for device in devices:
            try:
                table.add_row(*await _row(device))
            except BytefedError as error:
                failures += 1
                table.add_row(device.uri, str(error))
    Console().print(table)
    return 1 if failures else 0


async def _row(device: Device) -> list[str]:
    await device.connect(VISIT)
    details = await about(device)
    board, stored = device.board, device.stored
    row = [device.uri, device.name, "-", "-", model_label(board.model), f"{board.features}x{board.classes}"]
    row += [f"{stored.train} + {stored.test} of {stored.capacity}", "-", "-", "-"]
    if details is not None:
        row[2] = BOARDS.get(details.board, "virtual" if details.board == 0 else f"board {details.board}")
        row[3] = f"{details.major}.{details.minor}.{details.patch}"
        row[7:] = [f"{details.ram:,} B", SENSORS.get(details.sensor, "none"), str(details.saves)]
    if not board.capabilities & Capability.EXTRACTOR:
        row[4] = "none: takes features"
    return row


def model_label(model_hash: int) -> str:
    """Return the name of the model that a board holds, its hash where it is none of bytefed's own."""
    for name in model_names():
        if Manifest.load(model_folder(name)).model_hash == model_hash:
            return name
    return f"unknown ({model_hash:08x})"
