"""Compressed rounds on virtual boards: both ends hold the same bits, whatever becomes of head or delta."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from booked_device import BookedDevice

from bytefed import codec
from bytefed._core import VirtualBoard, train
from bytefed._core import encode as core_encode
from bytefed.boards.loopback import LoopbackTransport
from bytefed.codec import CODECS
from bytefed.codec.downlink import head_crc, offer
from bytefed.device.plan import RoundReply, Samples, TrainingPlan
from bytefed.ledger import wire_size

D, C = 8, 3
P = D * C + C
SEED = 11
LOSSY = [name for name, each in CODECS.items() if each.lossy]
COUNTED, LATE = (lambda _: True), (lambda _: False)


def samples() -> Samples:
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (20, D)).astype(np.int8)
    y = rng.integers(0, C, 20).astype(np.uint8)
    return Samples("features", x[:15], y[:15], x[15:], y[15:], 0.02, 0)


def local_delta(head: np.ndarray, round: int, mu: float = 0.0) -> np.ndarray:  # noqa: A002
    """Train as the board does."""
    own, local = samples(), head.copy()
    train(
        local, own.train_x, own.train_y, C, scale=0.02, zero_point=0,
        epochs=2, batch=4, rate=0.05, seed=SEED, round=round, proximal_mu=mu,
    )  # fmt: skip
    return local - head


def encode(name: str, e: np.ndarray, round: int) -> tuple[np.ndarray, np.ndarray]:  # noqa: A002
    """Return the encoding error of a delta's blob, and the values that it stands for."""
    seed = codec.uplink_seed(SEED, round)
    lack = e.copy()
    blob = core_encode(CODECS[name].number, lack, seed)
    return lack, CODECS[name].decode(blob, P, seed)


def plan_of(down: str, up: str, mu: float = 0.0) -> TrainingPlan:
    return TrainingPlan(down, up, epochs=2, batch=4, rate=0.05, seed=SEED, proximal_mu=mu)


class Bench:
    """A board on a bench, and the host's idea of it."""

    def __init__(self, framing: str = "serial", mtu: int = 247) -> None:
        self.board = VirtualBoard(features=D, classes=C, uid=5)
        self.framing, self.mtu = framing, mtu
        self.head = np.zeros(P, np.float32)
        self.device = self.new_host()

    def new_host(self, run: int = 9) -> BookedDevice:
        self.transport = LoopbackTransport(self.board, framing=self.framing, mtu=self.mtu)  # type: ignore[arg-type]
        self.device, self.run = BookedDevice(self.transport), run
        return self.device

    async def start(self) -> None:
        await self.device.connect(self.run)
        await self.device.provision(samples())

    async def round(
        self, number: int, plan: TrainingPlan, commit: Callable[[RoundReply], bool] = COUNTED, **options: bool
    ) -> RoundReply:
        reply = await self.device.run_round(number, self.head, plan, commit=commit, **options)
        assert self.board.global_head == reply.head.tobytes()
        assert self.device.stored.head == head_crc(reply.head)
        return reply

    @property
    def residual(self) -> np.ndarray:
        return np.frombuffer(self.board.residual, "<f4")


class Killed(Exception):  # noqa: N818
    """The host died."""


def die(reply: RoundReply, seen: list[bytes] | None = None) -> bool:
    if seen is not None and reply.delta is not None:
        seen.append(reply.delta.tobytes())
    raise Killed


