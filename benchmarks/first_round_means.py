"""Measures what a first round of class means saves, and prints a table (docs/codecs.md has it).

The product's own first round (``federation.class_means``) is compared with usual rounds, with class sums in place of
means, with deltas and a next head of 2 bits, and with other factors on the head. These are no options of a run: this
file changes plan and strategy between the rounds of a simulator.

A cell of the table has a board's bytes until the heads that boards hold have 99 % of float32's final accuracy, on open
BLE links (MTU 247), and how many times fewer these are than with usual rounds at the learning rate by rule; then the
same factor for the host's head. Means are geometric, over the seeds and worlds; *±* is a standard error over the seeds.
A run that never gets there counts with all its bytes.

    python benchmarks/first_round_means.py --data-dir DIR [--seeds 10] [--first-seed 201]
    python benchmarks/first_round_means.py --data-dir DIR --scales 0.1 0.2 ... [--codec float32]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed.data import Task, load_task
from bytefed.federation.assignment import Assignment
from bytefed.federation.class_means import SPARSE_SCALE, STEP, ClassMeans
from bytefed.federation.config import RunConfig
from bytefed.federation.evaluation import evaluate
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules, initial_head
from bytefed.head import Head
from bytefed.ledger.bytes_to import SHARES, bytes_to, final_accuracy
from bytefed.ledger.estimate import link_profile
from bytefed.ledger.planned_run import CLASS_MEANS, has_statistics
from bytefed.ledger.wire_size import blob_size, blobs_bytes, connection_bytes
from bytefed.simulation.held_heads import HeldScore
from bytefed.simulation.simulator import Simulator
from bytefed.strategies.base import FromMean

OUTPUT = Path("build/bench/first_round_means.json")
ROUNDS = 100
CODEC = "stc10"
PROFILE = link_profile("ble", 247, sealed=False)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """The task of a trial, and who learns it.

    Attributes:
        data: Name of the task.
        alpha: Dirichlet concentration.
        clients: Number of boards.
        least: Least samples of a board.
    """

    data: str
    alpha: float
    clients: int
    least: int = 10

    @property
    def name(self) -> str:
        """The world in a heading of the table."""
        boards = "" if self.clients == 10 else f", {self.clients} boards"
        return f"{self.data}, Dir({self.alpha:g}){boards}"


WORLDS = (
    World("digits", 0.1, 10), World("gesture", 0.1, 10), World("digits04", 0.5, 10), World("digits", 0.5, 100, 3)
)  # fmt: skip


def sums(mean: Values, classes: int) -> Head:
    """Return the head of class sums, less what is common to all classes: W_c = S_c C / n; float32 [P]."""
    return (mean * (classes / float(np.float32(STEP)))).astype(np.float32)


def means(mean: Values, classes: int) -> Head:
    """Return the head of class means without its factor, float32 [P]."""
    return ClassMeans(classes, 1.0).step(np.zeros(len(mean), np.float32), mean)


@dataclass(frozen=True)
class Method:
    """A way to learn.

    Attributes:
        name: Its name in the table.
        make: Makes a head of the mean of deltas per sample and the number of classes; None for a usual first round.
        scale: Factor on that head.
        up: Codec of the deltas of the first round; empty for the usual one.
        down: Codec of the heads of the second round; empty for the usual one.
        rate: Learning rate of the usual rounds; 0 by rule.
        codec: The usual codec.
    """

    name: str
    make: Callable[[Values, int], Head] | None = None
    scale: float = 1.0
    up: str = ""
    down: str = ""
    rate: float = 0.0
    codec: str = CODEC


def usual_at(rate: float, codec: str = CODEC) -> Method:
    """Return the method of usual rounds at a learning rate, 0 for that by rule."""
    return Method(f"as usual, learning rate {rate:g}" if rate else "as usual", rate=rate, codec=codec)


METHODS = (  # scales chosen on the seeds 101 to 110
    Method("class sums, 2 bits, times 0.2", sums, 0.2, "twobit", "twobit"),
    Method("class means, 2 bits, times 0.3", means, 0.3, "twobit", "twobit"),
    Method("class means, stc10, times 0.5", means, SPARSE_SCALE),
    usual_at(1.0),
    Method("class means, stc10, times 0.5, learning rate 1", means, SPARSE_SCALE, rate=1.0),
)


def scaled(scales: Sequence[float], name: str) -> list[Method]:
    """Return every form of first round with every scale; those of 2 bits only beside a codec that loses values, too."""
    ups = ["twobit", ""] if codec.find(name).lossy else [""]
    return [
        Method(f"class {make.__name__}, {up or name}, times {scale:g}", make, scale, up, up, codec=name)
        for up, make, scale in product(ups, (sums, means), scales)
    ]


@dataclass(frozen=True)
class First(FromMean):
    """The strategy of a method's first round.

    Attributes:
        method: The method.
        classes: C of the head.
    """

    method: Method
    classes: int
    stateful: ClassVar[bool] = False

    def step(self, head: Head, mean: Values) -> Head:
        """See FromMean."""
        assert self.method.make is not None
        return head + np.float32(self.method.scale) * self.method.make(mean, self.classes)


class ChangingSimulator(Simulator):
    """A simulator whose clients may be given another plan before each round; they keep heads and residuals."""

    def begin_with(self, first: First) -> None:
        """Have this strategy make the head of a first round of class means."""
        self._first = first

    def train_by(self, training: LocalTraining) -> None:
        """Train by this plan from now on; the codec may not change from a lossless one to a lossy one."""
        self._codec_down = training.codec_down
        number = codec.find(training.codec_up).number
        self._trainer = replace(self._trainer, training=training, codec=number)


@dataclass(frozen=True)
class Trial:
    """The results of a method in a world with one seed, round by round.

    Attributes:
        host: Accuracy of the host's head on the test set after each round, 0 to 1.
        held: Mean accuracy of the heads that boards hold.
        wire: A board's bytes so far.
    """

    host: list[float]
    held: list[float]
    wire: list[float]

    def cost(self, target: float, accuracy: Sequence[float]) -> tuple[float, bool]:
        """Return a board's bytes to a target, and whether it is reached."""
        found = bytes_to(target, accuracy, self.wire)
        return (self.wire[-1], False) if found is None else (found, True)


