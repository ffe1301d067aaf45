"""Secure sums of simulated clients (SPEC.md section 11): whole numbers that boards would hide, summed without masks.

Masks cancel in a sum, so none are made: the sum is, bit for bit, the one that a coordinator would read. Who would be
whose neighbour counts all the same, for it decides who has to tell whose keys, and when nothing can be read at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed._core import Simulator as Core
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.secure_sum import (
    CLAIM,
    IN_GROUPS,
    NO_ROOM,
    TOO_MANY_LOST,
    no_whole_noise,
    sums_entry,
)
from bytefed.federation.summed import require_boards
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.wire_size import LinkProfile, require_room_for_masks
from bytefed.masks.form import KEY_SIZE, MIN_SUM, Form, Hidden, reference_of
from bytefed.masks.neighbours import are_connected, neighbours
from bytefed.masks.shares import least_survivors, step_of
from bytefed.masks.total import Hide, Total, next_step, read_total
from bytefed.privacy.plan import NoisePlan
from bytefed.simulation.held_heads import Clients

CLIENTS = "--clients 8"
"""The option by which a simulation has clients enough for a sum."""
_WORDS = 5  # with statistics; without, the first two count
_SIMULATED = "this is a simulation, which hides nothing; with boards in the place of its clients: "


@dataclass(frozen=True, eq=False)
class RoundSum:
    """The secure sum of a round.

    Attributes:
        form: The form of what each client would hide.
        hide: The plan of the round.
        total: The sum; None for a round that is void.
        void: The reason for that, in words; "" for none.
        clients: int64 [m], the clients whose deltas came, ascending.
        keys: int64 [m], for each of them how many of its neighbours' deltas did not come.
        releases: bool [N], the clients that let go of a delta before masks were set up for this round; None for a
            round before which none were.
    """

    form: Form
    hide: Hide
    total: Total | None
    void: str
    clients: Clients
    keys: NDArray[np.int64]
    releases: NDArray[np.bool_] | None


class ClientSums:
    """The secure sums of one simulation.

    Args:
        training: The local training of all clients.
        examples: int64 [N], each client's training samples.
        profiles: The links.
        link: int64 [N], for each client the index of its link.
        statistics_rounds: Each round with a multiple of this number brings statistics; 0 for none.
    """

    def __init__(
        self,
        training: LocalTraining,
        examples: Clients,
        profiles: Sequence[LinkProfile],
        link: NDArray[np.int64],
        *,
        statistics_rounds: int,
    ) -> None:
        self._codec, self._rate = training.codec_up, training.rate(1)
        self._statistics_rounds = statistics_rounds
        self._noise = training.noise if training.noise and training.noise.whole else None
        self._reference = 1 if self._noise else reference_of(examples.tolist())
        self._near = np.array(neighbours(len(examples), training.seed), np.int64)
        self._room = np.array([most_keys(profile, self._near.shape[1]) for profile in profiles])[link]
        self._size: float | None = None
        self._void, self._setups = 0, 0
        self._unset: NDArray[np.bool_] | None = np.zeros(len(examples), np.bool_)  # who owes, before a setup
        self._statistics: list[dict[str, Any]] = []

    @classmethod
    def of(
        cls, config: RunConfig, training: LocalTraining, examples: Clients, profiles: Sequence[LinkProfile],
        link: NDArray[np.int64],
    ) -> Self | None:  # fmt: skip
        """Return the secure sums of a simulation; None for one without.

        Raises:
            ConfigError: E_CONFIG_SECURE_SUM for too few or too many clients, E_CONFIG_PRIVACY for too few to hide one;
                E_MTU_SMALL.
        """
        if not config.secure_sum:
            return None
        require_boards(config, len(examples), CLIENTS)
        for profile in profiles:
            require_room_for_masks(profile)
        return cls(training, examples, profiles, link, statistics_rounds=config.statistics_rounds)

    def open(self, number: int, parameters: int) -> OpenSum:
        """Return the empty sum of a round."""
        boards = len(self._near)
        size = self._rate if self._size is None else self._size
        step = step_of(self._codec, self._noise.clip) if self._noise else next_step(self._codec, boards, size)
        hide = Hide(boards, self._reference, step, shares := self._noise is not None)
        statistics = has_statistics(number, self._statistics_rounds)
        return OpenSum(number, Form(self._codec, parameters, boards, statistics, shares), hide, self._noise)

    def close(self, opened: OpenSum, clients: Clients, tests: NDArray[np.int64]) -> RoundSum:
        """Return what the sum of a round says, or why that can't be read.

        Args:
            opened: The sum.
            clients: int64 [m], the clients that are in it.
            tests: int64 [m], their test samples.
        """
        there = np.zeros(len(self._near), np.bool_)
        there[clients] = True
        lost = (~there[self._near[clients]]).sum(axis=1)
        releases, self._unset = self._unset, None
        self._setups += releases is not None
        void = self._unreadable(clients, lost)
        if void:
            self._void += 1
            self._unset = there
            return RoundSum(opened.form, opened.hide, None, void, clients, lost, releases)
        found = opened.read(len(clients))
        if found.size > 0:
            self._size = found.size
        if opened.form.statistics:
            self._statistics.append(
                {"round": opened.number, "examples": found.examples, "loss": found.loss,
                 "correct": found.correct, "tested": int(tests.sum()), "test_correct": found.test_correct}
            )  # fmt: skip
        return RoundSum(opened.form, opened.hide, found, "", clients, lost, releases)

    def _unreadable(self, clients: Clients, lost: NDArray[np.int64]) -> str:
        alive = self._near.shape[1] - lost
        if self._noise and len(clients) < (least := least_survivors(len(self._near))):
            return no_whole_noise(len(clients), least)
        if len(clients) < MIN_SUM or bool((alive < MIN_SUM - 1).any()):
            return TOO_MANY_LOST
        if self._noise and not are_connected(self._near.tolist(), set(clients.tolist())):
            return IN_GROUPS
        return NO_ROOM if bool((lost > self._room[clients]).any()) else ""

    def summary(self) -> dict[str, Any]:
        """Return the entry of summary.json, as a run has it."""
        entry = sums_entry(self._setups, self._void, self._statistics, whole=self._noise is not None)
        return {"secure_sum": {**entry, "claim": _SIMULATED + CLAIM}}


class OpenSum:
    """The sum of a round while its clients train.

    Args:
        number: The round.
        form: The form of what clients hide.
        hide: The plan of the round.
        noise: The noise that each client makes a share of; None for none.
    """

    def __init__(self, number: int, form: Form, hide: Hide, noise: NoisePlan | None = None) -> None:
        self.number, self.form, self.hide, self._noise = number, form, hide, noise
        self._words, self._lanes = np.zeros(_WORDS, np.uint64), np.zeros(form.lanes, np.uint64)

    def add(
        self,
        core: Core,
        clients: Clients,
        deltas: NDArray[np.float32],
        residuals: NDArray[np.float32],
        losses: NDArray[np.float32],
        correct: NDArray[np.int32],
        tested: NDArray[np.int32],
        norms: NDArray[np.float64],
    ) -> None:
        """Add what some clients would hide.

        Args:
            core: Has the clients' samples.
            clients: int64 [n].
            deltas: float32 [n, P]; they become encoding errors, if the codec is lossy.
            residuals: float32 [N, P], each client's encoding error from before; no rows for a lossless codec.
            losses: float32 [n], what clients would tell of their loss.
            correct: int32 [n], their training samples classified correctly.
            tested: int32 [n], their own test samples that the round's head classifies correctly.
            norms: float64 [n], NaN for clients that don't count; it becomes NaN where nothing finite can be encoded.
        """
        core.add_hidden(
            clients, deltas, residuals, losses, correct, tested, norms, self._words, self._lanes,
            round=self.number, codec=codec.find(self.form.codec).number, boards=self.hide.boards,
            reference=self.hide.reference, step=self.hide.step,
        )  # fmt: skip

    def add_shares(
        self, core: Core, deltas: NDArray[np.float32], keys: NDArray[np.uint8], norms: NDArray[np.float64]
    ) -> None:
        """Add what some clients would hide that make shares of the noise.

        Args:
            core: Has threads to do it.
            deltas: float32 [n, P]; they become zeros.
            keys: uint8 [n, 32], of each client's noise.
            norms: float64 [n]; they become 0, for all of these clients count.
        """
        if self._noise is None:
            raise ValueError("there is no noise to share")
        core.add_shares(
            deltas, keys, norms, self._words, self._lanes,
            round=self.number, codec=codec.find(self.form.codec).number, boards=self.hide.boards,
            step=self.hide.step, grid=self._noise.grid, cost=self._noise.cost,
        )  # fmt: skip

    @property
    def hidden(self) -> Hidden:
        """The sum so far, modulo 2^32 and 2^bits."""
        whole = Hidden(self.form, self._words[: self.form.words], self._lanes)
        return whole.plus(Hidden.nothing(self.form))

    def read(self, boards: int) -> Total:
        """Return what the sum over so many boards says."""
        return read_total(self.hidden, self.hide, boards, self.number)


def most_keys(profile: LinkProfile, neighbours: int) -> int:
    """Return how many keys of lost neighbours an answer on a link has room for; -1 if not even for the own one."""
    fitting = [lost for lost in range(neighbours + 1) if profile.inlines(0, KEY_SIZE * (1 + lost))]
    return max(fitting, default=-1)
