"""Measures what fewer whitened directions save and cost: docs/whitening.md, *Fewer directions*.

Each shipped network with whitening layers of several sizes, made of the same samples as the shipped one. Ten boards,
Dirichlet 0.5 and 0.1, onebit, 40 rounds by rule, open BLE links. Fewer: than float32 with 5 epochs at 0.05 on plain
features takes to 99 % of its final accuracy; a trial that does not get there counts twice its bytes. Points: final
accuracy beyond that float32. Both on the boards' own test samples, by which one may choose, and on the global test.

    python benchmarks/directions.py --data-dir DIR [--seeds 6] [--first-seed 101]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bytefed.data import TASKS, Samples, Task, load_task
from bytefed.extractor.choice import layer_of
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import PLAIN, Manifest, model_folder
from bytefed.federation.config import RunConfig
from bytefed.ledger.bytes_to import SHARES
from bytefed.ledger.estimate import link_profile
from bytefed.simulation.beside import geometric
from bytefed.simulation.sweep import Trial
from bytefed.simulation.trial import run_trial

DIRECTIONS = {
    "digits": (12, 16, 20, 24, 32),
    "gesture": (16, 20, 24, 32),
    "digits04": (12, 16, 20, 24, 32),
    "motion": (8, 16, 32),
}
CELLS = (("digits", 0.5), ("gesture", 0.5), ("gesture", 0.1), ("digits04", 0.5), ("motion", 0.5))
BOARDS = 10
ROUNDS, REFERENCE_ROUNDS = 40, 100
PROFILE = link_profile("ble", 247, sealed=False)


def whitened(name: str, directions: int, data_dir: Path | None) -> Task:
    """Return a task with so many whitened directions, by the shrinkage and the samples of the shipped model."""
    plain, about = load_task(name + PLAIN, data_dir), Manifest.load(model_folder(name)).document
    raw, division = TASKS[name].load(data_dir)
    own = division.pretrain[np.isin(raw.labels[division.pretrain], about["extractor"]["classes_seen"])]
    extractor = Extractor.load(name + PLAIN)
    layer = layer_of(
        extractor.extract(extractor.quantize(raw.inputs[own])), extractor.quantization, raw.labels[own],
        shrinkage=about["whitening"]["shrinkage"], directions=directions,
    )  # fmt: skip
    parts = [Samples(layer.apply(some.features), some.labels) for some in (plain.federated, plain.test)]
    return replace(
        plain, federated=parts[0], test=parts[1], quantization=layer.output, inputs=None, model="", model_hash=0,
        extraction=None, whitened=True,
    )  # fmt: skip


def trials(task: Task, seeds: Sequence[int], alpha: float, **keys: object) -> list[Trial]:
    """Return what a task's runs do, one for each seed."""
    configs = [RunConfig(alpha=alpha, seed=seed, **keys) for seed in seeds]  # type: ignore[arg-type]
    return [Trial.of(run_trial(config, task, BOARDS, PROFILE), BOARDS) for config in configs]


def fewer(own: Sequence[Trial], reference: Sequence[Trial], final: str, what: str) -> float:
    """Return how many times as many bytes the reference takes, geometric mean."""
    ratios = []
    for one, other in zip(own, reference, strict=True):
        target = SHARES[1] * other.final(final)
        taken = one.bytes_to(target, what)
        ratios.append(other.bytes_to(target, what) / (2 * one.wire[-1] if np.isnan(taken) else taken))
    return geometric(np.array(ratios))


def row(own: Sequence[Trial], reference: Sequence[Trial], names: Mapping[str, str]) -> str:
    """Return what is said of a number of directions, on the samples that the names stand for."""
    host, held = (fewer(own, reference, names["host"], names[head]) for head in ("host", "held"))
    points = [
        100 * (a.final(names["host"]) - b.final(names["host"])) for a, b in zip(own, reference, strict=True)
    ]
    return f"{held:.0f} x, {host:.0f} x | {np.mean(points):+.2f}"


def main() -> None:
    """Try each number of directions and print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data-dir", type=Path, help="folder that gesture and motion are read from")
    options.add_argument("--seeds", type=int, default=6)
    options.add_argument("--first-seed", type=int, default=101)
    args = options.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    print(
        "| task | d | own tests: boards' head, host's | points | global test: boards' head, host's | points |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, alpha in CELLS:
        plain = load_task(name + PLAIN, args.data_dir)
        reference = trials(plain, seeds, alpha, codec="float32", learning_rate=0.05, rounds=REFERENCE_ROUNDS)
        for directions in DIRECTIONS[name]:
            own = trials(
                whitened(name, directions, args.data_dir), seeds, alpha, codec="onebit", rounds=ROUNDS
            )
            cells = [
                row(own, reference, {"host": "validation", "held": "validation_held"}),
                row(own, reference, {"host": "accuracy", "held": "held"}),
            ]
            print(f"| {name}, Dir({alpha:g}) | {directions} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
