"""How far the fixed rule of `--budget` is from the best of a grid: mean regret over tasks, seeds and budgets.

    python benchmarks/budget_regret.py --seeds 3 --data-dir DIR
    python benchmarks/budget_regret.py --seeds 3 --data appliances --boards 6

Each cell of the grid (codec, epochs, rate, boards a round) is trained by the simulator with boards in turn. For each
budget the closed forms say how many rounds it pays; the accuracy there is that of the heads which the boards hold after
the last evaluation, the one that the budget pays, on the task's test set. Regret is the best accuracy of the grid less
that of the rule, which is below 0 where the rule is better than the whole grid. *Seed by seed*: the best is another
cell for each seed, which is partly luck. *One cell*: it is the cell that is best in the mean over the seeds. A cell
that a budget does not pay for is not in that budget's grid.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bytefed.data.task import Task
from bytefed.errors import ConfigError
from bytefed.federation.assignment import Assignment, task_of
from bytefed.federation.budget import Means, boards_on, terms_of
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules, initial_head
from bytefed.ledger.air import AirTable
from bytefed.ledger.budget import RULE
from bytefed.ledger.budget_plan import plan
from bytefed.ledger.estimate import link_profile
from bytefed.seeds import select_fairly
from bytefed.simulation.held_heads import HeldScore
from bytefed.simulation.simulator import Simulator
from bytefed.simulation.sweep_run import STANDARD

TASKS = tuple(task for task in STANDARD if task not in ("appliances", "cifar10"))
"""The standard tasks without appliances, which ten boards can't share, and cifar10, which is trained on first use."""
CODECS = ("float32", "onebit", "stc10")
EPOCHS = (1, 5, 20)
RATES = (0.05, 0.2)
FRACTIONS = (1.0, 0.3)
BUDGETS = (250, 600, 1000, 2000, 5000, 10_000, 20_000)
LEAST = {"open": 250, "sealed": 600}
"""Bytes of the smallest budget of each kind of link."""


class Cell(NamedTuple):
    """A cell of the grid; epochs of 0 are those by the rule, other ones for each budget."""

    codec: str
    epochs: int
    rate: float
    fraction: float

    def __str__(self) -> str:
        epochs = f"E={self.epochs}" if self.epochs else "E by rule"
        return f"{self.codec}, {epochs}, rate {self.rate:g}, {100 * self.fraction:g} %"


GRID = [Cell(*values) for values in itertools.product(CODECS, EPOCHS, RATES, FRACTIONS)]
CHOSEN = Cell(RULE["codec"], 0, RULE["learning_rate"], RULE["fraction_train"])
Paid = dict[tuple[str, int], tuple[int, int]]
"""Security and budget to the number of rounds that are paid for, and the epochs in each."""


def configuration(cell: Cell, data: str, seed: int, args: argparse.Namespace) -> RunConfig:
    """Return the configuration of a trial."""
    return RunConfig(
        data=data, data_dir=args.data_dir, seed=seed, alpha=args.alpha, codec=cell.codec, local_epochs=cell.epochs,
        learning_rate=cell.rate, fraction_train=cell.fraction, central=False,
    )  # fmt: skip


def rounds_paid(config: RunConfig, task: Task, args: argparse.Namespace) -> Paid:
    """Return the rounds that each budget pays for on open and sealed links; those that pay for none are left out."""
    paid: Paid = {}
    count = Rules.of(config).count(args.boards)
    for security, least in LEAST.items():
        profile = link_profile("ble", args.mtu, sealed=security == "sealed")
        for budget in (budget for budget in BUDGETS if budget >= least):
            asked = RunConfig(**{**vars(config), "rounds": 0, "budget": f"{budget}B"})
            means = Means.of(asked, (task.D, task.num_classes), AirTable.load())
            if means is None:
                raise AssertionError("a budget was given")
            links, samples = np.zeros(args.boards, np.int64), np.ones(args.boards, np.int64)
            try:
                found = plan(
                    means.budget, boards_on(means, [profile], links, samples), terms_of(asked, count)
                )
            except ConfigError as error:
                if error.code != "E_BUDGET_TOO_SMALL":
                    raise
                continue
            if found.worst > budget:
                raise AssertionError(f"{config}: {found.worst} B of {budget}")
            paid[security, budget] = found.rounds, config.local_epochs or means.budget.epochs(found.turns)
    return paid


def held_after(config: RunConfig, task: Task, rounds: set[int], boards: int) -> dict[int, float]:
    """Train, and return for each number of rounds the accuracy of what the boards hold if the run ends there."""
    config, strategy = config.with_strategy(None)
    training = LocalTraining.of(config, strategy, whitened=task.whitened)
    assignment, rules = Assignment.divided(config, task, boards), Rules.of(config)
    simulator = Simulator(rules, training, assignment, strategy, threads=1)
    head, everyone = initial_head(task), np.arange(boards, dtype=np.int64)
    turns = np.zeros(boards, np.int64)
    scores: dict[int, float] = {}
    for number in range(1, max(rounds, default=0) + 1):
        chosen = select_fairly(config.seed, number, everyone, rules.count(boards), turns)
        turns[chosen] += 1
        head = simulator.round(number, head, np.array(chosen, np.int64), np.zeros(len(chosen), np.bool_)).head
        if number in rounds:
            last = copy.deepcopy(simulator.held)
            last.deliver(number, head, training.codec_down, everyone)
            scores[number] = HeldScore(last, task, task.test, config.seed).mean()
    return scores


