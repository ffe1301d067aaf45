"""Trials are what a run would be; a sweep measures them as it says and goes on where it stood."""

from __future__ import annotations

import asyncio
import csv
import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

import bytefed
from bytefed import codec
from bytefed.cli import main as cli
from bytefed.codec import CODECS, board_memory
from bytefed.data import load_task
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.federation.evaluation import evaluate
from bytefed.federation.rules import initial_head
from bytefed.ledger.mask_work import encoding_instructions, hiding_instructions, setup_instructions
from bytefed.ledger.wire_size import ble_profile, sealed_profile, serial_profile
from bytefed.masks.form import Form
from bytefed.runs.store import Store
from bytefed.simulation.sweep import (
    REFERENCE,
    Setting,
    Trial,
    Trials,
    best_reference,
    grid,
    left_out,
    recommend,
    summarize,
)
from bytefed.simulation.trial import run_trial


@pytest.mark.parametrize(
    "keys",
    [
        {"codec": "float32"},
        {"codec": "onebit", "fraction_train": 0.5},
        {"codec": "stc10/twobit", "strategy": "fedprox", "proximal_mu": 0.2},
        {"codec": "int8", "strategy": "fedyogi", "learning_rate_decay": 0.5, "learning_rate_rounds": 2},
        {"codec": "stc10", "first_round": "class_means", "alpha": 0.1, "fraction_train": 0.5},
        {"codec": "twobit", "secure_sum": True, "norm_bound": 0.0, "min_train_nodes": 3},
    ],
    ids=lambda keys: keys["codec"],
)
def test_a_trial_ends_with_the_head_of_a_run(tmp_path, keys):
    config = RunConfig(boards=("loopback:4",), rounds=4, local_epochs=1, seed=3, central=False, **keys)
    summary = asyncio.run(experiment.begin(config, tmp_path / "run", lambda _: None))
    trial = run_trial(config, load_task("digits"), 4, sealed_profile(serial_profile()))
    with closing(Store.open(tmp_path / "run")) as store:
        assert store.head()[1].tobytes() == trial.head.tobytes()
        assert [row.accuracy_global for row in store.rounds()] == trial.accuracy.tolist()
        assert [row.accuracy_held for row in store.rounds()] == trial.held.tolist()
    sessions = sum(summary["sessions"][phase]["wire_total"] for phase in ("connect", "masks", "unmask"))
    assert int(trial.wire[-1]) == summary["wire_total"] + sessions


def test_boards_hold_the_head_of_the_round_before():
    """With all boards in each round and a lossless downlink, and zeros in the first."""
    task, config = load_task("digits"), RunConfig(rounds=4, local_epochs=1)
    trial = run_trial(config, task, 4, serial_profile())
    assert trial.held.tolist() == [
        evaluate(task, initial_head(task), task.test).accuracy,
        *trial.accuracy[:-1],
    ]


def trial_of(accuracy, each=10.0, held=None):
    values = np.array(accuracy, float)
    held = values if held is None else np.array(held, float)
    rounds = np.arange(1, len(values) + 1)
    cost, nothing = each * rounds, np.zeros((len(values), 8))
    return Trial(values, held, values, held, cost, nothing, 0.0 * rounds, air=cost, energy=cost)


def test_bytes_are_those_until_the_boards_hold_it():
    trial = trial_of([0.9] * 8, held=[0.1, 0.9, 0.2, 0.8, 0.9, 0.9, 0.9, 0.9])
    assert trial.bytes_to(0.9) == 50
    assert trial.bytes_to(0.9, "accuracy") == 10
    assert np.isnan(trial.bytes_to(0.95))


def setting(codec, data="digits", epochs=5, rate=0.05, batch=8):
    return Setting(data, 0.5, codec, epochs, rate, batch, 1.0, "fedavg", "usual")


