"""Asks whether another learning rate, other epochs or another batch would serve better than the rule (docs/codecs.md).

A grid of settings on all standard tasks; each run has as many boards and rounds as usual. Settings are compared where
they are to be chosen, by the boards' own test samples, and where they are judged, by the global test:

- how far a setting ends below the best of the grid, in points, accuracies being means over the seeds;
- how many times the bytes of the grid's least a board takes until its head has 99 % of what float32 ends with (5 epochs
  at 0.05 on plain features); a trial that never gets there counts all its bytes;
- *chosen by own tests*: what comes of taking, with each seed, the setting that is best on the boards' own test samples,
  as someone would who tries the grid first. It pays for its own run alone, not for the trying.

    python benchmarks/schedules.py --data-dir DIR [--codec onebit] [--seeds 5] [--first-seed 401]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np
from first_round_means import World
from numpy.typing import NDArray

from bytefed.data import Task, load_task
from bytefed.errors import counted
from bytefed.federation.config import RunConfig
from bytefed.ledger.bytes_to import SHARES
from bytefed.ledger.estimate import link_profile
from bytefed.simulation.beside import geometric
from bytefed.simulation.references import plain
from bytefed.simulation.sweep import Trial
from bytefed.simulation.trial import run_trial

OUTPUT = Path("build/bench/schedules.json")
PROFILE = link_profile("ble", 247, sealed=False)
Values = NDArray[np.float64]


GROUPS: Mapping[str, Sequence[World]] = {
    "digits, gesture, motion": [World(data, 0.5, 10) for data in ("digits", "gesture", "motion")],
    "harder": [
        *(World(data, 0.5, 10) for data in ("digits04", "keywords", "vowels", "leaves")), World("appliances", 0.5, 6)
    ],
    "skewed": [World(data, 0.1, 10) for data in ("digits", "gesture", "digits04")],
    "plain": [World(f"{data}_plain", 0.5, 10) for data in ("digits", "gesture", "vowels")],
}  # fmt: skip
"""Worlds by kind: the main ones, those on which methods fail, skewed labels, features that learn slowly."""


@dataclass(frozen=True)
class Way:
    """A way to train; a rate or epochs of 0 are those by rule.

    Attributes:
        rate: Learning rate.
        epochs: Local epochs.
        batch: Samples in a step.
    """

    rate: float = 0.0
    epochs: int = 0
    batch: int = 8

    def __str__(self) -> str:
        rate = f"{self.rate:g}" if self.rate else "rate by rule"
        epochs = counted(self.epochs, "epoch") if self.epochs else "epochs by rule"
        batch = "" if self.batch == 8 else f", batch {self.batch}"
        return "the rule" if self == RULE else f"{rate}, {epochs}{batch}"


RULE = Way()
GRID = [
    RULE,
    *(Way(rate, epochs) for rate, epochs in product((0.0, 0.05, 0.1, 0.2, 0.5), (1, 2, 5, 20))),
    Way(batch=4), Way(batch=16), Way(batch=32),
]  # fmt: skip
Trials = Mapping[Way, Sequence[Trial]]


def trial(world: World, task: Task, seed: int, codec: str, way: Way) -> Trial:
    """Return what a way of training does in a world with a seed."""
    config = RunConfig(
        data=world.data, alpha=world.alpha, seed=seed, rounds=100, codec=codec, learning_rate=way.rate,
        local_epochs=way.epochs, batch_size=way.batch,
    )  # fmt: skip
    return Trial.of(run_trial(config, task, world.clients, PROFILE), world.clients)


@dataclass(frozen=True)
class Found:
    """The results of one way in one world.

    Attributes:
        own, test: Final accuracy on the boards' own test samples and on the global test, means over the seeds, points.
        wire: A board's bytes to the target by the heads that boards hold, geometric mean.
        trained: Samples that a board trains on in the whole run.
    """

    own: float
    test: float
    wire: float
    trained: float

    @classmethod
    def of(cls, trials: Sequence[Trial], targets: Values) -> Found:
        """Take the means of trials.

        Args:
            trials: One for each seed.
            targets: float64 [seeds], accuracies to reach.
        """
        bytes_ = [one.bytes_to(target) for one, target in zip(trials, targets, strict=True)]
        paid = [one.wire[-1] if np.isnan(taken) else taken for one, taken in zip(trials, bytes_, strict=True)]
        own, test = (
            100 * float(np.mean([one.final(what) for one in trials])) for what in ("validation", "accuracy")
        )
        return cls(own, test, geometric(np.array(paid)), float(np.mean([one.trained[-1] for one in trials])))


CHOSEN = "chosen by own tests"
Results = Mapping[str, Found]
"""The results of each way by its name, and those of choosing."""


def results(world: World, codec: str, seeds: Sequence[int], data_dir: Path | None) -> dict[str, Found]:
    """Try all ways in a world."""
    task, reference = (load_task(name, data_dir) for name in (world.data, plain(world.data)))
    targets = SHARES[1] * np.array(
        [trial(world, reference, seed, "float32", Way(0.05, 5)).final() for seed in seeds]
    )
    tried: Trials = {way: [trial(world, task, seed, codec, way) for seed in seeds] for way in GRID}
    chosen = [
        max((tried[way][index] for way in GRID), key=lambda one: one.final("validation"))
        for index in range(len(seeds))
    ]
    found = {str(way): Found.of(trials, targets) for way, trials in tried.items()}
    return {**found, CHOSEN: Found.of(chosen, targets)}


def below(name: str, worlds: Sequence[Results], what: str) -> float:
    """Return how far a way ends below the best of the grid, in points, mean over the worlds.

    Args:
        name: The way.
        worlds: The results of all ways in each world.
        what: "own" by the boards' own test samples, "test" by the global test.
    """
    ways = [str(way) for way in GRID]
    return fmean(
        max(getattr(found[way], what) for way in ways) - getattr(found[name], what) for found in worlds
    )


def dearer(name: str, worlds: Sequence[Results]) -> float:
    """Return how many times the bytes of the grid's least a way takes, geometric mean over the worlds."""
    least = [min(found[str(way)].wire for way in GRID) for found in worlds]
    return geometric(np.array([found[name].wire / one for found, one in zip(worlds, least, strict=True)]))


def row(name: str, groups: Mapping[str, Sequence[Results]]) -> str:
    """Return a way's line of the table."""
    worlds = [one for group in groups.values() for one in group]
    cells = [
        f"{below(name, group, 'test'):.2f}, {dearer(name, group):.2f} x"
        for group in (*groups.values(), worlds)
    ]
    passes = fmean(100 * one[name].trained / one[str(Way(0.0, 1))].trained for one in worlds)
    return f"| {name} | {' | '.join(cells)} | {below(name, worlds, 'own'):.2f} | {passes:.0f} |"


def main() -> None:
    """Try the grid in all worlds and print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--data-dir", type=Path, help="folder with the data of gesture, motion, keywords and others"
    )
    options.add_argument("--codec", default="onebit")
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--first-seed", type=int, default=401)
    args = options.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    found = {
        group: {world.name: results(world, args.codec, seeds, args.data_dir) for world in worlds}
        for group, worlds in GROUPS.items()
    }
    groups = {name: list(worlds.values()) for name, worlds in found.items()}
    print(f"| {args.codec} | {' | '.join(groups)} | all | all, own tests | passes |")
    print("| --- |" + " ---: |" * (len(groups) + 3))
    for name in [*map(str, GRID), CHOSEN]:
        print(row(name, groups))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, default=vars, indent=1)
    OUTPUT.with_stem(f"{OUTPUT.stem}_{args.codec}").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
