"""Writes all files that are made from firmware/lib/bytefed/messages.toml, or checks that they are up to date.

`make generated` writes; `make lint` checks. Another table and another folder can be named, for a test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import cpp
import python
import spec
from table import Table, TableError, read

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "firmware/lib/bytefed/messages.toml"
CPP = "firmware/lib/bytefed/src/bytefed/protocol/message.h"
PYTHON = "host/bytefed/protocol/message.py"
SPEC = "SPEC.md"


def made(table: Table) -> dict[str, str]:
    """Return the right content of each file, by its path from the root."""
    return {
        CPP: _formatted(cpp.lines(table), "clang-format", f"--assume-filename={ROOT / CPP}"),
        PYTHON: _formatted(python.lines(table), "ruff", "format", f"--stdin-filename={ROOT / PYTHON}", "-"),
        SPEC: spec.text(table, (ROOT / SPEC).read_text(encoding="utf-8")),
    }


def _formatted(lines: Iterable[str], program: str, *arguments: str) -> str:
    """Return the lines in the layout of a formatter that is installed beside this Python."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    text = "".join(f"{line}\n" for line in lines)
    return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout


def main() -> int:
    """Return 1 if the table is wrong, or a checked file is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and name what is out of date")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--into", type=Path, default=ROOT, help="folder to write to or to check")
    asked = parser.parse_args()
    try:
        texts = made(read(asked.table))
    except TableError as error:
        print(f"{asked.table}: {error}")
        return 1
    stale = [
        name
        for name, text in texts.items()
        if not (asked.into / name).exists() or (asked.into / name).read_text(encoding="utf-8") != text
    ]
    for name in stale:
        if asked.check:
            print(f"{name} is out of date: make generated")
            continue
        (asked.into / name).parent.mkdir(parents=True, exist_ok=True)
        (asked.into / name).write_text(texts[name], encoding="utf-8")
    return int(asked.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