def trials(args: argparse.Namespace) -> Iterator[tuple[str, int, Cell, dict[tuple[str, int], float]]]:
    """Yield task, seed, cell, and the accuracy at each budget on each kind of link."""
    for data in args.data:
        task = task_of(RunConfig(data=data, data_dir=args.data_dir))
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            for cell in (*GRID, CHOSEN):
                config = configuration(cell, data, seed, args)
                paid = rounds_paid(config, task, args)
                scores = {
                    epochs: held_after(
                        replace(config, local_epochs=epochs), task,
                        {rounds for rounds, each in paid.values() if each == epochs}, args.boards,
                    )
                    for epochs in {epochs for _, epochs in paid.values()}
                }  # fmt: skip
                yield data, seed, cell, {at: scores[epochs][rounds] for at, (rounds, epochs) in paid.items()}


Results = Mapping[tuple[str, int, str, int], Mapping[Cell, float]]
"""Task, seed, security and budget to the accuracies of the cells."""


def regrets(results: Results, cell: Cell) -> dict[tuple[str, str], list[float]]:
    """Return task and security to the regret of a cell, in points, at each budget and seed where the rule is paid.

    Where the cell itself is not paid, the boards hold zeros: their regret is all of the best accuracy.
    """
    found = defaultdict(list)
    for (data, _, security, _), cells in results.items():
        if paid_for(cells):
            found[data, security].append(100 * (best_of(cells) - cells.get(cell, 0.0)))
    return found


def paid_for(cells: Mapping[Cell, float]) -> bool:
    """Return whether a budget pays for any cell of the grid."""
    return any(cell in cells for cell in GRID)


def best_of(cells: Mapping[Cell, float]) -> float:
    """Return the best accuracy of the grid."""
    return max(cells[cell] for cell in GRID if cell in cells)


def means(results: Results) -> Results:
    """Return the accuracies as means over the seeds, of the cells that every seed has, as if of one seed."""
    seeds = {seed for _, seed, _, _ in results}
    found: dict[tuple[str, int, str, int], dict[Cell, float]] = {}
    for data, security, budget in {(data, security, budget) for data, _, security, budget in results}:
        each = [
            results[data, seed, security, budget]
            for seed in seeds
            if (data, seed, security, budget) in results
        ]
        common = set.intersection(*(set(cells) for cells in each)) if len(each) == len(seeds) else set()
        found[data, 0, security, budget] = {cell: fmean(cells[cell] for cells in each) for cell in common}
    return found


def show(results: Results, tasks: Sequence[str]) -> None:
    """Print the regret of the rule by task and budget, and that of the best fixed cells."""
    own, one = regrets(results, CHOSEN), regrets(means(results), CHOSEN)
    print(f"The rule: {CHOSEN}. Regret in points, mean over seeds; the best of the grid in brackets, %.\n")
    for security, least in LEAST.items():
        budgets = [budget for budget in BUDGETS if budget >= least]
        named = " | ".join(f"{budget:,} B" for budget in budgets)
        print(f"| {security} | {named} | seed by seed | worst | one cell |")
        print("| --- |" + " ---: |" * (len(budgets) + 3))
        for data in tasks:
            line = []
            for budget in budgets:
                at = [
                    cells
                    for (task, _, link, most), cells in results.items()
                    if (task, link, most) == (data, security, budget) and paid_for(cells)
                ]
                lost = [100 * (best_of(cells) - cells.get(CHOSEN, 0.0)) for cells in at]
                line.append(f"{fmean(lost):.2f} ({100 * fmean(map(best_of, at)):.1f})" if at else "-")
            values = own[data, security]
            whole = f"{fmean(values):.2f} | {max(values):.2f} | {fmean(one[data, security]):.2f}"
            print(f"| {data} | {' | '.join(line)} | {whole} |")
        print()
    all_own, all_one = (fmean(itertools.chain(*found.values())) for found in (own, one))
    print(f"Mean regret over all: {all_own:.2f} points seed by seed, {all_one:.2f} beside one cell.\n")
    print("| choice | seed by seed | worst task | one cell |\n| --- | ---: | ---: | ---: |")
    averaged = means(results)
    ranked = sorted(
        (fmean(itertools.chain(*regrets(results, cell).values())), cell) for cell in (*GRID, CHOSEN)
    )
    for mean, cell in [*ranked[:6], ranked[-1]]:
        worst = max(fmean(values) for values in regrets(results, cell).values())
        beside = fmean(itertools.chain(*regrets(averaged, cell).values()))
        print(f"| {cell} | {mean:.2f} | {worst:.2f} | {beside:.2f} |")


def main() -> int:
    """Run the grid and print its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=TASKS, help=f"tasks (default: {' '.join(TASKS)})")
    parser.add_argument("--data-dir", default="", help="folder that data sets are read from")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each cell (default: 3)")
    parser.add_argument("--first-seed", type=int, default=101, help="the first of them (default: 101)")
    parser.add_argument("--boards", type=int, default=10)
    parser.add_argument("--alpha", type=float, default=0.5, help="Dirichlet concentration (default: 0.5)")
    parser.add_argument("--mtu", type=int, default=247, help="ATT MTU of the BLE link (default: 247)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every accuracy there")
    args = parser.parse_args()
    began, total = time.monotonic(), len(args.data) * args.seeds * (len(GRID) + 1)
    results: dict[tuple[str, int, str, int], dict[Cell, float]] = defaultdict(dict)
    for done, (data, seed, cell, scores) in enumerate(trials(args), 1):
        for (security, budget), accuracy in scores.items():
            results[data, seed, security, budget][cell] = accuracy
        print(f"\r{done} of {total} trials, {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    show(results, args.data)
    if args.json:
        rows = [[*key, str(cell), value] for key, cells in results.items() for cell, value in cells.items()]
        args.json.write_text(json.dumps(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