def test_a_row_compares_seed_by_seed():
    own = [trial_of([0.5] + [0.9] * 7, each=1.0), trial_of([0.5, 0.5] + [0.8] * 6, each=1.0)]
    reference = [trial_of([0.9] * 8), trial_of([0.8] * 8)]
    row = summarize(setting("onebit"), 330, {setting("onebit"): own, setting(REFERENCE): reference})
    assert (row.change, row.bytes_99, row.reached, row.ram) == (
        0,
        2.5,
        2,
        board_memory(CODECS["onebit"], 330),
    )
    assert row.ratio_99 == pytest.approx((5 * 10 / 3) ** 0.5)
    assert row.accuracy == pytest.approx(85)


def test_a_row_is_also_compared_with_float32_at_its_best():
    fast = setting(REFERENCE, epochs=20, rate=0.1)
    cells = {
        setting(REFERENCE): [trial_of([0.5] * 4 + [0.9] * 8)],
        setting("onebit"): [trial_of([0.5] * 4 + [0.9] * 8, each=1.0)],
        fast: [trial_of([0.9] * 12)],
        setting(REFERENCE, data="motion", epochs=1): [trial_of([0.9] * 12, each=0.1)],
    }
    row = summarize(setting("onebit"), 330, cells)
    assert (row.best_epochs, row.best_rate, row.best_batch) == (20, 0.1, 8)
    assert (row.ratio_99, row.ratio_99_best) == (pytest.approx(10), pytest.approx(2))
    assert summarize(fast, 330, cells).ratio_99_best == pytest.approx(1)


def test_a_first_round_of_class_means_is_no_reference():
    usual = setting(REFERENCE)
    means = replace(usual, first_round="class_means")
    cells = {usual: [trial_of([0.9] * 8)], means: [trial_of([0.9] * 8, each=1.0)]}
    assert best_reference(means, cells) == means.reference == usual
    assert summarize(means, 330, cells).ratio_99 == pytest.approx(10)


def test_the_best_reference_is_not_chosen_by_the_test_set():
    lucky, sound = trial_of([0.9] * 8), trial_of([0.9] * 8, each=20.0)
    lucky = replace(lucky, validation=lucky.validation - 0.2, validation_held=lucky.held - 0.2)
    cells = {setting(REFERENCE, batch=32): [lucky], setting(REFERENCE): [sound]}
    assert best_reference(setting(REFERENCE), cells) == setting(REFERENCE)


def test_the_recommended_codec_is_the_cheapest_that_loses_nothing_anywhere():
    flat = [0.9] * 8
    cells = {
        setting(REFERENCE): [trial_of(flat)],
        setting("onebit"): [trial_of(flat, each=2.0)],
        setting("sign"): [trial_of([0.89] * 8, each=1.0)],
        setting("stc5"): [trial_of([0.9, 0.5] + [0.891] * 6, each=3.0)],
    }
    assert recommend(cells) == "onebit"
    assert left_out(cells) == {"sign": "1.0 points below float32", "stc5": "0.9 points below float32"}
    assert recommend({setting(REFERENCE): [trial_of(flat)]}) == REFERENCE


SLOW = [0.5] * 7 + [0.9]  # ends as high, but is there for no three rounds


def test_a_codec_that_fails_with_some_seed_is_out_and_told_so():
    flat, slow = trial_of([0.9] * 8), trial_of(SLOW, each=1.0)
    cells = {
        setting(REFERENCE): [flat, flat],
        setting("onebit"): [flat, slow],
        setting(REFERENCE, batch=32): [flat, flat],
        setting("onebit", batch=32): [flat, flat],
    }
    assert left_out(cells) == {"onebit": "gets to 99 % of float32's accuracy in 3 of 4 trials"}
    assert recommend(cells) == REFERENCE


def test_float32_is_recommended_by_what_it_did_too():
    flat, slow = trial_of([0.9] * 8), trial_of(SLOW)
    cells = {setting(REFERENCE): [flat, slow], setting("onebit"): [flat, slow]}
    assert left_out(cells).keys() == {"float32", "onebit"}
    assert recommend(cells) == ""
    cells[setting("onebit")] = [flat, flat]
    assert left_out(cells).keys() == {"float32"}
    assert recommend(cells) == "onebit"


