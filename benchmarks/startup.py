"""Measures the time until bytefed shows something: `make bench-startup`.

Each command is started anew in a process of its own, once to warm the disk's cache and then as often as asked. Medians
of wall time and processor time are printed; on a busy machine only processor time means much.

    python benchmarks/startup.py [--times 11]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

COMMANDS = {
    "python, nothing": ("-c", "pass"),
    "import numpy": ("-c", "import numpy"),
    "import bytefed": ("-c", "import bytefed"),
    "bytefed --help": ("-m", "bytefed", "--help"),
    "bytefed estimate --json": ("-m", "bytefed", "estimate", "--json"),
    "bytefed run: first line": ("-m", "bytefed", "run", "--boards", "serial:auto"),
}
"""The commands that are started; the last one is stopped when its first line is there."""


def first_line(words: Sequence[str], folder: str) -> tuple[float, float]:
    """Return the seconds until a program has written a line or ended, by the clock and by its processor time."""
    started, before = time.perf_counter(), os.times()
    program = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
    )
    with program:
        assert program.stdout is not None
        program.stdout.readline()
        wall = time.perf_counter() - started
        program.kill()
    after = os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description="Measure how long bytefed takes to start.")
    parser.add_argument("--times", type=int, default=11, metavar="N", help="starts of each (default: 11)")
    times = parser.parse_args().times
    print(f"{'':26}{'wall':>8}{'processor':>12}   (ms, medians of {times})")
    with tempfile.TemporaryDirectory() as folder:
        for name, words in COMMANDS.items():
            first_line(words, folder)
            walls, processors = zip(*(first_line(words, folder) for _ in range(times)), strict=True)
            print(
                f"{name:26}{1e3 * statistics.median(walls):8.0f}{1e3 * statistics.median(processors):12.0f}"
            )


if __name__ == "__main__":
    main()
