"""Simulations with --secure-sum: the bits and the bytes of a run with virtual boards."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import mask_oracle as oracle
import numpy as np
import pytest

import bytefed
from bytefed.cli.main import main
from bytefed.codec import uplink_seed
from bytefed.data import synthetic
from bytefed.errors import ConfigError
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules
from bytefed.federation.secure_sum import NO_ROOM
from bytefed.ledger.wire_size import (
    ble_profile,
    release_bytes,
    sealed_profile,
    serial_profile,
    setup_bytes,
    unmask_bytes,
)
from bytefed.masks.form import CODECS, Form, most_boards
from bytefed.runs.store import Store
from bytefed.simulation.client_sums import ClientSums, OpenSum
from bytefed.simulation.simulator import Simulator
from bytefed.strategies.base import FedAvg

KEYS = ["--rounds", "5", "--statistics-rounds", "2", "--seed", "7", "--quiet"]


def simulate(folder: Path, *more: str) -> dict[str, Any]:
    assert main(["simulate", *KEYS, "--run-dir", str(folder), "--secure-sum", *more]) == 0
    return summary_of(folder)


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


SUMS: dict[str, Any] = {
    "secure_sum": True, "norm_bound": 0.0, "min_train_nodes": 3, "quorum": 0.0, "local_epochs": 1,
}  # fmt: skip


def load_synthetic(clients: int) -> tuple[Any, Any]:
    return synthetic.make(clients, 3)


def simulator_of(
    config: RunConfig,
    training: LocalTraining,
    task: Any,
    partition: Any,
    profile: Any = None,
    threads: int = 2,
) -> tuple[Simulator, ClientSums]:
    examples = partition.sizes - partition.test_sizes
    links = [profile or serial_profile()], np.zeros(len(examples), np.int64)
    sums = ClientSums.of(config, training, examples, *links)
    assert sums is not None
    rules, assignment = Rules.of(config), Assignment(task, partition)
    return Simulator(rules, training, assignment, FedAvg(), threads=threads, sums=sums), sums


def plain_deltas(config: RunConfig, task: Any, partition: Any, head: Any, clients: Any) -> dict[int, Any]:
    """Return what clients learn in round 9, by the core's training without sums."""
    plain = RunConfig(local_epochs=config.local_epochs, norm_bound=0.0)
    simulator = Simulator(
        Rules.of(plain), LocalTraining.of(plain, FedAvg()), Assignment(task, partition), FedAvg(), threads=1,
        watched=frozenset(clients.tolist()),
    )  # fmt: skip
    return simulator.round(9, head, clients, np.zeros(len(clients), bool)).deltas


OWN = ("run", "link", "seconds", "uri", "air_bytes", "air_seconds", "energy_mj")


def told(folder: Path, name: str) -> list[dict[str, str]]:
    found = [{k: v for k, v in row.items() if k not in OWN} for row in rows(folder, name)]
    phases = ("round", "masks", "unmask", "release")
    return sorted((row for row in found if row.get("phase", "round") in phases), key=str)


@pytest.mark.parametrize(
    ("boards", "options"),
    [
        ("6", ["--codec", "float32"]),
        ("6", ["--codec", "onebit"]),
        ("20", ["--codec", "float32/twobit", "--strategy", "fedadam"]),
        ("5", ["--codec", "int8", "--strategy", "fedprox", "--proximal-mu", "0.1", "--open"]),
        ("6", ["--codec", "onebit", "--learning-rate", "1000", "--quorum", "0"]),
    ],
    ids=["float32", "onebit", "neighbours", "int8", "large steps"],
)
def test_the_files_are_those_of_a_run_on_virtual_boards(tmp_path, boards, options):
    simulated = simulate(tmp_path / "a", "--clients", boards, *options)
    arguments = ["run", *KEYS, "--boards", f"loopback:{boards}", "--no-central", "--secure-sum", *options]
    assert main([*arguments, "--run-dir", str(tmp_path / "b")]) == 0
    real = summary_of(tmp_path / "b")
    for name in (
        "accuracy_final", "loss_final", "accuracy_boards_final", "wire_total", "participants", "failed",
    ):  # fmt: skip
        assert simulated[name] == real[name], name
    for name in ("setups", "void", "min_sum", "statistics", "not_claimed"):
        assert simulated["secure_sum"][name] == real["secure_sum"][name], name
    assert simulated["secure_sum"]["claim"].startswith("this is a simulation, which hides nothing")
    assert len(simulated["secure_sum"]["statistics"]) == 2
    for name in ("rounds.csv", "bytes.csv", "sessions.csv"):
        assert told(tmp_path / "a", name) == told(tmp_path / "b", name)
    head = np.load(tmp_path / "a" / "head.npy")
    with closing(Store.open(tmp_path / "b")) as store:
        assert head.tobytes() == store.head()[1].tobytes()


# ---- Clients that are lost