def play(bench: Bench, work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await bench.start()
        try:
            await work()
        finally:
            await bench.device.close()

    asyncio.run(whole())


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("link", [("serial", 247), ("ble", 247), ("ble", 23)], ids=str)
def test_rounds_follow_the_arithmetic_at_the_estimated_bytes(name: str, link: tuple[str, int]) -> None:
    bench, plan = Bench(*link), plan_of(name, name)

    async def work() -> None:
        residual, held = np.zeros(P, np.float32), np.zeros(P, np.float32)
        for number in range(1, 6):
            reply = await bench.round(number, plan)
            if CODECS[name].lossy:
                held = held + CODECS[name].encode(bench.head - held, codec.downlink_seed(number))[1]
            else:
                held = bench.head
            assert reply.head.tobytes() == held.tobytes()
            if CODECS[name].lossy:
                assert bench.residual.tobytes() == residual.tobytes()
            residual, values = encode(name, local_delta(held, number) + residual, number)
            assert reply.delta is not None
            assert reply.delta.tobytes() == values.tobytes()
            bench.head = bench.head + reply.delta
        assert bench.device.take_bytes() == bench.device.take_expected()

    play(bench, work)


@pytest.mark.parametrize(("framing", "most"), [("ble", 15), ("serial", 23)])
def test_all_but_payload_of_a_compressed_round(framing: str, most: int) -> None:
    bench, plan = Bench(framing), plan_of("onebit", "onebit")

    async def work() -> None:
        bench.head = (await bench.round(1, plan, statistics=False)).delta
        bench.device.take_bytes()
        await bench.round(2, plan, statistics=False)
        count = bench.device.take_bytes()
        payload = 2 * CODECS["onebit"].size(P)
        assert count.payload_down + count.payload_up == payload
        assert count.wire_total - payload <= most

    play(bench, work)


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("counted", [True, False])
def test_the_next_round_says_whether_a_delta_counted(name: str, counted: bool) -> None:
    bench, plan = Bench(), plan_of(name, name)

    async def work() -> None:
        await bench.round(1, plan)
        before, _ = encode(name, local_delta(np.zeros(P, np.float32), 1), 1)
        reply = await bench.round(2, plan, COUNTED if counted else LATE)
        after, _ = encode(name, before + local_delta(reply.head, 2), 2)
        await bench.round(3, plan, uncounted=not counted)
        assert bench.residual.tobytes() == (after if counted else before).tobytes()

    play(bench, work)


def test_the_host_knows_which_delta_the_board_keeps() -> None:
    """A board may miss a round: the next one judges the delta that it made last, whichever round asked for it."""
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        assert bench.device.owed_before(1) == 0
        await bench.round(1, plan)
        assert [bench.device.owed_before(number) for number in (2, 3)] == [1, 1]
        with pytest.raises(Killed):
            await bench.round(3, plan, die)
        assert [bench.device.owed_before(number) for number in (3, 4)] == [
            1,
            3,
        ]  # the same for each attempt at 3
        await bench.device.close()
        bench.new_host()
        await bench.start()
        assert [bench.device.owed_before(number) for number in (3, 4)] == [0, 3]  # 0: this host was not there

    play(bench, work)


@pytest.mark.parametrize("counted", [True, False])
def test_a_host_that_dies_before_it_says_so_makes_no_difference(counted: bool) -> None:
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        with pytest.raises(Killed):
            await bench.round(1, plan, die)
        await bench.device.close()
        bench.new_host()
        await bench.start()
        await bench.round(2, plan, uncounted=not counted)
        lack, _ = encode("onebit", local_delta(np.zeros(P, np.float32), 1), 1)
        assert bench.residual.tobytes() == (lack if counted else np.zeros_like(lack)).tobytes()

    play(bench, work)


def test_samples_that_come_after_a_round_do_not_cost_the_residual() -> None:
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        await bench.round(1, plan)
        other = samples()
        other.train_x[0, 0] ^= 1
        await bench.device.release(counted=True)
        await bench.device.provision(other)
        lack, _ = encode("onebit", local_delta(np.zeros(P, np.float32), 1), 1)
        assert bench.residual.tobytes() == lack.tobytes()

    play(bench, work)


def test_a_round_that_is_begun_again_after_a_kill_brings_the_same_delta() -> None:
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        bench.head = (await bench.round(1, plan)).delta
        bench.head = bench.head + (await bench.round(2, plan)).delta
        held = bench.device.held
        again: list[bytes] = []
        with pytest.raises(Killed):
            await bench.round(3, plan, lambda reply: die(reply, again))
        await bench.device.close()
        bench.new_host().held = held
        await bench.start()
        reply = await bench.round(3, plan)
        assert reply.delta is not None
        assert [reply.delta.tobytes()] == again

    play(bench, work)


def test_a_new_host_without_memory_sends_the_whole_head_once() -> None:
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        bench.head = (await bench.round(1, plan)).delta
        bench.head = bench.head + (await bench.round(2, plan)).delta
        await bench.device.close()
        bench.new_host()
        await bench.start()
        bench.device.take_bytes()
        for number, payload in ((3, 4 * P), (4, CODECS["onebit"].size(P))):
            reply = await bench.round(number, plan)
            assert bench.device.take_bytes().payload_down == payload
            assert number == 4 or reply.head.tobytes() == bench.head.tobytes()
            bench.head = bench.head + reply.delta

    play(bench, work)


@pytest.mark.parametrize("mtu", [247, 23])
def test_a_wrong_belief_costs_bytes_and_nothing_else(mtu: int) -> None:
    bench, plan = Bench("ble", mtu), plan_of("onebit", "onebit")

    async def work() -> None:
        bench.head = (await bench.round(1, plan)).delta
        bench.device.held = np.ones(P, np.float32)
        bench.device._session.stored = type(bench.device.stored)(
            500, 15, 5, 0, 32, head_crc(np.ones(P, np.float32))
        )
        reply = await bench.round(2, plan)
        assert reply.head.tobytes() == bench.head.tobytes()
        count = bench.device.take_bytes()
        count.check()
        assert count.retransmission > 4 * P

    play(bench, work)


def test_a_board_that_was_reset_gets_the_difference_to_zeros() -> None:
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        bench.head = (await bench.round(1, plan)).delta
        await bench.device.close()
        bench.board = VirtualBoard(features=D, classes=C, uid=5, boot=2)
        held = bench.device.held
        bench.new_host().held = held
        await bench.start()
        bench.device.take_bytes()
        await bench.round(2, plan)
        assert bench.device.take_bytes().payload_down == CODECS["onebit"].size(P)

    play(bench, work)


def test_another_run_starts_without_residual_and_with_the_head_that_was_there() -> None:
    bench, plan = Bench(), plan_of("onebit", "onebit")

    async def work() -> None:
        await bench.round(1, plan)
        head = (await bench.round(2, plan)).head
        assert bench.residual.any()
        await bench.device.close()
        bench.new_host(run=10)
        await bench.start()
        assert bench.residual.any()  # the new run has not begun yet
        assert bench.device.stored.head == head_crc(head)
        await bench.round(1, plan)
        assert not bench.residual.any()

    play(bench, work)


def test_what_an_evaluation_leaves_on_the_board_is_known() -> None:
    bench, plan = Bench(), plan_of("twobit", "sign")

    async def work() -> None:
        bench.head = (await bench.round(1, plan)).delta
        await bench.round(1, plan, train=False)
        await bench.round(2, plan)
        assert bench.device.take_bytes() == bench.device.take_expected()

    play(bench, work)


def test_the_proximal_term_holds_a_board_back() -> None:
    bench = Bench()

    async def work() -> None:
        reply = await bench.round(1, plan_of("float32", "float32", mu=0.2))
        assert reply.delta is not None
        assert reply.delta.tobytes() == local_delta(bench.head, 1, mu=0.2).tobytes()
        assert np.linalg.norm(reply.delta) < np.linalg.norm(local_delta(bench.head, 1))

    play(bench, work)


def test_offers_lead_where_they_say() -> None:
    rng = np.random.default_rng(1)
    head, held = (rng.normal(size=P).astype(np.float32) for _ in range(2))
    known = offer(head, "onebit", 3, head_crc(held), held)
    assert known.starts_from(head_crc(held))
    assert known.starts_from(known.crc)
    assert not known.starts_from(head_crc(head))
    assert offer(head, "onebit", 3, known.crc, held).blob == known.blob  # it has taken the blob already
    assert offer(head, "onebit", 3, 12345, held).codec == "float32"
    assert offer(head, "float32", 3, head_crc(held), held).blob == head.tobytes()
    fresh = offer(head, "onebit", 3, head_crc(np.zeros(P, np.float32)), None)
    assert fresh.codec == "onebit"


def test_blob_sizes_are_those_of_the_specification() -> None:
    sizes = {"float32": 1320, "int8": 332, "onebit": 46, "twobit": 90, "sign": 44, "stc5": 17, "stc10": 28}
    assert {name: wire_size.blob_size(name, 32, 10) for name in sizes} == sizes
