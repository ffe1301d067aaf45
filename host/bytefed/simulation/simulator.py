"""Rounds of very many clients in this process: the training of the firmware's core, without boards and links.

A client's delta has the bits that a board with the same samples would send (bytefed._core.Simulator), and they are
summed in the same order as the coordinator's. What memory grows with is samples: clients train in waves, and a wave's
deltas are summed before the next begins. Two things need more, P floats for each client: strategies that look at all
deltas at once (median, trimmed mean, Krum), and the residuals of lossy codecs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed._core import Simulator as _Simulator
from bytefed.codec.downlink import difference
from bytefed.data import Task
from bytefed.data.partition import Partition
from bytefed.errors import LinkError
from bytefed.federation.config import RunConfig
from bytefed.head import Head
from bytefed.seeds import training_seeds
from bytefed.strategies.base import Strategy, Update
from bytefed.strategies.robust import FedMedian, FedTrimmedAvg, MultiKrum, norm_scales, scaled

WAVE_BYTES = 64 << 20
"""Of the deltas that are in memory at once, where one round has more."""
MOST_IN_WAVE = 1024
_LOOK_AT_ALL = (FedMedian, FedTrimmedAvg, MultiKrum)

Clients = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a round.

    Attributes:
        head: float32 [P], the global head after it.
        clients: int64 [n], who trained, ascending; the following are in their order.
        counted: bool [n], False where training diverged.
        num_examples: int64 [n], training samples.
        losses: float32 [n], mean of the last local epoch.
        correct: int32 [n], training samples classified correctly in the last local epoch.
        tested: int32 [n], own test samples that the head each began with classifies correctly.
        excess: By client, how many times the median the norm of a delta was that the bound made shorter.
        deltas: By client, the deltas that were to be kept, float32 [P].
    """

    head: Head
    clients: Clients
    counted: NDArray[np.bool_]
    num_examples: NDArray[np.int64]
    losses: NDArray[np.float32]
    correct: NDArray[np.int32]
    tested: NDArray[np.int32]
    excess: dict[int, float]
    deltas: dict[int, Head]


class HeldHeads:
    """Which head each client holds, where the downlink loses something (SPEC.md section 5.1).

    Clients that took part in the same rounds hold the same head: it is kept, and encoded, once for all of them.
    """

    def __init__(self, clients: int, parameters: int) -> None:
        self._version = np.zeros(clients, np.int64)
        self._heads: dict[int, Head] = {0: np.zeros(parameters, np.float32)}
        self._newest = 0

    def deliver(self, number: int, head: Head, name: str, clients: Clients) -> tuple[Head, NDArray[np.int32]]:
        """Send clients the global head of a round, each as the difference to what it holds.

        Args:
            number: The round.
            head: float32 [P].
            name: Of a lossy codec.
            clients: To whom.

        Returns:
            The heads that they hold then, float32 [V, P], and int32 [n]: which of them each one holds.
        """
        before, which = np.unique(self._version[clients], return_inverse=True)
        heads = np.stack(
            [difference(head, self._heads[version], name, number).head for version in before.tolist()]
        )
        self._version[clients] = self._newest + 1 + which
        self._heads |= {self._newest + 1 + i: row for i, row in enumerate(heads)}
        self._newest += len(heads)
        alive = set(np.unique(self._version).tolist())
        self._heads = {version: row for version, row in self._heads.items() if version in alive}
        return heads, which.astype(np.int32)


