"""`bytefed pair`: gives a board the key that it shares with this host from then on."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from bytefed.errors import ConfigError, counted

if TYPE_CHECKING:
    from bytefed.device.pairing import Met
    from bytefed.keys import KeyFile

_EPILOG = """\
A board and its host share a key, and all that they say to each other is sealed with it, on the cable and in the air:
nobody else can read it, change it, or use the board. A board without a key keeps its radio off. The key goes over the
cable once, and then never again. So pair boards on a computer and a cable that you trust, each once:

  bytefed pair                                    the board that is plugged in, serial:auto
  bytefed pair /dev/ttyACM0 --name "window sill"  one of several, with a name to know it by
  bytefed run --boards serial:/dev/ttyACM0        sealed; and ble: works now

A board that has a key gets a new one in place of it. If this host does not know the old one (another host paired it, or
the keys were lost), only --erase gives it a new one: the board forgets its samples, its head and all that it has learnt
first. So whoever holds the cable, but not the key, can't read the board.

Keys are in ~/.config/bytefed/keys.toml, or the file that $BYTEFED_KEYS names; `bytefed keys --help` says more. If the
pairing is interrupted, nothing is lost: run it again.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "pair",
        description="Give a board a key by cable, so that all it says and hears from then on is sealed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_cable(parser)
    parser.add_argument("--name", default="", help="a name to know it by")
    parser.add_argument(
        "--erase", action="store_true", help="first let it forget its samples and all that it has learnt"
    )
    add_answers(parser)
    parser.set_defaults(run=run)


def add_cable(parser: argparse.ArgumentParser) -> None:
    """Add the board at a cable, which ``board_at_cable`` returns: by itself, or as other commands have it."""
    named = parser.add_mutually_exclusive_group()
    named.add_argument(
        "board", nargs="?", metavar="BOARD", help="its port (default: serial:auto, if only one is plugged in)"
    )
    named.add_argument(
        "--boards",
        "--board",
        default="serial:auto",
        metavar="URI",
        help="BOARD, named as other commands name boards",
    )


def board_at_cable(args: argparse.Namespace) -> str:
    """Return the URI of the board that the options of ``add_cable`` name."""
    return str(args.board or args.boards)


def add_answers(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that ask before they go on, or that scripts read."""
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def run(args: argparse.Namespace) -> int:
    """Pair the board; 1 if its user does not want it after all.

    Raises:
        ConfigError: E_CONFIG_NAME, E_CONFIG_CONFIRM, E_PAIR_CABLE.
        BytefedError: Whatever keeps the board from being paired; E_BOARD_LOCKED if only --erase would.
    """
    from bytefed.keys.shared import MOST_NAME, is_name

    if not is_name(args.name):
        raise ConfigError(
            "E_CONFIG_NAME",
            f"--name has more than {MOST_NAME} characters, or such as can't be printed.",
            "Give the board a short name, of letters, digits and signs.",
        )
    wish = Wish(board_at_cable(args), args.name, args.erase, yes=args.yes, json=args.json)
    return asyncio.run(pair(wish))


@dataclass(frozen=True)
class Wish:
    """A key that a board is to get.

    Attributes:
        board: Its URI.
        name: A name for it, "" for none.
        erase: Whether it forgets all first.
        known: Whether only a board is meant whose key is known.
        yes: Whether nothing is asked.
        json: Whether the outcome is told in JSON.
    """

    board: str
    name: str = ""
    erase: bool = False
    known: bool = False
    yes: bool = False
    json: bool = False


async def pair(wish: Wish) -> int:
    """Give a board a key and say so; 1 if its user does not want it after all."""
    from bytefed.boards.cable import at_cable
    from bytefed.device.pairing import Pairing
    from bytefed.device.refusals import LockedError, unpaired
    from bytefed.keys import KeyFile

    file = KeyFile()
    async with at_cable(wish.board) as transport:
        pairing = Pairing(transport, file)
        met = await pairing.meet()
        if met.has == "an unknown key" and not wish.erase:
            raise LockedError(transport.uri, met.uid)
        if met.has == "no key" and wish.known:
            raise unpaired(transport.uri, met.uid)
        if wish.erase and not confirmed(_loss(met), yes=wish.yes):
            return 1
        # Rotating means another key in any case.
        confirms = met.finished and not wish.erase and not wish.known
        if confirms:
            pairing.call(wish.name)
        else:
            await pairing.give(name=wish.name, erase=wish.erase)
        _tell(file, transport.uri, met, wish, confirms=confirms)
    return 0


def _loss(met: Met) -> str:
    """Say what a board is about to lose."""
    held = met.stored.train + met.stored.test if met.stored else None
    samples = "all its samples" if held is None else f"its {counted(held, 'sample')}" if held else "its head"
    return (
        f"Board {met.uid:016x} is about to forget {samples}, all that it has learnt from them, and its key."
    )


def confirmed(loss: str, *, yes: bool) -> bool:
    """Say what is about to be lost, and ask whether to go on.

    Raises:
        ConfigError: E_CONFIG_CONFIRM if nobody is there to answer.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError("E_CONFIG_CONFIRM", loss, "If that is what you want, say --yes.")
    sys.stderr.write(f"{loss}\nGo on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    sys.stderr.write("Nothing was changed.\n")
    return False


def _tell(file: KeyFile, uri: str, met: Met, wish: Wish, *, confirms: bool) -> None:
    entry = file.read()[met.uid]
    if wish.json:
        done = "paired" if met.has == "no key" else "finished" if confirms else "rekeyed"
        document = {
            "uid": f"{met.uid:016x}",
            "name": entry.name,
            "uri": uri,
            "done": done,
            "erased": wish.erase,
            "keys": str(file.path),
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return
    has = "has the key that it was to get" if confirms else "has a new key"
    said = "is paired" if met.has == "no key" else has
    console = Console(emoji=False, highlight=False)
    for line in (
        f"Board {entry.label} at {uri} {said}: all that it says and hears is sealed from now on.",
        f"The key is in {file.path}. Keep a copy: if it is lost, the board has to be erased.",
        f"Next: bytefed run --boards {uri}",
    ):
        console.print(line, markup=False, soft_wrap=True)
