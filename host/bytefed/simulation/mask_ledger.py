"""The bytes of simulated clients beside rounds with hidden deltas: masks, their keys, and the last delta's release."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bytefed.events import Listener, RoundVoid
from bytefed.ledger.wire_size import mask_bytes, peers_bytes, release_bytes, unmask_bytes
from bytefed.masks.neighbours import degree
from bytefed.simulation.client_sums import RoundSum
from bytefed.simulation.held_heads import Clients
from bytefed.simulation.ledger import SimulatedLedger
from bytefed.simulation.links import ClientLinks


class MaskLedger:
    """Books what secure sums take beside rounds.

    Args:
        ledger: The files of the run.
        links: The link of each client.
        test_sizes: int64 [N], each client's own test samples.
        listener: Is told of rounds that are void.
    """

    def __init__(
        self, ledger: SimulatedLedger, links: ClientLinks, test_sizes: NDArray[np.int64], listener: Listener
    ) -> None:
        self._ledger, self._links, self._tests, self._listener = ledger, links, test_sizes, listener
        self._keeping: Clients = np.zeros(0, np.int64)  # who has a delta that no round has released yet

    def set_up(self, number: int, summed: RoundSum) -> None:
        """Book the setup of masks before a round, where there was one; clients with a delta let go of it first."""
        if summed.releases is None:
            return
        everyone = np.arange(len(self._links.link), dtype=np.int64)
        profiles, neighbours = self._links.profiles, degree(len(everyone))
        drawn = [
            mask_bytes(profile, noises=self._ledger.noises) + release_bytes(profile) * owes
            for profile in profiles
            for owes in (0, 1)
        ]
        self._ledger.book("masks", number, everyone, self._links.link * 2 + summed.releases, drawn)
        given = [peers_bytes(profile, neighbours) for profile in profiles]
        self._ledger.book("masks", number, everyone, self._links.link, given)

    def unmask(self, number: int, summed: RoundSum) -> tuple[float | None, float | None]:
        """Book that masks are taken off a round's sum, and close the row of the round before.

        Returns:
            The accuracies that the sum tells of the head that the round began with, as ``SimulatedLedger.tested`` does.
        """
        self._keeping = summed.clients
        if summed.total is None:
            self._listener(RoundVoid(number, summed.void))
            return self._ledger.tested(0, 0)
        most = int(summed.keys.max())
        shares = summed.form.shares
        taken = [
            unmask_bytes(profile, keys, shares=shares)
            for profile in self._links.profiles
            for keys in range(most + 1)
        ]
        kinds = self._links.link[summed.clients] * (most + 1) + summed.keys
        self._ledger.book("unmask", number, summed.clients, kinds, taken)
        tests = int(self._tests[summed.clients].sum())
        told = summed.total.test_correct
        return self._ledger.tested(0, 0) if told is None else self._ledger.tested(told, tests)

    def end(self, number: int) -> None:
        """Book that clients let go of their deltas of the last round: no evaluation follows, which would do it."""
        let_go = [release_bytes(profile) for profile in self._links.profiles]
        self._ledger.book("release", number, self._keeping, self._links.link[self._keeping], let_go)
