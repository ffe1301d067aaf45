"""Tries whitening by few rows that are set apart: docs/whitening.md, *From few rows*.

Rows are drawn as `whiten=N` of an .npz file draws them, from the training samples of the shipped networks' plain
features. First what the guard says of each draw. Then whitening by the guard's best setting, also where the guard
refused it: ten boards, Dirichlet 0.5, onebit, 40 rounds by rule, open BLE links. Fewer bytes than float32 with 5 epochs
at 0.05 on plain features takes to 99 % of its final accuracy, beside onebit on plain features by rule; a trial that
does not get there counts twice its bytes. Points: final accuracy beyond that float32.

    python benchmarks/few_rows.py --data-dir DIR [--rows 60 120 240] [--draws 6] [--seeds 3]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from directions import REFERENCE_ROUNDS, ROUNDS, row, trials
from numpy.typing import NDArray

from bytefed.data import Samples, Task, load_task
from bytefed.data.raw import RawData, divide
from bytefed.extractor.choice import Choice, choose, folds_of, layer_of
from bytefed.simulation.sweep import Trial

TASKS = ("digits_plain", "gesture_plain")
FIRST_SEED = 101
TEST = {"host": "accuracy", "held": "held"}


def drawn(task: Task, rows: int, seed: int) -> NDArray[np.bool_]:
    """Return a mask of so many training samples, each label in proportion."""
    labels = task.federated.labels
    apart = np.zeros(len(labels), np.bool_)
    apart[divide(RawData(np.empty(0, np.float32), labels, ()), rows / len(labels), 0.0, seed).pretrain] = True
    return apart


def guard(task: Task, apart: NDArray[np.bool_]) -> Choice:
    """Return what the guard finds out from the rows."""
    own = task.federated
    return choose(*folds_of(own.features[apart], task.quantization, own.labels[apart]))


def whitened(task: Task, apart: NDArray[np.bool_], found: Choice) -> Task:
    """Return the task without the rows, whitened by them."""
    own, (directions, shrinkage) = task.federated, found.setting
    layer = layer_of(
        own.features[apart], task.quantization, own.labels[apart], shrinkage=shrinkage, directions=directions
    )
    return replace(
        task, federated=Samples(layer.apply(own.features[~apart]), own.labels[~apart]),
        test=Samples(layer.apply(task.test.features), task.test.labels),
        quantization=layer.output, inputs=None, model="", model_hash=0, extraction=None, whitened=True,
    )  # fmt: skip


def lines(task: Task, name: str, args: argparse.Namespace, reference: Sequence[Trial]) -> list[str]:
    """Return a task's lines of the table, one for each number of rows."""
    seeds, found = range(FIRST_SEED, FIRST_SEED + args.seeds), []
    for rows in args.rows:
        draws = [drawn(task, rows, seed) for seed in range(args.draws)]
        said = [guard(task, apart) for apart in draws]
        own = [
            trial
            for apart, choice in zip(draws, said, strict=True)
            for trial in trials(whitened(task, apart, choice), seeds, 0.5, codec="onebit", rounds=ROUNDS)
        ]
        plain, best = (100 * np.mean([getattr(one, kind) for one in said]) for kind in ("plain", "whitened"))
        found.append(
            f"| {name} | {rows} | {sum(one.pays for one in said)} of {len(said)} | {plain:.1f} -> {best:.1f} | "
            f"{row(own, [*reference] * args.draws, TEST)} |"
        )
    return found


def main() -> None:
    """Try each number of rows and print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data-dir", type=Path, help="folder that gesture is read from")
    options.add_argument("--rows", type=int, nargs="+", default=[60, 120, 240])
    options.add_argument("--draws", type=int, default=6)
    options.add_argument("--seeds", type=int, default=3, help="seeds of the runs, for each draw")
    args = options.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + args.seeds)
    print(
        "| task | rows | whitened by the guard | its cross-validation, % | boards' head, host's, whitened anyhow "
        "| points |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in TASKS:
        task = load_task(name, args.data_dir)
        reference = trials(task, seeds, 0.5, codec="float32", learning_rate=0.05, rounds=REFERENCE_ROUNDS)
        plain = trials(task, seeds, 0.5, codec="onebit", rounds=REFERENCE_ROUNDS)
        print(f"| {name} | none | | | {row(plain, reference, TEST)} |", flush=True)
        print("\n".join(lines(task, name, args, reference)), flush=True)


if __name__ == "__main__":
    main()
