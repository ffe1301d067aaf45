"""`bytefed labels`: what the samples on boards are called."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bytefed.cli.telling import add_json, write_json
from bytefed.errors import BoardError
from bytefed.protocol.message import VISIT

if TYPE_CHECKING:
    from bytefed.device.device import Device
    from bytefed.device.labels import BoardLabels

_EPILOG = """\
examples:
  bytefed labels set walk run rest                             the boards on USB get these labels, and no others
  bytefed labels add jump --boards ble:bytefed-1a2b            one board gets a further one, as its last
  bytefed labels forget                                        the last label goes, if no sample has it
  bytefed labels list --boards serial:/dev/ttyACM0             what it has, with its samples of each

Then `bytefed capture --label walk` takes samples, and `bytefed run --data boards` learns from them. The head keeps what
it knows: a new label is a new column of zeros. A run that is under way takes new labels in when it is resumed.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "labels",
        description="Name what boards learn to tell apart, and see how many samples they have of each.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "list", "show the labels, and the samples of each", _listed)
    named = _add(actions, "set", "give boards these labels, in this order", _set)
    named.add_argument("names", nargs="+", metavar="NAME", help="of at most 12 bytes")
    added = _add(actions, "add", "give boards further labels, behind those that they have", _added)
    added.add_argument("names", nargs="+", metavar="NAME", help="of at most 12 bytes")
    _add(actions, "forget", "take the last label away, if no sample has it", _forgotten)


_Wanted = Callable[["Device", "BoardLabels", argparse.Namespace], Sequence[str]]
"""From a connected board, its labels and the options to the labels that it is to have."""


def _add(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, wanted: _Wanted
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument(
        "--boards", nargs="+", default=["serial:auto"], metavar="URI", help="boards (default serial:auto)"
    )
    parser.add_argument("--open", action="store_true", help="boards without a key, OPEN to strangers")
    add_json(parser)
    parser.set_defaults(run=run, wanted=wanted)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what is asked with all boards, and show their labels.

    Raises:
        ConfigError: As ``check_names`` raises it.
        BoardError: As ``set_labels`` raises it; E_LABELS_UNSET.
    """
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    from bytefed.device.labels import check_fits, read_labels, set_labels

    async with _connected(args) as devices:
        known = [await read_labels(device) for device in devices]
        wanted = [args.wanted(device, has, args) for device, has in zip(devices, known, strict=True)]
        if args.action != "list":
            for device, has, names in zip(devices, known, wanted, strict=True):
                check_fits(device, has, names)  # all of them, before any of them changes
            known = [
                await set_labels(device, names, known=has)
                for device, has, names in zip(devices, known, wanted, strict=True)
            ]
        if args.json:
            write_json({"boards": [_document(*each) for each in zip(devices, known, strict=True)]})
        else:
            _show(devices, known)
    return 0


@asynccontextmanager
async def _connected(args: argparse.Namespace) -> AsyncIterator[list[Device]]:
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind
    from bytefed.extractor.manifest import Manifest, model_folder

    manifest = Manifest.load(model_folder("motion"))
    options = VirtualOptions(BoardKind(manifest.D, manifest.C, "motion"), sealed=not args.open)
    async with open_devices(args.boards, options) as devices:
        for device in devices:
            await device.connect(VISIT)
        yield devices


def _listed(_device: Device, labels: BoardLabels, _args: argparse.Namespace) -> Sequence[str]:
    return labels.names


def _set(_device: Device, labels: BoardLabels, args: argparse.Namespace) -> Sequence[str]:
    from bytefed.device.labels import in_own_order

    return in_own_order(labels, args.names)


def _added(device: Device, labels: BoardLabels, args: argparse.Namespace) -> Sequence[str]:
    _require_set(device, labels)
    return [*labels.names, *(name for name in args.names if name not in labels.names)]


def _forgotten(device: Device, labels: BoardLabels, _args: argparse.Namespace) -> Sequence[str]:
    _require_set(device, labels)
    return labels.names[:-1]


def _require_set(device: Device, labels: BoardLabels) -> None:
    if not labels.are_set:
        raise BoardError(
            "E_LABELS_UNSET",
            f"{device.uri}: nobody has given board {device.name} labels yet.",
            "Give it all of them at once: `bytefed labels set --help`.",
        )


def _document(device: Device, known: BoardLabels) -> dict[str, Any]:
    each = zip(known.names, known.train, known.test, strict=True)
    return {
        "board": device.name,
        "uri": device.uri,
        "labels": [{"name": name, "train": train, "test": test} for name, train, test in each],
        "room": known.most,
    }


def _show(devices: Sequence[Device], known: Sequence[BoardLabels]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("board", "uid", "labels: samples+for test", "room for")
    for device, labels in zip(devices, known, strict=True):
        table.add_row(Text(device.uri), device.name, Text("\n".join(labels.counts)), str(labels.most))
    Console(emoji=False, highlight=False).print(table)