def plan_of(method: Method, training: LocalTraining, number: int) -> LocalTraining:
    """Return the training of a round, with the codecs that a method has in the first two."""
    up = method.up if number == 1 else ""
    down = method.down if number <= 2 else ""
    return replace(training, codec_down=down or training.codec_down, codec_up=up or training.codec_up)


def run(method: Method, world: World, task: Task, seed: int) -> Trial:
    """Learn by a method."""
    config = RunConfig(
        data=world.data, alpha=world.alpha, seed=seed, rounds=ROUNDS, codec=method.codec, learning_rate=method.rate,
        first_round="usual" if method.make is None else CLASS_MEANS,
    )  # fmt: skip
    config, strategy = config.with_strategy(None)
    assignment = Assignment.divided(config, task, world.clients, world.least)
    usual = LocalTraining.of(config, strategy, whitened=task.whitened)
    simulator = ChangingSimulator(Rules.of(config), usual, assignment, strategy, threads=1)
    if method.make is not None:
        simulator.begin_with(First(method, task.num_classes))
    score = HeldScore(simulator.held, task, task.test, seed)
    clients, nobody = np.arange(world.clients), np.zeros(world.clients, np.bool_)
    trial, before, head = Trial([], [], []), None, initial_head(task)
    total = connection_bytes(PROFILE).wire_total * world.clients
    for number in range(1, ROUNDS + 1):
        training = plan_of(method, usual, number)
        simulator.train_by(training)
        outcome = simulator.round(number, head, clients, nobody)
        head, plan = outcome.head, training.plan(number, 0)
        total += round_bytes(training, task, number, outcome.spared, configures=plan != before)
        before = plan
        trial.host.append(evaluate(task, head, task.test).accuracy)
        trial.held.append(score.mean())
        trial.wire.append(total / world.clients)
    return trial


def round_bytes(
    training: LocalTraining, task: Task, number: int, spared: NDArray[np.bool_], *, configures: bool
) -> int:
    """Return the bytes of a round of all boards."""
    down, up = (blob_size(name, task.D, task.num_classes) for name in training.codecs)
    statistics = has_statistics(number, RunConfig().statistics_rounds)
    return sum(
        blobs_bytes(
            PROFILE, 0 if spares else down, up, statistics=statistics, configures=configures
        ).wire_total
        for spares in spared.tolist()
    )


