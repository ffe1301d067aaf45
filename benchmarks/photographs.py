"""Bytes to an accuracy on CIFAR-10, with 100 boards and skewed labels: whitened onebit beside plain float32.

Dirichlet 0.1, BLE with MTU 247, all boards in each round; bytes of a board, connecting included, until the host's
head, and the heads that boards hold, have had the accuracy for three rounds. *By rule*: learning rate and epochs of a
run that is given none; beside a rate of 0.05 there are 5 epochs. Nothing here chooses anything. The extractor is
trained on first use.

    python benchmarks/photographs.py --data-dir DIR [--accuracy 60] [--rounds 100] [--seeds 3] [--first-seed 201]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bytefed.data import Task, load_task
from bytefed.federation.config import RunConfig
from bytefed.ledger.bytes_to import bytes_to
from bytefed.ledger.estimate import link_profile
from bytefed.ledger.wire_size import blob_size, connection_bytes
from bytefed.simulation.beside import geometric
from bytefed.simulation.sweep import Trial
from bytefed.simulation.trial import by_kind, run_trial

BOARDS, ALPHA = 100, 0.1
LINKS = {"open": link_profile("ble", 247, sealed=False), "sealed": link_profile("ble", 247, sealed=True)}


class Run(NamedTuple):
    """A way to train; a learning rate of 0 is that by rule."""

    data: str
    codec: str
    rate: float


REFERENCE = Run("cifar10_plain", "float32", 0.05)
RUNS = (
    REFERENCE, Run("cifar10_plain", "onebit", 0.05), Run("cifar10", "float32", 0.0), Run("cifar10", "onebit", 0.0),
    Run("cifar10", "onebit", 0.05), Run("cifar10", "stc10", 0.0),
)  # fmt: skip


def trial(run: Run, task: Task, seed: int, rounds: int) -> Trial:
    """Return what a run does with a seed."""
    config = RunConfig(
        data=run.data, codec=run.codec, learning_rate=run.rate, alpha=ALPHA, seed=seed, rounds=rounds
    )
    return Trial.of(run_trial(config, task, BOARDS, LINKS["open"]), BOARDS)


def wire(link: str, run: Run, task: Task, found: Trial) -> list[float]:
    """Return a board's bytes up to the end of each round on links of a kind."""
    blob, profile = blob_size(run.codec, task.D, task.num_classes), LINKS[link]
    sizes = np.array([count.wire_total for count in by_kind(profile, blob, blob)])
    bytes_: list[float] = (connection_bytes(profile).wire_total + found.kinds @ sizes).tolist()
    return bytes_


def needed(run: Run, task: Task, trials: list[Trial], accuracy: float) -> NDArray[np.float64]:
    """Return the bytes to an accuracy, float64 [links, heads, seeds]; NaN for never."""
    return np.array(
        [
            [
                [
                    bytes_to(accuracy, getattr(one, head).tolist(), wire(link, run, task, one))
                    for one in trials
                ]
                for head in ("accuracy", "held")
            ]
            for link in LINKS
        ],
        np.float64,
    )


def main() -> None:
    """Train and print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data-dir", type=Path, help="folder with CIFAR-10 (default: download it)")
    options.add_argument("--accuracy", type=float, default=60.0, help="per cent (default: 60)")
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--first-seed", type=int, default=201)
    args = options.parse_args()
    tasks = {name: load_task(name, args.data_dir) for name in {run.data for run in RUNS}}
    print(
        "| features | codec | rate | final accuracy, % | open: host's head | boards' | sealed: host's | boards' |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    reference = np.empty(0)
    for run in RUNS:
        task = tasks[run.data]
        trials = [trial(run, task, args.first_seed + number, args.rounds) for number in range(args.seeds)]
        bytes_ = needed(run, task, trials, args.accuracy / 100)
        reference = bytes_ if run == REFERENCE else reference
        cells = [
            f"{own.mean():,.0f} B, {geometric(other / own):.0f} x"
            for own, other in zip(bytes_.reshape(4, -1), reference.reshape(4, -1), strict=True)
        ]
        final = 100 * np.mean([one.final() for one in trials])
        rate = f"{run.rate:g}" if run.rate else "by rule"
        features = f"{'plain' if run.data == REFERENCE.data else 'whitened'}, D = {task.D}"
        print(f"| {features} | {run.codec} | {rate} | {final:.2f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
