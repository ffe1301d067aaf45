"""The clients of one simulated round, trained wave by wave.

Memory grows with the size of a wave: its deltas are used before the next wave begins, and may be made a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed._core import Simulator as Core
from bytefed.federation.class_means import per_sample
from bytefed.federation.local_training import LocalTraining
from bytefed.head import Head
from bytefed.protocol.message import Noise
from bytefed.simulation.held_heads import Clients
from bytefed.simulation.noise import noise_keys
from bytefed.strategies.base import Update
from bytefed.strategies.robust import Bounds, norms

WAVE_BYTES = 64 << 20
"""The most bytes of deltas that are in memory at once, if a round has more."""
MOST_IN_WAVE = 1024


@dataclass(frozen=True, eq=False)
class Trainer:
    """The means to train simulated clients: kernels, seeds, and each client's state.

    Attributes:
        core: The firmware's kernels over the clients' samples.
        training: The local training of all clients.
        codec: Number of the codec that deltas go through; float32's for those that are summed hidden.
        seeds: uint32 [N], each client's seed.
        examples: int64 [N], each client's training samples.
        residuals: float32 [N, P], each client's encoding error; no rows if the uplink's codec is lossless.
        watched: Clients whose deltas are kept.
        whole: Whether a round is one wave.
    """

    core: Core
    training: LocalTraining
    codec: int
    seeds: NDArray[np.uint32]
    examples: Clients
    residuals: NDArray[np.float32]
    watched: frozenset[int]
    whole: bool

    def noise_keys(self, clients: Clients, number: int) -> NDArray[np.uint8]:
        """Return the keys of some clients' noise in a round, uint8 [n, 32]."""
        return noise_keys(self.seeds[clients].tolist(), number)

    @property
    def parameters(self) -> int:
        """P, the number of a head's parameters."""
        return int(self.residuals.shape[1])

    def personal(
        self, number: int, rate: float, heads: Head, version: NDArray[np.int32], clients: Clients
    ) -> NDArray[np.int32]:
        """Train clients without a delta, and leave their residuals as they are.

        Args:
            number: The round, 1 to 65535.
            rate: Step size.
            heads: float32 [V, P], the heads that clients hold.
            version: int32 [n], for each client the index of the head that it holds.
            clients: int64 [n].

        Returns:
            int32 [n], how many of its own test samples each client's trained head classifies correctly.
        """
        found = np.empty(len(clients), np.int32)
        for first in range(0, len(clients), MOST_IN_WAVE):
            part = slice(first, first + MOST_IN_WAVE)
            count = len(clients[part])
            self.core.train(
                clients[part],
                self.seeds[clients[part]],
                heads,
                version[part],
                round=number,
                epochs=self.training.epochs_in(number),
                batch=self.training.batch_size,
                rate=rate,
                proximal_mu=self.training.proximal_mu,
                codec=codec.find("float32").number,
                residuals=self.residuals[:0],
                deltas=np.empty((count, self.parameters), np.float32),
                losses=np.empty(count, np.float32),
                correct=np.empty(count, np.int32),
                norms=np.empty(count),
                personal=found[part],
            )
        return found


