"""The heads that simulated clients hold when the downlink's codec is lossy (SPEC.md section 5.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bytefed.codec.downlink import difference
from bytefed.head import Head

Clients = NDArray[np.int64]


class HeldHeads:
    """The head that each client holds.

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
            name: Name of a lossy codec.
            clients: int64 [n], the clients that get it.

        Returns:
            The heads that the clients hold then, float32 [V, P]; and int32 [n], for each client the index of its head.
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