class Simulator:
    """The clients of a partition.

    Args:
        config: How they train.
        task: What they learn.
        partition: Who has what; each client has 1 to 65535 training samples.
        strategy: What becomes of their deltas.
        threads: To train with.
        watched: Clients whose deltas are kept in each Outcome.
    """

    def __init__(
        self,
        config: RunConfig,
        task: Task,
        partition: Partition,
        strategy: Strategy,
        *,
        threads: int,
        watched: frozenset[int] = frozenset(),
    ) -> None:
        self._config = config
        self._strategy = strategy
        self._watched = watched
        self._examples = partition.sizes - partition.test_sizes
        self._seeds = training_seeds(config.seed, range(len(partition))).astype(np.uint32)
        self._parameters = task.D * task.num_classes + task.num_classes
        down, up = (codec.find(name) for name in config.codecs)
        self._held = HeldHeads(len(partition), self._parameters) if down.lossy else None
        self._codec = up.number
        # numpy's zeros take no memory before they are written to: only who takes part needs some.
        self._residuals = np.zeros((len(partition) if up.lossy else 0, self._parameters), np.float32)
        self._keeps_all = up.lossy or isinstance(strategy, _LOOK_AT_ALL)
        self._core = _Simulator(
            np.ascontiguousarray(task.federated.features),
            np.ascontiguousarray(task.federated.labels),
            np.ascontiguousarray(partition.order, np.int32),
            np.ascontiguousarray(partition.bounds, np.int64),
            np.ascontiguousarray(partition.test_sizes, np.int64),
            classes=task.num_classes,
            scale=task.quantization.scale,
            zero_point=task.quantization.zero_point,
            threads=threads,
        )

    def round(self, number: int, head: Head, clients: Clients, lost: NDArray[np.bool_]) -> Outcome:
        """Train clients and make a new global head of what they learnt.

        Args:
            number: The round, 1 to 65535.
            head: float32 [P], the global head.
            clients: int64 [n], who is asked, ascending.
            lost: bool [n], who takes the head and is not heard of again in this round.

        Raises:
            LinkError: E_QUORUM when too few deltas count.
        """
        heads, version = self._deliver(number, head, clients)
        work = _Round(self, number, heads, version[~lost], clients[~lost])
        tested = np.empty(len(work.clients), np.int32)
        self._core.evaluate(work.clients, heads, work.version, tested)
        head, excess = self._aggregate(head, work, len(clients))
        return Outcome(
            head=head,
            clients=work.clients,
            counted=work.counted,
            num_examples=self._examples[work.clients],
            losses=work.losses,
            correct=work.correct,
            tested=tested,
            excess=excess,
            deltas=work.watched,
        )

    def evaluate(self, number: int, head: Head, clients: Clients) -> NDArray[np.int32]:
        """How many of its own test samples each client classifies correctly with the global head it is sent."""
        heads, version = self._deliver(number, head, clients)
        tested = np.empty(len(clients), np.int32)
        self._core.evaluate(clients, heads, version, tested)
        return tested

    def _deliver(self, number: int, head: Head, clients: Clients) -> tuple[Head, NDArray[np.int32]]:
        if self._held is None:
            return head[np.newaxis], np.zeros(len(clients), np.int32)
        return self._held.deliver(number, head, self._config.codecs[0], clients)

    def _aggregate(self, head: Head, work: _Round, asked: int) -> tuple[Head, dict[int, float]]:
        """The new head, and whose deltas were too long, by how many times the median."""
        total = np.zeros(self._parameters)
        for part, deltas in work.waves():
            self._core.add(total, deltas, work.weights(part))
        counted = np.flatnonzero(work.counted)
        needed = max(1, int(np.ceil(self._config.quorum * asked)))
        if len(counted) < needed:
            raise LinkError(
                "E_QUORUM",
                f"Round {work.number} has {len(counted)} deltas and needs {needed}.",
                "Lower --quorum, --dropout, or, where training diverges, --learning-rate.",
            )
        norms = work.norms[counted]
        scales = np.ones(len(work.clients))
        scales[counted] = norm_scales(norms, self._config.norm_bound)
        long = np.flatnonzero(scales != 1)
        times = work.norms[long] / np.median(norms)
        excess = dict(zip(work.clients[long].tolist(), times.tolist(), strict=True))
        if isinstance(self._strategy, _LOOK_AT_ALL):
            return self._strategy.aggregate(head, work.updates(counted, scales)), excess
        if excess:  # who was too long is known only now: once more, with those made shorter
            total[:] = 0
            for part, deltas in work.waves():
                for index in long[(long >= part.start) & (long < part.stop)].tolist():
                    deltas[index - part.start] = scaled(deltas[index - part.start], scales[index])
                self._core.add(total, deltas, work.weights(part))
        # One update that stands for all: the mean of one is itself, to the bit.
        mean = total / int(self._examples[work.clients[counted]].sum())
        return self._strategy.aggregate(head, [Update(0, 1, mean)]), excess  # type: ignore[arg-type]


class _Round:
    """The clients of one round and the deltas that they make, wave by wave."""

    def __init__(
        self, simulator: Simulator, number: int, heads: Head, version: NDArray[np.int32], clients: Clients
    ) -> None:
        self._simulator = simulator
        self.number = number
        self.clients = clients
        self.version = version
        self._heads = heads
        self.losses = np.empty(len(clients), np.float32)
        self.correct = np.empty(len(clients), np.int32)
        self.norms = np.empty(len(clients))
        self.watched: dict[int, Head] = {}
        row_bytes = 4 * simulator._parameters
        size = min(MOST_IN_WAVE, max(WAVE_BYTES // row_bytes, 64), max(len(clients), 1))
        self._wave = max(len(clients), 1) if simulator._keeps_all else size
        self._deltas = np.empty((self._wave, simulator._parameters), np.float32)
        self._trained = 0  # clients whose deltas were made at least once

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Bool [n]: whose training did not diverge."""
        return ~np.isnan(self.norms)

    def weights(self, part: slice) -> NDArray[np.float64]:
        """float64: num_examples, 0 for those that don't count."""
        examples = self._simulator._examples[self.clients[part]]
        return np.where(self.counted[part], examples, 0).astype(np.float64)

    def waves(self) -> Iterator[tuple[slice, Head]]:
        """Which clients, and their deltas, float32 [m, P], valid until the next wave.

        The second time, a round that is one wave has its deltas still; else clients train once more.
        """
        for first in range(0, len(self.clients), self._wave):
            part = slice(first, min(first + self._wave, len(self.clients)))
            deltas = self._deltas[: part.stop - first]
            if self._trained < len(self.clients) or self._wave < len(self.clients):
                self._train(part, deltas)
            yield part, deltas

    def _train(self, part: slice, deltas: Head) -> None:
        simulator, config = self._simulator, self._simulator._config
        clients = self.clients[part]
        simulator._core.train(
            clients,
            simulator._seeds[clients],
            self._heads,
            self.version[part],
            round=self.number,
            epochs=config.local_epochs,
            batch=config.batch_size,
            rate=config.rate(self.number),
            proximal_mu=config.proximal,
            codec=simulator._codec,
            residuals=simulator._residuals,
            deltas=deltas,
            losses=self.losses[part],
            correct=self.correct[part],
            norms=self.norms[part],
        )
        if self._trained < part.stop:
            self._trained = part.stop
            for client in simulator._watched.intersection(clients.tolist()):
                self.watched[client] = deltas[np.searchsorted(clients, client)].copy()

    def updates(self, counted: NDArray[np.intp], scales: NDArray[np.float64]) -> list[Update]:
        """All deltas that count, bounded; of a round that is one wave."""
        return [
            Update(
                int(self.clients[index]),
                int(self._simulator._examples[self.clients[index]]),
                self._deltas[index] if scales[index] == 1 else scaled(self._deltas[index], scales[index]),
            )
            for index in counted.tolist()
        ]