class Waves:
    """The clients of one round and the deltas that they make, wave by wave.

    Args:
        trainer: The means to train the clients.
        number: The round, 1 to 65535.
        heads: float32 [V, P], the heads that clients hold.
        version: int32 [n], for each client the index of the head that it holds.
        clients: int64 [n], the clients that train, ascending.
    """

    def __init__(
        self, trainer: Trainer, number: int, heads: Head, version: NDArray[np.int32], clients: Clients
    ) -> None:
        self._trainer = trainer
        self.number = number
        self.clients = clients
        self.version = version
        self._heads = heads
        self.losses = np.empty(len(clients), np.float32)
        self.correct = np.empty(len(clients), np.int32)
        self.norms = np.empty(len(clients))
        self.personal = np.empty(len(clients) if trainer.training.personal else 0, np.int32)
        self.watched: dict[int, Head] = {}
        row_bytes = 4 * trainer.parameters
        size = min(MOST_IN_WAVE, max(WAVE_BYTES // row_bytes, 64), max(len(clients), 1))
        self._wave = max(len(clients), 1) if trainer.whole else size
        self._deltas = np.empty((self._wave, trainer.parameters), np.float32)
        self._trained = 0  # clients whose deltas were made at least once

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Mask of the clients whose training did not diverge, bool [n]."""
        return ~np.isnan(self.norms)

    def weights(self, part: slice) -> NDArray[np.float64]:
        """Return num_examples, float64, 0 for clients that don't count."""
        examples = self._trainer.examples[self.clients[part]]
        return np.where(self.counted[part], examples, 0).astype(np.float64)

    def waves(self) -> Iterator[tuple[slice, Head]]:
        """Yield each wave's clients and their deltas, float32 [m, P], which are valid until the next wave.

        When this is called a second time, a round that is one wave still has its deltas; otherwise clients train again.
        """
        for first in range(0, len(self.clients), self._wave):
            part = slice(first, min(first + self._wave, len(self.clients)))
            deltas = self._deltas[: part.stop - first]
            if self._trained < len(self.clients) or self._wave < len(self.clients):
                self._train(part, deltas)
            yield part, deltas

    def _train(self, part: slice, deltas: Head) -> None:
        trainer, clients = self._trainer, self.clients[part]
        if trainer.training.noise is None or trainer.training.noise.whole:  # shares are added in the sum
            self._train_plainly(part, deltas)
        else:
            self._train_with_noise(trainer.training.noise.message, part, deltas)
        if self._trained < part.stop:
            self._trained = part.stop
            for client in trainer.watched.intersection(clients.tolist()):
                self.watched[client] = deltas[np.searchsorted(clients, client)].copy()
        if trainer.training.brings_means(self.number):
            deltas[:] = per_sample(deltas, trainer.examples[clients])
            self.norms[part] = np.where(self.counted[part], norms(deltas), np.nan)

    def _train_with_noise(self, noise: Noise, part: slice, deltas: Head) -> None:
        trainer, clients = self._trainer, self.clients[part]
        seeds = trainer.seeds[clients]
        trainer.core.train_with_noise(
            clients,
            seeds,
            self._heads,
            self.version[part],
            round=self.number,
            rate=trainer.training.rate(self.number),
            clip=noise.clip,
            cost=noise.cost,
            grid=noise.grid,
            keys=trainer.noise_keys(clients, self.number),
            codec=trainer.codec,
            residuals=trainer.residuals,
            deltas=deltas,
            norms=self.norms[part],
        )
        self.losses[part], self.correct[part] = 0.0, 0  # nobody tells them

    def _train_plainly(self, part: slice, deltas: Head) -> None:
        trainer, training = self._trainer, self._trainer.training.at(self.number)
        clients = self.clients[part]
        trainer.core.train(
            clients,
            trainer.seeds[clients],
            self._heads,
            self.version[part],
            round=self.number,
            epochs=training.epochs_in(self.number),
            batch=training.batch_size,
            rate=training.rate(self.number),
            proximal_mu=training.proximal_mu,
            codec=trainer.codec,
            residuals=trainer.residuals,
            deltas=deltas,
            losses=self.losses[part],
            correct=self.correct[part],
            norms=self.norms[part],
            personal=self.personal[part],
        )

    def keep_errors(self) -> None:
        """Keep what a round that is one wave has left of its deltas as the residuals of the clients that count."""
        residuals = self._trainer.residuals
        if len(residuals):
            residuals[self.clients[self.counted]] = self._deltas[: len(self.clients)][self.counted]

    def updates(self, counted: NDArray[np.intp], bounds: Bounds) -> list[Update]:
        """Return the updates of a round that is one wave: all that count, bounded."""
        updates = []
        for place, index in enumerate(counted.tolist()):
            client = int(self.clients[index])
            update = Update(client, int(self._trainer.examples[client]), self._deltas[index])
            updates.append(bounds.apply(place, update))
        return updates