@pytest.mark.parametrize("form", [(), ("--markdown",), ("--json",)])
def test_a_sweep_in_which_no_codec_gets_there_says_so(tmp_path, capsys, form):
    """Two rounds are too few for three in a row."""
    command = ["sweep", "--codec", "onebit", "--seeds", "2", "--rounds", "2", "--sweep-dir", str(tmp_path)]
    assert cli.main([*command, *form]) == 0
    told = capsys.readouterr().out
    if form == ("--json",):
        found = json.loads(told)
        assert found["recommended"] == {}
        assert found["out"]["float32"] == "gets to 99 % of float32's accuracy in 0 of 2 trials"
        return
    assert "No codec is recommended: by the boards' own test samples all are out. More rounds" in told
    assert "Out: float32 (gets to 99 % of float32's accuracy in 0 of 2 trials), onebit (" in told


def test_a_sweep_by_natural_clients_has_as_many_boards_as_the_data_have_owners(tmp_path, capsys):
    rng = np.random.default_rng(3)
    owners = np.arange(120) % 4
    labels = np.arange(120) // 4 % 3
    features = (rng.normal(0, 8, (120, 4)) + 30 * labels[:, None]).astype(np.int8)
    np.savez(tmp_path / "mine.npz", X=features, y=labels, client=owners)
    command = ["sweep", "--data", str(tmp_path / "mine.npz"), "--codec", "onebit", "--seeds", "1"]
    command += ["--rounds", "3", "--sweep-dir", str(tmp_path / "sweep")]
    path = tmp_path / "sweep/trials.jsonl"

    def keys() -> list[dict[str, object]]:
        return [json.loads(line)["key"] for line in path.read_text().splitlines()]

    assert cli.main([*command, "--clients", "4"]) == 0
    assert cli.main([*command, "--partition", "natural"]) == 0
    made = [(key["partition"], key["clients"]) for key in keys()]
    assert made == [("dirichlet", 4)] * 2 + [("natural", 4)] * 2
    trials = path.read_text()
    same = {"data": [str(tmp_path / "mine.npz")], "codec": ["onebit"], "seeds": [1], "rounds": 3}
    bytefed.sweep(**same, partition="natural", directory=tmp_path / "sweep")
    assert path.read_text() == trials
    capsys.readouterr()
    assert cli.main([*command, "--partition", "natural", "--clients", "3"]) == 2
    assert "E_PARTITION_NATURAL" in capsys.readouterr().err


def test_tasks_without_owners_are_no_natural_clients(tmp_path, capsys):
    command = ["sweep", "--sweep-dir", str(tmp_path), "--rounds", "2", "--seeds", "1", "--codec", "onebit"]
    assert cli.main([*command, "--data", "digits", "--partition", "natural"]) == 2
    assert "E_PARTITION_NATURAL" in capsys.readouterr().err


def test_the_grid_always_has_the_reference():
    axes = {
        "data": ["a"],
        "alpha": [0.1, 0.5],
        "codec": ["onebit"],
        "local_epochs": [1],
        "learning_rate": [0.05, 0.1],
        "batch_size": [8],
        "fraction_train": [1.0],
        "first_round": ["usual"],
    }
    cells = grid({**axes, "strategy": ["fedavg"]})
    assert [cell.codec for cell in cells] == [REFERENCE] * 2 + ["onebit"] * 2 + [REFERENCE] * 2 + [
        "onebit"
    ] * 2
    assert all(cell.reference in cells for cell in cells)
    means = grid({**axes, "strategy": ["fedavg"], "first_round": ["class_means"]})
    assert set(cells) < set(means)
    assert len(means) == 2 * len(cells)
    assert {cell.reference.first_round for cell in means} == {"usual"}


TEN = {"digits": 10}


