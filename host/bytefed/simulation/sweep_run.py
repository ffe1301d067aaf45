"""Runs a sweep: makes the trials of a grid that are still missing, and writes one table of what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bytefed import codec
from bytefed.data import TASKS, Task, load_task
from bytefed.errors import ConfigError, DataError, check_range
from bytefed.federation.assignment import Assignment, natural_clients
from bytefed.federation.config import RunConfig
from bytefed.federation.private import require_samples
from bytefed.federation.summed import require_boards
from bytefed.head import parameters
from bytefed.ledger.air import AirTable
from bytefed.ledger.estimate import check_ranges, link_profile
from bytefed.ledger.mask_work import encoding_instructions, hiding_instructions
from bytefed.ledger.wire_size import CODECS, LinkProfile, connection_bytes
from bytefed.ledger.work import COUNTED
from bytefed.masks.form import CODECS as SUMMED
from bytefed.runs.directory import coded_errors, refuse_impossible
from bytefed.simulation.client_sums import CLIENTS
from bytefed.simulation.prices import Prices
from bytefed.simulation.references import COMPARISONS, Comparison, compare, plain, with_references
from bytefed.simulation.sweep import (
    COSTS,
    TABLE,
    Cells,
    Row,
    Setting,
    Trial,
    Trials,
    grid,
    left_out,
    recommend,
    summarize,
    write_table,
)
from bytefed.simulation.trial import run_trial, summed_form

STANDARD = (
    "digits",
    "digits04",
    "gesture",
    "motion",
    "vowels",
    "leaves",
    "appliances",
    "keywords",
    "cifar10",
)
"""The tasks that "standard" stands for: easy ones, and those on which methods fail."""
BOARDS = 10
"""Boards where nobody says how many, and the data's owners are not the boards."""

_DIRECTORY = "--sweep-dir"
_STANDARD = "standard"
_NOT_HERE = (
    "E_DATA_MISSING",
    "E_CONFIG_EXTRA",
    "E_PARTITION_CLIENTS",
    "E_PARTITION_NATURAL",
    "E_PARTITION_UNREACHABLE",
    "E_PARTITION_TEST",
)


@dataclass(frozen=True)
class SweepPlan:
    """The plan of a sweep.

    Attributes:
        settings: The cells of the grid, as ``grid`` makes them: float32 is among them for each.
        seeds: What each cell is tried with, at least one.
        base: All that the grid does not vary.
        clients: Boards, at least 1; None for the data's owners where these are the boards, else for BOARDS.
        profile: The link whose bytes count.
        link: The link's name in trials.jsonl.
        directory: Where trials and table are kept; trials that are there already are not made again.
        data_dir: Folder with the raw data of tasks that bytefed doesn't ship.
        references: Whether each setting is also compared with float32 as it is usually trained and at its best, on
            plain features and on its own; see ``references``.
        air_table: Radio settings, currents and processor; None for those of an nRF52840.
        optional: Tasks that are left out, and said so, where their data aren't there or too few for so many boards.
    """

    settings: Sequence[Setting]
    seeds: Sequence[int]
    base: RunConfig
    clients: int | None
    profile: LinkProfile
    link: str
    directory: Path
    data_dir: Path | None = None
    references: bool = False
    air_table: Path | None = None
    optional: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_range("--seeds", len(self.seeds), 1, 10_000)
        if self.clients is not None:
            check_range("--clients", self.clients, 1, 10_000_000)

    def boards(self, task: Task) -> int:
        """Return the number of boards that learn a task."""
        return self.clients or natural_clients(self.base, task) or BOARDS

    @property
    def cells(self) -> Sequence[Setting]:
        """The settings, and behind them the references that are to be tried besides."""
        return with_references(self.settings) if self.references else self.settings


@dataclass(frozen=True)
class SweepTable:
    """The result of a sweep.

    Attributes:
        rows: One for each cell of the grid, over all seeds.
        recommended: The codec that the boards' own test samples speak for, by the cost that is to be least: "bytes",
            and on a BLE link "air time" and "energy"; see ``recommend``. Empty where all codecs are out, and where
            boards train with noise: they have no such samples, and nothing is chosen on the global test set.
        path: The same rows as CSV.
        comparisons: Each cell beside all its references, over all seeds; empty if none were asked for.
        comparisons_path: The comparisons as CSV; None if none were asked for.
        skipped: The reason for each optional task that was left out, by its name.
        out: The reason for each codec that can't be recommended, by its name; see ``left_out``.
    """

    rows: Sequence[Row]
    recommended: Mapping[str, str]
    path: Path
    comparisons: Sequence[Comparison] = ()
    comparisons_path: Path | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    out: Mapping[str, str] = field(default_factory=dict)


