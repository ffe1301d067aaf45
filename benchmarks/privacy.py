"""Measures what privacy per sample costs in accuracy, and prints the tables of docs/privacy.md.

Clip and learning rate are chosen on samples that no board has: those that the digits' extractor was made of, in
five folds, with the noise scaled to their number, so that its size beside the mean gradient is that of the run.
Only then are the ten seeds run, each with every sample on one board alone. A simulation makes the noise that boards
make, bit for bit.

    python benchmarks/privacy.py [--seeds 10] [--tune]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from bytefed.data import synthetic
from bytefed.data.load import TASKS, load_task
from bytefed.data.task import Samples, Task
from bytefed.extractor.extractor import Extractor
from bytefed.federation import private
from bytefed.federation.config import RunConfig, chosen
from bytefed.ledger.wire_size import sealed_profile, serial_profile
from bytefed.simulation.trial import run_trial

OUTPUT = Path("build/bench/privacy.json")
ROUNDS, DELTA, FOLDS = 10, 1e-4, 5
CLIPS = (0.25, 0.5, 1.0, 2.0, 4.0)
STEPS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Learning rates times the clip: how far a step goes whose samples are all clipped and agree."""
EPSILONS = (1.0, 2.0, 4.0, 8.0)
PROFILE = sealed_profile(serial_profile())


def accuracy(task: Task, boards: int, seed: int, epsilon: float | None, **keys: object) -> float:
    """Return the accuracy of the last head on the task's test set; without noise for None."""
    noise = {} if epsilon is None else {"dp": "sample", "epsilon": epsilon, "delta": DELTA}
    given = {"rounds": ROUNDS, "seed": seed, "local_test": 0.0, **noise, **keys}
    return float(run_trial(RunConfig(**chosen(given)), task, boards, PROFILE).accuracy[-1])


def own_part(name: str) -> Task:
    """Return the samples that a task's extractor was made of, as a task whose test is the federated part's."""
    task, extractor = load_task(name), Extractor.load(name)
    raw, division = TASKS[name].load()
    features = extractor.extract(extractor.quantize(raw.inputs[division.pretrain]))
    return replace(task, federated=Samples(features, raw.labels[division.pretrain]), inputs=None)


def folds(task: Task) -> Iterable[Task]:
    """Yield the own part five times, a fifth of it the test each time."""
    order = np.random.default_rng(1).permutation(len(task.federated))
    for fold in range(FOLDS):
        test = order[fold::FOLDS]
        yield replace(
            task,
            federated=task.federated.take(np.setdiff1d(order, test)),
            test=task.federated.take(np.sort(test)),
        )


def tune(name: str, epsilon: float) -> tuple[float, float, float]:
    """Return clip, step and accuracy of the best setting on a task's own part."""
    parts, federated = list(folds(own_part(name))), len(load_task(name).federated)
    found = []
    for clip, step in product(CLIPS, STEPS):
        scores = []
        for number, part in enumerate(parts):
            share = federated / len(part.federated)  # fewer samples: noise of the same size beside their mean
            keys = {"clip": clip, "learning_rate": step / clip}
            scores.append(accuracy(part, 8, number, min(epsilon * share, 10.0), **keys))
        found.append((fmean(scores), clip, step))
    best = max(found)
    for score, clip, step in sorted(found, reverse=True)[:6]:
        print(f"    {name}, epsilon {epsilon:g}: clip {clip:g}, step {step:g}: {100 * score:.1f} %")
    return best[1], best[2], best[0]


def cell(task: Task, boards: int, seeds: int, epsilon: float | None, **keys: object) -> str:
    """Return mean and spread over the seeds, in per cent."""
    return told([100 * accuracy(task, boards, seed, epsilon, **keys) for seed in range(1, seeds + 1)])


def told(found: list[float]) -> str:
    """Return mean and spread of some figures."""
    return f"{fmean(found):.1f} ({stdev(found):.1f})" if len(found) > 1 else f"{found[0]:.1f}"


def many(seed: int = 7) -> Task:
    """Return a synthetic task of 64 boards with 120 samples each."""
    return synthetic.make(64 * 120 // synthetic.SAMPLES, seed)[0]


def main() -> None:
    """Print the tables, and keep their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--tune", action="store_true", help="also print what the own part says about clip and rate"
    )
    args = parser.parse_args()
    if args.tune:
        for epsilon in (2.0, 4.0):
            clip, step, score = tune("digits", epsilon)
            print(
                f"digits, epsilon {epsilon:g}: clip {clip:g}, step {step:g} ({100 * score:.1f} %)", flush=True
            )
    rows: dict[str, list[str]] = {}
    settings = (
        ("digits, 8 boards, float32", load_task("digits"), 8, {}),
        ("digits, 8 boards, onebit", load_task("digits"), 8, {"codec": "onebit"}),
        ("digits, plain features, 8 boards, float32", load_task("digits_plain"), 8, {}),
        ("synthetic, 64 boards of 120 samples, float32", many(), 64, {"partition": "iid"}),
    )
    print(f"| accuracy at epsilon | {' | '.join(f'{e:g}' for e in EPSILONS)} | no noise |")
    for name, task, boards, keys in settings:
        rows[name] = [cell(task, boards, args.seeds, epsilon, **keys) for epsilon in (*EPSILONS, None)]
        print(f"| {name} | {' | '.join(rows[name])} |", flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(
        json.dumps({"rate": private.RATE, "rounds": ROUNDS, "delta": DELTA, "rows": rows}, indent=1)
    )


if __name__ == "__main__":
    main()
