"""Measures what poisoned boards do to a run, and how much the norm bound and the robust strategies help.

Ten boards learn the digits (Dir(0.5), 20 rounds); two of them send their delta times -10, train on labels that are off
by one, or claim 65,535 training samples. Accuracy of the last head on the test set, mean over seeds. Writes
build/bench/poisoned.json.

    python benchmarks/poisoned.py [--seeds 3] [--rounds 20]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bytefed.data import Task, load_task
from bytefed.data.partition import divide
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig
from bytefed.federation.evaluation import evaluate
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules, initial_head
from bytefed.head import Head
from bytefed.simulation.simulator import Simulator
from bytefed.strategies.base import Update
from bytefed.strategies.robust import bound_norms

OUTPUT = Path("build/bench/poisoned.json")
BOARDS, BAD = 10, (3, 7)
DEFENCES = {
    "fedavg, no bound": {"strategy": "fedavg", "norm_bound": 0.0},
    "fedavg (norm bound 3, the default)": {"strategy": "fedavg"},
    "fedmedian": {"strategy": "fedmedian"},
    "fedtrimmedavg 0.2": {"strategy": "fedtrimmedavg", "beta": 0.2},
    "krum": {"strategy": "krum", "num_malicious_nodes": 2},
    "multikrum 6": {"strategy": "multikrum", "num_malicious_nodes": 2, "num_nodes_to_select": 6},
}


class _Poisoned:
    """A strategy that replaces the deltas of the bad boards before the real strategy sees them."""

    def __init__(self, config: RunConfig, factor: float, claim: int) -> None:
        _, self._real = config.with_strategy(None)
        self._bound, self._factor, self._claim = config.norm_bound, factor, claim

    def aggregate(self, head: Head, updates: Sequence[Update]) -> Head:
        """See Strategy."""
        sent = [self._poison(update) if update.client in BAD else update for update in updates]
        return self._real.aggregate(head, bound_norms(sent, self._bound)[0])

    def _poison(self, update: Update) -> Update:
        delta = update.delta * np.float32(self._factor)
        return replace(update, num_examples=self._claim or update.num_examples, delta=delta)


def accuracy(config: RunConfig, task: Task, factor: float, labels_off: int, claim: int) -> float:
    """Return the accuracy after the last round.

    Args:
        config: The configuration of the run.
        task: The task to learn.
        factor: Factor on the delta of a bad board.
        labels_off: Offset that is added to a bad board's training labels, modulo the classes.
        claim: The num_examples of a bad board; 0 for its true number.
    """
    partition = divide(
        task, config.partition, BOARDS, alpha=config.alpha, shards_per_client=1, seed=config.seed
    )
    labels = task.federated.labels.copy()
    for bad in BAD:
        own = partition.train(bad)
        labels[own] = (labels[own] + labels_off) % task.num_classes
    federated = replace(task.federated, labels=labels)
    strategy = _Poisoned(config, factor, claim)
    simulator = Simulator(
        replace(Rules.of(config), norm_bound=0.0),
        LocalTraining.of(config, strategy, whitened=task.whitened),
        Assignment(replace(task, federated=federated), partition),
        strategy,
        threads=1,
    )
    head, everybody = initial_head(task), np.arange(BOARDS)
    for number in range(1, config.rounds + 1):
        head = simulator.round(number, head, everybody, np.zeros(BOARDS, np.bool_)).head
        if not np.isfinite(head).all():
            return float("nan")
    return evaluate(task, head, task.test).accuracy


def main() -> None:
    """Try every defence against every attack."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    task = load_task("digits", None)
    attacks = {
        "nobody": (1.0, 0, 0),
        "delta x -10": (-10.0, 0, 0),
        "labels + 1": (1.0, 1, 0),
        "no delta, 65,535 examples": (0.0, 0, 65_535),
        "delta x -10, 65,535 examples": (-10.0, 0, 65_535),
    }
    table: dict[str, dict[str, float]] = {}
    for name, keys in DEFENCES.items():
        configs = [RunConfig(rounds=args.rounds, seed=seed, **keys) for seed in range(1, args.seeds + 1)]
        table[name] = {
            attack: round(100 * float(np.mean([accuracy(c, task, *how) for c in configs])), 2)
            for attack, how in attacks.items()
        }
        print(f"{name:36}", table[name], flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(
        json.dumps({"seeds": args.seeds, "rounds": args.rounds, "accuracy_percent": table}, indent=1)
    )


if __name__ == "__main__":
    main()