class Bench:
    """Trials, each made once.

    Args:
        data_dir: Folder with the data of gesture.
        seeds: Seeds of all trials.
        usual: The method of usual rounds by rule, beside which others are measured.
    """

    def __init__(self, data_dir: Path | None, seeds: Sequence[int], usual: Method) -> None:
        self._seeds = seeds
        self.usual = usual
        self.task = cache(lambda name: load_task(name, data_dir))
        self.trials = cache(self._trials)

    def _trials(self, method: Method, world: World) -> list[Trial]:
        return [run(method, world, self.task(world.data), seed) for seed in self._seeds]

    def targets(self, world: World, *, plain: bool) -> list[float]:
        """Return 99 % of float32's final accuracy for each seed.

        Args:
            world: The world.
            plain: Whether float32 learns as it usually does, 5 epochs at 0.05 on plain features; else as the
                methods do, at the rate by rule on the same features.
        """
        method = Method("float32", codec="float32", rate=0.05 if plain else 0.0)
        name = f"{world.data}_plain" if plain else world.data
        return [
            SHARES[1] * (final_accuracy(trial.host) or 0.0)
            for trial in self.trials(method, replace(world, data=name))
        ]

    def costs(self, method: Method, world: World, *, plain: bool) -> tuple[Values, int]:
        """Return bytes, float64 [seeds, 2], to boards' heads and the host's; and how many of both never got there."""
        pairs = zip(self.trials(method, world), self.targets(world, plain=plain), strict=True)
        found = [[trial.cost(target, heads) for heads in (trial.held, trial.host)] for trial, target in pairs]
        never = sum(not reached for one in found for _, reached in one)
        return np.array([[cost for cost, _ in one] for one in found]), never

    def gains(self, method: Method, beside: Method, *, plain: bool) -> Values:
        """Return the logarithms of how many times fewer bytes a method takes, float64 [worlds, seeds, 2]."""
        return np.array(
            [
                np.log(self.costs(beside, world, plain=plain)[0] / self.costs(method, world, plain=plain)[0])
                for world in WORLDS
            ]
        )

    def change(self, method: Method, world: World) -> float:
        """Return the mean final accuracy beyond that of usual rounds, in points."""
        own, without = (
            np.mean([final_accuracy(trial.host) or 0.0 for trial in self.trials(one, world)])
            for one in (method, self.usual)
        )
        return 100 * float(own - without)


def row(bench: Bench, method: Method, *, plain: bool) -> list[str]:
    """Return a method's cells: its worlds, all of them, all beside usual rounds at its own rate, final accuracy."""
    cells = []
    for world, gains in zip(WORLDS, bench.gains(method, bench.usual, plain=plain), strict=True):
        costs, never = bench.costs(method, world, plain=plain)
        boards, host = np.exp(gains.mean(axis=0))
        missing = f" ({never} never)" if never else ""
        factors = "" if method == bench.usual else f": {boards:.2f}, {host:.2f}"
        cells.append(f"{np.exp(np.log(costs[:, 0]).mean()):.0f} B{factors}{missing}")
    cells.append("" if method == bench.usual else overall(bench.gains(method, bench.usual, plain=plain)))
    alone = usual_at(method.rate, method.codec)
    cells.append(overall(bench.gains(method, alone, plain=plain)) if method.make else "")
    changes = [bench.change(method, world) for world in WORLDS]
    return [*cells, f"{np.mean(changes):+.2f} ({min(changes):+.2f})"]


def overall(gains: Values) -> str:
    """Return the factors over all worlds, with their standard errors."""
    seeds = gains.mean(axis=0)
    factors = np.exp(seeds.mean(axis=0))
    errors = factors * seeds.std(axis=0, ddof=1) / np.sqrt(len(seeds))
    boards, host = (f"{factor:.2f} ± {error:.2f}" for factor, error in zip(factors, errors, strict=True))
    return f"{boards}, {host}"


def main() -> None:
    """Try each method and print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data-dir", type=Path, help="folder that gesture is read from")
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--first-seed", type=int, default=201)
    options.add_argument("--scales", type=float, nargs="+", help="try every form with these instead")
    options.add_argument("--codec", default=CODEC, help="with --scales, the codec of all rounds")
    args = options.parse_args()
    usual = usual_at(0.0, args.codec if args.scales else CODEC)
    bench = Bench(args.data_dir, range(args.first_seed, args.first_seed + args.seeds), usual)
    methods = [usual, *(scaled(args.scales, args.codec) if args.scales else METHODS)]
    document: dict[str, dict[str, list[str]]] = {}
    for plain, target in (
        (True, "float32 at 0.05, plain features"), (False, "float32, rate and features of the run"),
    ):  # fmt: skip
        names = " | ".join(world.name for world in WORLDS)
        print(
            f"| to 99 % of {target} | {names} | all | all, by the round alone | final, points (worst world) |"
        )
        print("| --- |" + " ---: |" * (len(WORLDS) + 3))
        document[target] = {}
        for method in methods:
            cells = document[target][method.name] = row(bench, method, plain=plain)
            print(f"| {method.name} | {' | '.join(cells)} |", flush=True)
        print()
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