def dropped(folder: Path, dropout: str, *more: str, clients: str = "8") -> dict[str, Any]:
    return simulate(folder, "--clients", clients, "--dropout", dropout, "--quorum", "0", *more)


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_who_is_lost_takes_16_bytes_from_each_neighbour(tmp_path, codec):
    found = dropped(tmp_path, "0.2", "--codec", codec)
    assert found["secure_sum"]["void"] == 0 and found["secure_sum"]["setups"] == 1
    sums = {int(row["round"]): int(row["participants"]) for row in rows(tmp_path, "rounds.csv")}
    assert min(sums.values()) < 8
    unmasked = [row for row in rows(tmp_path, "sessions.csv") if row["phase"] == "unmask"]
    profile = sealed_profile(serial_profile())
    for number, there in sums.items():
        taken = [int(row["wire_total"]) for row in unmasked if int(row["round"]) == number]
        assert taken == [unmask_bytes(profile, 8 - there).wire_total] * there
    for each in found["secure_sum"]["statistics"]:
        assert each["examples"] < 2_000 and 0 < each["test_correct"] <= each["tested"]


def test_only_clients_with_a_delta_of_the_last_round_are_told_to_let_go_of_it(tmp_path):
    dropped(tmp_path, "0.3")
    ended = [row["client"] for row in rows(tmp_path, "bytes.csv")
             if row["round"] == "5" and row["status"] == "ok"]  # fmt: skip
    let_go = [row for row in rows(tmp_path, "sessions.csv") if row["phase"] == "release"]
    assert 0 < len(ended) < 8 and [row["client"] for row in let_go] == ended
    taken = release_bytes(sealed_profile(serial_profile())).wire_total
    assert {int(row["wire_total"]) for row in let_go} == {taken}


def test_of_many_clients_only_neighbours_of_the_lost_tell_keys(tmp_path):
    dropped(tmp_path, "0.1", clients="40")
    taken = [int(row["wire_total"]) for row in rows(tmp_path, "sessions.csv") if row["phase"] == "unmask"]
    profile = sealed_profile(serial_profile())
    possible = {unmask_bytes(profile, lost).wire_total for lost in range(15)}
    assert set(taken) <= possible and len(set(taken)) > 2


def test_a_round_that_too_few_survive_counts_for_nothing(tmp_path):
    found = dropped(tmp_path, "0.6", "--codec", "onebit", clients="4")
    void = found["secure_sum"]["void"]
    by_round = [int(row["participants"]) for row in rows(tmp_path, "rounds.csv")]
    assert 0 < void < 5 and by_round.count(0) == void == found["secure_sum"]["setups"] - 1 + (
        by_round[-1] == 0
    )
    sessions = rows(tmp_path, "sessions.csv")
    for number, there in enumerate(by_round, 1):
        kinds = [row["phase"] for row in sessions if int(row["round"]) == number]
        assert kinds.count("unmask") == there and (there == 0 or there >= 3)
        assert kinds.count("masks") == (8 if number == 1 or by_round[number - 2] == 0 else 0)
    assert found["accuracy_final"] > 0.5
    profile = sealed_profile(serial_profile())
    for number in (
        each for each in range(2, 6) if by_round[each - 2] == 0
    ):  # who has a delta lets go of it first
        owing = [row for row in rows(tmp_path, "bytes.csv")
                 if int(row["round"]) == number - 1 and row["status"] == "ok"]  # fmt: skip
        taken = sum(int(row["wire_total"]) for row in sessions
                    if row["phase"] == "masks" and int(row["round"]) == number)  # fmt: skip
        anew = setup_bytes(profile, 4) * 4 + release_bytes(profile) * len(owing)
        assert taken == anew.wire_total


def test_a_void_round_leaves_head_and_residuals_as_they_were():
    task, partition = load_synthetic(6)
    config = RunConfig(**{**SUMS, "codec": "float32/onebit"})
    training = LocalTraining.of(config, FedAvg())
    simulator, _ = simulator_of(config, training, task, partition)
    head = np.zeros(650, np.float32)
    lost = np.array([False, False, True, True, True, True])
    outcome = simulator.round(1, head, np.arange(6), lost)
    assert outcome.summed and outcome.summed.void and outcome.head.tobytes() == head.tobytes()
    assert not simulator._trainer.residuals.any()
    outcome = simulator.round(2, head, np.arange(6), ~lost & lost)
    assert outcome.summed and outcome.summed.total and outcome.head.any()
    assert simulator._trainer.residuals.any(axis=1).all()


def test_an_answer_without_room_for_its_keys_makes_the_round_void():
    config = RunConfig(**SUMS)
    training = LocalTraining.of(config, FedAvg())
    profile = sealed_profile(ble_profile(65))  # room for the own key and two
    task, partition = load_synthetic(7)
    simulator, _ = simulator_of(config, training, task, partition, profile)
    outcome = simulator.round(1, np.zeros(650, np.float32), np.arange(7), np.arange(7) < 3)
    assert outcome.summed and outcome.summed.void == NO_ROOM


# ---- The integers


