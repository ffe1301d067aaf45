"""A whole run: from a configuration, or a run directory, to summary.json.

``open_run`` is the one place that puts a run's parts together; a gateway uses it, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bytefed.boards.open import VirtualOptions, look_for, open_devices
from bytefed.boards.virtual import BoardKind
from bytefed.data import Task
from bytefed.device.device import Device
from bytefed.errors import ConfigError
from bytefed.events import AlreadyComplete, DataRemark, Listener, Preparing, RunEnded
from bytefed.federation.admission import Samplings, new_budgets
from bytefed.federation.assignment import Assignment, task_of
from bytefed.federation.budget import Means, announced, planned, spent_summary
from bytefed.federation.closing import Closing
from bytefed.federation.config import RunConfig
from bytefed.federation.coordinator import Coordinator, Schedule
from bytefed.federation.evaluation import central_accuracy
from bytefed.federation.findings import findings, findings_held
from bytefed.federation.fleet import Fleet, Opened, Taken, check_all, connect_all, privacy_budgets, take
from bytefed.federation.handed_over import refuse_unnamed, require_named
from bytefed.federation.held import NOTED, HeldSamples, HeldTask, learns_from_boards, refuse_started
from bytefed.federation.interrupts import interruptible
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.news import run_started
from bytefed.federation.private import require_samples
from bytefed.federation.purses import Purses, connected_boards
from bytefed.federation.requirements import Requirements
from bytefed.federation.rules import Rules
from bytefed.federation.secure_sum import SecureSum, sums_summary
from bytefed.federation.start import began_with, first_head
from bytefed.federation.summed import require_boards, require_links
from bytefed.head import Head
from bytefed.ledger.air import AirTable
from bytefed.ledger.budget import Loads
from bytefed.ledger.rows import SESSION_PHASES
from bytefed.ledger.wire_size import blob_size
from bytefed.private_files import make_file
from bytefed.runs.csv_files import Records, totals
from bytefed.runs.directory import (
    RESOLVED,
    coded_errors,
    default_directory,
    refuse_existing,
    refuse_impossible,
    versions,
)
from bytefed.runs.numbers import new_run
from bytefed.runs.store import Store
from bytefed.runs.summary import (
    LAST_ROUND,
    Result,
    Subject,
    Summary,
    command_line,
    complete_summary,
    write_summary,
)
from bytefed.seeds import training_seed
from bytefed.strategies.base import Strategy
from bytefed.strategies.registry import describe
from bytefed.transport.faults import Faults

PLAN = "budget plan"
"""The key under which the store keeps what the budget of its run pays for."""
_SMALLEST_STORE = 500
_LARGEST_STORE = 65_535


@dataclass(frozen=True)
class Experiment:
    """The subject of a run: all that its configuration names, found and loaded.

    Attributes:
        config: The configuration.
        strategy: What makes a new head of a round's deltas.
        air: How BLE links and boards are set up.
        assignment: The task, and who gets which samples of it.
        plan: The plan of its budget, once that is known; None for a run without one.
    """

    config: RunConfig
    strategy: Strategy
    air: AirTable
    assignment: Samplings
    plan: Mapping[str, Any] | None = None

    @property
    def means(self) -> Means | None:
        """The prices of operations; None for a run without one."""
        # Boards that learn from what they hold have not told yet: no head is smaller than this one.
        shape = (self.task.D, self.task.num_classes) if self.task.D else (1, 2)
        return Means.of(self.config, shape, self.air)

    @property
    def task(self) -> Task | HeldTask:
        """The task that is learnt."""
        return self.assignment.task

    @property
    def training(self) -> LocalTraining:
        """The local training of all boards."""
        return LocalTraining.of(self.config, self.strategy, whitened=self.task.whitened)


@dataclass(frozen=True)
class NewRun:
    """A run that is about to begin.

    Attributes:
        directory: Its directory, must not hold a run.
        number: Its number, 1 to 2^32 - 1.
        head: float32 [P], the head that it begins with; None for the one that its configuration names, where what is
            learnt is known only once the boards are connected.
        first: Number of its first client.
    """

    directory: Path
    number: int
    head: Head | None
    first: int = 0


@dataclass(frozen=True)
class OpenRun:
    """The parts of a run whose directory is open, put together.

    Attributes:
        experiment: The run's subject; with the rounds that a budget pays, where there is one.
        gather: Gives the boards their samples; to be called once, before the first round.
    """

    experiment: Experiment
    store: Store
    fleet: Fleet
    records: Records
    training: LocalTraining
    coordinator: Coordinator
    closing: Closing
    gather: Callable[[], Awaitable[None]]

    async def work(self) -> bool:
        """Gather the boards and run the rounds that are left; see ``Coordinator.run``."""
        await self.gather()
        return await self.coordinator.run()

    async def leave(self) -> None:
        """Leave a directory in which all files agree."""
        await self.coordinator.end_work()
        await self.fleet.close()
        self.records.rewrite()


async def open_run(
    experiment: Experiment, where: NewRun | Store, devices: Sequence[Device], listener: Listener
) -> OpenRun:
    """Put the parts of a run together.

    Args:
        experiment: The task, its division and the configuration of the run.
        where: A run to begin with all boards, or the store of one to go on with, with those that can be reached.
        devices: The boards, not connected yet.
        listener: Is told what happens.

    Returns:
        The run. Its store is the caller's to close.

    Raises:
        LinkError, ProtocolError, BoardError: As ``connect_all``, for a run that begins.
        StoreError: The directory can't be used.
        ConfigError: E_CONFIG_RESUME for another strategy than the run began with; E_MTU_SMALL.
    """
    purses = Purses(experiment.means)
    opened: list[Opened] | None = None
    if isinstance(where, NewRun):
        require_boards(experiment.config, len(devices))
        purses.lend_first_connections(devices)
        seconds = await connect_all(devices, where.number)
        connections = [device.unbooked()[0] for device in devices]
        experiment, taken = await _met(experiment, devices, where.first)
        opened = list(zip(seconds, taken, strict=True))
        purses.reshape((experiment.task.D, experiment.task.num_classes))
        experiment = planned_experiment(experiment, devices, connections, listener)
        store = _create(experiment, where, devices)
    else:
        store = where
        codecs, task = experiment.config.codecs, experiment.task
        store.repair(experiment.config.codec, blob_size(codecs[1], task.D, task.num_classes))
    config, task = experiment.config, experiment.task
    requirements = Requirements.of(task, config.batch_size)
    try:
        _keep(experiment, store)
        purses.load(store)
        fleet = Fleet(
            store, experiment.assignment, requirements, config.codec, listener, experiment.air, purses
        )
        records = Records(store)
        rules, training = Rules.of(config), experiment.training
        ending = Closing(task, rules, training, experiment.strategy, store, listener, sums=config.secure_sum)
        sums = SecureSum.of(config, rules, training, fleet, store, listener)
        coordinator = Coordinator(
            Schedule(config.rounds, config.deadline, config.statistics_rounds),
            rules, training, fleet, ending, store, records, listener, sums,
        )  # fmt: skip
    except BaseException:
        if store is not where:
            store.close()
        raise

    async def gather() -> None:
        await (fleet.join_all(devices) if opened is None else fleet.admit_all(devices, opened))

    return OpenRun(experiment, store, fleet, records, training, coordinator, ending, gather)


async def _met(
    experiment: Experiment, devices: Sequence[Device], first: int
) -> tuple[Experiment, Sequence[Taken | None]]:
    """Return the subject of a run that begins, now that its boards are connected, if all of them can take part.

    And what connecting took, where more was asked of the boards since.
    """
    taken: list[Taken | None] = [None] * len(devices)
    if isinstance(experiment.assignment, HeldSamples):
        taken = [take(device) for device in devices]
        experiment = replace(experiment, assignment=await HeldSamples.met(devices))
    require_links(experiment.config, devices)
    requirements = Requirements.of(experiment.task, experiment.config.batch_size)
    check_all(devices, requirements, experiment.assignment, first)
    require_samples(experiment.config, experiment.assignment.trained)
    return experiment, taken


def planned_experiment(
    experiment: Experiment, devices: Sequence[Device], connections: Sequence[Loads], listener: Listener
) -> Experiment:
    """Plan the rounds that the budget of a run pays, now that its boards are connected; and say what they will take.

    Raises:
        ConfigError: E_BUDGET_TOO_SMALL, E_BUDGET_LINK.
    """
    means, config, assignment = experiment.means, experiment.config, experiment.assignment
    if means is None:
        return experiment
    if isinstance(assignment, HeldSamples):
        samples = [device.stored.train for device in devices]
    else:
        partition = assignment.partition
        samples = (partition.sizes - partition.test_sizes)[: len(devices)].tolist()
    boards = connected_boards(means, devices, samples, connections)
    config, found = planned(config, means, Rules.of(config).count(len(devices)), boards)
    listener(announced(config, found))
    return replace(experiment, config=config, plan=found.document())


def _create(experiment: Experiment, new: NewRun, devices: Sequence[Device]) -> Store:
    return Store.create(
        new.directory,
        new.number,
        first_head(experiment.config.head, experiment.task) if new.head is None else new.head,
        experiment.config.to_toml(),
        versions(),
        boards=[(device.name, device.profile.name, device.profile.security) for device in devices],
        first=new.first,
    )


def _keep(experiment: Experiment, store: Store) -> None:
    """Keep the configuration with the run, and make sure that the strategy is the one that it began with."""
    strategy, before = describe(experiment.strategy), store.meta("strategy")
    if before not in ("", strategy):
        raise ConfigError(
            "E_CONFIG_RESUME",
            f"The strategy can't change within a run: it began with {before}, and this is {strategy}.",
            "Give the same strategy to the resumed run, or start a new run.",
        )
    with store.one_transaction():
        store.set_meta("config", experiment.config.to_toml())
        store.sign()
        store.set_meta("strategy", strategy)
        if isinstance(experiment.task, HeldTask):
            store.set_meta(NOTED, experiment.task.note())
        if experiment.plan is not None:
            store.set_meta(PLAN, json.dumps(experiment.plan))
        store.set_meta("commands", json.dumps([*_commands(store), command_line()]))
    with coded_errors(store.directory):
        make_file(store.directory / RESOLVED).write_text(experiment.config.to_toml(), encoding="utf-8")


def _commands(store: Store) -> list[str]:
    """Return the command lines that a run began with and went on with; those of older versions are not known."""
    return list(json.loads(store.meta("commands") or "[]"))


async def begin(
    config: RunConfig,
    directory: Path | None,
    listener: Listener,
    strategy: Strategy | None = None,
    *,
    devices: Sequence[Device] = (),
) -> Summary:
    """Run a configuration from its first round.

    Args:
        config: What to do.
        directory: Run directory, must not hold a run; None for a new one under runs/.
        listener: Is told what happens.
        strategy: A strategy in place of the one that the configuration names.
        devices: Boards that the caller has, in place of those that the configuration names; they can be connected again
            afterwards.

    Returns:
        What summary.json says.

    Raises:
        BytefedError: Whatever keeps the run from beginning or going on.
    """
    run = new_run()
    directory = directory or default_directory(run)
    refuse_existing(directory)
    refuse_impossible(directory)
    config, strategy = config.with_strategy(strategy)
    air = air_table(config)
    here = nullcontext(_given(config, devices, listener)) if devices else task_and_boards(config, listener)
    async with here as (task, boards):
        head = None if task is None else first_head(config.head, task)
        experiment = Experiment(config, strategy, air, samplings(config, task, len(boards)))
        opened = await open_run(experiment, NewRun(directory, run, head), boards, listener)
        with closing(opened.store):
            return await _run(opened, listener)


async def resume(
    directory: Path, options: Mapping[str, Any], listener: Listener, strategy: Strategy | None = None
) -> Summary:
    """Go on with a run; of one that is complete, only its summary is returned, and no board is touched.

    Args:
        directory: Its directory.
        options: Keys to change; see ``RunConfig.resumed``.
        listener: Is told what happens.
        strategy: The strategy that it began with, where the configuration can't name it.

    Returns:
        What summary.json says.

    Raises:
        BytefedError: Whatever keeps the run from going on.
    """
    with closing(Store.open(directory)) as store:
        config = RunConfig.from_toml(store.meta("config"), str(directory)).resumed(options)
        if summary := complete_summary(store, config.rounds):
            listener(AlreadyComplete(f"{store.run:08x}", str(directory), summary["rounds"]))
            listener(RunEnded(str(directory), True, summary))
            return summary
        require_named(config, options, directory, own=store.is_own())
        config, strategy = config.with_strategy(strategy)
        air = air_table(config)
        async with task_and_boards(config, listener) as (task, devices):
            learnt = task or HeldTask.noted(store.meta(NOTED))
            experiment = Experiment(config, strategy, air, samplings(config, learnt, len(store.clients())))
            return await _run(await open_run(experiment, store, devices, listener), listener)


def _given(
    config: RunConfig, devices: Sequence[Device], listener: Listener
) -> tuple[Task | None, list[Device]]:
    """Return a run's task, as ``task_and_boards`` does, and boards that the caller has."""
    if learns_from_boards(config):
        return None, list(devices)
    listener(Preparing(f"loading {config.data}"))
    return task_of(config), list(devices)


