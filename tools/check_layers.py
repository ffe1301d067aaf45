"""Checks that imports and includes only go down, in the host and in the core.

The host's order is in pyproject.toml ([tool.importlinter]), the core's is here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "firmware/lib/bytefed/src/bytefed"
CORE_FLOORS = (
    "",
    "protocol",
    "seal",
    "sound",
    "learning",
    "privacy",
    "codec",
    "secure_sum",
    "session",
    "storage",
)
"""The core's folders from the bottom up; "" stands for the files beside them."""
_INCLUDE = re.compile(r'^#include "bytefed/(?:(\w+)/)?\w+\.h"', re.MULTILINE)


def climbs(core: Path) -> Iterator[str]:
    """Yield each include of the core that goes up, or to a folder that has no floor."""
    for path in sorted(core.rglob("*.[hc]*")):
        floor = path.parent.name if path.parent != core else ""
        for included in _INCLUDE.findall(path.read_text(encoding="utf-8")):
            if {floor, included} - {*CORE_FLOORS}:
                yield f"{path.relative_to(core)}: {floor or included}/ has no floor in {Path(__file__).name}"
            elif CORE_FLOORS.index(included) > CORE_FLOORS.index(floor):
                yield f"{path.relative_to(core)} includes from {included}/, which is above {floor or 'it'}/"


def main() -> int:
    """Return 0 if every arrow goes down."""
    found = list(climbs(CORE))
    print("\n".join(found) or "core: every include goes down")
    # An editable install finds the package in several folders, and would count tests as parts of it.
    sys.meta_path[:] = [finder for finder in sys.meta_path if "ScikitBuild" not in type(finder).__name__]
    sys.path.insert(0, str(ROOT / "host"))
    return lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) or int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
