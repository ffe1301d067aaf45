"""Averaging, whatever order deltas arrive in; and the draws that a run's seed decides."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bytefed.errors import ConfigError
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.seeds import mix32, select, training_seed, training_seeds
from bytefed.strategies.base import FedAvg, Update, weighted_mean
from bytefed.strategies.registry import STRATEGIES

P = 5
deltas = arrays(np.float32, P, elements=st.floats(-(2.0**60), 2.0**60, width=32))
rounds = st.lists(st.tuples(st.integers(1, 65_535), deltas), min_size=1, max_size=8)


def updates_of(round_):
    return [Update(client, examples, delta) for client, (examples, delta) in enumerate(round_)]


@given(rounds, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_bit(round_, random):
    updates = updates_of(round_)
    head = np.linspace(-1, 1, P).astype(np.float32)
    expected = FedAvg().aggregate(head, updates)
    random.shuffle(updates)
    assert FedAvg().aggregate(head, updates).tobytes() == expected.tobytes()


@given(rounds)
def test_the_mean_is_weighted_by_num_examples(round_):
    updates = updates_of(round_)
    total = sum(update.num_examples for update in updates)
    for i, got in enumerate(weighted_mean(updates)):
        exact = sum(u.num_examples * Fraction(float(u.delta[i])) for u in updates) / total
        largest = max(u.num_examples * abs(Fraction(float(u.delta[i]))) for u in updates)
        assert (
            abs(Fraction(float(got)) - exact)
            <= Fraction(2) ** -49 * len(updates) * largest / total + Fraction(2) ** -1000
        )


@given(st.integers(1, 65_535), arrays(np.float32, P, elements=st.floats(-1e6, 1e6, width=32)))
def test_a_client_alone_gets_its_own_head(examples, delta):
    head = np.zeros(P, np.float32)
    assert (FedAvg().aggregate(head, [Update(3, examples, delta)]) == delta).all()


@given(st.integers(1, 100), st.integers(1, 8), arrays(np.float32, P, elements=st.floats(-8, 8, width=16)))
def test_clients_that_agree_are_believed(examples, clients, delta):
    updates = [Update(client, examples, delta) for client in range(clients)]
    assert np.allclose(weighted_mean(updates), delta, rtol=1e-15)


def test_the_inputs_are_left_as_they_were():
    head, delta = np.ones(P, np.float32), np.ones(P, np.float32)
    result = FedAvg().aggregate(head, [Update(0, 2, delta)])
    assert result.dtype == np.float32
    assert (head == 1).all()
    assert (delta == 1).all()
    assert (result == 2).all()


def test_strategies_have_names():
    for name, kind in STRATEGIES.items():
        config, strategy = RunConfig(strategy=kind.__name__).with_strategy(None)
        assert (config.strategy, type(strategy)) == (name, kind)
    with pytest.raises(ConfigError, match="E_CONFIG"):
        RunConfig(strategy="fedfoo")


ROUNDS = [[1.0, -2.0, 0.0, 0.5, 3.0], [0.5, 2.0, 1.0, 0.5, -3.0], [0.0, 1.0, -4.0, 0.5, 0.25]]


def heads_of(keys, rounds=ROUNDS):
    means, head, heads = RunConfig(**keys).with_strategy(None)[1], np.zeros(P, np.float32), []
    for delta in rounds:
        head = means.aggregate(head, [Update(0, 7, np.array(delta, np.float32))])
        heads.append(head)
    return heads


def test_fedavgm_without_momentum_is_fedavg():
    assert np.array_equal(heads_of({"strategy": "fedavgm"}), heads_of({"strategy": "fedavg"}))


def test_fedavgm_by_hand():
    heads = heads_of({"strategy": "fedavgm", "server_momentum": 0.5, "server_learning_rate": 0.5})
    assert heads[0][0] == 0.5  # m = 1
    assert heads[1][0] == 1.0  # m = 0.5 + 0.5
    assert heads[2][0] == 1.25  # m = 0.5


@pytest.mark.parametrize("name", ["fedadam", "fedyogi"])
def test_adaptive_strategies_by_hand(name):
    eta, tau = (0.1, 1e-3) if name == "fedadam" else (0.01, 1e-3)
    for i in range(P):
        w = m = v = 0.0
        for number, delta in enumerate(ROUNDS, 1):
            m = 0.9 * m + 0.1 * delta[i]
            square = delta[i] ** 2
            v = 0.99 * v + 0.01 * square if name == "fedadam" else v - 0.01 * square * np.sign(v - square)
            step = eta
            if name == "fedadam":
                step *= (1 - 0.99 ** (number + 1)) ** 0.5 / (1 - 0.9 ** (number + 1))
            w += step * m / (v**0.5 + tau)
            assert heads_of({"strategy": name})[number - 1][i] == pytest.approx(w, rel=1e-5, abs=1e-7)


def test_the_learning_rate_decays_by_steps():
    config = RunConfig(learning_rate=0.8, learning_rate_decay=0.5, learning_rate_rounds=3)
    training = LocalTraining.of(config, FedAvg())
    assert [training.rate(number) for number in range(1, 8)] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]


def test_mix32_is_lowbias32():
    """The values of the published function: hash32 of 1 and 2, computed with plain integers."""

    def plain(x):
        x = (x ^ x >> 16) * 0x7FEB352D & 0xFFFFFFFF
        x = (x ^ x >> 15) * 0x846CA68B & 0xFFFFFFFF
        return x ^ x >> 16

    numbers = [0, 1, 2, 0xDEADBEEF, 0xFFFFFFFF]
    assert mix32(np.array(numbers, np.uint64)).tolist() == [plain(x) for x in numbers]


def test_each_client_has_a_seed_of_its_own():
    seeds = training_seeds(42, range(100_000))
    assert len(np.unique(seeds)) == 100_000
    assert training_seed(42, 17) == seeds[17]
    assert training_seed(43, 17) != seeds[17]


@given(st.integers(0, 2**32 - 1), st.integers(1, 65_535), st.sets(st.integers(0, 999), min_size=1), st.data())
def test_a_draw_is_a_subset_that_does_not_depend_on_order(seed, number, clients, data):
    count = data.draw(st.integers(1, len(clients) + 2))
    drawn = select(seed, number, clients, count)
    assert len(drawn) == min(count, len(clients))
    assert set(drawn) <= clients
    assert drawn == select(seed, number, sorted(clients, reverse=True), count)


@given(st.integers(0, 2**32 - 1), st.integers(1, 65_535))
def test_who_is_away_changes_nothing_about_the_others(seed, number):
    everyone = select(seed, number, range(20), 5)
    away = next(client for client in range(20) if client not in everyone)
    assert select(seed, number, set(range(20)) - {away}, 5) == everyone


def test_draws_are_uniform():
    counts = Counter(client for number in range(1, 4001) for client in select(1, number, range(10), 3))
    # 1,200 expected each, standard deviation 29.
    assert all(abs(count - 1200) < 150 for count in counts.values()), counts
