"""Amounts with units, and the plans of budgets: exact, in turn, and as large as the budget pays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytefed.errors import ConfigError
from bytefed.ledger.air import AirTable
from bytefed.ledger.amounts import BYTES, MILLIJOULES, SECONDS, amount
from bytefed.ledger.budget import Budget, Pricing
from bytefed.ledger.budget_plan import Boards, Prices, Terms, plan
from bytefed.ledger.estimate import link_profile, predict
from bytefed.ledger.planned_run import CLASS_MEANS, FIRST_ROUNDS, PlannedRun
from bytefed.seeds import select_fairly


@pytest.mark.parametrize(("text", "units", "value"), [
    ("50kB", BYTES, 50_000), ("50 kB", BYTES, 50_000), ("16KiB", BYTES, 16_384), ("1.5MB", BYTES, 1_500_000),
    ("600B", BYTES, 600), ("10s", SECONDS, 10), ("250ms", SECONDS, 0.25), ("2min", SECONDS, 120),
    ("5mJ", MILLIJOULES, 5), ("1J", MILLIJOULES, 1000), ("700uJ", MILLIJOULES, 0.7),
])  # fmt: skip
def test_amounts(text, units, value):
    assert amount("--budget", text, units) == value


@pytest.mark.parametrize("text", ["", "kB", "50", "50 KB", "50kb", "-5kB", "0B", "1e9B", "nanB", "5s", "9" * 400, "1.B",
                                  "٥kB", "5kB5"])  # fmt: skip
def test_what_is_no_amount(text):
    with pytest.raises(ConfigError, match="E_CONFIG_AMOUNT") as caught:
        amount("--budget", text, BYTES)
    assert "--budget 50kB" in caught.value.remedy
    assert len(caught.value.message) < 90


def test_a_wrong_unit_is_corrected():
    with pytest.raises(ConfigError) as caught:
        amount("--budget", "50KB", BYTES)
    assert "Did you mean kB?" in caught.value.remedy


@given(st.text(max_size=30))
def test_no_text_is_more_than_refused(text):
    try:
        assert math.isfinite(amount("--budget", text, BYTES))
    except ConfigError as error:
        assert error.code == "E_CONFIG_AMOUNT"


@given(st.integers(1, 40), st.floats(0.05, 1), st.integers(0, 2**32 - 1))
def test_clients_take_turns(clients, fraction, seed):
    count, everyone = max(1, int(fraction * clients)), np.arange(clients)
    turns = np.zeros(clients, np.int64)
    for number in range(1, 60):
        chosen = select_fairly(seed, number, everyone, count, turns)
        assert chosen == sorted(set(chosen))
        assert len(chosen) == count
        turns[chosen] += 1
        assert turns.max() - turns.min() <= 1


def pricing(kind="bytes"):
    return Pricing(kind, AirTable.load())


def boards(profile, count, shape=(20, 4), codecs=("onebit", "onebit"), kind="bytes", training=0.0):
    from bytefed.ledger.wire_size import blob_size

    down, up = (blob_size(name, *shape) for name in codecs)
    prices = Prices.of(pricing(kind), profile, (down, 4 * (shape[0] + 1) * shape[1], up))
    return Boards.alike([prices], np.zeros(count, np.int64), training)


@given(
    st.sampled_from((("ble", 247), ("ble", 65), ("serial", 247))), st.booleans(), st.integers(1, 12),
    st.integers(400, 6000), st.sampled_from((0, 1, 3)), st.sampled_from((0, 1, 10)), st.sampled_from(FIRST_ROUNDS),
)  # fmt: skip
def test_all_boards_in_each_round_cost_what_the_estimate_says(link, sealed, count, most, rates, told, first):
    profile = link_profile(*link, sealed=sealed)
    terms = Terms(count, 0, rates, told, 7, class_means=first == CLASS_MEANS)
    found = plan(Budget("bytes", most), boards(profile, count), terms)

    def total(rounds):
        planned = PlannedRun(
            features=20, classes=4, codecs=("onebit", "onebit"), clients=count, rounds=rounds,
            learning_rate_rounds=rates, statistics_rounds=told, first_round=first,
        )  # fmt: skip
        return predict(profile, planned).total.wire_total

    assert found.total == total(found.rounds)
    assert found.worst * count == found.total
    assert found.worst <= most < total(found.rounds + 1) / count


@given(st.integers(2, 12), st.integers(1, 12), st.integers(400, 5000), st.integers(0, 2**32 - 1))
def test_one_more_round_would_be_too_much_for_some_board(count, participants, most, seed):
    profile = link_profile("ble", 247)
    terms = Terms(min(participants, count), 0, 0, 10, seed)
    found = plan(Budget("bytes", most), boards(profile, count), terms)
    assert found.least <= found.worst <= most
    more = Terms(terms.participants, found.rounds + 1, 0, 10, seed)
    with pytest.raises(ConfigError, match="E_BUDGET_TOO_SMALL") as caught:
        plan(Budget("bytes", most), boards(profile, count), more)
    assert f"pays for {found.rounds:,} round" in caught.value.message


def test_budgets_of_air_and_energy():
    profile, terms = link_profile("ble", 247), Terms(3, 0, 0, 10, 1)
    air = plan(Budget("air", 3.0), boards(profile, 10, kind="air"), terms)
    assert air.worst <= 3.0 * (1 + 1e-9)
    assert air.round == pytest.approx(0.06)  # two connection events of 30 ms
    assert air.turns == 48  # besides connecting and the evaluation
    quick = plan(Budget("energy", 5.0), boards(profile, 10, kind="energy"), terms)
    slow = plan(Budget("energy", 5.0), boards(profile, 10, kind="energy", training=0.5), terms)
    assert slow.rounds < quick.rounds
    assert slow.worst <= 5.0 * (1 + 1e-9)
    with pytest.raises(ConfigError, match="E_BUDGET_LINK"):
        boards(link_profile("serial"), 10, kind="air")


def test_a_board_that_holds_an_unknown_head_pays_for_a_whole_one():
    known = boards(link_profile("ble", 247), 4)
    strange = Boards(
        known.prices, known.link, known.spent, known.training, np.array([False, True, False, False])
    )
    terms, budget = Terms(4, 3, 0, 10, 1), Budget("bytes", 2000)
    assert plan(budget, strange, terms).worst > plan(budget, known, terms).worst + 4 * 84 - 20