def samplings(config: RunConfig, task: Task | HeldTask | None, clients: int) -> Samplings:
    """Return the way to samples: a task's are divided; what boards hold is known once they are connected."""
    if isinstance(task, Task):
        return Assignment.divided(config, task, clients)
    return HeldSamples(task or HeldTask(0, 0, 0, ()))


@asynccontextmanager
async def task_and_boards(
    config: RunConfig, listener: Listener, uid_seed: int = 0
) -> AsyncIterator[tuple[Task | None, list[Device]]]:
    """Give a run's task and its boards, not connected yet; boards are closed in the end.

    The task is None where boards learn from what they hold: that is known once they are connected.

    Real boards are looked for first: whether there are any is known in a moment, while data and extractor may take
    many seconds. Virtual boards are made to fit the task.

    Args:
        config: What names them.
        listener: Is told what is under way.
        uid_seed: Seed of the virtual boards' uids.

    Raises:
        ConfigError, LinkError: As ``look_for`` and ``open_devices``; E_BOARDS_UNNAMED.
        DataError, ModelError: As ``task_of``.
    """
    Faults.parse(config.faults)
    refuse_unnamed(config)
    listener(Preparing("looking for boards"))
    found = await look_for(config.boards)
    options = VirtualOptions(BoardKind(1, 1), sealed=not config.open)
    task: Task | None = None
    if learns_from_boards(config):
        refuse_started([each.uri for each in found if each.is_started])
    else:
        listener(Preparing(f"loading {config.data}"))
        task = task_of(config)
        options = virtual_options(config, task, uid_seed)
    listener(Preparing("opening boards"))
    async with open_devices(found, options, config.faults) as devices:
        yield task, devices


