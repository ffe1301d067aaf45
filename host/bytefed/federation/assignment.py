"""The assignment of a task's samples to clients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from bytefed.data import Cut, load_task
from bytefed.data.partition import MIN_SAMPLES, Partition, divide
from bytefed.data.task import Task
from bytefed.device.device import Device
from bytefed.device.labels import are_sensed
from bytefed.device.plan import Samples
from bytefed.errors import BoardError
from bytefed.ledger.wire_size import add_buffer
from bytefed.protocol.message import Capability

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig


def natural_clients(config: RunConfig, task: Task) -> int:
    """Return the number of a task's owners where these are the clients.

    Args:
        config: The configuration, whose partition says which.
        task: The task.

    Returns:
        0 where there may be any number of clients: with another partition, or for a task without owners.
    """
    if config.partition != "natural" or task.clients is None:
        return 0
    return len(np.unique(task.clients))


@dataclass(frozen=True)
class Assignment:
    """The assignment of a task's samples to clients.

    Attributes:
        task: The task that the samples belong to.
        partition: The samples of each client.
        overwrite: Whether these may take the place of samples that came from a board's sensor.
        private: Whether boards train with noise, so that nothing else that depends on samples may be kept.
    """

    task: Task
    partition: Partition
    overwrite: bool = False
    private: bool = False

    @classmethod
    def divided(cls, config: RunConfig, task: Task, clients: int, min_samples: int = MIN_SAMPLES) -> Self:
        """Divide a task among so many clients, as a configuration says.

        Args:
            config: The configuration, whose partition keys say how to divide.
            task: The task to divide.
            clients: Number of clients.
            min_samples: The least number of samples that Dirichlet's draws give each client.

        Raises:
            ConfigError: The task can't be divided like this.
        """
        return cls(
            task,
            divide(
                task,
                config.partition,
                clients,
                alpha=config.alpha,
                shards_per_client=config.shards,
                seed=config.seed,
                min_samples=min_samples,
                test_fraction=config.local_test,
                samples=config.samples,
            ),
            config.overwrite,
            bool(config.dp),
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for the user: the data's warnings, and the number of samples that no client gets."""
        total = len(self.task.federated)
        left = total - len(self.partition.order)
        unused = (f"{left:,} of {total:,} samples to learn from are with no client.",) if left else ()
        return (*self.task.warnings, *unused)

    @property
    def trained(self) -> int:
        """Number of samples that all clients together train on."""
        return int((self.partition.sizes - self.partition.test_sizes).sum())

    def check(self, client: int, device: Device) -> None:
        """Refuse a board whose store is too small for a client's samples, or holds some of its own.

        Raises:
            BoardError: E_BOARD_CAPACITY, E_BOARD_HAS_SAMPLES.
        """
        if are_sensed(device) and not self.overwrite:
            raise _own_samples(device)
        count = len(self.partition.train(client)) + len(self.partition.test(client))
        if count > device.stored.capacity:
            raise BoardError(
                "E_BOARD_CAPACITY",
                f"Board {device.name} ({device.uri}) stores {device.stored.capacity} samples,"
                f" client {client} has {count}.",
                f"Give --samples {device.stored.capacity}, use more boards, or another --partition.",
            )

    def samples(self, client: int, device: Device) -> Samples:
        """Return a client's samples: inputs for a board that has the run's extractor, else ready features.

        Ready features are also for a board whose buffer, that of its head, is too small for an input.

        Raises:
            BoardError: As ``check``.
        """
        self.check(client, device)
        train, test = self.partition.train(client), self.partition.test(client)
        task = self.task
        extracts = device.board.capabilities & Capability.EXTRACTOR and device.board.model == task.model_hash
        buffer = add_buffer(task.D, task.num_classes)
        fits = task.inputs is not None and task.inputs[0].size < buffer  # and a label
        own = task.inputs if extracts and fits else None
        values = task.federated.features if own is None else own
        labels = task.federated.labels
        return Samples(
            kind="features" if own is None else "inputs",
            train_x=values[train],
            train_y=labels[train],
            test_x=values[test],
            test_y=labels[test],
            scale=task.quantization.scale,
            zero_point=task.quantization.zero_point,
        )


def _own_samples(device: Device) -> BoardError:
    stored = device.stored
    return BoardError(
        "E_BOARD_HAS_SAMPLES",
        f"Board {device.name} ({device.uri}) holds samples of its sensor, {stored.train} to train on and "
        f"{stored.test} to test on, and this run would replace them.",
        "Learn from them: `bytefed run --data boards`. If they may go: `bytefed run --overwrite`.",
    )


def task_of(config: RunConfig) -> Task:
    """Load the task that a configuration names.

    Raises:
        DataError, ModelError, ConfigError: As ``load_task`` raises them.
    """
    data_dir = Path(config.data_dir) if config.data_dir else None
    return load_task(config.data, data_dir, Cut(config.window, config.hop), config.model)
