"""The host's half of a secure sum against boards written from SPEC.md section 11 alone."""

from __future__ import annotations

import random
import struct

import golden
import mask_oracle as oracle
import numpy as np
import pytest

from bytefed import codec
from bytefed.masks.form import CODECS, Form
from bytefed.masks.neighbours import degree, neighbours
from bytefed.masks.total import Hide, next_step, read_total, uncover

WORLDS = 60
"""Worlds of each codec; `tests/faults/test_sum_worlds.py` has boards of the core in their place."""


def world(rng: random.Random, name: str) -> None:
    """Let boards hide random numbers, lose some of them, and see that the rest add up to the very integers."""
    boards, parameters = rng.randint(3, 20), rng.randint(1, 70)
    statistics, number, step = (
        rng.random() < 0.5,
        rng.randint(1, 65_535),
        float(np.float32(2.0 ** rng.randint(-9, 3))),
    )
    form = Form(name, parameters, boards, statistics)
    near = neighbours(boards, rng.getrandbits(32))
    mask = (boards, rng.randint(1, 500), 3)
    config, head, run = rng.randbytes(16), rng.randbytes(4 * parameters), rng.getrandbits(32)
    there = [oracle.OracleBoard(rng.randbytes(32), run, mask) for _ in range(boards)]
    for each, others in zip(there, near, strict=True):
        each.meet([there[other].point for other in others])
        each.begin(number, statistics, step, config, head, rng.randbytes(16))
    bits = oracle.bits_of_lane(name, boards)
    most_word, most_lane = (2**32 - 1) // boards, oracle.LEVELS[name] or (2**31 - 1) // boards
    plain = [
        (
            [rng.randint(0, most_word) for _ in range(form.words)],
            [rng.randint(0, most_lane) for _ in range(oracle.lanes_of(name, parameters))],
        )
        for _ in range(boards)
    ]
    survivors = sorted(rng.sample(range(boards), rng.randint(1, boards)))
    added, subtracted = [], []
    for board in survivors:
        bitmap = sum(1 << place for place, other in enumerate(near[board]) if other in survivors)
        own, *shared = there[board].unmask(bitmap)
        lost = [other for other in near[board] if other not in survivors]
        added.append(own)
        for other, key in zip(lost, shared, strict=True):
            (added if there[board].point < there[other].point else subtracted).append(key)
    blobs = [there[board].hide(*plain[board], bits) for board in survivors]
    assert {len(blob) for blob in blobs} == {form.size}
    total = uncover(form, blobs, added, subtracted)
    words, lanes = (np.sum([plain[board][part] for board in survivors], axis=0).tolist() for part in (0, 1))
    assert total.words.tolist() == words
    assert total.lanes.tolist() == lanes
    read = read_total(total, Hide(boards, mask[1], step), len(survivors), number)
    wanted = oracle.meant(lanes, name, parameters, len(survivors), step, codec.uplink_seed(0, number))
    assert np.allclose(read.mean, np.array(wanted) * mask[1] / max(1, words[0]), rtol=1e-6, atol=1e-12)
    assert (read.loss is None) == (not statistics)


@pytest.mark.parametrize("name", CODECS)
def test_what_is_hidden_adds_up_to_the_plain_sum(name: str) -> None:
    rng = random.Random(name)
    for _ in range(WORLDS):
        world(rng, name)


@pytest.mark.parametrize("name", CODECS)
def test_lanes_come_back_as_what_was_encoded(name: str) -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0, 0.1, (5, 50)).astype(np.float32)
    seed, step = (
        codec.uplink_seed(0, 9),
        next_step(name, 5, 0.08 if name == "float32" else float(np.sqrt(32) * 0.08)),
    )
    form = Form(name, 50, 5, statistics=False)
    found = [oracle.quantized(row.tolist(), name, 5, step, seed)[0] for row in values]
    blobs = [oracle.join((200, 4096), lanes, form.bits) for lanes in found]
    read = read_total(uncover(form, blobs, (), ()), Hide(5, 200, step), 5, 9)
    assert read.examples == 1000 and read.size == pytest.approx(step)
    error = float(np.abs(read.mean - values.mean(axis=0)).max())
    assert error < {"float32": 1e-6, "int8": 1e-2, "twobit": 0.1, "onebit": 0.2}[name]


def test_the_oracle_and_the_host_read_the_lanes_of_the_vectors() -> None:
    names = {str(number): name for name, number in oracle.NUMBERS.items()}
    rows = [row for row in golden.read("masks.txt") if row[0] == "lanes"]
    assert len(rows) >= 12
    for _, number, boards, step, seed, *values, _, packed in rows:
        name, count = names[number], len(values)
        e, (s,) = golden.floats(values).tolist(), golden.floats([step]).tolist()
        lanes, _mean = oracle.quantized(e, name, int(boards), s, int(seed))
        form = Form(name, count, int(boards), statistics=False)
        assert form.read(bytes(8) + bytes.fromhex(packed)).lanes.tolist() == lanes


def test_sizes_are_those_of_the_specification() -> None:
    assert [Form("onebit", 330, boards, True).size for boards in (8, 64)] == [
        20 + 4 * 352 // 8,
        20 + 7 * 352 // 8,
    ]
    assert Form("int8", 330, 8, False).size == 8 + 11 * 352 // 8
    assert Form("float32", 330, 8, False).size == 8 + 4 * 330
    assert Form("twobit", 33, 5, False).bits == 4


@pytest.mark.parametrize("boards", [3, 8, 15, 16, 17, 40, 200])
def test_neighbours_are_mutual_and_as_many_as_promised(boards: int) -> None:
    near = neighbours(boards, 7)
    assert {len(others) for others in near} == {degree(boards)} == {min(boards - 1, 14)}
    assert all(
        board in near[other] and board != other for board, others in enumerate(near) for other in others
    )
    assert near == neighbours(boards, 7)
    if boards > 16:
        assert near != neighbours(boards, 8)
        reached, found = set(), {0}
        while found:
            reached |= found
            found = {other for board in found for other in near[board]} - reached
        assert len(reached) == boards


def test_a_key_too_many_leaves_noise() -> None:
    rng = random.Random(1)
    form = Form("onebit", 32, 3, statistics=False)
    blob = struct.pack("<2I", 1, 2) + rng.randbytes(form.size - 8)
    assert uncover(form, [blob], [rng.randbytes(16)], ()).lanes.tolist() != form.read(blob).lanes.tolist()