@pytest.mark.parametrize("codec", list(CODECS))
def test_what_clients_hide_is_what_the_specification_says(codec):
    """Encode the deltas of single clients by the oracle, and add up."""
    task, partition = load_synthetic(4)
    config = RunConfig(**{**SUMS, "codec": f"float32/{codec}", "statistics_rounds": 1})
    training = LocalTraining.of(config, FedAvg())
    simulator, sums = simulator_of(config, training, task, partition)
    opened: list[OpenSum] = []
    begin = sums.open
    sums.open = lambda *args: opened.append(begin(*args)) or opened[-1]
    head, clients = np.zeros(650, np.float32), np.arange(4, dtype=np.int64)
    outcome = simulator.round(9, head, clients, np.zeros(4, bool))
    plain = plain_deltas(config, task, partition, head, clients)
    reference, step = opened[0].hide.reference, opened[0].hide.step
    examples = partition.sizes - partition.test_sizes
    lanes, sizes = np.zeros(opened[0].form.lanes, np.uint64), 0
    for client in clients.tolist():
        weighted = plain[client] * (np.float32(examples[client]) / np.float32(reference))
        found, mean = oracle.quantized(weighted.tolist(), codec, 4, step, uplink_seed(0, 9))
        lanes += np.array(found, np.uint64)
        sizes += int(np.float32(mean) * np.float32(np.float32(4096) / np.float32(step)))
    assert opened[0]._lanes.tolist() == lanes.tolist()
    words = opened[0]._words.tolist()
    assert words[0] == examples[clients].sum() and words[1] == sizes
    loss = sum(int(np.float32(loss * np.float32(count)) * np.float32(256))
               for loss, count in zip(outcome.losses, examples, strict=True))  # fmt: skip
    assert words[2:] == [loss, outcome.correct.sum(), outcome.tested.sum()]


def test_waves_and_threads_change_nothing(monkeypatch):
    task, partition = load_synthetic(70)
    config = RunConfig(**SUMS)
    training = LocalTraining.of(config, FedAvg())
    heads = []
    for wave, threads in ((1024, 1), (64, 2), (9, 3)):
        monkeypatch.setattr("bytefed.simulation.waves.MOST_IN_WAVE", wave)
        simulator, _ = simulator_of(config, training, task, partition, threads=threads)
        head = np.zeros(650, np.float32)
        heads.append(simulator.round(1, head, np.arange(70), np.zeros(70, bool)).head.tobytes())
    assert heads[0] == heads[1] == heads[2]


def test_the_core_refuses_sums_that_no_board_makes():
    task, partition = load_synthetic(3)
    config = RunConfig(**SUMS)
    simulator, _ = simulator_of(config, LocalTraining.of(config, FedAvg()), task, partition)
    core = simulator._trainer.core
    good: dict[str, Any] = {"round": 1, "codec": 2, "boards": 3, "reference": 40, "step": 0.5}
    for name, value in (("codec", 4), ("boards", 0), ("reference", 0), ("step", 0.0)):
        with pytest.raises(ValueError):
            core.add_hidden(
                np.arange(3), np.zeros((3, 650), np.float32), np.zeros((3, 650), np.float32),
                np.zeros(3, np.float32), np.zeros(3, np.int32), np.zeros(3, np.int32), np.zeros(3),
                np.zeros(5, np.uint64), np.zeros(672, np.uint64), **{**good, name: value},
            )  # fmt: skip


# ---- Refused


@pytest.mark.parametrize(
    ("clients", "codec", "said"),
    [
        (2, "float32", "fewer than 3"),
        (65, "int8", "at most 64"),
        (5462, "twobit", "at most 5,461"),
        (16_384, "onebit", "at most 16,383"),
        (65_536, "float32", "at most 65,535"),
    ],
)
def test_too_few_and_too_many_clients_are_refused(clients, codec, said):
    config = RunConfig(**{**SUMS, "codec": f"float32/{codec}"})
    training = LocalTraining.of(config, FedAvg())
    with pytest.raises(ConfigError, match=said) as caught:
        ClientSums.of(config, training, np.full(clients, 9), [serial_profile()], np.zeros(clients, np.int64))
    assert caught.value.code == "E_CONFIG_SECURE_SUM" and caught.value.remedy


def test_as_many_as_have_room_have_lanes_as_wide_as_a_board_has_memory_for():
    for name in CODECS:
        form = Form(name, 330, most_boards(name), statistics=True)
        assert form.bits == (32 if name == "float32" else 14)


def test_a_program_simulates_sums_from_a_configuration_without(tmp_path):
    found = bytefed.simulate(
        RunConfig(rounds=2), clients=5, secure_sum=True, links=["ble"], directory=tmp_path / "run"
    )
    predicted = bytefed.estimate(features=32, clients=5, rounds=2, link="ble", secure_sum=True)
    assert found.summary["wire_total"] == predicted.rounds.wire_total
    sessions = found.summary["sessions"]
    assert sessions["masks"]["wire_total"] == predicted.masks.wire_total
    assert sessions["unmask"]["wire_total"] == predicted.unmask.wire_total
