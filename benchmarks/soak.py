"""Runs 64 boards for 10,000 rounds with faults, and prints memory (KB), descriptors and processor time (s) of a round.

The figures are by quarters of the run. Coordinator, store, CSV files and boards are the real ones, in one process on a
virtual clock. Writes
build/bench/soak.json.

    python benchmarks/soak.py [--boards 64] [--rounds 10000]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from soak import FAULTS, soak

OUTPUT = Path("build/bench/soak.json")


def main() -> None:
    """Run for as many rounds as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boards", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=10_000)
    args = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108  # a disk would be what is measured
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        watch = soak(Path(folder), args.boards, args.rounds)
        stored = sum(file.stat().st_size for file in (Path(folder) / "run").iterdir())
    result = {
        "boards": args.boards,
        "rounds": args.rounds,
        "faults": FAULTS,
        "quarters": watch.quarters(),
        "run_directory_bytes": stored,
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
