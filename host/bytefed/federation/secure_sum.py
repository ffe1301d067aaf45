"""Secure sums: masks are set up, hidden deltas come in, and their sum alone is uncovered (SPEC.md section 11).

Hidden deltas stay in memory, and only until their round's sum is known. What is lost with the coordinator is the round
under way: a resumed run sets up new masks and begins that round again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from bytefed.device.device import Device
from bytefed.device.hiding import ask_keys, draw_point, give_points
from bytefed.device.plan import PlannedRound, RoundReply, TrainingPlan
from bytefed.device.refusals import no_delta
from bytefed.events import Listener, RoundVoid
from bytefed.federation.config import RunConfig
from bytefed.federation.failures import remedy_of
from bytefed.federation.fleet import Fleet, Member
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules
from bytefed.federation.together import together
from bytefed.ledger.plan import planned_mask, planned_peers, planned_unmask
from bytefed.ledger.rows import Status
from bytefed.masks.form import KEY_SIZE, MIN_SUM, Form, reference_of
from bytefed.masks.keys import left_and_lost, sorted_keys
from bytefed.masks.neighbours import are_connected, neighbours
from bytefed.masks.shares import LEAST_SUM, least_survivors, step_of
from bytefed.masks.total import Hide, Total, next_step, read_total, uncover
from bytefed.privacy.plan import NoisePlan
from bytefed.protocol.message import Capability, Mask
from bytefed.runs.store import Store
from bytefed.runs.sums import StoredSum

NOTED = "secure sum"
"""The key of what the store keeps: the last setup's number, the size that the last sum told, the last round whose keys
boards were asked for."""
_SETUPS = 256  # numbers of setups, in turn
TOO_MANY_LOST = f"too many boards are lost for a sum of at least {MIN_SUM}"
IN_GROUPS = (
    "the boards that are left are no neighbours of each other but in groups, and no group's noise is whole"
)
NO_ROOM = "more boards are lost than an answer on this link has room for"
"""The reasons for a void round that follow from who is lost."""
CLAIM = (
    "whoever reads this run's directory, or looks into its coordinator, learns of each round's deltas and statistics "
    "their sum alone, if the coordinator keeps to the rules and each board has an honest neighbour in the same sum"
)
"""The claim of a run with secure sums."""
NOT_CLAIMED = (
    "protection from a coordinator that invents boards, or that tells boards different things about who is in the sum",
    "privacy of the sum itself: in a sum of three, two boards that work together read the third",
    "privacy of samples from a coordinator that chooses plans and heads: without noise, the sums of many rounds give "
    "it each sample exactly, and it need not invent a board (docs/audit.md)",
    "privacy of numbers of samples, of durations, and of who took part",
    "protection of the head from a board that sends nonsense: nobody can look at a single delta",
)
"""Things that it does not claim."""


def no_whole_noise(boards: int, least: int) -> str:
    """Return the reason for a void round whose noise would not be whole: fewer boards are left than make it so."""
    return f"{boards} boards are left, and {least} make its noise whole"


@dataclass(frozen=True)
class _Setup:
    """One setup of masks.

    Attributes:
        number: Its number, as boards are told.
        hide: The plan that its rounds share.
        places: Place of each board, by name.
        boots: The boot id of each board, in their order, and its connection: a board that was reset has lost its masks.
        near: The neighbours of each board, by place.
        points: The point of each board.
    """

    number: int
    hide: Hide
    places: dict[str, int]
    boots: list[tuple[int | None, int]]
    near: list[list[int]]
    points: list[bytes]

    def has(self, device: Device) -> bool:
        """Return whether a board still has its masks of this setup."""
        place = self.places.get(device.name)
        if place is None or self.boots[place][0] != device.boot:
            return False
        return self.boots[place][1] == device.connections or bool(
            device.board.capabilities & Capability.MASKED
        )


@dataclass(frozen=True)
class _Open:
    """A round whose hidden deltas are taken.

    Attributes:
        number: The round.
        form: Their form.
        hidden: The deltas that came and the boards that sent them, by the name of the board.
    """

    number: int
    form: Form
    hidden: dict[str, tuple[Member, bytes]] = field(default_factory=dict)


class _Notes:
    """Facts about the sums of a run that its store keeps, so that a resumed run goes on from them; see NOTED."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def facts(self) -> dict[str, Any]:
        """The facts, by name."""
        return dict(json.loads(self._store.meta(NOTED) or "{}"))

    def add(self, **facts: float) -> None:
        """Note facts, in the place of those of the same name."""
        self._store.set_meta(NOTED, json.dumps({**self.facts, **facts}))


