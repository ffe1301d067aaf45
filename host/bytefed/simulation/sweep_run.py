"""Runs a sweep: makes the trials of a grid that are still missing, and writes one table of what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bytefed.data import Task, load_task
from bytefed.errors import check_range
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig
from bytefed.head import parameters
from bytefed.ledger.estimate import check_ranges, link_profile
from bytefed.ledger.wire_size import CODECS, LinkProfile
from bytefed.runs.directory import coded_errors, refuse_impossible
from bytefed.simulation.sweep import (
    TABLE,
    Cells,
    Row,
    Setting,
    Trial,
    Trials,
    grid,
    recommend,
    summarize,
    write_table,
)
from bytefed.simulation.trial import run_trial

_DIRECTORY = "--sweep-dir"


@dataclass(frozen=True)
class SweepPlan:
    """The plan of a sweep.

    Attributes:
        settings: The cells of the grid, as ``grid`` makes them: float32 is among them for each.
        seeds: What each cell is tried with, at least one.
        base: All that the grid does not vary.
        clients: Boards, at least 1.
        profile: The link whose bytes count.
        link: The link's name in trials.jsonl.
        directory: Where trials and table are kept; trials that are there already are not made again.
        data_dir: Folder with the raw data of tasks that bytefed doesn't ship.
    """

    settings: Sequence[Setting]
    seeds: Sequence[int]
    base: RunConfig
    clients: int
    profile: LinkProfile
    link: str
    directory: Path
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        check_range("--seeds", len(self.seeds), 1, 10_000)
        check_range("--clients", self.clients, 1, 10_000_000)


@dataclass(frozen=True)
class SweepTable:
    """The result of a sweep.

    Attributes:
        rows: One for each cell of the grid, over all seeds.
        recommended: The codec that the boards' own test samples speak for; see ``recommend``.
        path: The same rows as CSV.
    """

    rows: Sequence[Row]
    recommended: str
    path: Path


def plan_sweep(
    axes: Mapping[str, Iterable[Any]],
    base: RunConfig,
    *,
    seeds: Sequence[int],
    clients: int,
    link: str,
    mtu: int,
    sealed: bool = True,
    directory: Path,
    data_dir: Path | None = None,
) -> SweepPlan:
    """Plan a sweep over all combinations of values.

    Args:
        axes: Values by the names of the fields of ``Setting``, all of them; no codec stands for every one.
        base: All that the grid does not vary.
        seeds: See ``SweepPlan``.
        clients: See ``SweepPlan``.
        directory: See ``SweepPlan``.
        data_dir: See ``SweepPlan``.
        link: "serial" or "ble".
        mtu: ATT MTU of a BLE link, 23 to 517; 65 at least where it is sealed.
        sealed: Whether boards and host share keys.

    Raises:
        ConfigError: E_CONFIG_RANGE, E_CONFIG_CHOICE, E_CONFIG_STRATEGY, E_MTU_SMALL.
    """
    check_ranges({"mtu": mtu})
    profile = link_profile(link, mtu, sealed=sealed)
    name = f"{link if link == 'serial' else f'{link}/{mtu}'} {profile.security}"
    axes = {**axes, "codec": [*axes["codec"]] or [*CODECS]}
    return SweepPlan(grid(axes), seeds, base, clients, profile, name, directory, data_dir)


SweepProgress = Callable[[Setting, int, int], None]
"""Is called before each trial with its setting, how many trials are done, and how many there are."""


def run_sweep(plan: SweepPlan, progress: SweepProgress) -> SweepTable:
    """Make the trials that are missing and write the table.

    Args:
        plan: What to try.
        progress: Is told before each trial.

    Raises:
        ConfigError: A cell can't be tried; said before the first trial.
        DataError, ModelError: As ``load_task``.
        StoreError: E_RUN_DIRECTORY, E_RUN_READ_ONLY, E_DISK_FULL or E_RUN_IO for the sweep's directory.
    """
    refuse_impossible(plan.directory, _DIRECTORY)
    tasks = {name: load_task(name, plan.data_dir) for name in {setting.data for setting in plan.settings}}
    _check(plan, tasks)
    with coded_errors(plan.directory, _DIRECTORY, "start it again: it goes on where it stood"):
        cells = _try_all(plan, tasks, progress)
        rows = [_row(setting, cells, tasks[setting.data]) for setting in plan.settings]
        write_table(plan.directory / TABLE, rows)
    return SweepTable(rows, recommend(cells), plan.directory / TABLE)


def _check(plan: SweepPlan, tasks: Mapping[str, Task]) -> None:
    """Refuse a grid with a cell that can't be tried, before hours have gone into the others."""
    divisions: dict[tuple[str, float], RunConfig] = {}
    for setting in plan.settings:
        config = replace(plan.base, **asdict(setting))
        config.with_strategy(None)
        divisions[setting.data, setting.alpha] = config
    for config in divisions.values():
        for seed in plan.seeds:
            Assignment.divided(replace(config, seed=seed), tasks[config.data], plan.clients)


def _try_all(plan: SweepPlan, tasks: Mapping[str, Task], progress: SweepProgress) -> Cells:
    trials = Trials(plan.directory, plan.base, plan.clients, plan.link)
    cells: dict[Setting, list[Trial]] = {setting: [] for setting in plan.settings}
    total = len(plan.settings) * len(plan.seeds)
    for done, (setting, seed) in enumerate(_pairs(plan)):
        progress(setting, done, total)
        trial = trials.get(setting, seed)
        if trial is None:
            config = replace(plan.base, **asdict(setting), seed=seed)
            outcome = run_trial(config, tasks[setting.data], plan.clients, plan.profile)
            trial = Trial.of(outcome, plan.clients)
            trials.add(setting, seed, trial)
        cells[setting].append(trial)
    return cells


def _pairs(plan: SweepPlan) -> Iterable[tuple[Setting, int]]:
    return ((setting, seed) for setting in plan.settings for seed in plan.seeds)


def _row(setting: Setting, cells: Cells, task: Task) -> Row:
    return summarize(setting, parameters(task.D, task.num_classes), cells)
