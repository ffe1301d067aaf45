"""Says why a codec saves no more: what float32's rounds would cost in its blobs, and how many more it takes.

For the shipped models, 100 rounds, open BLE links: bytes until a head has 99 % of the accuracy that the reference ends
with. The *floor* is what the codec's run had sent by the round in which float32, trained the same on the same features,
gets there: an exact codec with blobs of that size would take so many. Two references: *classic*, FedAvg with 5 epochs
at 0.05 on plain features, beside runs by rule; and float32 *at its best* on the same features, chosen by the boards'
own test samples, beside the codec by rule and as that float32 is trained. Keeps its trials in build/bench/byte_floor.

    python benchmarks/byte_floor.py --data-dir DIR [--codec onebit] [--seeds 10] [--first-seed 201]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data import load_task
from bytefed.federation.config import RunConfig
from bytefed.ledger.bytes_to import SHARES, bytes_to
from bytefed.ledger.estimate import link_profile
from bytefed.simulation.beside import geometric
from bytefed.simulation.references import EPOCHS, HEADS, RATES, plain
from bytefed.simulation.sweep import Setting, Trial, Trials, best_reference
from bytefed.simulation.trial import run_trial

OUTPUT = Path("build/bench/byte_floor")
TASKS = ("digits", "gesture", "motion")
BOARDS, ROUNDS = 10, 100

Values = NDArray[np.float64]


class Bench:
    """Trials of a setting for all seeds, made once."""

    def __init__(self, data_dir: Path | None, seeds: Sequence[int]) -> None:
        self._base, self._seeds = RunConfig(rounds=ROUNDS), seeds
        self._load = cache(lambda name: load_task(name, data_dir))
        self._profile = link_profile("ble", 247, sealed=False)
        boards = {name: BOARDS for task in TASKS for name in (task, plain(task))}
        self._kept = Trials(OUTPUT, self._base, boards, "ble/247 OPEN")

    def trials(self, setting: Setting) -> list[Trial]:
        """Return the trials of a setting, one for each seed."""
        return [self._kept.get(setting, seed) or self._made(setting, seed) for seed in self._seeds]

    def _made(self, setting: Setting, seed: int) -> Trial:
        config = replace(self._base, **asdict(setting), seed=seed)
        trial = Trial.of(run_trial(config, self._load(setting.data), BOARDS, self._profile), BOARDS)
        self._kept.add(setting, seed, trial)
        return trial


def rounds_to(trials: Sequence[Trial], targets: Values, what: str) -> NDArray[np.int64]:
    """Return the round in which each trial reaches its target, and its last where it never does."""
    found = []
    for trial, target in zip(trials, targets, strict=True):
        accuracy = getattr(trial, what).tolist()
        found.append(bytes_to(target, accuracy, list(range(1, len(accuracy) + 1))) or len(accuracy))
    return np.array(found, np.int64)


def wire(trials: Sequence[Trial], rounds: NDArray[np.int64]) -> Values:
    """Return the bytes of each trial up to the end of a round."""
    return np.array([trial.wire[number - 1] for trial, number in zip(trials, rounds, strict=True)])


def lines(bench: Bench, codec: str, data: str) -> Iterator[tuple[tuple[str, str], str, list[float]]]:
    """Yield, for each reference and head: both names, what the codec does there, rounds, and factors with the floor."""
    own = Setting(data, 0.5, codec, 0, 0.0, 8, 1.0, "fedavg", "usual")
    classic = replace(own, data=plain(data), codec="float32", local_epochs=5, learning_rate=0.05)
    grid = [replace(own, codec="float32", local_epochs=e, learning_rate=r) for e, r in product(EPOCHS, RATES)]
    best = best_reference(grid[0], {setting: bench.trials(setting) for setting in grid})
    as_best = replace(best, codec=codec)
    rows = (
        ("classic", classic, own, own.reference),
        ("at its best", best, own, best),
        ("at its best", best, as_best, best),
    )
    for (name, rival, setting, exact), (head, what) in product(rows, HEADS.items()):
        reference, tried = bench.trials(rival), bench.trials(setting)
        targets = np.array([SHARES[1] * trial.final() for trial in reference])
        takes, needs = (rounds_to(some, targets, what) for some in (tried, bench.trials(exact)))
        paid = wire(reference, rounds_to(reference, targets, what))
        trained = (
            "by rule" if setting == own else f"{setting.local_epochs} epochs at {setting.learning_rate:g}"
        )
        factors = [geometric(paid / wire(tried, number)) for number in (takes, needs)]
        yield (name, head), trained, [needs.mean(), takes.mean(), *factors]


def main() -> None:
    """Make the trials that are missing and print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data-dir", type=Path, help="folder that gesture and motion are read from")
    options.add_argument("--codec", default="onebit")
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--first-seed", type=int, default=201)
    args = options.parse_args()
    bench = Bench(args.data_dir, range(args.first_seed, args.first_seed + args.seeds))
    found = [list(lines(bench, args.codec, data)) for data in TASKS]
    print(f"| beside float32 | head | {args.codec} trained | {' | '.join(TASKS)} | fewer | floor |")
    print(f"| --- | --- | --- | {'---: | ' * len(TASKS)}---: | ---: |")
    for tasks in zip(*found, strict=True):
        (name, head), trained = tasks[0][0], {task[1] for task in tasks}
        cells = [
            f"{needs:.1f}, {takes:.1f}: {fewer:.1f} x, {floor:.1f} x"
            for _, _, (needs, takes, fewer, floor) in tasks
        ]
        means = [f"{geometric(np.array([task[2][i] for task in tasks])):.1f} x" for i in (2, 3)]
        how = trained.pop() if len(trained) == 1 else "as that float32"
        print(f"| {name} | {head} | {how} | {' | '.join([*cells, *means])} |")


if __name__ == "__main__":
    main()
