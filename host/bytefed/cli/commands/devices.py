"""`bytefed devices`: lists the boards, what each is, and what it holds."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable

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
    parser.add_argument("uris", nargs="*", default=[], metavar="URI", help="default: serial:auto")
    parser.add_argument(
        "--boards",
        nargs="+",
        default=["serial:auto"],
        metavar="URI",
        help="BOARD, named as other commands name boards",
    )
    parser.add_argument("--json", action="store_true", help="print what boards are as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask each board what it is and print the answer; return 1 if a board did not answer."""
    uris = args.uris or args.boards
    if not args.json:
        return asyncio.run(_list(uris, _show))
    found: list[dict[str, str]] = []
    failures = asyncio.run(_list(uris, found.append))
    print(json.dumps({"boards": found}, indent=2))  # noqa: T201
    return failures


async def _list(uris: list[str], tell: Callable[[dict[str, str]], None]) -> int:
    """Tell of each board what it is, or of the error; return 1 if a board did not answer."""
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind

    manifest = Manifest.load(model_folder("digits"))
    options = VirtualOptions(BoardKind(manifest.D, manifest.C, "digits"))
    failures = 0
    async with open_devices(uris, options, open_links=True) as devices:
        for device in devices:
            try:
                tell({"uri": device.uri, **await describe(device)})
            except BytefedError as error:
                failures += 1
                tell(
                    {"uri": device.uri, "error": error.code, "message": error.message, "remedy": error.remedy}
                )
    return 1 if failures else 0


def _show(facts: dict[str, str]) -> None:
    """Print what is known of a board."""
    console = Console(emoji=False, highlight=False)
    console.print(facts.pop("uri"), style="bold", markup=False)
    if "error" not in facts:
        console.print(_table(facts))
        return
    console.print(f"  error[{facts['error']}]: {facts['message']}", markup=False, soft_wrap=True)
    console.print(f"  -> {facts['remedy']}", markup=False, soft_wrap=True)


def _table(facts: dict[str, str]) -> Table:
    """Two facts a line."""
    table = Table.grid(padding=(0, 2))
    cells = [cell for name, value in facts.items() for cell in (f"  {name}", Text(value))]
    for start in range(0, len(cells), 4):
        table.add_row(*cells[start : start + 4])
    return table
