"""Simulations with a budget: no client spends more on any link, clients that get lost included; boards agree."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

import bytefed
from bytefed.cli.main import main
from bytefed.errors import ConfigError, LinkError
from bytefed.events import BudgetPlanned, BudgetSpent
from bytefed.federation.budget import Means, boards_on
from bytefed.ledger.air import AirTable
from bytefed.ledger.budget import Budget, Pricing
from bytefed.ledger.budget_plan import DOWNLINK, HELD
from bytefed.ledger.estimate import link_profile
from bytefed.report.page import body
from bytefed.report.run_files import load
from bytefed.simulation.purses import Purses


@pytest.fixture(scope="module")
def heaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 240)
    path = tmp_path_factory.mktemp("data") / "heaps.npz"
    np.savez(path, X=(rng.normal(0, 1, (240, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32), y=y)
    return path


def spent(folder: Path) -> Counter[str]:
    found = Counter[str]()
    for name in ("bytes.csv", "sessions.csv"):
        with (folder / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[row["board"]] += int(row["wire_total"])
    return found


def test_no_client_spends_more_over_mixed_links_with_losses(heaps, tmp_path):
    early = lost = 0
    for seed in range(24):
        rng = random.Random(f"budgets {seed}")
        links = rng.choice(
            (["serial"], ["ble:247"], ["ble:65", "serial=2"], ["ble:185", "ble:247", "serial"])
        )
        most, dropout, events = rng.randrange(320, 3000), rng.choice((0.0, 0.1, 0.4)), []
        folder = tmp_path / str(seed)
        keys = {
            "budget": f"{most}B", "dropout": dropout, "open": rng.random() < 0.5, "fraction_train": rng.random(),
            "statistics_rounds": rng.choice((0, 3)), "clients": rng.randrange(2, 12), "seed": seed,
        }  # fmt: skip
        try:
            result = bytefed.simulate(
                data=heaps, links=links, threads=1, partition="iid", quorum=0.0, local_epochs=1, directory=folder,
                progress=events.append, **keys,
            )  # fmt: skip
        except LinkError as error:  # all clients of a round were lost
            assert error.code == "E_QUORUM"
            assert dropout
            assert max(spent(folder).values()) <= most, seed
            lost += 1
            continue
        entry, paid = result.summary["budget"], spent(folder)
        assert max(paid.values()) == entry["spent_most"] <= most, seed
        assert min(paid.values()) == entry["spent_least"]
        assert result.summary["complete"]
        [planned] = [event for event in events if isinstance(event, BudgetPlanned)]
        if not dropout:
            assert entry["spent_most"] == entry["plan"]["worst"]
            assert result.summary["rounds"] == planned.rounds
        early += any(isinstance(event, BudgetSpent) for event in events)
    assert early > 2
    assert lost < 12


def test_boards_and_the_simulator_spend_a_budget_alike(heaps, tmp_path):
    keys = {"data": heaps, "partition": "iid", "budget": "900B", "local_epochs": 2, "central": False}
    simulated = bytefed.simulate(**keys, clients=4, check=4, directory=tmp_path / "simulated")
    real = bytefed.run(**keys, boards=["loopback:4"], directory=tmp_path / "real")
    assert all(np.array_equal(mine, its) for mine, its in zip(real.head, simulated.head, strict=True))
    first, second = (result.summary["budget"] for result in (simulated, real))
    assert first["plan"] == second["plan"]
    assert (first["spent_most"], first["spent_least"]) == (second["spent_most"], second["spent_least"])
    assert max(second["boards"].values()) == second["spent_most"]
    page = body([load(tmp_path / "real")])
    assert f"{second['spent_most']:,}" in page
    assert "of 900 B that each board may spend" in page


def test_the_estimate_prints_the_plan_of_the_simulation(heaps, tmp_path, capsys):
    options = ["--budget", "800B", "--codec", "onebit", "--link", "ble", "--features", "6", "--classes", "3"]
    assert main(["estimate", "--json", "--clients", "5", *options]) == 0
    plan = json.loads(capsys.readouterr().out)
    result = bytefed.simulate(
        data=heaps, clients=5, links=["ble:247"], budget="800B", codec="onebit", directory=tmp_path / "r"
    )
    found = result.summary["budget"]["plan"]
    assert {name: plan[name] for name in found} == found
    assert (plan["codec"], plan["local_epochs"], plan["learning_rate"]) == ("onebit", 8, 0.2)
    assert plan["local_epochs"] == result.summary["config"]["local_epochs"] == -(-100 // plan["rounds"])
    assert main(["estimate", "--clients", "5", *options]) == 0
    assert f"{plan['rounds']} rounds" in capsys.readouterr().out


def test_energy_and_air_of_simulated_clients(heaps, tmp_path):
    for name, text in (("budget_air", "800ms"), ("budget_energy", "250uJ")):
        result = bytefed.simulate(
            data=heaps, clients=4, links=["ble:247"], directory=tmp_path / name, **{name: text}
        )
        entry = result.summary["budget"]
        assert entry["spent_most"] <= entry["most"] * (1 + 1e-9)
        assert entry["spent_most"] == pytest.approx(entry["plan"]["worst"])
        with pytest.raises(ConfigError, match="E_BUDGET_LINK"):
            bytefed.simulate(data=heaps, clients=4, directory=tmp_path / f"{name} serial", **{name: text})


def test_a_client_has_to_pay_for_the_head_that_a_run_begins_with():
    """Just enough for a round without a blob: that is enough where clients hold the head, and only there."""
    means = Means(Budget("bytes", 1000), Pricing("bytes", AirTable.load()), (6, 3), ("float32", "float32"), 1)
    boards = boards_on(means, [link_profile("serial")], np.zeros(2, np.int64), np.full(2, 10))
    [prices] = boards.prices
    enough = prices.rounds[HELD, 0, 1] + prices.evaluations[DOWNLINK, 0]
    due = np.ones(2, np.bool_)
    for from_zeros in (True, False):
        purses = Purses(means, boards, 0.0, from_zeros=from_zeros)
        purses.spent[:] = means.budget.ceiling - enough
        assert len(purses.able(1, due, statistics=False)) == (2 if from_zeros else 0)
