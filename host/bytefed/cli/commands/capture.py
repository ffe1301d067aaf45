"""`bytefed capture`: a board takes samples from its own sensor."""

from __future__ import annotations

import argparse
import asyncio

from rich.console import Console
from rich.progress import Progress

from bytefed.device.visit import capture
from bytefed.errors import ConfigError, check_range, counted, did_you_mean
from bytefed.extractor.manifest import Manifest, known_model, model_folder
from bytefed.protocol.message import VISIT

_EPILOG = """\
examples:
  bytefed capture --label Walking --seconds 20                     the board on USB; walk while it runs
  bytefed capture --board ble:bytefed-1a2b --label 2 --seconds 60  over the air
  bytefed capture --label Standing --seconds 20 --test             for the board's own test

Readings become features on the board; nothing else is kept, and nothing leaves it.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "capture",
        description="Let a board take labelled samples from its sensor. Ctrl-C stops; what it has, it keeps.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--board", default="serial:auto", metavar="URI", help="one board (default serial:auto)"
    )
    parser.add_argument(
        "--label", required=True, help="class of the samples: its name in the model, or its number"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--test", action="store_true", help="for the test split")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Capture, with a progress bar. 1 if the board stopped early."""
    check_range("--seconds", args.seconds, 0.01, 3600)
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind

    manifest = Manifest.load(model_folder("motion"))
    options = VirtualOptions(BoardKind(manifest.D, manifest.C, "motion", replay="motion"))
    async with open_devices([args.board], options) as devices:
        if len(devices) != 1:
            raise ConfigError(
                "E_CONFIG_BOARDS",
                f"{args.board} names {counted(len(devices), 'board')}.",
                "Name one with --board.",
            )
        device = devices[0]
        await device.connect(VISIT)
        label = label_number(args.label, device.board.model, device.board.classes)
        with Progress(console=Console(emoji=False, stderr=True)) as progress:
            task = progress.add_task(f"label {args.label}", total=None)
            asked, got = await capture(
                device, label, args.seconds, test=args.test,
                seen=lambda done, total: progress.update(task, completed=done, total=total),
            )  # fmt: skip
    Console(emoji=False).print(f"{got} of {asked} samples with label {args.label}")
    return 0 if got == asked else 1


def label_number(label: str, model_hash: int, classes: int) -> int:
    """Return a label's number.

    Raises:
        ConfigError: E_CONFIG_LABEL for one that the board's model does not have.
    """
    known_as = known_model(model_hash)
    names = [str(word) for word in known_as[1].document.get("classes", [])] if known_as else []
    if label in names:
        return names.index(label)
    if label.isdigit() and int(label) < classes:
        return int(label)
    known = ", ".join(names) if names else "this host knows none of its model"
    raise ConfigError(
        "E_CONFIG_LABEL",
        f"--label {label} is no class of the board's model.",
        f"{did_you_mean(label, names)}Give --label a number from 0 to {classes - 1}, or a name: {known}.",
    )
