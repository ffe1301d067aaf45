"""A whole run: from a configuration, or a run directory, to summary.json."""

from __future__ import annotations

import json
import time
from collections.abc import Coroutine, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.virtual import BoardKind
from bytefed.data import Task, load_task
from bytefed.data.partition import Partition, divide
from bytefed.events import Listener, RunEnded, RunStarted
from bytefed.federation import evaluation as central
from bytefed.federation.config import RunConfig
from bytefed.federation.coordinator import Coordinator
from bytefed.federation.fleet import Demands, Fleet, Shares, connect_all
from bytefed.federation.interrupts import interrupts
from bytefed.head import Head
from bytefed.ledger.air import AirTable
from bytefed.ledger.wire_size import blob_size
from bytefed.runs.csv_files import SESSION_PHASES, Records, totals, write_json
from bytefed.runs.directory import RESOLVED, coded, default_directory, new_run, refuse_existing, versions
from bytefed.runs.store import Store
from bytefed.seeds import training_seed
from bytefed.strategies.registry import strategy_of
from bytefed.transport.faults import Faults

_SMALLEST_STORE = 500
_LARGEST_STORE = 65_535

Summary = Mapping[str, Any]


def initial_head(task: Task) -> Head:
    """The head that a run begins with: zeros, float32 [P].

    Softmax regression is convex, so where one begins decides nothing but how long it takes; and from zero the first
    step is the same whatever the seed.
    """
    return np.zeros(task.D * task.num_classes + task.num_classes, np.float32)


async def begin(config: RunConfig, directory: Path | None, listener: Listener) -> Summary:
    """Run a configuration from its first round.

    Args:
        config: What to do.
        directory: Run directory, must not hold a run; None for a new one under runs/.
        listener: Is told what happens.

    Returns:
        What summary.json says.

    Raises:
        BytefedError: Whatever keeps the run from beginning or going on.
    """
    run = new_run()
    directory = directory or default_directory(run)
    refuse_existing(directory)
    task = load_task(config.data, _data_dir(config))
    demands = Demands.of(task, config.batch_size)
    async with open_devices(config.boards, virtual_options(config, task), config.faults) as devices:
        shares = Shares(task, _divide(config, task, len(devices)))
        seconds = await connect_all(devices, run, demands)
        enrolled = [(device.name, device.profile.name) for device in devices]
        store = Store.create(directory, run, initial_head(task), config.to_toml(), versions(), enrolled)
        with closing(store):
            fleet = Fleet(store, shares, demands, config.codec, listener, _air(config))
            return await _run(config, shares, store, fleet, fleet.admit_all(devices, seconds), listener)


async def resume(directory: Path, options: Mapping[str, Any], listener: Listener) -> Summary:
    """Go on with a run.

    Args:
        directory: Its directory.
        options: Keys to change; see ``RunConfig.resumed``.
        listener: Is told what happens.

    Returns:
        What summary.json says.

    Raises:
        BytefedError: Whatever keeps the run from going on.
    """
    with closing(Store.open(directory)) as store:
        config = RunConfig.from_toml(store.meta("config"), str(directory)).resumed(options)
        task = load_task(config.data, _data_dir(config))
        shares = Shares(task, _divide(config, task, len(store.clients())))
        store.repair(config.codec, blob_size(config.codecs[1], task.D, task.num_classes))
        demands = Demands.of(task, config.batch_size)
        fleet = Fleet(store, shares, demands, config.codec, listener, _air(config))
        async with open_devices(config.boards, virtual_options(config, task), config.faults) as devices:
            return await _run(config, shares, store, fleet, fleet.join_all(devices), listener)


def _air(config: RunConfig) -> AirTable:
    return AirTable.load(Path(config.air_table) if config.air_table else None)