def air_table(config: RunConfig) -> AirTable:
    """Load the table that says how BLE links and boards are set up."""
    return AirTable.load(Path(config.air_table) if config.air_table else None)


def virtual_options(config: RunConfig, task: Task, uid_seed: int = 0) -> VirtualOptions:
    """Describe virtual boards that fit a task; their stores hold all its data, where a real one has some 500."""
    capacity = min(max(_SMALLEST_STORE, len(task.federated)), _LARGEST_STORE)
    return VirtualOptions(
        BoardKind(task.D, task.num_classes, task.model or None, capacity),
        config.line_rate or None,
        uid_seed,
        sealed=not config.open,
    )


async def _run(opened: OpenRun, listener: Listener) -> Summary:
    """Run to the end, or to Ctrl-C, and leave a directory in which all files agree, however it ends."""
    started = time.monotonic()
    experiment = opened.experiment
    config, store = experiment.config, opened.store
    listener(
        run_started(
            store.run,
            store.directory,
            experiment.task,
            boards=len(store.clients()),
            rounds=config.rounds,
            before=store.rounds(),
            faults=str(Faults.parse(config.faults)) if config.faults else "",
            training=opened.training,
        )
    )
    beginning = began_with(config.head, store.head_of(0), experiment.task)
    for remark in (*beginning.remarks, *experiment.assignment.remarks):
        listener(DataRemark(remark))
    try:
        complete = await interruptible(opened.work(), opened.coordinator.stop)
    finally:
        await opened.leave()
    result = _result(experiment, opened, complete, started)
    about = _findings(experiment.assignment, store)
    about = {**opened.training.summary(), **beginning.summary, **about}
    about |= _spent(opened, len(result.rounds)) | _privacy(opened)
    about |= sums_summary(store, whole=config.dp == "board") if config.secure_sum else {}
    summary = write_summary(store.directory, _subject(experiment, store), result, about)
    listener(RunEnded(str(store.directory), complete, summary))
    return summary


