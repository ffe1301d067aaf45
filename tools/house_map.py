"""Writes the map of the host into host/README.md, from the order of imports and the packages' own first sentences.

python tools/house_map.py            writes it anew; a test fails when it is out of date
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "host/bytefed"
PAGE = ROOT / "host/README.md"
BEGIN, END = "<!-- written by tools/house_map.py -->\n", "<!-- end of the map -->\n"


def floors() -> list[list[str]]:
    """Return the names on each floor of the contract "arrows only go down" in pyproject.toml, from the top down."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = document["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [[name.strip() for name in layer.split("|")] for layer in layers]


def purpose(name: str) -> str:
    """Return the first sentence of a package's or module's docstring."""
    package = PACKAGE / name / "__init__.py"
    source = (package if package.is_file() else PACKAGE / f"{name}.py").read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0]
    sentence, stop, _ = " ".join(first.split()).partition(". ")
    return sentence + "." if stop else sentence


def rows() -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| floor | name | purpose |"
    yield "| ---: | --- | --- |"
    levels = floors()
    for number, names in zip(range(len(levels), 0, -1), levels, strict=True):
        for name in names:
            shown = f"`{name}/`" if (PACKAGE / name).is_dir() else f"`{name}.py`"
            yield f"| {number} | {shown} | {purpose(name)} |"


def page() -> str:
    """Return the page with an up-to-date map."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return before + BEGIN + "\n".join(rows()) + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
