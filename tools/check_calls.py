"""Checks the calls, names, attributes and imports of all Python beside the package, by mypy; annotations are not asked.

A test that calls what has changed would else be found by the whole test run alone. tools/check_calls.toml says which
of mypy's errors count. Modules get their names here, since tests and scripts import files of their own folder by bare
names, and mypy's command would take two files of one name (conftest.py) for one module.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mypy.build import build
from mypy.errors import CompileError
from mypy.main import process_options
from mypy.modulefinder import BuildSource

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ("tests", "tools", "benchmarks")
"""Folders whose files are imported by their bare names; of two with one name the first is meant."""
PACKAGES = ("models", "examples", "docs")
"""Folders whose files are imported by their paths from the root, if at all."""
CACHE = ".mypy_cache/calls"


def code_of(notebook: Path) -> str:
    """Return the code of a notebook, cell after cell; errors in it count their lines in this text."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def sources() -> Iterator[BuildSource]:
    """Yield each file with the name of its module, which no other has."""
    taken = set()
    for path in (path for folder in SCRIPTS + PACKAGES for path in sorted((ROOT / folder).rglob("[!_]*"))):
        if path.suffix not in (".py", ".ipynb"):
            continue
        place = path.relative_to(ROOT)
        name = ".".join(place.with_suffix("").parts)
        if place.parts[0] in SCRIPTS and path.stem not in taken:
            name = path.stem
        taken.add(name)
        yield BuildSource(str(place), name, code_of(path) if path.suffix == ".ipynb" else None)


def complaints(files: Sequence[BuildSource], cache: str = CACHE) -> list[str]:
    """Return what mypy says about files, a line each.

    Args:
        files: The files, their paths from the root.
        cache: Folder, from the root, of what mypy remembers from one time to the next.
    """
    with contextlib.chdir(ROOT):
        arguments = ["--config-file", "tools/check_calls.toml", "--cache-dir", cache]
        _, options = process_options(arguments, require_targets=False)
        try:
            return build(list(files), options).errors
        except CompileError as error:
            return error.messages


def main() -> int:
    """Return 0 if everything that is called, named and imported is there."""
    files = list(sources())
    found = complaints(files)
    print("\n".join(found) or f"calls: all fit, in {len(files)} files")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