class _VoidError(Exception):
    """A round whose sum can't be read; its text says why."""


class SecureSum:
    """The secure sums of one run.

    Args:
        rules: The rules of a round.
        codec_up: Codec of the deltas.
        rate: The learning rate of the first round.
        noise: The noise of all rounds; None for none.
        fleet: The boards.
        store: The run's store.
        listener: Is told of rounds that are void.
    """

    def __init__(
        self,
        rules: Rules,
        codec_up: str,
        rate: float,
        noise: NoisePlan | None,
        fleet: Fleet,
        store: Store,
        listener: Listener,
    ) -> None:
        self._rules, self._codec, self._rate, self._noise = rules, codec_up, rate, noise
        self._fleet, self._store, self._listener = fleet, store, listener
        self._notes = _Notes(store)
        self._setup: _Setup | None = None
        self._open: _Open | None = None
        self._lossless = False

    @classmethod
    def of(
        cls,
        config: RunConfig,
        rules: Rules,
        training: LocalTraining,
        fleet: Fleet,
        store: Store,
        listener: Listener,
    ) -> Self | None:
        """Return the secure sums of a run; None for a run without."""
        if not config.secure_sum:
            return None
        return cls(rules, training.codec_up, training.rate(1), training.noise, fleet, store, listener)

    @property
    def _shares(self) -> bool:
        """Whether each board makes a share of the noise."""
        return self._noise is not None and self._noise.whole

    # ---- Before a round

    async def prepare(
        self,
        number: int,
        chosen: Sequence[Member],
        plans: Callable[[Member], PlannedRound],
    ) -> list[Member]:
        """Give the boards of a round their masks, unless they have them, and see that all can start from one head.

        Args:
            number: The round.
            chosen: Its boards.
            plans: Gives the round that is planned for a board.

        Returns:
            The boards that take part.

        Raises:
            LinkError: E_TOO_FEW_BOARDS, where too few of them could be set up.
        """
        members = list(chosen)
        while self._setup is None or not all(self._setup.has(member.device) for member in members):
            members = await self._set_up(number, members)
        self._setup = replace(self._setup, hide=replace(self._setup.hide, step=self._step()))
        self._lossless = False
        planned = [plans(member) for member in members]
        self._lossless = len({each.offer.crc for each in planned}) > 1  # those of one head agree
        self._open = _Open(
            number,
            Form(
                self._codec,
                planned[0].head.size,
                len(self._setup.places),
                planned[0].statistics,
                self._shares,
            ),
        )
        return members

    def plan(self, training: TrainingPlan) -> TrainingPlan:
        """Return how boards are to train and hide what they learn."""
        if self._setup is None:
            return training
        down = "float32" if self._lossless else training.codec_down
        return replace(training, codec_down=down, hide=self._setup.hide)

    def _step(self) -> float:
        """Return the step of the round, by the size of what the last sum told."""
        if self._noise and self._shares:
            return step_of(self._codec, self._noise.clip)
        size = self._notes.facts.get("size", self._rate)
        return next_step(self._codec, len(self._known().places), size)

    async def _set_up(self, number: int, members: list[Member]) -> list[Member]:
        """Set all boards up once; return those that are left if some were lost meanwhile."""
        remedy = remedy_of([*self._fleet.troubles.values()])
        self._rules.require_boards(number, len(members), remedy)
        self._setup = None
        mask = _next_mask(self._notes, members, shares=self._shares)
        points = await self._draw_points(members, mask)
        if len(points) < len(members):
            return [member for member in members if member.device.name in points]
        near = neighbours(len(members), self._rules.seed)
        all_points = [points[member.device.name] for member in members]
        around = [[all_points[other] for other in others] for others in near]
        left = await self._give_points(members, around)
        if len(left) == len(members):
            hide = Hide(mask.boards, mask.reference, 1.0, self._shares)
            places = {member.device.name: place for place, member in enumerate(members)}
            boots = [(member.device.boot, member.device.connections) for member in members]
            self._setup = _Setup(mask.setup, hide, places, boots, near, all_points)
        return left

    async def _draw_points(self, members: list[Member], mask: Mask) -> dict[str, bytes]:
        """Have boards draw their secrets, and return the point of each that did."""
        owed = {member.device.name: member.device.owed for member in members}

        async def draw(member: Member) -> bytes:
            device = member.device
            if device.owed:  # its memory is the delta's
                await device.release(counted=self._store.counts(device.name, device.owed))
            return await draw_point(device, mask, self._noise.message if self._noise else None)

        def estimate(member: Member) -> int:
            releases = bool(owed[member.device.name])
            count = planned_mask(member.device.profile, releases=releases, noises=self._noise is not None)
            return count.wire_total

        return await together(self._fleet, "masks", members, draw, estimate)

    async def _give_points(self, members: list[Member], around: list[list[bytes]]) -> list[Member]:
        """Give each board the points of its neighbours, and return the boards that have them."""
        theirs = {member.device.name: points for member, points in zip(members, around, strict=True)}

        async def give(member: Member) -> bool:
            await give_points(member.device, theirs[member.device.name])
            return True

        def estimate(member: Member) -> int:
            return planned_peers(member.device.profile, len(theirs[member.device.name])).wire_total

        given = await together(self._fleet, "masks", members, give, estimate)
        return [member for member in members if member.device.name in given]

    # ---- In a round

    def take(self, number: int, member: Member, reply: RoundReply) -> Status:
        """Keep a hidden delta in memory until its round's sum is known; one that comes later is thrown away."""
        if reply.hidden is None:
            raise no_delta(member.device.name)
        if self._open is None or number != self._open.number:
            return "late"
        self._open.hidden[member.device.name] = member, reply.hidden
        return "ok"

    @property
    def delivered(self) -> int:
        """How many hidden deltas of the round have come."""
        return len(self._open.hidden) if self._open else 0

    # ---- After a round

    def is_over(self, number: int) -> bool:
        """Return whether boards were already asked for the keys of a round's sum: it is never begun again.

        Two sums of one round, of other boards each, would differ by what single boards hid.
        """
        return self._store.sum_of(number) is not None or self._notes.facts.get("unmasked") == number

    async def uncover(self, number: int) -> None:
        """Have the boards that delivered take the masks off their sum, and store it; or say that the round is void."""
        open_round, self._open = self._open, None
        if open_round is None:
            raise ValueError("no round is open")
        try:
            found = await self._total(open_round)
        except _VoidError as void:
            self._setup = None  # those that are left begin anew
            self._listener(RoundVoid(number, str(void)))
            return
        _store_sum(
            self._store, self._notes, number, [member for member, _ in open_round.hidden.values()], found
        )

    async def _total(self, open_round: _Open) -> Total:
        setup, hidden = self._known(), open_round.hidden
        there = {setup.places[name] for name in hidden}
        asked = {name: left_and_lost(setup.near[setup.places[name]], there) for name in hidden}
        if self._shares and len(hidden) < (least := least_survivors(len(setup.places))):
            raise _VoidError(no_whole_noise(len(hidden), least))
        if len(hidden) < MIN_SUM or any(bitmap.bit_count() < MIN_SUM - 1 for bitmap, _ in asked.values()):
            raise _VoidError(TOO_MANY_LOST)
        if self._shares and not are_connected(setup.near, there):
            raise _VoidError(IN_GROUPS)
        members = [member for member, _ in hidden.values()]
        keys_of = {
            member.device.name: KEY_SIZE * (1 + len(asked[member.device.name][1])) for member in members
        }
        if not all(member.device.profile.inlines(0, keys_of[member.device.name]) for member in members):
            raise _VoidError(NO_ROOM)
        self._notes.add(unmasked=open_round.number)
        keys = await _ask_keys(self._fleet, open_round.number, members, asked, shares=self._shares)
        if len(keys) < len(hidden):
            raise _VoidError("boards were lost before they had taken their masks off the sum")
        by_place = {setup.places[name]: told for name, told in keys.items()}
        added, subtracted = sorted_keys(setup.points, setup.near, by_place)
        total = uncover(open_round.form, (blob for _, blob in hidden.values()), added, subtracted)
        found = read_total(total, setup.hide, len(hidden), open_round.number)
        least, most = self._examples(members)
        if not least <= found.examples <= most:
            raise _VoidError("its masks did not cancel, so boards were told different things")
        return found

    def _examples(self, members: Sequence[Member]) -> tuple[int, int]:
        """Return the least and the most examples that a sum of boards has: with shares of noise each counts as one."""
        if self._shares:
            return len(members), len(members)
        return 1, sum(member.device.stored.capacity for member in members)

    def _known(self) -> _Setup:
        if self._setup is None:
            raise ValueError("there are no masks yet")
        return self._setup


