"""Learning rate and epochs by rule: what they are, that what is given wins, and that estimates know their CONFIGs."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

import bytefed
from bytefed.audit.subject import Subject
from bytefed.cli import main as cli
from bytefed.data import TASKS, folder, load_task
from bytefed.data.raw import RawData
from bytefed.events import RunStarted
from bytefed.extractor.extractor import Extractor
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig, chosen, with_rates
from bytefed.federation.local_training import LocalTraining
from bytefed.ledger.estimate import predict
from bytefed.ledger.planned_run import PlannedRun
from bytefed.ledger.rates import rounds_between
from bytefed.ledger.wire_size import ble_profile, sealed_profile
from bytefed.runs.store import Store
from bytefed.simulation.trial import run_trial


def training(whitened=True, **keys) -> LocalTraining:
    config, strategy = RunConfig(**keys).with_strategy(None)
    return LocalTraining.of(config, strategy, whitened=whitened)


def test_it_starts_high_and_falls_by_each_fifth_of_the_rounds():
    found = training(rounds=200)
    rates = [found.rate(number) for number in (1, 40, 41, 81, 121, 161, 200)]
    assert rates == pytest.approx([0.2, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.0125])
    told = "0.2 by rule, times 0.5 after each 40 rounds"
    assert found.document() == {"start": 0.2, "decay": 0.5, "rounds": 40, "by_rule": True, "told": told}


def test_a_short_run_has_one_rate():
    assert {training(rounds=20).rate(number) for number in range(1, 21)} == {0.2}
    assert training(rounds=25).rate(21) == pytest.approx(0.1)
    assert [rounds_between(rounds) for rounds in (1, 100, 101, 1000)] == [20, 20, 21, 200]


def test_what_is_given_wins():
    fixed = training(rounds=100, learning_rate=0.05)
    assert (fixed.rate(1), fixed.rate(100), fixed.by_rule, fixed.told) == (0.05, 0.05, False, "0.05")
    own = training(rounds=100, learning_rate_decay=0.9, learning_rate_rounds=1)
    assert own.rate(2) == pytest.approx(0.18)
    assert own.by_rule


def test_epochs_fall_with_the_rate_and_change_in_no_other_round():
    found = training(rounds=100)
    plans = [found.plan(number, 0) for number in range(1, 101)]
    assert [plan.epochs for plan in plans] == [5] * 20 + [3] * 20 + [2] * 20 + [1] * 40
    changes = [number for number in range(1, 100) if plans[number] != plans[number - 1]]
    assert changes == [20, 40, 60, 80]
    told = "5 by rule, fewer as the learning rate falls"
    assert found.summary()["local_epochs"] == {"start": 5, "by_rule": True, "told": told}


def test_heads_of_plain_features_need_all_epochs():
    found = training(whitened=False, rounds=100)
    assert {found.epochs_in(number) for number in range(1, 101)} == {5}
    assert found.summary()["local_epochs"] == {"start": 5, "by_rule": True, "told": "5 by rule"}


def test_personal_heads_are_made_by_all_epochs():
    found = training(rounds=100, personal=True)
    assert {found.epochs_in(number) for number in range(1, 101)} == {5}


@pytest.mark.parametrize(
    ("name", "whitened"),
    [("digits", True), ("digits_plain", False), ("vowels", True), ("vowels_plain", False), ("leaves", False)],
)
def test_a_task_knows_whether_its_features_are_whitened(name, whitened):
    assert load_task(name).whitened == whitened


@pytest.mark.parametrize(("model", "whitened"), [("digits", True), ("digits_plain", False)])
def test_recordings_have_whitened_features_where_their_extractor_whitens(model, whitened):
    raw, _ = TASKS["digits"].load()
    few = RawData(raw.inputs[:200], raw.labels[:200], raw.classes)
    for name in (model, ""):  # one that boards can be given, and one that is known by its hash alone
        assert folder.task_of("mine", Extractor.load(model), few, None, (), name).whitened == whitened


@pytest.mark.parametrize(
    ("keys", "epochs"),
    [
        ({"learning_rate": 0.05}, {5}),  # a rate that does not fall
        ({"local_epochs": 7}, {7}),  # epochs that someone chose
        ({"learning_rate_decay": 0.9, "learning_rate_rounds": 50}, {5}),  # nine tenths of 5, rounded up
        ({"learning_rate_decay": 0.0, "learning_rate_rounds": 50}, {5, 1}),
    ],
)
def test_epochs_that_do_not_fall_by_rule(keys, epochs):
    found = training(rounds=100, **keys)
    assert {found.epochs_in(number) for number in range(1, 101)} == epochs
    assert found.summary()["local_epochs"]["by_rule"] == ("local_epochs" not in keys)


def test_boards_and_simulated_clients_train_so_many_epochs(tmp_path):
    """The same head, bit for bit, and it is not that of 5 epochs throughout."""
    keys = {"rounds": 22, "codec": "onebit", "seed": 5, "central": False}
    trials = [
        run_trial(RunConfig(**keys, **more), load_task("digits"), 2, sealed_profile(ble_profile(247)))
        for more in ({}, {"local_epochs": 5})
    ]
    asyncio.run(experiment.begin(RunConfig(boards=("loopback:2",), **keys), tmp_path / "run", lambda _: None))
    with closing(Store.open(tmp_path / "run")) as store:
        assert store.head()[1].tobytes() == trials[0].head.tobytes() != trials[1].head.tobytes()
    bytefed.simulate(clients=2, directory=tmp_path / "simulated", data="digits", **keys)
    assert np.load(tmp_path / "simulated" / "head.npy").tobytes() == trials[0].head.tobytes()
    audited = Subject.load(tmp_path / "run").training
    assert [audited.plan(number, 0).epochs for number in (20, 21)] == [5, 3]
    assert trials[0].trained[19] == trials[1].trained[19]
    assert trials[0].trained[21] - trials[0].trained[19] == 0.6 * (
        trials[1].trained[21] - trials[1].trained[19]
    )


@pytest.mark.parametrize(
    ("given", "epochs"),
    [
        ({"budget": "300B"}, 20),  # few rounds
        ({"budget": "20kB"}, 1),
        ({"budget": "20kB", "rounds": 30}, 4),
        ({"budget": "20kB", "rounds": 30, "fraction_train": 0.5}, 7),  # of a board's own rounds
        ({"budget": "20kB", "local_epochs": 3}, 3),
        ({"budget_energy": "50mJ"}, 5),  # epochs are what it pays for
    ],
)
def test_a_budget_takes_a_hundred_passes_over_a_boards_samples(given, epochs, tmp_path):
    found = bytefed.simulate(clients=4, links=["ble:247"], directory=tmp_path / "run", **given)
    assert found.summary["config"]["local_epochs"] == epochs
    assert found.summary["budget"]["spent_most"] == pytest.approx(found.summary["budget"]["plan"]["worst"])


def test_a_proximal_term_bounds_it():
    """Boards refuse a stronger pull, so the rate by rule is lower then."""
    assert training(strategy="fedprox", proximal_mu=0.2).rate(1) == pytest.approx(0.05)
    assert training(strategy="fedprox", proximal_mu=0.01).rate(1) == 0.2


def test_a_run_that_is_prolonged_keeps_its_rates():
    config = with_rates(RunConfig(rounds=100))
    longer = RunConfig.from_toml(config.to_toml(), "x").resumed({"rounds": 400})
    before, after = (LocalTraining.of(one, one.with_strategy(None)[1]) for one in (config, longer))
    assert [before.rate(number) for number in range(1, 101)] == [
        after.rate(number) for number in range(1, 101)
    ]
    assert after.by_rule


@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_its_configs_are_estimated_to_the_byte(fraction):
    profile, task = sealed_profile(ble_profile(247)), load_task("digits")
    config = RunConfig(rounds=43, local_epochs=1, codec="onebit", fraction_train=fraction, seed=3)
    trial = run_trial(config, task, 4, profile)
    planned = PlannedRun(
        features=task.D, classes=task.num_classes, codecs=config.codecs, clients=4, rounds=43,
        fraction_train=fraction, seed=3,
    )  # fmt: skip
    found = predict(profile, planned)
    assert trial.wire[-1] == (found.rounds + found.connect).wire_total
    never = predict(profile, replace(planned, learning_rate_rounds=0))
    assert found.rounds.wire_total > never.rounds.wire_total


def test_a_run_says_which_rate_it_took_and_why(tmp_path):
    told = []
    config = RunConfig(boards=("loopback:2",), rounds=1, local_epochs=1, central=False)
    summary = asyncio.run(experiment.begin(config, tmp_path / "run", told.append))
    started = next(event for event in told if isinstance(event, RunStarted))
    assert started.learning_rate == "0.2 by rule, times 0.5 after each 20 rounds"
    assert started.local_epochs == "1"
    assert summary["learning_rate"]["told"] == started.learning_rate
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert f"<dt>learning_rate</dt><dd>{started.learning_rate}</dd>" in page
    resolved = RunConfig.resolve(tmp_path / "run" / "config.resolved.toml", {})
    assert (resolved.learning_rate, resolved.learning_rate_decay, resolved.learning_rate_rounds) == (
        0,
        0.5,
        20,
    )


def test_the_estimate_follows_the_rule(capsys):
    def total(*options):
        assert cli.main(["estimate", "--rounds", "100", "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)["exact"]["total"]["wire_total"]

    assert total() == total("--learning-rate-rounds", "20") > total("--learning-rate-rounds", "0")
    for options, told in ((["--rounds", "100"], True), (["--rounds", "20"], False)):
        assert cli.main(["estimate", *options]) == 0
        assert ("after each 20 rounds, by rule" in capsys.readouterr().out) == told


def test_epochs_by_rule_are_one_where_boards_train_with_noise(tmp_path):
    noise = {"dp": "sample", "epsilon": 4.0, "delta": 1e-4}
    assert chosen({**noise, "local_epochs": 0})["local_epochs"] == 1
    table = bytefed.sweep(
        codec=["onebit"], seeds=[1], rounds=2, clients=4, directory=tmp_path / "sweep", **noise
    )
    assert {row.local_epochs for row in table.rows} == {1}


def test_a_budget_does_not_count_the_round_of_class_means(tmp_path):
    found = bytefed.simulate(
        clients=4, links=["ble:247"], directory=tmp_path / "run", budget="2kB", first_round="class_means"
    ).summary
    rounds = found["config"]["rounds"]
    assert found["config"]["local_epochs"] == -(-100 // (rounds - 1)) != -(-100 // rounds)