async def _run(
    config: RunConfig,
    shares: Shares,
    store: Store,
    fleet: Fleet,
    gather: Coroutine[None, None, None],
    listener: Listener,
) -> Summary:
    """Gather the boards, run the rounds, and leave a directory in which all files agree, however it ends."""
    started = time.monotonic()
    task = shares.task
    records = Records(store)
    store.set_meta("config", config.to_toml())
    _write_text(store.directory, RESOLVED, config.to_toml())
    coordinator = Coordinator(config, task, fleet, store, records, strategy_of(config), listener)
    listener(_started(config, task, store))
    try:
        with interrupts(coordinator) as pressed:
            complete = await pressed.run(_train(gather, coordinator))
    finally:
        await fleet.close()
        records.rewrite()
    summary = _summary(config, shares, store, complete)
    summary["seconds_wall"] = round(time.monotonic() - started, 3)
    write_json(store.directory / "summary.json", summary)
    listener(RunEnded(str(store.directory), complete, summary))
    return summary


async def _train(gather: Coroutine[None, None, None], coordinator: Coordinator) -> bool:
    await gather
    return await coordinator.run()


def _data_dir(config: RunConfig) -> Path | None:
    return Path(config.data_dir) if config.data_dir else None


def virtual_options(config: RunConfig, task: Task, uid_seed: int = 0) -> VirtualOptions:
    """Virtual boards that fit the task; their stores are as large as its data ask, where a real one has some 500."""
    capacity = min(max(_SMALLEST_STORE, len(task.federated)), _LARGEST_STORE)
    model = task.name if task.model_hash else None
    return VirtualOptions(
        BoardKind(task.D, task.num_classes, model, capacity), config.line_rate or None, uid_seed
    )


def _divide(config: RunConfig, task: Task, clients: int) -> Partition:
    return divide(
        task,
        config.partition,
        clients,
        alpha=config.alpha,
        shards_per_client=config.shards,
        seed=config.seed,
    )


def _write_text(directory: Path, name: str, text: str) -> None:
    with coded(directory):
        (directory / name).write_text(text, encoding="utf-8")


def _started(config: RunConfig, task: Task, store: Store) -> RunStarted:
    return RunStarted(
        run=f"{store.run:08x}",
        directory=str(store.directory),
        task=task.name,
        boards=len(store.clients()),
        features=task.D,
        classes=task.num_classes,
        first_round=store.head()[0] + 1,
        rounds=config.rounds,
        faults=str(Faults.parse(config.faults)) if config.faults else "",
    )


def _summary(config: RunConfig, shares: Shares, store: Store, complete: bool) -> dict[str, Any]:
    """What summary.json says."""
    rounds = store.rounds()
    rows = [row for _, row in store.traffic(("round",))]
    sessions = {phase: totals(row for _, row in store.traffic((phase,))) for phase in SESSION_PHASES}
    last = rounds[-1] if rounds else None
    clients = store.clients()
    return {
        "run": f"{store.run:08x}",
        "complete": complete,
        "task": shares.task.name,
        "features": shares.task.D,
        "classes": shares.task.num_classes,
        "boards": len(clients),
        "rounds": len(rounds),
        "participants": sum(row.participants for row in rounds),
        "late": sum(row.status == "late" for row in rows),
        "failed": sum(row.status in ("failed", "rejected") for row in rows),
        "accuracy_final": last.accuracy_global if last else None,
        "loss_final": last.loss_global if last else None,
        "accuracy_central": _central(config, shares, len(rounds)) if complete and config.central else None,
        "accuracy_boards_final": last.accuracy_boards if last else None,
        **totals(rows),
        "estimate_exact": all(part["estimate_exact"] for part in (totals(rows), *sessions.values())),
        "sessions": sessions,
        "seconds_rounds": round(sum(row.seconds for row in rounds), 3),
        "config": asdict(config),
        "seeds": {
            "run": config.seed,
            "boards": {board: training_seed(config.seed, client) for board, client in clients.items()},
        },
        "versions": json.loads(store.meta("versions")),
    }


def _central(config: RunConfig, shares: Shares, rounds: int) -> float:
    """Accuracy of one head that saw all boards' training samples as often as the boards did."""
    task, partition = shares.task, shares.partition
    everyone = np.concatenate([partition.train(client) for client in range(len(partition))])
    head = central.train(
        task,
        task.federated.take(everyone),
        epochs=rounds * config.local_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
    )
    return central.evaluate(task, head, task.test).accuracy
