"""The run that is audited: its settings, its data, made again, and the heads that it gave out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bytefed.audit.gradients import Layer
from bytefed.audit.protection import Protection
from bytefed.data.load import ON_BOARDS
from bytefed.data.partition import Partition
from bytefed.data.task import Samples, Task
from bytefed.errors import ConfigError, DataError, StoreError
from bytefed.federation.assignment import Assignment, task_of
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.head import Head, parameters
from bytefed.runs.columns import HEAD
from bytefed.runs.directory import DATABASE, coded_errors, holds_no
from bytefed.runs.store import Store

_FEWEST = 20


@dataclass(frozen=True, eq=False)
class Recorded:
    """The part of a run that its database holds, up to a round.

    Attributes:
        run: The run's number.
        config: Its settings.
        own: Whether this user began it on this computer.
        clients: uid of each board to its client number.
        heads: The global heads of rounds 0, 1, ...
        last: The newest global head.
        rounds: Number of closed rounds.
        asked: The clients that took part in rounds 1, 2, ...
        deltas: Round and client to the delta that the coordinator has of it, and whether it counted.
    """

    run: int
    config: RunConfig
    own: bool
    clients: Mapping[str, int]
    heads: Sequence[Head]
    last: Head
    rounds: int
    asked: Sequence[frozenset[int]]
    deltas: Mapping[tuple[int, int], tuple[Head, bool]]

    @classmethod
    def read(cls, directory: Path, most_rounds: int) -> Recorded:
        """Read a run's database from a copy, so that nothing in the run directory is touched.

        Raises:
            StoreError: E_RUN_MISSING, E_RUN_CORRUPT, E_RUN_FORMAT; E_RUN_UNTRAINED for a run that has no round yet;
                E_AUDIT_SIMULATION for a simulation.
        """
        if not (directory / DATABASE).is_file():
            raise _no_run(directory)
        with TemporaryDirectory(prefix="bytefed-audit-") as folder:
            copy = Path(folder)
            with coded_errors(directory):
                for name in (DATABASE, f"{DATABASE}-wal"):
                    if (directory / name).is_file():
                        shutil.copyfile(directory / name, copy / name)
            try:
                with closing(Store.open(copy)) as store:
                    return cls._of(store, directory, most_rounds)
            except StoreError as error:
                told = error.message.replace(str(copy), str(directory))
                raise StoreError(error.code, told, error.remedy) from error

    @classmethod
    def _of(cls, store: Store, directory: Path, most_rounds: int) -> Recorded:
        rounds, last = store.head()
        if not rounds:
            raise StoreError(
                "E_RUN_UNTRAINED",
                f"{directory} has no round that is over: there is nothing to audit.",
                "Let it run first: `bytefed run --resume DIR`.",
            )
        clients = store.clients()
        seen = range(1, min(rounds, most_rounds) + 1)
        return cls(
            store.run,
            RunConfig.from_toml(store.meta("config"), str(directory)),
            store.is_own(),
            clients,
            [store.head_of(number) for number in (0, *seen)],
            last,
            rounds,
            [frozenset(clients[board] for board in store.participants(number)) for number in seen],
            {
                (number, clients[each.board]): (each.delta, each.applied)
                for number in seen
                for each in store.deltas(number)
            },
        )


def _no_run(directory: Path) -> StoreError:
    if (directory / HEAD).is_file():
        return StoreError(
            "E_AUDIT_SIMULATION",
            f"{directory} holds a simulation: no board took part in it, and no delta was kept.",
            "Run the same settings on virtual boards, and audit that run: `bytefed run --boards virtual:8`.",
        )
    return StoreError(
        "E_RUN_MISSING", holds_no("run", directory), "Name the directory that `bytefed run` printed."
    )


@dataclass(frozen=True, eq=False)
class Subject:
    """The run that is audited.

    Attributes:
        directory: Its directory.
        recorded: The rounds that its database holds.
        task: Its data.
        partition: The samples of each client.
        training: The local training of its clients.
        protection: The promise of its settings.
    """

    directory: Path
    recorded: Recorded
    task: Task
    partition: Partition
    training: LocalTraining
    protection: Protection

    @classmethod
    def load(cls, directory: Path, data_dir: Path | None = None, most_rounds: int = 20) -> Subject:
        """Load a run and make its data again.

        Args:
            directory: The run directory.
            data_dir: Folder of raw data, where it is no longer the one that the run read them from.
            most_rounds: Most rounds whose heads and deltas are looked at.

        Raises:
            StoreError: As ``Recorded.read``; E_AUDIT_DATA if the data are no longer those of the run; E_RUN_FOREIGN if
                somebody else's run would have code of its own imported.
            DataError: E_AUDIT_DATA if only the boards have the samples.
            DataError, ModelError, ConfigError: The run's data can't be loaded any more.
            ConfigError: E_CONFIG_PRIVACY for a run that hides whole boards.
        """
        recorded = Recorded.read(directory, most_rounds)
        config = recorded.config
        if config.dp == "board":
            raise ConfigError(
                "E_CONFIG_PRIVACY",
                f"{directory} hides whole boards, and an audit plays its attacks against single boards, whose shares of"
                " the noise hide nothing yet.",
                "Audit a run with noise for samples: `bytefed run --dp sample --epsilon 4 --delta 1e-4`.",
            )
        if config.data == ON_BOARDS:
            raise DataError(
                "E_AUDIT_DATA",
                f"The samples of {directory} are on its boards alone, and an audit leaves boards alone: it has nothing"
                " to compare with what attacks read.",
                "Audit a run with the same settings on samples of this computer: `bytefed run --boards virtual:8`.",
            )
        _refuse_code(recorded, directory)
        task = task_of(replace(config, data_dir=str(data_dir)) if data_dir else config)
        _check(recorded, task, directory)
        config, strategy = config.with_strategy(None)
        return cls(
            directory,
            recorded,
            task,
            Assignment.divided(config, task, len(recorded.clients)).partition,
            LocalTraining.of(config, strategy, whitened=task.whitened),
            Protection.of(config),
        )

    @property
    def layer(self) -> Layer:
        """The form of its heads."""
        return Layer.of(self.task)

    @property
    def rounds(self) -> int:
        """Number of rounds that are looked at."""
        return len(self.recorded.asked)

    def samples(self, client: int) -> Samples:
        """Return the samples that a client trains on."""
        return self.task.federated.take(self.partition.train(client))

    def members(self) -> Samples:
        """Return the samples that all clients train on."""
        order = [self.partition.train(client) for client in range(len(self.partition))]
        return self.task.federated.take(np.concatenate(order))


def _refuse_code(recorded: Recorded, directory: Path) -> None:
    """Refuse a run directory of somebody else that names a strategy's code, which would be imported."""
    if ":" in recorded.config.strategy and not recorded.own:
        raise StoreError(
            "E_RUN_FOREIGN",
            f"{directory} was not begun by you on this computer, and names code for a strategy,"
            f" {recorded.config.strategy[:60]}, which nothing but your word may import.",
            "If you trust that code, run the same settings yourself, and audit that run: `bytefed run --config DIR/"
            "config.resolved.toml`.",
        )


def _check(recorded: Recorded, task: Task, directory: Path) -> None:
    """Refuse data that can't be those that the run learnt from."""
    if len(recorded.last) != parameters(task.D, task.num_classes):
        raise StoreError(
            "E_AUDIT_DATA",
            f"The head of {directory} has {len(recorded.last):,} values, and that of {task.name} now"
            f" {parameters(task.D, task.num_classes):,}: the data have changed.",
            "Have the data as they were when the run learnt from them; another folder of them is named by --data-dir.",
        )
    if len(task.test) < _FEWEST:
        raise StoreError(
            "E_AUDIT_DATA",
            f"{directory} has {len(task.test)} samples in its test set; an audit needs {_FEWEST} at least.",
            "Audit a run that keeps more samples for the test, by the array 'test' of an .npz file.",
        )
    if sorted(recorded.clients.values()) != list(range(len(recorded.clients))):
        raise StoreError(
            "E_AUDIT_DATA",
            f"{directory} is one room of a federation of rooms: its boards are clients from"
            f" {min(recorded.clients.values())} on, and the samples of all rooms were divided elsewhere.",
            "Audit a run of one coordinator with the same settings: `bytefed run --boards virtual:8`.",
        )
