"""Worlds of secure sums: real boards, links that lose any message, and hosts that must never sum up anything else.

Every board's randomness is known, so the oracle takes each hidden delta apart by itself. The sum that the host reads
has to be the plain sum of these integers, bit for bit; and they have to be what a twin of the board without masks
learns. Some worlds have noise beside the masks: for samples, or shares of it for whole boards.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from mask_oracle import LEVELS, OracleBoard, bits_of_lane, lanes_of, quantized, split
from sum_noise import WorldNoise
from sum_port import CLASSES, FEATURES, Port
from virtual_time import run

from bytefed import _core, codec
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, RoundReply, Samples, TrainingPlan
from bytefed.errors import BytefedError, LinkError
from bytefed.federation import secure_sum
from bytefed.federation.fleet import BoardTroubles, Member
from bytefed.federation.rules import Rules
from bytefed.federation.secure_sum import SecureSum
from bytefed.masks.form import Hidden
from bytefed.masks.total import Hide, Total
from bytefed.protocol.message import Kind, Mask

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
        self.troubles: dict[str, BytefedError] = {}

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
        noisy: Sums with noise, by its unit.
        refused: Boards that were asked for keys of too few, and refused.
        spent: Boards whose budget was compared with the noise that they made.
    """

    summed: int = 0
    void: int = 0
    lost: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    noisy: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    spent: int = 0

    def add(self, other: Outcome) -> None:
        """Add the outcome of another world."""
        self.summed += other.summed
        self.void += other.void
        self.lost += other.lost
        self.hits += other.hits
        self.noisy += other.noisy
        self.refused += other.refused
        self.spent += other.spent


