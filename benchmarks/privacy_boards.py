"""Measures what privacy of whole boards costs in accuracy, and prints the tables of docs/privacy.md.

Clip, learning rate and local epochs are chosen on samples that no board has: those that the digits' extractor was made
of, in five folds. Only then are the seeds run, each with every sample on one board alone. A simulation sums what boards
would hide, bit for bit.

    python benchmarks/privacy_boards.py [--seeds 10] [--tune]
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path
from statistics import fmean

from privacy import FOLDS, PROFILE, folds, many, own_part, told

from bytefed.data.load import load_task
from bytefed.data.task import Task
from bytefed.federation.config import RunConfig, chosen
from bytefed.simulation.trial import run_trial

OUTPUT = Path("build/bench/privacy_boards.json")
ROUNDS, DELTA, BOARDS = 10, 1e-3, 64
EPSILONS = (2.0, 4.0, 8.0)
CLIPS = (0.25, 0.5, 1.0, 2.0, 4.0)
RATES = (0.1, 0.5, 2.0)
EPOCHS = (1, 4)


def accuracy(task: Task, seed: int, epsilon: float | None, **keys: object) -> float:
    """Return the accuracy of the last head on the task's test set; without noise for None."""
    noise = {} if epsilon is None else {"dp": "board", "epsilon": epsilon, "delta": DELTA, "secure_sum": True}
    given = {"rounds": ROUNDS, "seed": seed, "local_test": 0.0, "partition": "iid", **noise, **keys}
    return float(run_trial(RunConfig(**chosen(given)), task, BOARDS, PROFILE).accuracy[-1])


def tune(epsilon: float) -> None:
    """Print the best settings on the own part of digits."""
    parts = list(folds(own_part("digits")))
    found = []
    for clip, rate, epochs in product(CLIPS, RATES, EPOCHS):
        keys = {"clip": clip, "learning_rate": rate, "local_epochs": epochs}
        found.append((fmean(accuracy(part, seed, epsilon, **keys) for seed, part in enumerate(parts)), keys))
    for score, keys in sorted(found, key=lambda each: -each[0])[:6]:
        print(f"    epsilon {epsilon:g}, {keys}: {100 * score:.1f} % over {FOLDS} folds", flush=True)


def cell(task: Task, seeds: int, epsilon: float | None, **keys: object) -> str:
    """Return mean and spread over the seeds, in per cent."""
    return told([100 * accuracy(task, seed, epsilon, **keys) for seed in range(1, seeds + 1)])


def main() -> None:
    """Print the table, and keep its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tune", action="store_true", help="print what the own part says about settings")
    args = parser.parse_args()
    if args.tune:
        for epsilon in EPSILONS:
            tune(epsilon)
        return
    delta = f"{DELTA:.0e}".replace("e-0", "e-")  # as it is given
    rows: dict[str, list[str]] = {}
    settings = (
        ("digits, 64 boards, float32", load_task("digits"), {}),
        ("digits, 64 boards, int8", load_task("digits"), {"codec": "int8"}),
        ("synthetic, 64 boards of 120 samples, float32", many(), {}),
    )
    print(f"| accuracy at epsilon, delta {delta} | {' | '.join(f'{e:g}' for e in EPSILONS)} | no noise |")
    for name, task, keys in settings:
        rows[name] = [cell(task, args.seeds, epsilon, **keys) for epsilon in (*EPSILONS, None)]
        print(f"| {name} | {' | '.join(rows[name])} |", flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps({"rounds": ROUNDS, "delta": DELTA, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
