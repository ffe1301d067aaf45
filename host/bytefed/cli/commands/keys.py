"""`bytefed keys`: lists, renews, forgets and hands over the keys of boards."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bytefed.cli.commands.pair import Wish, add_cable, board_at_cable, confirmed, pair
from bytefed.cli.telling import add_json, write_json
from bytefed.errors import counted

_EPILOG = """\
`bytefed pair BOARD` gives a board its key. Here:

  bytefed keys list                         the boards whose keys this host has; never the keys
  bytefed keys rotate /dev/ttyACM0          give a board a new key, by cable
  bytefed keys forget 0123456789abcdef      refuse a board from now on
  bytefed keys export "window sill" k.toml  for a second host; then there: bytefed keys import k.toml

Keys are in ~/.config/bytefed/keys.toml, or the file that $BYTEFED_KEYS names. It is for its user alone (chmod 600), or
it is refused: whoever has a board's key can read its samples and train it. Keep a copy in a safe place. A board whose
key is lost can be erased (`bytefed pair BOARD --erase`), but not read. If a copy gets into wrong hands, rotate.

Two hosts that have a board's key both use the board. If one of them rotates the key, the other needs the new one.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "keys",
        description="Keys that boards share with this host.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    shown = actions.add_parser("list", help="show whose keys this host has; never a key")
    shown.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")
    shown.set_defaults(run=_list)
    rotated = actions.add_parser("rotate", help="give a board a new key, by cable")
    add_cable(rotated)
    rotated.add_argument("--json", action="store_true", help="print one JSON object, for scripts")
    rotated.set_defaults(run=_rotate)
    forgotten = actions.add_parser("forget", help="let go of a key: this host then refuses the board")
    forgotten.add_argument("uid", metavar="UID", help="the board's uid, or its name")
    forgotten.add_argument("--yes", action="store_true", help="don't ask")
    add_json(forgotten)
    forgotten.set_defaults(run=_forget)
    exported = actions.add_parser("export", help="write a key to a file, for a second host")
    exported.add_argument("uid", metavar="UID", help="the board's uid, or its name")
    exported.add_argument(
        "file", metavar="FILE", help="a new file, which only you can read; - for standard output"
    )
    exported.set_defaults(run=_export)
    imported = actions.add_parser("import", help="take over what `export` wrote on another host")
    imported.add_argument("file", type=Path, metavar="FILE", help="the file")
    add_json(imported)
    imported.set_defaults(run=_import)


def _list(args: argparse.Namespace) -> int:
    from bytefed.keys import KeyFile

    file = KeyFile()
    entries = sorted(file.read().values(), key=lambda entry: (entry.name, entry.uid))
    rows = [
        {
            "uid": f"{entry.uid:016x}",
            "name": entry.name,
            "date": entry.date,
            "uri": entry.uri,
            "state": "pairing" if entry.key is None else "rotating" if entry.pending else "paired",
        }
        for entry in entries
    ]
    if args.json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        return 0
    console = Console(emoji=False, highlight=False)
    if not rows:
        console.print(f"No keys in {file.path}. `bytefed pair BOARD` gives a board one.", markup=False)
        return 0
    table = Table("board", "name", "key of", "last at", "state", box=None)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    from bytefed.cli.tables import show_table

    show_table(console, table)
    return 0


def _rotate(args: argparse.Namespace) -> int:
    return asyncio.run(pair(Wish(board_at_cable(args), known=True, json=args.json)))


def _forget(args: argparse.Namespace) -> int:
    from bytefed.keys import KeyFile
    from bytefed.keys.handover import named

    file = KeyFile()
    entry = named(file, args.uid)
    loss = f"Without its key, board {entry.label} can only be erased, not read: `bytefed pair BOARD --erase`."
    if not confirmed(loss, yes=args.yes):
        return 1
    with file.changing() as entries:
        entries.pop(entry.uid, None)
    if args.json:
        write_json({"uid": f"{entry.uid:016x}", "name": entry.name, "done": "forgotten"})
    else:
        sys.stdout.write(f"The key of board {entry.label} is forgotten.\n")
    return 0


def _export(args: argparse.Namespace) -> int:
    from bytefed.keys import KeyFile
    from bytefed.keys.handover import as_text, export_to, named

    entry = named(KeyFile(), args.uid)
    if args.file == "-":
        sys.stdout.write(as_text(entry))
        return 0
    export_to(entry, Path(args.file))
    sys.stdout.write(
        f"{args.file} has the key of board {entry.label}. There: bytefed keys import {args.file}; then delete it.\n"
    )
    return 0


def _import(args: argparse.Namespace) -> int:
    from bytefed.keys import KeyFile
    from bytefed.keys.handover import import_from

    file = KeyFile()
    fresh = import_from(args.file, file)
    if args.json:
        write_json({"keys": str(file.path), "new": [f"{entry.uid:016x}" for entry in fresh]})
    else:
        sys.stdout.write(f"{file.path} has {counted(len(fresh), 'new key')} now. Delete {args.file}.\n")
    return 0
