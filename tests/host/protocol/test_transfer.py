"""Chunks, windows, ACKs: any loss, any order, both ends in any mix of repetition."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytefed.errors import ConfigError
from bytefed.protocol.chunks import Ack, ChunkPlan, ChunkReceiver, ChunkSender
from bytefed.protocol.header import DataHeader
from bytefed.protocol.message import MAX_CHUNKS

plans = st.builds(ChunkPlan, st.integers(1, 900), st.integers(1, 60), st.integers(1, 32))


@given(plans, st.integers(0, 2**32), st.floats(0, 0.7))
def test_a_blob_gets_through(plan: ChunkPlan, seed: int, loss: float) -> None:
    rng = random.Random(seed)
    blob = rng.randbytes(plan.length)
    sender, receiver = ChunkSender(blob, plan, 1), ChunkReceiver(plan)
    ack = Ack(0, frozenset(), None)
    while not receiver.complete:
        burst = list(sender.frames(ack))
        assert [DataHeader.unpack(f).poll for _, f in burst] == [False] * (len(burst) - 1) + [True]
        rng.shuffle(burst)
        for index, frame in burst:
            assert len(frame) == 2 + plan.size_of(index)
            if rng.random() >= loss:
                assert receiver.receive(index, frame[2:])
                assert not receiver.receive(index, frame[2:])
        if not receiver.complete:
            ack = Ack.unpack(receiver.ack_frame(1), plan)
            assert ack.first == receiver.first_missing
            sender.advances_by(ack)
            assert not sender.advances_by(ack)
    assert receiver.blob() == blob


@given(plans, st.binary(min_size=2, max_size=12))
def test_any_bytes_are_an_ack_that_asks_for_chunks_of_one_window(plan: ChunkPlan, frame: bytes) -> None:
    ack = Ack.unpack(frame, plan)
    assert 0 <= ack.first <= plan.count
    sender = ChunkSender(bytes(plan.length), plan, 0)
    asked = [index for index, _ in sender.frames(ack)]
    assert len(asked) <= plan.window
    assert all(ack.first <= index < plan.count for index in asked)
    if ack.first < plan.count:
        assert ack.status is None
        assert set(asked) | ack.arrived == set(plan.window_of(ack.first)) - set(range(ack.first))


@given(plans, st.integers(-5, 5000), st.binary(max_size=70))
def test_a_receiver_takes_only_what_fits(plan: ChunkPlan, index: int, data: bytes) -> None:
    if index < 0:
        return
    fits = index < plan.count and len(data) == plan.size_of(index)
    assert ChunkReceiver(plan).receive(index, data) == fits


def final_ack(transfer: int, count: int, status: int) -> bytes:
    return DataHeader(transfer, False, count).pack() + bytes((status,))


def test_final_ack() -> None:
    plan = ChunkPlan(10, 2, 4)
    assert Ack.unpack(final_ack(3, 5, 20), plan) == Ack(5, frozenset(), 20)
    assert Ack.unpack(final_ack(3, 5, 20)[:2], plan).status is None


@pytest.mark.parametrize("values", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 33)])
def test_impossible_plans(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="transfer"):
        ChunkPlan(*values)


def test_the_longest_transfer_is_what_a_final_ack_can_name() -> None:
    plan = ChunkPlan(MAX_CHUNKS, 1, 32)
    assert Ack.unpack(final_ack(1, plan.count, 0), plan) == Ack(plan.count, frozenset(), 0)
    with pytest.raises(ConfigError) as caught:
        ChunkPlan(MAX_CHUNKS + 1, 1, 32)
    assert caught.value.code == "E_TOO_LARGE"
