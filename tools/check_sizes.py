"""Checks that what is in the host can be read at a glance: no function over 60 lines, no class over 250."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "host"
MOST_OF_A_FUNCTION, MOST_OF_A_CLASS = 60, 250
"""Lines, decorators left out, docstrings and all else in."""


def too_large(text: str) -> Iterator[str]:
    """Yield line, name and size of each function and class of a module that is too large.

    Args:
        text: The module's source.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            most, kind = MOST_OF_A_FUNCTION, "function"
        elif isinstance(node, ast.ClassDef):
            most, kind = MOST_OF_A_CLASS, "class"
        else:
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > most:
            yield f"{node.lineno}: {kind} {node.name} has {lines} lines, {most} at most"


def main() -> int:
    """Return 0 if all are small enough."""
    found = [
        f"{path.relative_to(ROOT)}:{each}"
        for path in sorted(HOST.rglob("*.py"))
        for each in too_large(path.read_text(encoding="utf-8"))
    ]
    print("\n".join(found) or "host: every function and class is small enough")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