def plan_sweep(
    axes: Mapping[str, Iterable[Any]],
    base: RunConfig,
    *,
    seeds: Sequence[int],
    clients: int | None,
    link: str,
    mtu: int,
    sealed: bool = True,
    directory: Path,
    data_dir: Path | None = None,
    references: bool = False,
    air_table: Path | None = None,
) -> SweepPlan:
    """Plan a sweep over all combinations of values.

    Args:
        axes: Values by the names of the fields of ``Setting``, all of them; no codec stands for every one, or every
            one that can be summed where `base` has secure sums, and the task "standard" for all of STANDARD.
        base: All that the grid does not vary.
        seeds: See ``SweepPlan``.
        clients: See ``SweepPlan``.
        directory: See ``SweepPlan``.
        data_dir: See ``SweepPlan``.
        link: "serial" or "ble".
        mtu: ATT MTU of a BLE link, 23 to 517; 65 at least where it is sealed.
        sealed: Whether boards and host share keys.
        references: See ``SweepPlan``.
        air_table: See ``SweepPlan``.

    Raises:
        ConfigError: E_CONFIG_RANGE, E_CONFIG_CHOICE, E_CONFIG_STRATEGY, E_CONFIG_PRIVACY, E_MTU_SMALL.
    """
    check_ranges({"mtu": mtu})
    if base.dp and references:
        raise ConfigError(
            "E_CONFIG_PRIVACY", "References are trained without noise.", "Leave out --references, or --dp."
        )
    profile = link_profile(link, mtu, sealed=sealed)
    name = f"{link if link == 'serial' else f'{link}/{mtu}'} {profile.security}"
    data = [*axes["data"]]
    optional = frozenset(STANDARD).difference(data) if _STANDARD in data else frozenset[str]()
    tasks = [task for one in data for task in (STANDARD if one == _STANDARD else (one,))]
    if base.dp:  # by rule: one pass with noise a round, at the rate of the base
        axes = {
            **axes,
            "local_epochs": [epochs or base.local_epochs for epochs in axes["local_epochs"]],
            "learning_rate": [rate or base.learning_rate for rate in axes["learning_rate"]],
        }
    every = SUMMED if base.secure_sum else CODECS
    axes = {**axes, "codec": [*axes["codec"]] or [*every], "data": tasks}
    settings = grid(axes)
    return SweepPlan(
        settings, seeds, base, clients, profile, name, directory, data_dir, references, air_table, optional
    )


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
    table = AirTable.load(plan.air_table)
    plan, tasks, skipped = _loaded(plan)
    _check(plan)
    with coded_errors(plan.directory, _DIRECTORY, "start it again: it goes on where it stood"):
        cells = _priced(plan, tasks, table, _try_all(plan, tasks, progress))
        rows = [_row(plan, setting, cells, tasks[setting.data]) for setting in plan.settings]
        write_table(plan.directory / TABLE, Row, rows)
        asked = {setting: cells[setting] for setting in plan.settings}
        out = {} if plan.base.dp else left_out(asked)
        recommended = {} if plan.base.dp else _recommended(plan, asked)
        found = SweepTable(rows, recommended, plan.directory / TABLE, skipped=skipped, out=out)
        return _compared(plan, cells, found) if plan.references else found


def _recommended(plan: SweepPlan, cells: Cells) -> dict[str, str]:
    """Return the codec to take by each cost that is known."""
    known = {
        "wire": True,
        "air": plan.profile.framing == "ble",
        "energy": plan.profile.framing == "ble",
    }
    found = {name: recommend(cells, cost) for name, cost in COSTS.items() if known[cost]}
    return {name: codec for name, codec in found.items() if codec}


def _compared(plan: SweepPlan, cells: Cells, found: SweepTable) -> SweepTable:
    """Return the table with the comparisons, and write them."""
    handshake = connection_bytes(plan.profile).handshake
    rows = [row for setting in plan.settings for row in compare(setting, cells, handshake)]
    path = plan.directory / COMPARISONS
    write_table(path, Comparison, rows)
    return replace(found, comparisons=rows, comparisons_path=path)


