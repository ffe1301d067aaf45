"""Checks the secure sums of a simulation: its checked clients hide their deltas as virtual boards, and sum them up.

They are neighbours of each other. The other neighbours that each has to have are points that nobody has the secret of;
these count as lost, so the boards tell the keys that they share with them, and nothing else is left of their masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from bytefed.device.hiding import ask_keys, draw_point, give_points
from bytefed.device.plan import RoundReply
from bytefed.head import Head
from bytefed.ledger.wire_size import LinkProfile, mask_bytes, peers_bytes, release_bytes, unmask_bytes
from bytefed.masks.form import MIN_SUM, POINT_SIZE
from bytefed.masks.keys import left_and_lost, sorted_keys
from bytefed.masks.neighbours import degree, neighbours
from bytefed.masks.total import uncover
from bytefed.protocol.message import Mask
from bytefed.simulation.check import Check, require_same
from bytefed.simulation.client_sums import RoundSum, most_keys
from bytefed.simulation.simulator import Outcome

_SETUPS = 256  # numbers of setups, in turn


def least_checked(profiles: Sequence[LinkProfile], clients: int) -> int:
    """Return how many clients have to be checked, so that answers have room for the keys of all other neighbours.

    Args:
        profiles: The links.
        clients: Clients in the sum.
    """
    near = degree(clients)
    room = min(most_keys(profile, near) for profile in profiles)
    return max(MIN_SUM, near - room + 1)


class SumCheck(Check):
    """The clients that are checked of a simulation with secure sums; see ``Check``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        boards, checked = len(self._links.link), len(self._devices)
        strangers = range(checked, checked + degree(boards) - degree(checked))
        self._places = {client: place for place, client in enumerate(sorted(self._devices))}
        self._near = [[*each, *strangers] for each in neighbours(checked, self._training.seed)]
        self._points = [b""] * checked + [_stranger(place) for place in strangers]
        self._setups = 0
        self._hidden: dict[int, bytes] = {}  # the deltas of a round, by client
        self._keeping: frozenset[int] = frozenset()  # clients with a delta that no round has released yet
        self._sums = 0

    def round(self, number: int, head: Head, lost: NDArray[Any], outcome: Outcome) -> None:
        """Let the checked clients repeat a round with masks, and take these off the sum of what they hide.

        Raises:
            BytefedError: E_CHECK when anything differs.
        """
        if outcome.summed is None:
            raise ValueError("a round without a sum")
        self._hide, self._hidden = outcome.summed.hide, {}
        if outcome.summed.releases is not None:
            self._runner.run(self._set_up(number, outcome.summed))
        super().round(number, head, lost, outcome)
        self._keeping = frozenset(outcome.summed.clients.tolist())
        if outcome.summed.total is not None:  # else nobody is asked for keys
            self._runner.run(self._uncover(number, outcome))

    async def _set_up(self, number: int, summed: RoundSum) -> None:
        noise, boards = self._training.noise, summed.hide.boards
        mask = Mask(self._setups % _SETUPS, boards, summed.hide.reference, MIN_SUM)
        self._setups += 1
        for client, device in self._devices.items():
            owes = summed.releases is not None and bool(summed.releases[client])
            if owes:  # a delta of a round that is void; with it the board would refuse to begin anew
                await device.release(counted=False)
            point = await draw_point(device, mask, noise.message if noise else None)
            self._points[self._places[client]] = point
            profile = self._links.profile(client)
            expected = mask_bytes(profile, noises=noise is not None)
            self._compare(number, client, expected + release_bytes(profile) * owes)
        for client, device in self._devices.items():
            near = self._near[self._places[client]]
            await give_points(device, [self._points[other] for other in near])
            self._compare(number, client, peers_bytes(self._links.profile(client), len(near)))

    def _compare_learnt(
        self, number: int, client: int, reply: RoundReply, outcome: Outcome, place: int
    ) -> None:
        examples = int(outcome.num_examples[place])
        require_same(number, f"client {client}", "num_examples", reply.num_examples, examples)
        if reply.hidden is not None:
            self._hidden[client] = reply.hidden

    async def _uncover(self, number: int, outcome: Outcome) -> None:
        """Compare the sum over the checked clients, unless too few of them are left for one."""
        summed, hidden = outcome.summed, outcome.hidden
        there = {self._places[client] for client in self._hidden}
        asked = {client: left_and_lost(self._near[self._places[client]], there) for client in self._hidden}
        if summed is None or hidden is None or not self._answerable(asked):
            return
        keys = {}
        for client, (survivors, lost) in asked.items():
            boards = summed.hide.boards - len(lost) if summed.form.shares else None
            told = await ask_keys(self._devices[client], number, survivors, len(lost), boards)
            keys[self._places[client]] = told
            expected = unmask_bytes(self._links.profile(client), len(lost), shares=summed.form.shares)
            self._compare(number, client, expected)
        found = uncover(summed.form, self._hidden.values(), *sorted_keys(self._points, self._near, keys))
        for what, on_boards, here in (
            ("statistics", found.words, hidden.words),
            ("deltas", found.lanes, hidden.lanes),
        ):
            same = "the same bits" if (on_boards == here).all() else "other bits"
            require_same(number, "all checked clients", f"sum of their {what}", same, "the same bits")
        self._sums += 1

    def end(self, number: int) -> None:
        """Compare the bytes by which clients let go of the deltas that no further round releases."""
        for client in sorted(self._devices.keys() & self._keeping):
            device = self._devices[client]
            require_same(number, f"client {client}", "round of the delta that is kept", device.owed, number)
            self._runner.run(device.release(counted=True))
            self._compare(number, client, release_bytes(self._links.profile(client)))

    def summary(self) -> dict[str, int]:
        """Return the numbers of clients, rounds, bytes and sums that were compared."""
        return {**super().summary(), "sums": self._sums}

    def _answerable(self, asked: dict[int, tuple[int, list[int]]]) -> bool:
        """Return whether boards answer: enough neighbours of each are left, and keys of the others fit a frame."""
        return len(asked) >= MIN_SUM and all(
            survivors.bit_count() >= MIN_SUM - 1
            and len(lost) <= most_keys(self._links.profile(client), len(lost))
            for client, (survivors, lost) in asked.items()
        )


def _stranger(place: int) -> bytes:
    """Return a point that nobody has the secret of."""
    return hashlib.blake2b(f"stranger {place}".encode(), digest_size=POINT_SIZE).digest()
