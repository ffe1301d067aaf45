"""Writes the tables that are made from the host's own lists, or checks that they are up to date.

In SPEC 8 and docs/boards each table stands between two marks that name its list, and in docs/security.md the claims of
noise and secure sums; the file of udev rules is made as a whole. `make generated` writes; `make lint` checks.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import groupby
from pathlib import Path

from bytefed.boards.catalog import BOARDS, BoardType
from bytefed.federation.secure_sum import CLAIM, NOT_CLAIMED
from bytefed.ledger.columns import Column
from bytefed.ledger.count import PARTS, ByteCount
from bytefed.ledger.rows import BYTES_COLUMNS, ROUNDS_COLUMNS
from bytefed.privacy.claims import BOARD, SAMPLE
from bytefed.runs.schema import FORMAT

ROOT = Path(__file__).resolve().parents[1]
RULES = "tools/udev/60-bytefed.rules"
_KINDS = {str: "text", int: "integer", float: "number"}
_MARKED = re.compile(r"(<!-- ([\w.]+), made from [^>]+ -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


class TableError(Exception):
    """An error that says which marks a file lacks."""


def made(root: Path = ROOT) -> dict[str, str]:
    """Return the right content of each file, by its path from the root.

    Args:
        root: Root of the tree with the texts around the tables.

    Raises:
        TableError: Marks are missing.
    """
    sections = {
        "SPEC.md": {
            "causes": causes(),
            "bytes.csv": columns(BYTES_COLUMNS),
            "rounds.csv": columns(ROUNDS_COLUMNS),
            "run.db": f"run.db calls its set of tables and columns format `{FORMAT}`.\n",
        },
        "docs/boards/README.md": {"boards": boards(BOARDS)},
        "docs/security.md": {"claims": claims()},
    }
    texts = {name: _filled(root / name, tables) for name, tables in sections.items()}
    return texts | {RULES: udev_rules(BOARDS)}


def _filled(path: Path, tables: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    marked = [name for _, name, _ in _MARKED.findall(text)]
    if sorted(marked) != sorted(tables):
        raise TableError(
            f"{path}: one pair of marks is wanted for each of {', '.join(tables)}; found {marked}"
        )
    return _MARKED.sub(lambda found: found[1] + tables[found[2]] + found[3], text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines).replace("|  |", "| |") + "\n"


def causes() -> str:
    """Return the table of causes; payload, which is counted by direction, has one line."""
    known = {each.name: each.metadata for each in fields(ByteCount)}
    rows = {part.removesuffix("_down").removesuffix("_up"): known[part]["cause"] for part in PARTS}
    return _table(("cause", "what"), rows.items())


def columns(described: Sequence[Column]) -> str:
    """Return the table of a CSV file's columns; neighbours that are alike share a line."""
    alike = groupby(described, lambda column: (_KINDS[column.kind], column.unit, column.meaning))
    rows = [(", ".join(column.name for column in group), *kind) for kind, group in alike]
    return _table(("column", "type", "unit", "meaning"), rows)


def boards(known: Sequence[BoardType]) -> str:
    """Return the table of boards for their owners."""
    rows = [(board.full_name, board.environment, _sensors(board)) for board in known]
    return _table(("board", "environment", "sensor"), rows)


def _sensors(board: BoardType) -> str:
    names = " or ".join(sensor.name for sensor in board.sensors) or "none"
    return f"{names} ({board.note})" if board.note else names


def claims() -> str:
    """Return what is claimed of each kind of noise and of secure sums, and what is not."""
    named = {
        "--dp sample": (SAMPLE.claim, SAMPLE.not_claimed),
        "--dp board --secure-sum": (BOARD.claim, BOARD.not_claimed),
        "--secure-sum": (CLAIM, NOT_CLAIMED),
    }
    return "".join(
        f"\n`{options}`: {claim.replace('{epsilon:g}', 'E').replace('{delta:g}', 'D')}. **Not claimed:**\n\n"
        + "".join(f"- {line.replace('docs/audit.md', '[audit.md](audit.md)')}\n" for line in lines)
        for options, (claim, lines) in named.items()
    )


def udev_rules(known: Sequence[BoardType]) -> str:
    """Return the rules that let Linux users reach the boards, in operation and in the bootloader."""
    lines = [
        "# Boards of bytefed: open to whoever sits at the machine, and not probed by ModemManager.",
        "# Made from host/bytefed/boards/catalog.py: make generated",
        f"# sudo cp {RULES} /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger",
    ]
    for vendor in dict.fromkeys(board.application.vendor for board in known):
        ids = [
            each for board in known for each in (board.application, board.bootloader) if each.vendor == vendor
        ]
        products = "|".join(f"{each.product:04x}" for each in ids)
        lines.append(
            f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{vendor:04x}", ATTRS{{idProduct}}=="{products}", '
            'ENV{ID_MM_DEVICE_IGNORE}="1", MODE="0660", TAG+="uaccess"'
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Return 1 if marks are missing, or a checked file is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and name what is out of date")
    check = parser.parse_args().check
    try:
        texts = made()
    except TableError as error:
        print(error)
        return 1
    stale = [name for name, text in texts.items() if (ROOT / name).read_text(encoding="utf-8") != text]
    for name in stale:
        if check:
            print(f"{name} is out of date: make generated")
        else:
            (ROOT / name).write_text(texts[name], encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