def _priced(plan: SweepPlan, tasks: Mapping[str, Task], table: AirTable, cells: Cells) -> Cells:
    """Return the trials with their air time and energy."""
    found = {}
    for setting, trials in cells.items():
        task = tasks[setting.data]
        shape = (task.D, task.num_classes)
        summed = summed_form(replace(plan.base, codec=setting.codec), *shape, plan.boards(task))
        prices = Prices.of(
            plan.profile, table, setting.codec, *shape, noises=bool(plan.base.dp), summed=summed
        )
        found[setting] = [trial.priced(prices) for trial in trials]
    return found


def _loaded(plan: SweepPlan) -> tuple[SweepPlan, dict[str, Task], dict[str, str]]:
    """Return the plan without the optional tasks that can't be tried, the tasks, and why those can't.

    A grid with another cell that can't be tried is refused, before hours have gone into the rest.
    """
    tasks: dict[str, Task] = {}
    skipped: dict[str, str] = {}
    first: ConfigError | DataError | None = None
    names = list(dict.fromkeys(setting.data for setting in plan.settings))
    for name in names:
        try:
            if name in plan.optional and plan.data_dir is None and name in TASKS and TASKS[name].made_on_use:
                raise _not_fetched(name)
            for one in {name, plain(name)} if plan.references else {name}:
                tasks[one] = load_task(one, plan.data_dir)
            _check_division(plan, name, tasks[name])
        except (ConfigError, DataError) as error:
            if name not in plan.optional or error.code not in _NOT_HERE:
                raise
            skipped[name], first = str(error), first or error
    if first and len(skipped) == len(names):
        raise first
    kept = [setting for setting in plan.settings if setting.data not in skipped]
    return replace(plan, settings=kept), tasks, skipped


def _check_division(plan: SweepPlan, name: str, task: Task) -> None:
    """Refuse a task that can't be divided among the boards in each way that the grid wants, or too few boards."""
    for each in dict.fromkeys(setting.codec for setting in plan.settings):
        require_boards(replace(plan.base, codec=each), plan.boards(task), CLIENTS)
    for alpha in dict.fromkeys(setting.alpha for setting in plan.settings if setting.data == name):
        for seed in plan.seeds:
            config = replace(plan.base, data=name, alpha=alpha, seed=seed)
            require_samples(config, Assignment.divided(config, task, plan.boards(task)).trained)


def _not_fetched(name: str) -> DataError:
    return DataError(
        "E_DATA_MISSING", f"The data of {name} have to be downloaded.", "Name a --data-dir that holds them."
    )


def _check(plan: SweepPlan) -> None:
    """Refuse a grid with a setting that no run can have."""
    for setting in plan.cells:
        replace(plan.base, **asdict(setting)).with_strategy(None)


def _try_all(plan: SweepPlan, tasks: Mapping[str, Task], progress: SweepProgress) -> Cells:
    boards = {name: plan.boards(task) for name, task in tasks.items()}
    trials = Trials(plan.directory, plan.base, boards, plan.link)
    cells: dict[Setting, list[Trial]] = {setting: [] for setting in plan.cells}
    total = len(plan.cells) * len(plan.seeds)
    for done, (setting, seed) in enumerate(_pairs(plan)):
        progress(setting, done, total)
        trial = trials.get(setting, seed)
        if trial is None:
            config = replace(plan.base, **asdict(setting), seed=seed)
            outcome = run_trial(config, tasks[setting.data], boards[setting.data], plan.profile)
            trial = Trial.of(outcome, boards[setting.data])
            trials.add(setting, seed, trial)
        cells[setting].append(trial)
    return cells


def _pairs(plan: SweepPlan) -> Iterable[tuple[Setting, int]]:
    return ((setting, seed) for setting in plan.cells for seed in plan.seeds)


def _row(plan: SweepPlan, setting: Setting, cells: Cells, task: Task) -> Row:
    row = summarize(setting, parameters(task.D, task.num_classes), cells)
    if plan.base.dp:
        row = replace(row, dp=plan.base.dp, epsilon=plan.base.epsilon, delta=plan.base.delta)
    summed = summed_form(replace(plan.base, codec=setting.codec), *COUNTED, plan.boards(task))
    if summed is None:
        return row
    hidden = encoding_instructions(summed) + hiding_instructions(summed)
    return replace(row, instructions=round(codec.instructions(setting.codec, encodes=False) + hidden))
