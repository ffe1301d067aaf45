"""A run without links: what the boards compute, bit for bit, and what the links would have carried.

For comparing codecs and strategies over many seeds. The training and the codecs are the core's, the rest is what the
coordinator does on a loss-free link with boards that all answer; so a trial ends with the head that a run would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed import _core, codec, wire_size
from bytefed.central import evaluate
from bytefed.codec import Codec
from bytefed.config import RunConfig
from bytefed.data import Task
from bytefed.data.task import Samples
from bytefed.partition import divide
from bytefed.robust import bound_norms
from bytefed.seeds import select, training_seed
from bytefed.strategies import strategy_of
from bytefed.strategy import Head, Update
from bytefed.wire_size import LinkProfile, configuration_bytes, connection_bytes, round_bytes


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a trial.

    Attributes:
        accuracy: float64 [rounds], of the global head after each round on the test set, 0 to 1.
        validation: float64 [rounds], the same on the boards' own test samples: to choose by.
        wire: int64 [rounds], bytes on the wire up to the end of each round, both directions, all boards together:
            connections, configurations and rounds, without giving the boards their samples.
        head: float32 [P], the last global head.
    """

    accuracy: NDArray[np.float64]
    validation: NDArray[np.float64]
    wire: NDArray[np.int64]
    head: Head


class TrialBoard:
    """What a board keeps and does."""

    def __init__(self, task: Task, samples: Samples, config: RunConfig, client: int) -> None:
        self._task = task
        self._samples = samples
        self._config = config
        self._seed = training_seed(config.seed, client)
        self._down, self._up = (codec.find(name) for name in config.codecs)
        self._held = np.zeros(task.D * task.num_classes + task.num_classes, np.float32)
        self._residual = np.zeros_like(self._held)

    def round(self, number: int, head: Head) -> NDArray[np.float32]:
        """Take a head, train, and return the delta as it comes out of its codec."""
        if self._down.lossy:
            difference = head - self._held
            self._held = self._held + _through(self._down, difference, codec.downlink_seed(number))
        else:
            self._held = head
        delta = self._train(number) - self._held
        if not self._up.lossy:
            return delta
        self._residual = self._residual + delta
        return _through(self._up, self._residual, codec.uplink_seed(self._seed, number))

    def _train(self, number: int) -> Head:
        config, local = self._config, self._held.copy()
        _core.train(
            local,
            self._samples.features,
            self._samples.labels,
            self._task.num_classes,
            scale=self._task.quantization.scale,
            zero_point=self._task.quantization.zero_point,
            epochs=config.local_epochs,
            batch=config.batch_size,
            rate=config.rate(number),
            seed=self._seed,
            round=number,
            proximal_mu=config.proximal,
        )
        return local


def _through(each: Codec, values: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return what a codec makes of values, and leave in them what it lacks."""
    blob = _core.encode(each.number, values, seed)
    out = np.empty_like(values)
    _core.decode(each.number, blob, seed, out)
    return out


def run_trial(config: RunConfig, task: Task, clients: int, profile: LinkProfile) -> Outcome:
    """Run a configuration for so many boards, all on links of one profile.

    Args:
        config: boards, quorum, deadline, faults and the like are of no matter.
        task: What to learn.
        clients: Boards.
        profile: Decides the bytes, nothing else.

    Raises:
        ConfigError: The configuration does not fit the task.
    """
    partition = divide(
        task, config.partition, clients,
        alpha=config.alpha, shards_per_client=config.shards, seed=config.seed,
    )  # fmt: skip
    boards = [
        TrialBoard(task, task.federated.take(partition.train(client)), config, client)
        for client in range(clients)
    ]
    means = strategy_of(config)
    head = np.zeros(wire_size.parameters(task.D, task.num_classes), np.float32)
    count = max(int(config.fraction_train * clients), config.min_train_nodes)
    spent = (connection_bytes(profile) + configuration_bytes(profile)).wire_total * clients
    each = round_bytes(profile, task.D, task.num_classes, *config.codecs).wire_total
    held_out = task.federated.take(np.concatenate([partition.test(client) for client in range(clients)]))
    accuracy, validation = np.zeros(config.rounds), np.zeros(config.rounds)
    wire = np.zeros(config.rounds, np.int64)
    for number in range(1, config.rounds + 1):
        chosen = select(config.seed, number, range(clients), count)
        updates = [
            Update(client, len(partition.train(client)), boards[client].round(number, head))
            for client in chosen
        ]
        head = means.aggregate(head, bound_norms(updates, config.norm_bound)[0])
        accuracy[number - 1] = evaluate(task, head, task.test).accuracy
        validation[number - 1] = evaluate(task, head, held_out).accuracy
        spent += each * len(chosen)
        wire[number - 1] = spent
    return Outcome(accuracy, validation, wire, head)