def test_trials_are_kept_by_all_that_made_them(tmp_path):
    base, trial = RunConfig(rounds=8), trial_of([0.5] * 8)
    Trials(tmp_path, base, TEN, "ble/247").add(setting("onebit"), 1, trial)
    with (tmp_path / "trials.jsonl").open("a") as file:
        file.write('{"key": {"da')  # a kill
    Trials(tmp_path, base, TEN, "ble/247").add(setting("sign"), 1, trial)
    found = Trials(tmp_path, base, TEN, "ble/247").get(setting("onebit"), 1)
    assert Trials(tmp_path, base, TEN, "ble/247").get(setting("sign"), 1) is not None
    assert found is not None
    assert found.accuracy.tolist() == trial.accuracy.tolist()
    assert Trials(tmp_path, base, TEN, "ble/247").get(setting("onebit"), 2) is None
    assert Trials(tmp_path, base, {"digits": 11}, "ble/247").get(setting("onebit"), 1) is None
    assert Trials(tmp_path, RunConfig(rounds=9), TEN, "ble/247").get(setting("onebit"), 1) is None
    means = replace(setting("onebit"), first_round="class_means")
    assert Trials(tmp_path, base, TEN, "ble/247").get(means, 1) is None
    assert "first_round" not in (tmp_path / "trials.jsonl").read_text()
    assert (
        "epochs_by_rule" not in (tmp_path / "trials.jsonl").read_text()
    )  # as none had before there was a rule
    by_rule = setting("onebit", epochs=0)
    Trials(tmp_path, base, TEN, "ble/247").add(by_rule, 1, trial)
    assert Trials(tmp_path, base, TEN, "ble/247").get(by_rule, 1) is not None
    path = tmp_path / "trials.jsonl"
    path.write_text(path.read_text().replace('"epochs_by_rule": [5,', '"epochs_by_rule": [4,'))
    assert Trials(tmp_path, base, TEN, "ble/247").get(by_rule, 1) is None
    assert Trials(tmp_path, base, TEN, "ble/247").get(setting("onebit"), 1) is not None


def test_a_trial_of_an_older_version_is_made_again(tmp_path):
    base = RunConfig(rounds=8)
    Trials(tmp_path, base, TEN, "ble/247").add(setting("onebit"), 1, trial_of([0.5] * 8))
    path = tmp_path / "trials.jsonl"
    path.write_text(path.read_text().replace('"held"', '"other"'))
    assert Trials(tmp_path, base, TEN, "ble/247").get(setting("onebit"), 1) is None


