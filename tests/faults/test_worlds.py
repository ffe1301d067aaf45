"""Whatever happens to hosts, boards and links: nothing is lost, nothing counted twice, nothing stuck."""

from __future__ import annotations

import shutil
from itertools import islice

import pytest
from campaign import (
    Tally,
    echoes,
    half_sealed,
    heads,
    left_out,
    old_and_lost,
    pairs,
    ports,
    randoms,
    resets,
    run_all,
    samples_twice,
    singles,
    strangers,
    twins,
)
from shared_board import CORE, build_shared_board, shared_board
from world import Setting, Violation, World, check, fault_free, random_setting, sealed_world, try_world

FAULTS = 12_000


@pytest.mark.parametrize("framing", ["serial", "ble"])
@pytest.mark.parametrize(("frame_limit", "worlds"), [(20, 250), (61, 150)])
@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
def test_every_single_fault(framing, frame_limit, worlds, sealed):
    """In rounds of chunks, and in rounds of NEXT and DONE alone."""
    settings = singles(framing, 1 if frame_limit == 20 else 2, frame_limit=frame_limit)
    tally = run_all(map(sealed_world, settings) if sealed else settings, Tally())
    assert tally.faults == tally.worlds > worlds


@pytest.mark.parametrize(("framing", "frame_limit", "stops", "worlds"), [
    ("ble", 20, False, 400), ("serial", 20, True, 200),
])  # fmt: skip
def test_every_frame_once_more_too_late(framing, frame_limit, stops, worlds):
    settings = echoes(framing, frame_limit=frame_limit, stops=stops)
    assert run_all(half_sealed(settings), Tally()).worlds > worlds


def test_a_frame_is_lost_and_an_older_one_comes_instead():
    assert run_all(half_sealed(old_and_lost("serial", step=3)), Tally()).worlds > 250


def test_an_add_that_comes_again_later():
    assert run_all(half_sealed(islice(samples_twice(), 0, None, 3)), Tally()).worlds > 100


def test_heads_that_stay_and_heads_that_nobody_remembers():
    assert run_all(half_sealed(heads()), Tally()).worlds > 70


def test_a_host_that_takes_the_sequence_numbers_of_the_one_before():
    assert run_all(half_sealed(twins()), Tally()).worlds > 50


def test_deltas_that_do_not_count_leave_no_residual():
    assert run_all(half_sealed(left_out()), Tally()).worlds > 100


def test_a_stranger_ends_no_run():
    tally = run_all(half_sealed(strangers()), Tally())
    assert tally.injected["stranger"] > 30
    assert tally.injected["usurper"] > 30


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_boards_that_come_back_with_what_their_flash_has(tmp_path):
    build_shared_board(CORE, tmp_path / "board.so")
    make = shared_board(str(tmp_path / "board.so"))
    assert run_all(resets(make), Tally(), make_board=make).worlds > 200


@pytest.mark.parametrize("framing", ["serial", "ble"])
def test_pairs_of_faults(framing):
    tally = run_all(half_sealed(pairs(framing, step=211)), Tally())
    assert tally.worlds > 150


def test_random_worlds():
    tally = run_all(half_sealed(randoms(1)), Tally(), FAULTS)
    assert tally.faults >= FAULTS
    assert min(tally.injected.values()) >= 50


@pytest.mark.parametrize("seed", [11_386, 1_100_840, 2_101_941])
def test_worlds_that_went_wrong_once(seed):
    try_world(random_setting(seed))


def test_damage_that_no_crc16_finds():
    """On open links: a tag finds all of it (test_hostile_links.py)."""
    tally = run_all(randoms(1, undetected=0.02), Tally(), 4000)
    assert tally.injected["undetected"] > 50


@pytest.mark.parametrize(
    "setting", [random_setting(4), sealed_world(random_setting(5))], ids=["open", "sealed"]
)
def test_a_world_is_the_same_each_time(setting):
    first, second = (try_world(setting) for _ in range(2))
    assert first == second


def test_a_wrong_head_is_a_violation():
    for setting in (Setting(boards=2), sealed_world(Setting(boards=2))):
        outcome = World(setting).run()
        outcome.heads[0] = bytes(len(outcome.heads[0]))
        with pytest.raises(Violation):
            check(outcome, fault_free(setting))


def test_ports_that_go_away_are_renamed_and_swapped():
    tally = run_all(islice(ports(1), 25), Tally())
    assert min(tally.injected[event] for event in ("gone", "renamed", "swapped")) > 5