class World:
    """A few rounds of a few boards.

    Args:
        seed: All that happens in it.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.noise = WorldNoise.drawn(self.rng)
        boards = self.rng.choice((3, 4, 5, 6, 17) if seed % 10 == 0 else (3, 4, 5))
        faults, least, most = FAULTS, 0, min(3, boards)
        if self.noise and self.noise.rash:
            # Six of seven boards make the whole noise; when two are lost, too few are left.
            boards, faults, least, most = 7, ("reset", "gone"), 2, 4
        self.codec = self.rng.choice(self.noise.codecs if self.noise else tuple(LEVELS))
        self.statistics = self.rng.random() < 0.5
        self.ports = [
            Port(uid, self.rng, _core.VirtualFlash() if self.noise else None)
            for uid in self.rng.sample(range(1, 10_000), boards)
        ]
        for port in self.rng.sample(self.ports, self.rng.randint(least, most)):
            port.fault, port.nth = self.rng.choice(faults), self.rng.randint(8, 45)
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
                await self._saved(device)
                self.members.append(Member(client, device))
            except BoardTroubles:
                pass  # lost before the setup: the world goes on without it
        self.room = Room(self.members)
        rules = Rules(5, 1.0, 3, 0.5, 0.0)
        noise = self.noise.plan if self.noise else None
        sums = SecureSum(rules, self.codec, 0.3, noise, self.room, self.shelf, lambda _event: None)  # type: ignore[arg-type]
        with self.noise.hosted() if self.noise else nullcontext():
            await self._rounds(sums)
        if self.noise:
            for port in self.ports:
                await self.noise.check_budget(port)
                self.outcome.spent += 1
        self.outcome.refused = sum(port.refused for port in self.ports)
        self.outcome.hits.update(port.hit for port in self.ports if port.hit)
        for phase, status, news, estimate in self.room.rows:
            assert status != "ok" or news <= estimate, (phase, news, estimate)
        for port in self.ports:
            port.board_gone()
        if not self.outcome.hits:
            assert all(news == estimate for _, _, news, estimate in self.room.rows), self.room.rows
        return self.outcome

    async def _saved(self, device: Device) -> None:
        """Let a board with a flash write there what it holds, as it does by itself after a while without requests."""
        if self.noise:
            await device.ask(Kind.SAVE, b"", Kind.SAVED)
        device.take_bytes()

    async def _rounds(self, sums: SecureSum) -> None:
        head = np.zeros(PARAMETERS, np.float32)
        for number in range(1, 4):
            try:
                head = await self._round(number, head, sums)
            except LinkError as error:
                assert error.code in ("E_TOO_FEW_BOARDS", "E_PORT_MISSING"), error
                break
            for member in list(self.members):
                try:
                    await self._saved(member.device)
                except BoardTroubles as error:
                    self.room.lose(member, error)

    async def _round(self, number: int, head: np.ndarray, sums: SecureSum) -> np.ndarray:
        noise = self.noise.plan if self.noise else None
        epochs = 1 if noise and not noise.whole else 2

        def planned(member: Member) -> PlannedRound:
            plan = TrainingPlan(
                "float32",
                self.codec,
                epochs,
                4,
                0.3,
                7 + member.client,
                noise=noise.message if noise else None,
            )
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
        assert sums._setup is not None
        boards_of_setup, delivered = sums._setup.hide.boards, sums.delivered
        with _tapped() as tap:
            await sums.uncover(number)
        if self.noise:
            self.noise.check_answers(self.ports, boards_of_setup, delivered)
        if number not in self.shelf.sums:
            assert not tap
            self.outcome.void += 1
            return head
        boards, total = self.shelf.sums[number]
        self._compare(boards, tap[0])
        if noise:
            self.outcome.noisy[noise.document()["unit"]] += 1
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
        keys = ports[member.device.name].keys[number]
        assert len(keys) == (2 if self.noise else 1)
        share = self.noise.share if self.noise else b""
        me.begin(
            number, self.statistics, plan.hide.step, config, plan.head.tobytes(), keys[-1][:16], share
        )  # fmt: skip
        words = 5 if self.statistics else 2
        bits, lanes = bits_of_lane(self.codec, mask[0]), lanes_of(self.codec, PARAMETERS)
        plain = split(me.show(reply.hidden, words, lanes, bits), words, lanes, bits)
        self.plain[member.device.name] = plain
        if self.noise and self.noise.plan.whole:
            self._compare_share(number, member, plan, plain, keys[0])
        else:
            self._compare_with_twin(number, member, plan, plain, keys[0])

    def _compare_share(
        self, number: int, member: Member, plan: PlannedRound, plain: tuple[list[int], list[int]], key: bytes
    ) -> None:
        """Compare a share of the noise, on a bounded delta, with that of a twin; the board counts as one."""
        assert self.noise is not None and plan.hide is not None
        delta, _, _ = self._learnt(number, member, plan)
        lanes = self.noise.lanes(delta, self.codec, plan.hide.boards, plan.hide.step, number, key)
        assert plain == ([1, *[0] * (len(plain[0]) - 1)], lanes)

    def _compare_with_twin(
        self, number: int, member: Member, plan: PlannedRound, plain: tuple[list[int], list[int]], key: bytes
    ) -> None:
        """Compare what a board hides with what a twin without masks learns."""
        assert plain[0][0] == member.device.stored.train
        if LEVELS[self.codec] and number > 1:  # the residual is the board's own
            return
        assert plan.hide is not None
        hide = plan.hide
        samples = samples_of(member.device.uid)
        if self.noise:
            told = [0, 0, 0]
            delta = np.array(self.noise.delta(plan, samples, key))
        else:
            delta, loss, correct = self._learnt(number, member, plan)
            told = [round(loss * plain[0][0] * 256), correct]
        weight = np.float32(len(samples.train_y)) / np.float32(hide.reference)
        seed = codec.uplink_seed(0, number)
        lanes, mean = quantized((delta * weight).tolist(), self.codec, hide.boards, hide.step, seed)
        assert plain[1] == lanes
        size = min(float(mean) * 4096 / hide.step, (2**32 - 1) // hide.boards)
        assert abs(plain[0][1] - size) <= 1 + 1e-5 * size
        if self.statistics:
            assert abs(plain[0][2] - told[0]) <= 1 and plain[0][3 : 2 + len(told)] == told[1:]

    def _learnt(self, number: int, member: Member, plan: PlannedRound) -> tuple[np.ndarray, float, int]:
        """Return what a twin of a board without masks and noise learns: its delta, loss, and samples right."""
        samples, head, config = samples_of(member.device.uid), plan.head.copy(), plan.training
        loss, correct = _core.train(
            head, samples.train_x, samples.train_y, CLASSES, scale=samples.scale, zero_point=samples.zero_point,
            epochs=config.epochs, batch=config.batch, rate=config.rate, seed=config.seed, round=number,
        )  # fmt: skip
        return head - plan.head, loss, correct

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
        total.add(found)
    return total
