"""Robust strategies: compared with brute force, and their promises under bad boards."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bytefed.errors import ConfigError
from bytefed.strategies.base import FedAvg, Strategy, Update
from bytefed.strategies.robust import FedMedian, FedTrimmedAvg, Krum, MultiKrum, Newcomers, bound_norms

P = 4
HEAD = np.linspace(-1, 1, P).astype(np.float32)
values = st.floats(-100, 100, width=32)
ROBUST: dict[str, Strategy] = {
    "fedmedian": FedMedian(),
    "fedtrimmedavg": FedTrimmedAvg(0.25),
    "krum": Krum(2),
    "multikrum": MultiKrum(2, 5),
}
rounds = st.lists(arrays(np.float32, P, elements=values), min_size=1, max_size=9)


def updates_of(deltas):
    return [Update(client, 10, np.asarray(delta, np.float32)) for client, delta in enumerate(deltas)]


@given(rounds, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_bit(deltas, shuffler):
    for strategy in ROBUST.values():
        updates = updates_of(deltas)
        expected = strategy.aggregate(HEAD, updates)
        shuffler.shuffle(updates)
        got = strategy.aggregate(HEAD, updates)
        assert got.dtype == np.float32
        assert got.tobytes() == expected.tobytes()


@given(arrays(np.float32, P, elements=values), st.integers(1, 6))
def test_boards_that_agree_are_believed(delta, count):
    for strategy in ROBUST.values():
        got = strategy.aggregate(HEAD, updates_of([delta] * count))
        assert np.allclose(got, HEAD + delta, rtol=1e-6, atol=1e-5)


@given(rounds)
def test_median_of_each_coordinate(deltas):
    expected = [HEAD[i] + np.median([float(d[i]) for d in deltas]) for i in range(P)]
    assert np.allclose(FedMedian().aggregate(HEAD, updates_of(deltas)), expected, rtol=1e-6, atol=1e-5)


@given(rounds, st.floats(0, 0.49))
def test_trimmed_mean_of_each_coordinate(deltas, beta):
    cut = int(beta * len(deltas))
    kept = [sorted(float(d[i]) for d in deltas)[cut : len(deltas) - cut] for i in range(P)]
    expected = [HEAD[i] + sum(kept[i]) / len(kept[i]) for i in range(P)]
    assert np.allclose(
        FedTrimmedAvg(beta).aggregate(HEAD, updates_of(deltas)), expected, rtol=1e-5, atol=1e-4
    )


def test_trimming_everything_is_refused():
    with pytest.raises(ConfigError, match="E_CONFIG_RANGE"):
        FedTrimmedAvg(0.5)


@given(rounds, st.integers(0, 3))
def test_krum_is_the_closest_to_its_neighbours(deltas, malicious):
    points = [d.astype(float) for d in deltas]
    nearest = max(1, len(points) - malicious - 2)
    scores = []
    for i, a in enumerate(points):
        others = sorted(float(((a - b) ** 2).sum()) for j, b in enumerate(points) if j != i)
        scores.append(sum(others[:nearest]))
    got = Krum(malicious).aggregate(HEAD, updates_of(deltas))
    best = min(scores)
    close = [d for d, s in zip(deltas, scores, strict=True) if s <= best * (1 + 1e-9) + 1e-9]
    assert any(np.allclose(got, HEAD + d, rtol=1e-6, atol=1e-5) for d in close)


@pytest.mark.parametrize("name", ROBUST)
def test_two_liars_of_nine_move_little(name):
    rng = np.random.default_rng(1)
    honest = [1 + rng.normal(0, 0.1, P) for _ in range(7)]
    for places in itertools.combinations(range(9), 2):
        deltas = list(honest)
        for place in places:
            deltas.insert(place, np.full(P, -1000.0))
        assert np.abs(ROBUST[name].aggregate(HEAD, updates_of(deltas)) - HEAD - 1).max() < 0.5
    assert np.abs(FedAvg().aggregate(HEAD, updates_of(deltas)) - HEAD - 1).max() > 100


def test_multikrum_weighs_what_it_keeps_by_examples():
    updates = [Update(0, 1, np.zeros(P, np.float32)), Update(1, 3, np.ones(P, np.float32))]
    assert (MultiKrum(0, 2).aggregate(np.zeros(P, np.float32), updates) == 0.75).all()


SMALLEST = 2.0**-149  # float32's least number above 0: how far rounding may put a tiny coordinate off


def along(first):
    return [np.array([x, 0, 0, 0], np.float32) for x in first]


examples_of = st.lists(st.integers(1, 65_535), min_size=10, max_size=10)


@example(along([0, 1, 1e-45]), [1] * 10, 1.5)  # a scale of 2.1e-45 is 2.8e-45 in float32: too long a delta
@example(along([1e-45, 1e-38, 1e-45]), [1] * 10, 1.5)
@example(along([2.0**-126, 3e38, 2.0**-126]), [1] * 10, 1.0)
@example(along([2.0**-125, 1, 2.0**-125]), [1] * 10, 1.0)
@given(rounds.filter(lambda deltas: len(deltas) > 2), examples_of, st.floats(1, 10))
def test_the_bound_holds_and_keeps_directions(deltas, examples, factor):
    updates = [replace(u, num_examples=examples[i % 10]) for i, u in enumerate(updates_of(deltas))]
    bounded, excess = bound_norms(updates, factor)
    usual = np.median([u.num_examples for u in updates])
    weights = [min(u.num_examples, max(1, int(factor * usual))) for u in updates]
    pulls = [w * np.linalg.norm(u.delta.astype(float)) for w, u in zip(weights, updates, strict=True)]
    limit = factor * np.median(pulls)
    for before, after, weight, pull in zip(updates, bounded, weights, pulls, strict=True):
        assert after.num_examples == weight
        if before.client not in excess:
            assert after is before
            continue
        assert excess[before.client] > factor * (1 - 1e-9)
        length = np.linalg.norm(after.delta.astype(float))
        assert weight * length <= limit * (1 + 1e-5) + weight * P * SMALLEST or limit == 0
        scale = limit / pull if pull and limit else 1.0
        if scale >= 1:
            assert np.allclose(after.delta, before.delta, rtol=1e-6)
        elif scale < 2.0**-126 * (1 - 1e-6):  # so long that nothing is left of it
            assert not after.delta.any()
        elif scale > 2.0**-126 * (1 + 1e-6):
            restored = after.delta / scale
            assert np.allclose(
                restored * factor, before.delta * factor, rtol=1e-4, atol=1e-4 * factor / scale
            )


def test_a_board_that_claims_many_examples_is_no_stronger():
    # With the norm alone bounded, the first pulls the head 65,535 times as far as a board of 100 samples; with the
    # product alone, the second all but holds it where it is.
    honest = [Update(client, 100, np.array([1, 0, 0, 0], np.float32)) for client in range(7)]
    head = np.zeros(P, np.float32)
    fair = FedAvg().aggregate(head, honest)

    def led(first, examples):
        liar = Update(7, examples, np.array(first, np.float32))
        bounded, excess = bound_norms([*honest, liar], 3.0)
        assert set(excess) == {7}
        return FedAvg().aggregate(head, bounded)

    for claim in (301, 1_000, 65_535):
        assert led([-1, 0, 0, 0], claim)[0] == pytest.approx((7 - 3) / 10)  # as if it had 300
        assert led([0, 0, 0, 0], claim)[0] == pytest.approx(7 / 10)
        assert led([0, 1e6, 0, 0], claim)[1] == pytest.approx(3 / 10)
    assert (fair == [1, 0, 0, 0]).all()


def test_no_bound_and_no_movement_change_nothing():
    still = updates_of([np.zeros(P)] * 3 + [np.ones(P)])
    assert bound_norms(still, 3.0) == (still, {})
    wild = updates_of([np.ones(P)] * 3 + [1e6 * np.ones(P)])
    assert bound_norms(wild, 0.0) == (wild, {})
    assert set(bound_norms(wild, 3.0)[1]) == {3}


# ---- Classes that a round meets for the first time: D = 1, so a head is one weight for each class, then the biases

KNOWN = np.array([3, -3, 0, 4, -4, 0], np.float32)
"""A head of two known classes, each 5 from zero, and a third that is new."""
NEW = Newcomers(KNOWN, 3, range(2, 3))
STILL = [Update(client, 10, np.array([0.1, 0, 0.1, 0, 0, 0], np.float32)) for client in range(4)]


def led_by(*delta: float) -> tuple[np.ndarray, dict[int, float]]:
    """Return the head that comes of four boards that hardly move and one more, and what was bounded."""
    more = Update(4, 10, np.array(delta, np.float32))
    bounded, excess = bound_norms([*STILL, more], 3.0, NEW)
    return FedAvg().aggregate(KNOWN, bounded), excess


def test_a_class_that_a_single_board_brings_is_learnt_at_once():
    head, excess = led_by(0, 0, 12, 0, 0, 16)
    assert excess == {}
    assert head[[2, 5]] == pytest.approx([(4 * 0.1 + 12) / 5, 16 / 5])
    with_usual_bound, excess = bound_norms(
        [*STILL, Update(4, 10, np.array([0, 0, 12, 0, 0, 16], np.float32))], 3.0
    )
    assert set(excess) == {4}
    assert np.linalg.norm(with_usual_bound[4].delta) < 1


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_no_board_makes_a_new_class_stronger_than_a_known_one(size: float):
    head, excess = led_by(0, 0, size, 0, 0, size)
    assert set(excess) == {4}
    assert np.linalg.norm(head[[2, 5]]) == pytest.approx(NEW.reach(), abs=0.1)  # and what the others do
    assert NEW.reach() == pytest.approx(5)


def test_at_known_classes_a_board_that_brings_one_pulls_as_hard_as_ever():
    head, excess = led_by(1e6, 0, 1, 0, 0, 1)
    assert set(excess) == {4}
    assert head[0] == pytest.approx(KNOWN[0] + (4 * 0.1 + 3 * 0.1) / 5)
    assert head[5] == pytest.approx(1 / 5)


def test_without_a_bound_new_classes_have_none():
    wild = [*STILL, Update(4, 10, np.full(6, 1e6, np.float32))]
    assert bound_norms(wild, 0.0, NEW) == (wild, {})
