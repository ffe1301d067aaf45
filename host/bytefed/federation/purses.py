"""The budgets of a run's boards: what each has spent by the ledger, and what it may still spend.

Before an operation a board is lent what its budget has left, less what the evaluation of the last head will take; the
link sends nothing that this would not pay for. So the budget is kept whatever the link loses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from bytefed.codec.downlink import head_crc
from bytefed.device.allowance import Loan
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound
from bytefed.federation.budget import Means, require_kept
from bytefed.head import parameters
from bytefed.ledger.budget import Load, Loads, Pricing
from bytefed.ledger.budget_plan import Boards, require_one_round
from bytefed.ledger.count import ByteCount
from bytefed.ledger.plan import planned_release, planned_round
from bytefed.ledger.rows import SESSION_PHASES, Traffic
from bytefed.ledger.wire_size import (
    MIN_SEALED_FRAME,
    MIN_SEALED_MTU,
    LinkProfile,
    ble_profile,
    connection_bytes,
    error_bytes,
    first_contact_bytes,
    sealed_profile,
    serial_profile,
)
from bytefed.runs.store import Store
from bytefed.transport.base import key_of

_FREE = ("provision", "label")
"""The phases that no budget pays: giving boards what they are to learn from, samples or labels."""
_PAID = tuple(phase for phase in ("round", *SESSION_PHASES) if phase not in _FREE)
_NOTED = "prices of a round"
_MTUS = (23, MIN_SEALED_MTU, 517)  # between which those of all links are


class Purses:
    """The rest of the boards' budgets in a run.

    Args:
        means: The budget and the prices of operations; None for a run without one.
    """

    def __init__(self, means: Means | None) -> None:
        self._means = means
        self.spent: dict[str, float] = {}
        self._lost: dict[str, float] = {}  # what hosts that were killed did not book
        self._out: set[str] = set()
        self._training: dict[str, float] = {}  # planned seconds of the operation under way

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self._means is not None

    def reshape(self, shape: tuple[int, int]) -> None:
        """Learn D and C of the head, where they are known only once the boards have told their labels."""
        if self._means is not None:
            self._means = replace(self._means, shape=shape)

    def load(self, store: Store) -> None:
        """Learn what a run that goes on has spent before.

        A host that was killed had no time to book its round: that is charged as it was planned.
        """
        if self._means is None:
            return
        noted = json.loads(store.meta(_NOTED) or '{"round": 0, "prices": {}, "spent": {}, "lost": {}}')
        rows = [row for _, row in store.traffic(_PAID)]
        if self._means.budget.kind == "energy":  # rows count waits, too
            rows = [row for row in rows if not noted["round"]]
            self.spent = noted["spent"]
        for row in rows:
            self._add(row)
        done = [row for row in rows if row.phase == "round" and row.count is not None]
        booked = {row.board for row in done if row.round == noted["round"]}
        lost = Counter(noted["lost"])
        lost.update({board: price for board, price in noted["prices"].items() if board not in booked})
        self._lost = dict(lost)
        for board, price in lost.items():
            self.spent[board] = self.spent.get(board, 0) + price

    def note(self, store: Store, number: int, plans: Mapping[Device, PlannedRound]) -> None:
        """Keep what a round is going to take of its boards, for a host that comes after this one was killed."""
        if self._means is None:
            return
        prices = {device.name: self._price(device, planned) for device, planned in plans.items()}
        if self._means.budget.kind == "energy":
            self._lost = {}  # is in what was spent
        store.set_meta(
            _NOTED, json.dumps({"round": number, "prices": prices, "spent": self.spent, "lost": self._lost})
        )

    def _add(self, row: Traffic, unplanned: float = 0.0) -> float:
        means, paid = self._means, 0.0
        if means is None or row.phase in _FREE:
            return 0.0
        if means.budget.kind == "bytes":
            paid = row.count.wire_total if row.count else 0
        elif means.budget.kind == "air":
            paid = row.air_seconds or 0.0
        else:
            paid = max(0.0, (row.energy_mj or 0.0) - unplanned)
        self.spent[row.board] = self.spent.get(row.board, 0) + paid
        return self.spent[row.board]

    def paid(self, row: Traffic, computing: float = 0.0) -> None:
        """Take what a ledger row says from its board's purse.

        Energy is taken for no more training than planned: where an answer was lost, nobody knows how long the board
        worked, and the row counts the wait.

        Args:
            row: The row.
            computing: Seconds of training in it.

        Raises:
            LedgerError: E_BUDGET_EXCEEDED.
        """
        if self._means is not None:
            unplanned = max(0.0, computing - self._training.pop(row.board, 0.0))
            currents = self._means.pricing.table.currents
            require_kept(
                self._means.budget, row.board, self._add(row, unplanned * currents.compute * currents.voltage)
            )

    # ---- Loans

    def lend_connection(self, device: Device) -> None:
        """Let a board open a session; one that was known before keeps what its last evaluation takes.

        Raises:
            BoardError: E_BUDGET_SPENT, where that is too much.
        """
        means = self._means
        if means is None:
            return
        spent, reserve = 0.0, 0.0
        if device.connections:
            spent = self.spent.get(device.name, 0)
            reserve = self._evaluation(device)
        most = means.budget.ceiling - spent - reserve
        device.lend(Loan(means.pricing, most, Load(), *_openings(means.pricing, _possible(device))))

    def lend_first_connections(self, devices: Sequence[Device]) -> None:
        """Let the boards of a run that begins open their sessions.

        Raises:
            ConfigError: E_BUDGET_TOO_SMALL, E_BUDGET_LINK: where no link of that kind could be paid, none is opened.
        """
        means = self._means
        if means is None:
            return
        for device in devices:
            require_one_round(means.budget, min(map(means.least, _possible(device))), at_least=True)
        for device in devices:
            self.lend_connection(device)

    def lend_round(self, device: Device, planned: PlannedRound) -> None:
        """Let a board do a planned round, or the evaluation of the last head, which may take all that is left."""
        if self._means is None:
            return
        reserve = self._evaluation(device) if planned.trains else 0.0
        self._lend(device, _form(planned), self._computing(device, planned), reserve)

    def lend_release(self, device: Device) -> None:
        """Let a board forget its delta."""
        if self._means is not None:
            self._lend(device, planned_release, 0.0, 0.0)

    def _lend(
        self, device: Device, form: Callable[[LinkProfile], ByteCount], computing: float, reserve: float
    ) -> None:
        means = self._known()
        answers = means.pricing.loads(device.profile, form).up
        error = means.pricing.loads(device.profile, error_bytes).up
        openings = _openings(means.pricing, [device.profile])
        most = means.budget.ceiling - self.spent.get(device.name, 0) - reserve
        self._training[device.name] = computing
        device.lend(Loan(means.pricing, most, answers.most(error), *openings, computing))

    # ---- Boards that can pay

    def affords(self, device: Device, plan: Callable[[], PlannedRound]) -> bool:
        """Return whether a connected board can pay for a round, planned if that counts, and the evaluation after it."""
        if device.name in self._out:
            return False
        means = self._means
        if means is None:
            return True
        needed = self._price(device, plan()) + self._evaluation(device)
        return means.budget.pays(self.spent.get(device.name, 0) + needed)

    def _price(self, device: Device, planned: PlannedRound) -> float:
        """Return what a round takes, with what has crossed or may still come of what was before."""
        pricing = self._known().pricing
        (down, up), promised = device.unbooked()
        loads = pricing.loads(device.profile, _form(planned))
        late = Loads(down.plus(loads.down), up.most(promised.plus(loads.up)))
        return pricing.price(late, self._computing(device, planned))

    def may_come_back(self, device: Device) -> bool:
        """Return whether a board that is away could pay for a session, a round and an evaluation."""
        if not device.connections:  # nor is its name known
            return True
        if device.name in self._out:
            return False
        means = self._means
        if means is None:
            return True
        prices = means.prices(device.profile)
        loads, _ = device.unbooked()
        needed = prices.connect + prices.rounds[0, 0, 1] + prices.evaluations[0, 0]
        needed += means.training(device.stored.train) + means.pricing.price(loads)
        return means.budget.pays(self.spent.get(device.name, 0) + float(needed))

    def retire(self, device: Device) -> None:
        """Let a board take no part any more."""
        self._out.add(device.name)

    @property
    def retired(self) -> int:
        """How many boards take no part any more."""
        return len(self._out)

    def _evaluation(self, device: Device) -> float:
        means = self._known()
        return float(means.prices(device.profile).evaluations[1, 0])

    def _computing(self, device: Device, planned: PlannedRound) -> float:
        means = self._known()
        trains = planned.trains and means.budget.kind == "energy"
        return means.computing(device.stored.train) if trains else 0.0

    def _known(self) -> Means:
        if self._means is None:
            raise ValueError("there is no budget")
        return self._means


def connected_boards(
    means: Means, devices: Sequence[Device], samples: Sequence[int], connections: Sequence[Loads]
) -> Boards:
    """Return what boards that have just connected are to a plan.

    Args:
        means: The prices of operations.
        devices: Connected.
        samples: Training samples that each is to have.
        connections: The loads that connecting each took.
    """
    profiles = list(dict.fromkeys(device.profile for device in devices))
    spent = [means.pricing.price(loads) for loads in connections]
    zeros = [head_crc(np.zeros(parameters(*device.shape), np.float32)) for device in devices]
    return Boards(
        prices=[means.prices(profile) for profile in profiles],
        link=np.array([profiles.index(device.profile) for device in devices], np.int64),
        spent=np.array(spent, np.float64),
        training=np.array([means.training(count) for count in samples], np.float64),
        strange=np.array(
            [device.stored.head != none for device, none in zip(devices, zeros, strict=True)], np.bool_
        ),
    )


def _openings(pricing: Pricing, profiles: Sequence[LinkProfile]) -> tuple[Load, Load]:
    """Return the most that boards on links send to open a session in the clear, and a sealed one."""
    clear = sealed = Load()
    for profile in profiles:
        up = pricing.loads(profile, connection_bytes).up
        if profile.sealed:
            clear, sealed = clear.most(pricing.loads(profile, first_contact_bytes).up), sealed.most(up)
        else:
            clear = clear.most(up)
    return clear, sealed


def _form(planned: PlannedRound) -> Callable[[LinkProfile], ByteCount]:
    return partial(
        _planned, blobs=planned.blobs, statistics=planned.statistics, configures=planned.configures
    )


def _planned(
    profile: LinkProfile, *, blobs: tuple[int, int], statistics: bool, configures: bool
) -> ByteCount:
    return planned_round(profile, blobs, statistics=statistics, configures=configures)


def _possible(device: Device) -> list[LinkProfile]:
    """Return the profiles between which a board's link is, whose session is not open yet."""
    if device.connections:
        return [device.profile]
    is_ble = device.transport.framing == "ble"
    clear = [ble_profile(mtu) for mtu in _MTUS] if is_ble else [serial_profile()]
    sealed = [sealed_profile(profile) for profile in clear if profile.frame_limit >= MIN_SEALED_FRAME]
    return sealed if key_of(device.transport) else [*clear, *sealed]
