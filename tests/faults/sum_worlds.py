"""Worlds of secure sums: real boards, links that lose any message, and hosts that must never sum up anything else.

Every board's randomness is known, so the oracle takes each hidden delta apart by itself. The sum that the host reads
has to be the plain sum of these integers, bit for bit; and they have to be what a twin of the board without masks
learns.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from mask_oracle import LEVELS, OracleBoard, bits_of_lane, lanes_of, quantized, split
from virtual_time import run

from bytefed import codec
from bytefed._core import VirtualBoard
from bytefed.boards.loopback import LoopbackTransport
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, RoundReply, Samples, TrainingPlan
from bytefed.errors import BytefedError, LinkError
from bytefed.federation import secure_sum
from bytefed.federation.fleet import BoardTroubles, Member
from bytefed.federation.rules import Rules
from bytefed.federation.secure_sum import SecureSum
from bytefed.masks.form import Hidden
from bytefed.masks.total import Hide, Total
from bytefed.protocol.header import is_data
from bytefed.protocol.message import Kind, Mask
from bytefed.transport.base import link_lost

FEATURES, CLASSES = 4, 2
PARAMETERS = FEATURES * CLASSES + CLASSES
RUN = 77
FAULTS = ("lost", "cut", "reset", "gone")
"""A frame that is lost, a link that is, a board that is reset, and one that never comes back."""


def samples_of(uid: int) -> Samples:
    """Return a board's samples, more or fewer of them."""
    rng = np.random.default_rng(uid)
    count = 4 + uid % 5
    x = rng.integers(-128, 128, (count + 3, FEATURES)).astype(np.int8)
    y = rng.integers(0, CLASSES, count + 3).astype(np.uint8)
    return Samples("features", x[:count], y[:count], x[count:], y[count:], 0.02, -3)


class Port(LoopbackTransport):
    """The link to one board, and the one frame at which something happens.

    Args:
        uid: The board's.
        rng: The world's.
    """

    def __init__(self, uid: int, rng: random.Random) -> None:
        self._rng, self.uid = rng, uid
        self.boot, self.asked = 0, 0
        self.secret = self.own = b""
        self.fault, self.nth, self.gone = "", 0, False
        self.hit = ""
        super().__init__(self._switched_on(), name=str(uid), framing="ble")

    def _switched_on(self) -> VirtualBoard:
        self.boot += 1
        self.masked = False
        return VirtualBoard(
            features=FEATURES, classes=CLASSES, uid=self.uid, boot=self.boot, noise=self._noise, max_batch=32
        )

    def _noise(self, _round: int) -> bytes:
        """Draw 32 bytes for a secret, where MASK asks for one, or 16 for a key."""
        if self.asked == Kind.MASK:
            self.secret, self.masked = self._rng.randbytes(32), True
            return self.secret
        self.own = self._rng.randbytes(16)
        return self.own

    def _happens(self, frame: bytes) -> str:
        """Return what happens to a frame."""
        self.nth -= 1
        if self.nth != 0 or not self.fault:
            return ""
        self.hit = "chunk" if is_data(frame) else _kind_of(frame)
        if self.fault == "reset":
            self._board = self._switched_on()
        self.gone = self.fault == "gone"
        return self.fault

    def board_gone(self) -> None:
        """Let go of the board, which knows this port, too."""
        del self._board

    async def open(self) -> None:
        if self.gone:
            raise LinkError("E_PORT_MISSING", "gone", "")
        await super().open()

    async def write(self, data: bytes) -> None:
        if not is_data(data):
            self.asked = data[0]
            if data[0] & 0xF0 in (Kind.NEXT, Kind.BEGIN):
                assert self.masked, "a board without masks would tell its delta as it is"
        happens = self._happens(data)
        if happens == "lost":
            self.sent += len(data)
            return
        if happens:
            await self.close()
            raise link_lost(self.uri, happens)
        await super().write(data)

    async def read(self) -> bytes:
        while True:
            data = await super().read()
            happens = self._happens(data)
            if happens == "lost":
                continue
            if happens:
                await self.close()
                raise link_lost(self.uri, happens)
            return data


def _kind_of(frame: bytes) -> str:
    kind = frame[0]
    for known in Kind:
        if known == kind or (known in (Kind.NEXT, Kind.BEGIN) and kind & 0xF0 == known):
            return known.name
    return f"{kind:#x}"


