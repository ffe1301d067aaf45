"""Measures what personal heads gain: accuracy on the boards' own test samples, of the global head and of personal ones.

Ten simulated boards a task; mean over seeds, and the seed in which personal heads fare worst, as the table in
docs/personal.md.

    python benchmarks/personal.py [--data-dir DIR] [--data TASK ...] [--rounds 10] [--seeds 10]
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

import bytefed

TASKS = ("digits04", "digits", "gesture", "motion")
ALPHAS = (0.1, 0.5)


def accuracies(data: str, alpha: float, seed: int, rounds: int, data_dir: str) -> tuple[float, float]:
    """Return the accuracies of the last global head and of the personal heads made of it, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        result = bytefed.simulate(
            clients=10, links=["ble"], directory=Path(folder) / "run", data=data, alpha=alpha, seed=seed,
            rounds=rounds, codec="onebit", personal=True, data_dir=data_dir,
        )  # fmt: skip
        found = result.summary
    return 100 * found["accuracy_boards_final"], 100 * found["accuracy_personal_final"]


def row(data: str, alpha: float, rounds: int, args: argparse.Namespace) -> str:
    """Return a task's line of the table."""
    seeds = range(1, args.seeds + 1)
    pairs = np.array([accuracies(data, alpha, seed, rounds, args.data_dir) for seed in seeds])
    gains = pairs[:, 1] - pairs[:, 0]
    shared, personal = pairs.mean(axis=0)
    name = f"{data}, Dir({alpha:g})"
    return f"| {name} | {rounds} | {shared:.2f} | {personal:.2f} | {gains.mean():+.2f} ({gains.min():+.2f}) |"


def main() -> None:
    """Measure each task."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=TASKS, metavar="TASK")
    parser.add_argument("--data-dir", default="", help="folder that gesture and motion are read from")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10])
    args = parser.parse_args()
    print("| task | rounds | global | personal | gain (worst seed) |\n| --- | ---: | ---: | ---: | ---: |")
    for rounds, data, alpha in product(args.rounds, args.data, ALPHAS):
        # Four activities can't be divided among ten boards so unevenly.
        if not (data.startswith("motion") and alpha == 0.1):
            print(row(data, alpha, rounds, args), flush=True)


if __name__ == "__main__":
    main()