def _next_mask(notes: _Notes, members: Sequence[Member], *, shares: bool) -> Mask:
    """Return the plan of another setup, and note it."""
    facts = notes.facts
    number = (facts.get("setup", -1) + 1) % _SETUPS
    notes.add(setup=number, setups=facts.get("setups", 0) + 1)
    # With shares of noise each board counts once: by samples, one with many would be what the clip shortens.
    reference = 1 if shares else reference_of([member.device.stored.train for member in members])
    return Mask(number, len(members), reference, MIN_SUM)


async def _ask_keys(
    fleet: Fleet, number: int, members: list[Member], asked: dict[str, tuple[int, list[int]]], *, shares: bool
) -> dict[str, list[bytes]]:
    """Ask boards for their keys of a round: for each the survivors among its neighbours, and those that are none."""

    async def ask(member: Member) -> list[bytes]:
        survivors, lost = asked[member.device.name]
        return await ask_keys(member.device, number, survivors, len(lost), len(asked) if shares else None)

    def estimate(member: Member) -> int:
        lost = len(asked[member.device.name][1])
        return planned_unmask(member.device.profile, lost, shares=shares).wire_total

    return await together(fleet, "unmask", members, ask, estimate)


def _store_sum(store: Store, notes: _Notes, number: int, members: Sequence[Member], found: Total) -> None:
    devices = [member.device for member in members]
    mean = found.mean.astype(np.float32)
    tested = sum(device.stored.test for device in devices)
    examples = max(1, found.examples)
    total = StoredSum(examples, mean, tested, found.loss, found.correct, found.test_correct)
    with store.one_transaction():
        store.commit_sum(number, [device.name for device in devices], total)
        if found.size > 0:
            notes.add(size=found.size)