@dataclass
class Shelf:
    """A store in memory, as far as secure sums use one."""

    metas: dict[str, str] = field(default_factory=dict)
    sums: dict[int, tuple[list[str], Any]] = field(default_factory=dict)

    def meta(self, key: str) -> str:
        return self.metas.get(key, "")

    def set_meta(self, key: str, value: str) -> None:
        self.metas[key] = value

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        yield

    def counts(self, board: str, number: int = 0) -> bool:
        return not number or (number in self.sums and board in self.sums[number][0])

    def commit_sum(self, number: int, boards: list[str], total: Any) -> None:
        assert number not in self.sums
        self.sums[number] = boards, total


class Room:
    """The boards of a world, as far as secure sums use a fleet."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.rows: list[tuple[str, str, int, int]] = []  # phase, status, bytes, estimate

    def lose(self, member: Member, error: BytefedError) -> None:
        assert not error.code.startswith("E_LEDGER"), error
        self.members.remove(member)

    def release(self, member: Member) -> None:
        member.busy = False

    def book(self, device: Device, phase: str, status: str, _seconds: float, estimate: int) -> None:
        count = device.take_bytes()
        self.rows.append(
            (phase, status, count.wire_total - count.retransmission - count.probe - count.junk, estimate)
        )


@dataclass
class Outcome:
    """The outcome of a world.

    Attributes:
        summed, void: Rounds with a sum, and without.
        lost: Survivors short of all boards, over the rounds with a sum.
        hits: Messages at which something happened.
    """

    summed: int = 0
    void: int = 0
    lost: int = 0
    hits: Counter[str] = field(default_factory=Counter)


class World:
    """A few rounds of a few boards.

    Args:
        seed: All that happens in it.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        boards = self.rng.choice((3, 4, 5, 6, 17) if seed % 10 == 0 else (3, 4, 5))
        self.codec = self.rng.choice(tuple(LEVELS))
        self.statistics = self.rng.random() < 0.5
        self.ports = [Port(uid, self.rng) for uid in self.rng.sample(range(1, 10_000), boards)]
        for port in self.rng.sample(self.ports, self.rng.randint(0, min(3, boards))):
            port.fault, port.nth = self.rng.choice(FAULTS), self.rng.randint(8, 45)
        self.members: list[Member] = []
        self.shelf, self.outcome = Shelf(), Outcome()
        self.mask: Mask | None = None
        self.read: tuple[Hidden, Hide] | None = None
        self.plain: dict[str, tuple[list[int], list[int]]] = {}

    async def live(self) -> Outcome:
        """Set up, train, lose, sum up; then compare."""
        for client, port in enumerate(self.ports):
            device = Device(port, rng=random.Random(port.uid))
            try:
                await device.connect(RUN)
                await device.provision(samples_of(port.uid))
                device.take_bytes()
                self.members.append(Member(client, device))
            except BoardTroubles:
                pass  # lost before the setup: the world goes on without it
        self.room = Room(self.members)
        rules = Rules(5, 1.0, 3, 0.5, 0.0)
        sums = SecureSum(rules, self.codec, 0.3, None, self.room, self.shelf, lambda _event: None)  # type: ignore[arg-type]
        head = np.zeros(PARAMETERS, np.float32)
        for number in range(1, 4):
            try:
                head = await self._round(number, head, sums)
            except LinkError as error:
                assert error.code in ("E_TOO_FEW_BOARDS", "E_PORT_MISSING"), error
                break
        self.outcome.hits.update(port.hit for port in self.ports if port.hit)
        for phase, status, news, estimate in self.room.rows:
            assert status != "ok" or news <= estimate, (phase, news, estimate)
        for port in self.ports:
            port.board_gone()
        if not self.outcome.hits:
            assert all(news == estimate for _, _, news, estimate in self.room.rows), self.room.rows
        return self.outcome

    async def _round(self, number: int, head: np.ndarray, sums: SecureSum) -> np.ndarray:
        def planned(member: Member) -> PlannedRound:
            plan = TrainingPlan("float32", self.codec, 2, 4, 0.3, 7 + member.client)
            device = member.device
            return device.plan_round(
                number, head, sums.plan(plan), statistics=self.statistics,
                uncounted=not self.shelf.counts(device.name, device.owed_before(number)),
            )  # fmt: skip

        chosen = await sums.prepare(number, list(self.members), planned)
        self.plain = {}
        for member in chosen:
            plan = planned(member)
            try:
                reply = await member.device.train(plan)
                assert reply.delta is None and reply.hidden is not None and reply.statistics is None
                self._take_apart(number, member, plan, reply, chosen, sums)
                assert sums.take(number, member, reply) == "ok"
            except BoardTroubles as error:
                self.room.lose(member, error)
            member.device.take_bytes()
        with _tapped() as tap:
            await sums.uncover(number)
        if number not in self.shelf.sums:
            assert not tap
            self.outcome.void += 1
            return head
        boards, total = self.shelf.sums[number]
        self._compare(boards, tap[0])
        self.outcome.summed += 1
        self.outcome.lost += len(self.ports) - len(boards)
        return (head + total.mean).astype(np.float32)

    def _take_apart(
        self,
        number: int,
        member: Member,
        plan: PlannedRound,
        reply: RoundReply,
        chosen: list[Member],
        sums: SecureSum,
    ) -> None:
        """Read one board's hidden delta as nobody else can, and compare it with what a twin of the board learns."""
        setup = sums._setup
        assert setup is not None and reply.hidden is not None and plan.hide is not None
        ports = {f"{port.uid:016x}": port for port in self.ports}
        mask = setup.hide.boards, setup.hide.reference, 3
        points = {name: OracleBoard(ports[name].secret, RUN, mask).point for name in setup.places}
        assert [points[name] for name in setup.places] == setup.points
        me = OracleBoard(ports[member.device.name].secret, RUN, mask)
        near = [setup.points[other] for other in setup.near[setup.places[member.device.name]]]
        me.meet(near)
        config = plan.training.message().pack()
        config = config[:8] + bytes(4) + config[12:]
        me.begin(
            number,
            self.statistics,
            plan.hide.step,
            config,
            plan.head.tobytes(),
            ports[member.device.name].own,
        )
        words = 5 if self.statistics else 2
        bits, lanes = bits_of_lane(self.codec, mask[0]), lanes_of(self.codec, PARAMETERS)
        plain = split(me.show(reply.hidden, words, lanes, bits), words, lanes, bits)
        self.plain[member.device.name] = plain
        self._compare_with_twin(number, member, plan, plain, mask)

    def _compare_with_twin(
        self,
        number: int,
        member: Member,
        plan: PlannedRound,
        plain: tuple[list[int], list[int]],
        mask: tuple[int, int, int],
    ) -> None:
        assert plain[0][0] == member.device.stored.train
        if LEVELS[self.codec] and number > 1:  # the residual is the board's own
            return
        assert plan.hide is not None
        samples = samples_of(member.device.uid)
        head, config = plan.head.copy(), plan.training
        from bytefed import _core

        loss, correct = _core.train(
            head, samples.train_x, samples.train_y, CLASSES, scale=samples.scale, zero_point=samples.zero_point,
            epochs=config.epochs, batch=config.batch, rate=config.rate, seed=config.seed, round=number,
        )  # fmt: skip
        weight = np.float32(len(samples.train_y)) / np.float32(mask[1])
        e = (head - plan.head) * weight
        lanes, mean = quantized(e.tolist(), self.codec, mask[0], plan.hide.step, codec.uplink_seed(0, number))
        assert plain[1] == lanes
        size = min(float(mean) * 4096 / plan.hide.step, (2**32 - 1) // mask[0])
        assert abs(plain[0][1] - size) <= 1 + 1e-5 * size
        if self.statistics:
            assert plain[0][3] == correct
            assert abs(plain[0][2] - loss * plain[0][0] * 256) <= 1

    def _compare(self, boards: list[str], tap: tuple[Hidden, Total]) -> None:
        """The sum is the plain sum of the integers of the boards that are in it."""
        total = tap[0]
        for part, found in ((0, total.words), (1, total.lanes)):
            modulus = 2 ** (32 if part == 0 else total.form.bits)
            plain = [
                sum(column) % modulus
                for column in zip(*(self.plain[name][part] for name in boards), strict=True)
            ]
            assert found.tolist() == plain


@contextmanager
def _tapped() -> Iterator[list[tuple[Hidden, Total]]]:
    """Note the sums that are read."""
    taken: list[tuple[Hidden, Total]] = []
    read: Callable[..., Total] = secure_sum.read_total

    def noted(total: Hidden, hide: Hide, boards: int, number: int) -> Total:
        taken.append((total, read(total, hide, boards, number)))
        return taken[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secure_sum, "read_total", noted)
        yield taken


def run_worlds(seeds: range) -> Outcome:
    """Run worlds, and add up what came of them."""
    total = Outcome()
    for seed in seeds:
        try:
            found = run(World(seed).live())
        except BaseException:
            sys.stdout.write(f"world {seed}\n")
            raise
        total.summed += found.summed
        total.void += found.void
        total.lost += found.lost
        total.hits += found.hits
    return total
