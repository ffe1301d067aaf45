"""The heads that simulated clients hold: a lossy downlink builds on them, and they are what clients can do alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed.codec.downlink import difference
from bytefed.data.task import Samples, Task
from bytefed.federation.evaluation import evaluate, mean_over_boards
from bytefed.head import Head

Clients = NDArray[np.int64]


class HeldHeads:
    """The head that each client holds.

    Clients that took part in the same rounds hold the same head: it is kept, and encoded, once for all of them.

    Attributes:
        versions: int64 [clients], the number of the head that each client holds.
        heads: The heads that are held, float32 [P] each, by number. A number never means another head.
    """

    def __init__(self, clients: int, parameters: int) -> None:
        self.versions = np.zeros(clients, np.int64)
        self.heads: dict[int, Head] = {0: np.zeros(parameters, np.float32)}
        self._newest = 0

    def spared(self, head: Head, clients: Clients) -> NDArray[np.bool_]:
        """Return which clients hold a head already, to the bit, so that no blob has to lead them there; bool [n]."""
        target = head.tobytes()
        before, which = np.unique(self.versions[clients], return_inverse=True)
        return np.array([self.heads[version].tobytes() == target for version in before.tolist()])[which]

    def deliver(self, number: int, head: Head, name: str, clients: Clients) -> tuple[Head, NDArray[np.int32]]:
        """Send clients the global head of a round, by a lossy codec each as the difference to what it holds.

        Args:
            number: The round.
            head: float32 [P].
            name: Name of the downlink's codec.
            clients: int64 [n], the clients that get it.

        Returns:
            The heads that the clients hold then, float32 [V, P]; and int32 [n], for each client the index of its head.
        """
        if codec.find(name).lossy:
            before, which = np.unique(self.versions[clients], return_inverse=True)
            heads = np.stack([self._led(number, head, name, version) for version in before.tolist()])
        else:
            heads, which = head[np.newaxis], np.zeros(len(clients), np.int64)
        self.versions[clients] = self._newest + 1 + which
        self.heads |= {self._newest + 1 + i: row for i, row in enumerate(heads)}
        self._newest += len(heads)
        alive = set(np.unique(self.versions).tolist())
        self.heads = {version: row for version, row in self.heads.items() if version in alive}
        return heads, which.astype(np.int32)

    def _led(self, number: int, head: Head, name: str, version: int) -> Head:
        """Return the head that a client holds once it was led from a version towards a head."""
        held = self.heads[version]
        return held if held.tobytes() == head.tobytes() else difference(head, held, name, number).head


class HeldScore:
    """The score of the heads that clients hold on a set of samples, each head scored once.

    Args:
        held: The heads.
        task: Gives D, C and what the features mean.
        samples: At least one.
        seed: The run's seed.
    """

    def __init__(self, held: HeldHeads, task: Task, samples: Samples, seed: int) -> None:
        self._held, self._task, self._samples, self._seed = held, task, samples, seed
        self._known: dict[int, float] = {}

    def mean(self) -> float:
        """Return the mean accuracy over the clients, 0 to 1; see ``mean_over_boards``."""
        self._known = {
            version: value for version, value in self._known.items() if version in self._held.heads
        }
        return mean_over_boards(self._held.versions, self._seed, self._accuracy)

    def _accuracy(self, version: int) -> float:
        if version not in self._known:
            self._known[version] = evaluate(self._task, self._held.heads[version], self._samples).accuracy
        return self._known[version]
