"""`bytefed devices`: lists the boards, what each is, and what it holds."""

from __future__ import annotations

import argparse
import asyncio

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bytefed.boards.describe import describe
from bytefed.boards.registry import FORMS_HELP
from bytefed.errors import BytefedError
from bytefed.extractor.manifest import Manifest, model_folder

_EPILOG = f"""\
boards by URI, here and with --boards:
{FORMS_HELP}

examples:
  bytefed devices                          boards on USB
  bytefed devices serial:auto ble:auto     and those in reach of the radio
  bytefed devices serial:/dev/ttyACM0      one of them
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "devices",
        description="List boards. Looking changes nothing: a run that was interrupted goes on afterwards.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "boards", nargs="*", default=["serial:auto"], metavar="URI", help="default: serial:auto"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask each board what it is and print the answer; return 1 if a board did not answer."""
    return asyncio.run(_list(args.boards))


async def _list(uris: list[str]) -> int:
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind

    manifest = Manifest.load(model_folder("digits"))
    options = VirtualOptions(BoardKind(manifest.D, manifest.C, "digits"))
    failures = 0
    console = Console(emoji=False, highlight=False)
    async with open_devices(uris, options, open_links=True) as devices:
        for device in devices:
            console.print(device.uri, style="bold", markup=False)
            try:
                console.print(_table(await describe(device)))
            except BytefedError as error:
                failures += 1
                console.print(f"  error[{error.code}]: {error.message}", markup=False, soft_wrap=True)
                console.print(f"  -> {error.remedy}", markup=False, soft_wrap=True)
    return 1 if failures else 0


def _table(facts: dict[str, str]) -> Table:
    """Two facts a line."""
    table = Table.grid(padding=(0, 2))
    cells = [cell for name, value in facts.items() for cell in (f"  {name}", Text(value))]
    for start in range(0, len(cells), 4):
        table.add_row(*cells[start : start + 4])
    return table