def test_the_command_writes_a_table_and_goes_on_where_it_stood(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    command = ["sweep", "--codec", "onebit", "--seeds", "2", "--rounds", "14", "--local-epochs", "1"]
    command += ["--learning-rate", "0.05", "0.1", "--batch-size", "8", "--sweep-dir", str(tmp_path)]
    assert cli.main(command) == 0
    trials = (tmp_path / "trials.jsonl").read_text()
    table = (tmp_path / "sweep.csv").read_text()
    assert cli.main(command) == 0
    assert (tmp_path / "trials.jsonl").read_text() == trials
    assert (tmp_path / "sweep.csv").read_text() == table
    rows = list(csv.DictReader(table.splitlines()))
    assert [(row["codec"], row["learning_rate"]) for row in rows] == [
        ("float32", "0.05"), ("float32", "0.1"), ("onebit", "0.05"), ("onebit", "0.1")
    ]  # fmt: skip
    assert float(rows[0]["ratio_99"]) == 1
    assert "Recommended" in capsys.readouterr().out


def test_with_noise_nothing_is_recommended_by_the_global_test_set(tmp_path, capsys):
    command = ["sweep", "--codec", "onebit", "--seeds", "1", "--rounds", "2", "--sweep-dir", str(tmp_path)]
    assert cli.main([*command, "--dp", "sample", "--epsilon", "4", "--delta", "1e-4"]) == 0
    told = capsys.readouterr().out
    assert "No codec is recommended: boards that train with noise" in told
    said = "Noise in all trials: epsilon 4 and delta 0.0001 for one sample"
    assert told.index(said) < told.index("accuracy")
    noise = ["--dp", "sample", "--epsilon", "4", "--delta", "1e-4", "--markdown"]
    assert cli.main([*command, *noise]) == 0
    assert capsys.readouterr().out.startswith(f"{said}.\n\n| codec")
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert {(row["dp"], row["epsilon"], row["delta"]) for row in rows} == {("sample", "4.0", "0.0001")}
    noisy = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert (
        cli.main([*command, "--local-epochs", "1", "--learning-rate", "2"]) == 0
    )  # other trials, not the same ones
    told = capsys.readouterr().out
    assert "No codec is recommended: by the boards' own test samples" in told and "Noise" not in told
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert {(row["dp"], row["epsilon"], row["delta"]) for row in rows} == {("", "", "")}
    every = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert len(every) == 2 * len(noisy) and every[-1]["accuracy"] != noisy[-1]["accuracy"]


def test_with_secure_sums_codecs_are_those_that_can_be_summed(tmp_path, capsys):
    command = ["sweep", "--seeds", "1", "--rounds", "8", "--clients", "8", "--sweep-dir", str(tmp_path)]
    assert cli.main([*command, "--secure-sum"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Recommended" in told and "by air time" in told and "by energy" in told
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert [row["codec"] for row in rows] == ["float32", "int8", "onebit", "twobit"]
    setup = setup_instructions(sealed_profile(ble_profile(247)), 8) / 42.4e6 * 3.3 * 3.0  # mJ, at least
    assert float(rows[0]["air_99"]) > 0 and float(rows[0]["energy_99"]) > setup
    instructions = [int(row["instructions"]) for row in rows]
    assert (
        instructions[0] > instructions[1] > instructions[3] > instructions[2]
    )  # the fewer bits, the fewer masks
    form = Form("onebit", 650, 8, statistics=False)
    more = encoding_instructions(form) + hiding_instructions(form)
    assert instructions[2] == round(codec.instructions("onebit", encodes=False) + more)
    trials = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    for trial in trials:
        found = bytefed.estimate(
            features=32, clients=8, rounds=8, codec=trial["key"]["codec"], link="ble", secure_sum=True
        )
        # A trial ends with its last round: no board lets go of a delta in it.
        assert trial["wire"][-1] * 8 == found.total.wire_total - found.release.wire_total
    table = bytefed.sweep(
        codec=["onebit"], rounds=8, seeds=[1], clients=8, directory=tmp_path, secure_sum=True
    )  # the same trials
    assert len(table.rows) == 2
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == len(trials)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--secure-sum", "--clients", "2"], "E_CONFIG_SECURE_SUM"),
        (["--secure-sum", "--codec", "int8", "--clients", "65"], "E_CONFIG_SECURE_SUM"),
        (["--secure-sum", "--codec", "stc5"], "E_CONFIG_SECURE_SUM"),
        (["--secure-sum", "--fraction-train", "0.5"], "E_CONFIG_SECURE_SUM"),
        (["--codec", "zip"], "E_CONFIG_CODEC"),
        (["--strategy", "fedfoo"], "E_CONFIG"),
        (["--seeds", "0"], "E_CONFIG_RANGE"),
        (["--clients", "500"], "E_PARTITION"),
    ],
)
def test_a_grid_that_cannot_be_tried_is_refused_at_once(tmp_path, capsys, options, code):
    assert cli.main(["sweep", "--sweep-dir", str(tmp_path), *options]) == 2
    assert code in capsys.readouterr().err
    assert not (tmp_path / "trials.jsonl").exists()


def test_instructions_are_of_the_downlink_decoded_and_the_uplink_encoded():
    both = codec.instructions("onebit/stc5")
    assert both == codec.instructions("onebit") + codec.instructions("stc5") - codec.instructions(
        "stc5/onebit"
    )
    assert codec.instructions("float32") < codec.instructions("onebit") < codec.instructions("stc5")


def test_where_no_standard_task_can_be_tried_the_first_reason_is_told(tmp_path, capsys):
    command = [
        "sweep",
        "--data",
        "standard",
        "--partition",
        "natural",
        "--seeds",
        "1",
        "--sweep-dir",
        str(tmp_path),
    ]
    assert cli.main(command) == 2
    assert "digits does not say who each sample belongs to" in capsys.readouterr().err
