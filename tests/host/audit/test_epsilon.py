"""The lower bound of epsilon, and the measures of membership, held to other arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

from bytefed.audit.epsilon import Guesses, best_bound, guess, lower_bound, most_to_show, probability
from bytefed.audit.membership import told


def test_all_guesses_right_give_the_closed_form():
    for count in (10, 100, 1000):
        q = 0.05 ** (1 / count)
        assert lower_bound(Guesses(count, count, count), 0.0) == pytest.approx(
            math.log(q / (1 - q)), rel=1e-9
        )


def test_chance_gives_no_bound():
    assert lower_bound(Guesses(100, 100, 50), 0.0) == 0.0
    assert lower_bound(Guesses(100, 0, 0), 0.0) == 0.0


@pytest.mark.parametrize("delta", [0.0, 1e-6, 1e-4])
def test_the_probability_is_that_of_the_theorem(delta):
    binom = pytest.importorskip("scipy.stats").binom
    for made, right, epsilon in ((50, 40, 0.5), (200, 150, 1.0), (360, 360, 4.0), (100, 30, 2.0)):
        q = 1 / (1 + math.exp(-epsilon))
        tail = [binom.sf(right - i - 1, made, q) - binom.sf(right - 1, made, q) for i in range(1, right + 1)]
        most = max(value / i for i, value in enumerate(tail, 1))
        expected = min(1.0, binom.sf(right - 1, made, q) + 2 * 400 * delta * most)
        assert probability(Guesses(400, made, right), epsilon, delta) == pytest.approx(expected, rel=1e-6)


def test_more_delta_and_fewer_right_guesses_give_a_smaller_bound():
    bounds = [lower_bound(Guesses(400, 200, 180), delta) for delta in (0.0, 1e-6, 1e-4, 1e-2)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[-1]
    assert lower_bound(Guesses(400, 200, 150), 0.0) < bounds[0]


def test_guesses_are_made_at_both_ends_of_the_scores():
    scores, coins = np.arange(8.0), np.array([0, 0, 1, 0, 1, 0, 1, 1], bool)
    assert guess(scores, coins, 0.5) == Guesses(8, 4, 4)
    assert guess(scores, coins, 1.0) == Guesses(8, 8, 6)


@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_a_bound_is_above_the_true_epsilon_in_one_case_of_twenty_at_most(epsilon):
    """Randomised response is epsilon-private, and its answers are the best guesses there are."""
    rng = np.random.default_rng(7)
    q = 1 / (1 + math.exp(-epsilon))
    wrong, bounds = 0, []
    for _ in range(200):
        coins = rng.random(400) < 0.5
        answers = coins ^ (rng.random(400) > q)
        bound, _ = best_bound(answers + 0.5 * rng.random(400), coins, 0.0)
        wrong += bound > epsilon
        bounds.append(bound)
    assert wrong <= 15  # 10 are expected at most
    if epsilon:
        assert np.mean(bounds) > 0.5


def test_the_most_that_can_be_shown_is_what_a_perfect_attacker_shows():
    coins = np.arange(400) % 2 == 0
    assert best_bound(coins.astype(float), coins, 0.0)[0] == most_to_show(400, 0.0)


def test_the_auc_is_that_of_others_and_its_error_covers_chance():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    members, others = np.round(rng.normal(0.4, 1, 300), 1), np.round(rng.normal(0, 1, 500), 1)
    found = told(members, others)
    truth = np.r_[np.ones(300), np.zeros(500)]
    assert found.auc == pytest.approx(metrics.roc_auc_score(truth, np.r_[members, others]))
    threshold = np.sort(others)[-6]
    assert (others > threshold).mean() <= 0.01
    assert found.found == (members > threshold).mean()
    aucs = [told(rng.normal(size=100), rng.normal(size=100)) for _ in range(200)]
    assert 0.9 < np.mean([abs(each.auc - 0.5) < each.error for each in aucs]) < 0.99