def sums_summary(store: Store, *, whole: bool) -> dict[str, Any]:
    """Return the entry of summary.json about the secure sums of a run.

    Args:
        store: The run's store.
        whole: Whether noise in them hides whole boards.
    """
    done, summed = store.head()[0], store.summed_rounds()
    statistics = []
    for number in summed:
        total = store.sum_of(number)
        if total is not None and total.loss is not None:
            told = ("examples", "loss", "correct", "tested", "test_correct")
            statistics.append({"round": number, **{name: getattr(total, name) for name in told}})
    setups = json.loads(store.meta(NOTED) or "{}").get("setups", 0)
    void = done - sum(number <= done for number in summed)
    return {"secure_sum": sums_entry(setups, void, statistics, whole=whole)}


def sums_entry(
    setups: int, void: int, statistics: Sequence[dict[str, Any]], *, whole: bool
) -> dict[str, Any]:
    """Return what summary.json tells of secure sums.

    Args:
        setups: How often masks were set up.
        void: Rounds that counted for nothing.
        statistics: The statistics of each round that brought some.
        whole: Whether noise in them hides whole boards, so that few boards make no sum.
    """
    return {
        "min_sum": LEAST_SUM if whole else MIN_SUM,
        "setups": setups,
        "void": void,
        "statistics": list(statistics),
        "claim": CLAIM,
        "not_claimed": list(NOT_CLAIMED),
    }
