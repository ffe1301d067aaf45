"""Whatever happens to hosts, boards and links: nothing is lost, nothing counted twice, nothing stuck."""

from __future__ import annotations

import pytest
from campaign import Tally, echoes, pairs, randoms, run_all, singles
from world import Setting, Violation, World, check, fault_free, random_setting, try_world

FAULTS = 12_000


@pytest.mark.parametrize("framing", ["serial", "ble"])
def test_every_single_fault(framing):
    tally = run_all(singles(framing), Tally())
    assert tally.faults == tally.worlds > 250


def test_every_frame_once_more_too_late():
    assert run_all(echoes("ble"), Tally()).worlds > 400


@pytest.mark.parametrize("framing", ["serial", "ble"])
def test_pairs_of_faults(framing):
    tally = run_all(pairs(framing, step=211), Tally())
    assert tally.worlds > 150


def test_random_worlds():
    tally = run_all(randoms(1), Tally(), FAULTS)
    assert tally.faults >= FAULTS
    assert min(tally.injected.values()) >= 50


@pytest.mark.parametrize("seed", [1_100_840, 2_101_941])
def test_worlds_that_went_wrong_once(seed):
    try_world(random_setting(seed))


def test_damage_that_no_crc16_finds():
    tally = run_all(randoms(1, undetected=0.02), Tally(), 4000)
    assert tally.injected["undetected"] > 50


def test_a_world_is_the_same_each_time():
    first, second = (try_world(random_setting(4)) for _ in range(2))
    assert first == second


def test_a_wrong_head_is_a_violation():
    outcome = World(Setting(boards=2)).run()
    outcome.heads[0] = bytes(len(outcome.heads[0]))
    with pytest.raises(Violation):
        check(outcome, fault_free(2, 1))
