"""The common parts of the tests on emulated boards, besides fixtures."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

sys.path.insert(
    0, str(ROOT / "benchmarks" / "mcu")
)  # mcu_counts, mcu_sizes: what `make` runs is what is tested

RunImage = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs an image by its name, with words for its command line, to its end; what it printed is in stderr."""


def heads(directory: Path) -> list[tuple[int, bytes]]:
    """Round and global head of each round of a run."""
    with closing(sqlite3.connect(directory / "run.db")) as db:
        return list(db.execute("SELECT round, head FROM heads ORDER BY round"))