def _findings(assignment: Samplings, store: Store) -> dict[str, Any]:
    names, tests = list(store.clients()), store.evaluations()
    if isinstance(assignment, HeldSamples):
        return findings_held(assignment, names, tests)
    return findings(assignment, store.head()[1], names, tests)


def _spent(opened: OpenRun, rounds: int) -> dict[str, Any]:
    """Return the entry of summary.json about the budget; none without one."""
    means, store = opened.experiment.means, opened.store
    if means is None:
        return {}
    spent = {board: opened.fleet.purses.spent.get(board, 0) for board in store.clients()}
    plan = json.loads(store.meta(PLAN) or "{}")
    early = rounds < opened.experiment.config.rounds and store.meta(LAST_ROUND) != ""
    return {"budget": {**spent_summary(means.budget, spent, plan, ended=early), "boards": spent}}


def _privacy(opened: OpenRun) -> dict[str, Any]:
    """Return the entry of summary.json about noise, with the budgets of the boards that are there; none without."""
    noise = opened.training.noise
    if noise is None:
        return {}
    boards = privacy_budgets(opened.fleet, noise.cost)
    return {"privacy": {**noise.document(), "boards": boards, "new_budgets": new_budgets(opened.store)}}


def _subject(experiment: Experiment, store: Store) -> Subject:
    config, task, clients = experiment.config, experiment.task, store.clients()
    return Subject(
        run=store.run,
        task=task.name,
        features=task.D,
        classes=task.num_classes,
        class_names=task.classes,
        boards=len(clients),
        config=asdict(config),
        seeds={
            "run": config.seed,
            "boards": {board: training_seed(config.seed, client) for board, client in clients.items()},
        },
        versions=json.loads(store.meta("versions")),
        commands=_commands(store),
    )


def _result(experiment: Experiment, opened: OpenRun, complete: bool, started: float) -> Result:
    rounds = opened.store.rounds()
    rows = [row for _, row in opened.store.traffic(("round",))]
    sessions = {phase: totals(row for _, row in opened.store.traffic((phase,))) for phase in SESSION_PHASES}
    assignment, training = experiment.assignment, opened.training
    central = None
    if complete and experiment.config.central and isinstance(assignment, Assignment):
        central = central_accuracy(assignment.task, assignment.partition, training)
    return Result(
        complete=complete,
        rounds=rounds,
        participants=sum(row.participants for row in rounds),
        late=sum(row.status == "late" for row in rows),
        failed=sum(row.status in ("failed", "rejected") for row in rows),
        away=opened.fleet.away(),
        open_boards=opened.store.open_boards(),
        accuracy_boards=rounds[-1].accuracy_boards if rounds else None,
        accuracy_personal=rounds[-1].accuracy_personal if rounds else None,
        accuracy_central=central,
        sums={"round": totals(rows), **sessions},
        seconds_wall=time.monotonic() - started,
    )
