"""The simulator: bits of the scalar kernel, files of a real run, bytes of virtual boards."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

from bytefed import _core
from bytefed.cli.main import main
from bytefed.data import synthetic
from bytefed.errors import ConfigError
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules
from bytefed.simulation.held_heads import HeldHeads
from bytefed.simulation.links import ClientLinks, parse_links
from bytefed.simulation.simulator import Simulator
from bytefed.strategies.base import FedAvg, Update, weighted_mean
from bytefed.strategies.robust import norm


class World:
    """Clients of random shape, size and samples, from a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.D, self.C = int(rng.integers(1, 80)), int(rng.integers(2, 30))
        clients = int(rng.integers(1, 30))
        self.tests = np.full(clients, rng.integers(0, 3), np.int64)
        sizes = rng.integers(1, 41, clients) + self.tests
        self.bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        samples = int(self.bounds[-1])
        self.x = rng.integers(-128, 128, (samples, self.D), dtype=np.int8)
        self.y = rng.integers(0, self.C, samples, dtype=np.uint8)
        self.order = rng.permutation(samples).astype(np.int32)
        self.P = self.D * self.C + self.C
        self.heads = rng.normal(0, rng.choice([0.1, 5.0]), (3, self.P)).astype(np.float32)
        self.heads[rng.random(self.heads.shape) < 0.2] = -0.0
        self.clients = np.arange(clients, dtype=np.int64)[: max(1, clients - 1)]
        count = len(self.clients)
        self.seeds = rng.integers(0, 2**32, count, dtype=np.uint32)
        self.version = rng.integers(0, 3, count).astype(np.int32)
        self.meaning = {
            "scale": float(np.float32(rng.choice([0.01, 0.1, 1.0]))),
            "zero_point": int(rng.integers(-128, 128)),
        }
        self.plan = {
            "round": int(rng.integers(1, 65536)),
            "epochs": int(rng.integers(1, 4)),
            "batch": int(rng.integers(1, 12)),
            "rate": float(np.float32(rng.choice([1e-3, 0.05, 1.0, 50.0]))),
            "proximal_mu": float(rng.choice([0.0, 0.1])),
        }
        self.deltas = np.empty((count, self.P), np.float32)
        self.losses, self.correct = np.empty(count, np.float32), np.empty(count, np.int32)
        self.norms = np.empty(count)
        self.personal = np.empty(count, np.int32)

    def simulator(self, *, threads: int = 2, fast: bool = True):
        arrays = (self.x, self.y, self.order, self.bounds, self.tests)
        return _core.Simulator(*arrays, classes=self.C, **self.meaning, threads=threads, fast=fast)

    def train(self, codec: int = 0, residuals=None, **how) -> None:
        if residuals is None:
            residuals = np.empty((0, self.P), np.float32)
        self.simulator(**how).train(
            self.clients, self.seeds, self.heads, self.version, **self.plan, codec=codec, residuals=residuals,
            deltas=self.deltas, losses=self.losses, correct=self.correct, norms=self.norms,
            personal=self.personal,
        )  # fmt: skip

    def alone(self, k: int):
        """Return a client's delta, loss and correct from the scalar kernel."""
        client = self.clients[k]
        own = self.order[self.bounds[client] + self.tests[client] : self.bounds[client + 1]]
        start = self.heads[self.version[k]]
        head = start.copy()
        seed = int(self.seeds[k])
        found = _core.train(head, self.x[own], self.y[own], self.C, **self.meaning, **self.plan, seed=seed)
        with np.errstate(invalid="ignore", over="ignore"):
            return head - start, *found


@pytest.mark.parametrize("fast", [True, False], ids=["fastest", "baseline"])
@pytest.mark.parametrize("seed", range(25))
def test_lanes_have_the_bits_of_the_scalar_kernel(seed, fast):
    world = World(seed)
    world.train(fast=fast)
    for k in range(len(world.clients)):
        delta, loss, correct = world.alone(k)
        if not np.isfinite(delta).all():
            assert np.isnan(world.norms[k])
            continue
        assert world.deltas[k].tobytes() == delta.tobytes()
        assert world.losses[k].tobytes() == np.float32(loss).tobytes()
        assert world.correct[k] == correct
        assert world.norms[k] == norm(delta)
        client = world.clients[k]
        own = world.order[world.bounds[client] :][: world.tests[client]]
        head = world.heads[world.version[k]] + delta
        assert world.personal[k] == _right(world, head, own)


def _right(world: World, head, own) -> int:
    """How many samples a head classifies correctly, by float64: nearly as exact as no rounding at all."""
    weights, biases = head[: -world.C].reshape(world.D, world.C).astype(np.float64), head[-world.C :]
    values = (world.x[own].astype(np.float64) - world.meaning["zero_point"]) * world.meaning["scale"]
    return int((np.argmax(values @ weights + biases, axis=1) == world.y[own]).sum())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("codec", range(1, 7))
def test_codecs_have_the_bits_of_the_coordinators(seed, codec):
    from bytefed import codec as codecs

    world = World(seed)
    world.plan |= {"rate": 0.05, "proximal_mu": 0.0}
    residuals = world.rng.normal(0, 0.01, (len(world.tests), world.P)).astype(np.float32)
    before = residuals.copy()
    world.train(codec, residuals)
    name = next(name for name, known in codecs.CODECS.items() if known.number == codec)
    for k, client in enumerate(world.clients):
        delta, _, _ = world.alone(k)
        if np.isnan(world.norms[k]):
            continue
        seed_up = codecs.uplink_seed(int(world.seeds[k]), world.plan["round"])
        e = before[client] + delta
        _, v = codecs.find(name).encode(e, seed_up)
        assert world.deltas[k].tobytes() == v.tobytes()
        _core.encode(codec, e, seed_up)  # leaves there what the blob lacks
        assert residuals[client].tobytes() == e.tobytes()


def test_the_sum_is_the_coordinators_whatever_the_threads():
    rng = np.random.default_rng(1)
    deltas = rng.normal(0, 1, (50, 33)).astype(np.float32)
    examples = rng.integers(1, 500, 50)
    expected = weighted_mean([Update(k, int(examples[k]), deltas[k]) for k in range(50)])
    for threads in (1, 2, 3):
        total = np.zeros(33)
        World(0).simulator(threads=threads).add(total, deltas, examples.astype(np.float64))
        assert (total / examples.sum()).tobytes() == expected.tobytes()


def test_waves_change_nothing(monkeypatch):
    task, partition = synthetic.make(70, 3)
    config = RunConfig(norm_bound=1.01, batch_size=4, local_epochs=1)  # so tight that clients train twice
    heads = []
    for wave in (1024, 64, 9):
        monkeypatch.setattr("bytefed.simulation.waves.MOST_IN_WAVE", wave)
        rules, training = Rules.of(config), LocalTraining.of(config, FedAvg())
        simulator = Simulator(rules, training, Assignment(task, partition), FedAvg(), threads=2)
        head = np.zeros(650, np.float32)
        outcome = simulator.round(1, head, np.arange(70), np.zeros(70, bool))
        assert outcome.excess
        heads.append(outcome.head.tobytes())
    assert heads[0] == heads[1] == heads[2]


def test_the_core_refuses_what_would_read_elsewhere():
    world = World(4)
    world.order[0] = len(world.x)
    with pytest.raises(ValueError, match="order"):
        world.simulator()
    world = World(4)
    world.clients = np.array([len(world.tests)])
    world.seeds, world.version = world.seeds[:1], world.version[:1]
    world.deltas, world.losses = world.deltas[:1], world.losses[:1]
    world.correct, world.norms = world.correct[:1], world.norms[:1]
    with pytest.raises(ValueError, match="no such client"):
        world.train()


def test_clients_with_the_same_past_hold_one_head():
    held = HeldHeads(4, 40)
    head = np.random.default_rng(0).normal(0, 1, 40).astype(np.float32)
    heads, which = held.deliver(1, head, "onebit", np.arange(4))
    assert heads.shape == (1, 40)
    heads, _ = held.deliver(2, head, "onebit", np.array([0, 1]))
    assert heads.shape == (1, 40)
    heads, which = held.deliver(3, head, "onebit", np.arange(4))
    assert heads.shape == (2, 40)
    assert which[0] == which[1] != which[2] == which[3]


def test_links():
    links = parse_links(["serial=1", "ble:185=3"])
    assert [(profile.name, share) for profile, share in links] == [("serial", 0.25), ("ble:185", 0.75)]
    assert all(profile.sealed for profile, _ in links)
    assert not any(profile.sealed for profile, _ in parse_links(["serial", "ble:23"], sealed=False))
    assert links[1][0].frame_limit == 182
    fleet = ClientLinks.draw(1, 10_000, links)
    assert 0.23 < (fleet.link == 0).mean() < 0.27
    for bad in ("usb", "ble:5", "serial=0", "serial:9", "ble=x"):
        with pytest.raises(ConfigError, match="E_CONFIG_LINKS"):
            parse_links([bad])


def simulate(directory, *more) -> dict:
    assert main(["simulate", "--quiet", "--run-dir", str(directory), "--seed", "7", *more]) == 0
    return json.loads((directory / "summary.json").read_text())


def rows(directory, name):
    with (directory / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def features(tmp_path):
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 300)
    X = (rng.normal(0, 1, (300, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32)
    path = tmp_path / "heaps.npz"
    np.savez(path, X=X, y=y)
    return str(path)


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_the_files_are_those_of_a_run_on_virtual_boards(tmp_path, features, codec):
    same = [
        "--data",
        features,
        "--rounds",
        "4",
        "--codec",
        codec,
        "--fraction-train",
        "0.5",
        "--norm-bound",
        "1.1",
    ]
    simulated = simulate(tmp_path / "a", "--clients", "6", *same)
    boards = ["run", "--boards", "loopback:6", "--quiet", "--no-central", "--seed", "7"]
    assert main([*boards, "--run-dir", str(tmp_path / "b"), *same]) == 0
    real = json.loads((tmp_path / "b" / "summary.json").read_text())
    for name in ("accuracy_final", "loss_final", "accuracy_boards_final", "wire_total", "participants"):
        assert simulated[name] == real[name]
    own = ("run", "link", "seconds", "uri", "air_bytes", "air_seconds", "energy_mj")
    for name in ("rounds.csv", "bytes.csv"):
        found, expected = (
            sorted(
                ({k: v for k, v in row.items() if k not in own} for row in rows(tmp_path / run, name)),
                key=str,
            )
            for run in "ab"
        )
        assert found == expected


@pytest.mark.parametrize(
    "options",
    [
        ["--codec", "onebit/twobit", "--links", "serial=1", "ble:185=1", "ble:65=1"],
        ["--codec", "onebit/twobit", "--open", "--links", "serial=1", "ble:185=1", "ble:23=1"],
        ["--dropout", "0.3", "--quorum", "0.1", "--codec", "int8"],
        [
            "--strategy",
            "fedprox",
            "--proximal-mu",
            "0.1",
            "--learning-rate-decay",
            "0.5",
            "--learning-rate-rounds",
            "2",
        ],
        ["--learning-rate", "1000", "--norm-bound", "0", "--quorum", "0"],
        ["--strategy", "fedmedian", "--fraction-train", "0.7"],
    ],
    ids=["links", "open links", "dropout", "decay", "large steps", "median"],
)
def test_virtual_boards_agree(tmp_path, features, options):
    summary = simulate(
        tmp_path / "run", "--data", features, "--clients", "6", "--rounds", "4", "--check", "6", *options
    )
    assert summary["check"]["clients"] == 6
    assert summary["check"]["rounds"] > 8
    is_open = "--open" in options
    assert summary["open_boards"] == (6 if is_open else 0)
    for name in ("bytes.csv", "sessions.csv"):
        assert {row["security"] for row in rows(tmp_path / "run", name)} == {"OPEN" if is_open else "sealed"}


def test_the_check_can_fail(tmp_path, features, monkeypatch, capsys):
    monkeypatch.setattr(
        "bytefed.simulation.simulator.training_seeds", lambda seed, clients: np.zeros(len(clients), np.uint64)
    )
    arguments = ["simulate", "--quiet", "--data", features, "--clients", "4", "--check", "1", "--run-dir"]
    assert main([*arguments, str(tmp_path / "run")]) == 1
    assert "E_CHECK" in capsys.readouterr().err


def test_sums_instead_of_rows(tmp_path, features):
    options = [
        "--data",
        features,
        "--clients",
        "8",
        "--rounds",
        "3",
        "--links",
        "serial",
        "ble",
        "--dropout",
        "0.2",
    ]
    each = simulate(tmp_path / "a", *options)
    sums = simulate(tmp_path / "b", *options, "--rows", "10")
    assert (each["rows"], sums["rows"]) == ("clients", "sums")
    for name in ("wire_total", "estimate_wire", "payload_up", "sessions", "participants", "failed"):
        assert each[name] == sums[name]
    assert len(rows(tmp_path / "b", "bytes.csv")) < len(rows(tmp_path / "a", "bytes.csv"))
    for name in ("rounds.csv", "bytes.csv", "sessions.csv"):
        totals = [sum(int(row["wire_total"]) for row in rows(tmp_path / run, name)) for run in "ab"]
        assert totals[0] == totals[1]


def test_flbench_names_and_figure(tmp_path, features):
    summary = simulate(
        tmp_path / "run",
        "-d",
        features,
        "-a",
        "0.5",
        "-cn",
        "10",
        "--join_ratio",
        "0.2",
        "-ge",
        "2",
        "-le",
        "1",
    )
    assert summary["boards"] == 10
    assert summary["participants"] == 4
    assert summary["config"]["local_epochs"] == 1
    assert summary["estimate_flbench"] == 4 * 21 * 10 * 2  # all clients, whoever took part
    assert summary["estimate_wcr"] == 4 * 21 * 2 * 2


def test_ctrl_c_ends_after_the_round_under_way(tmp_path, features):
    command = [sys.executable, "-m", "bytefed", "simulate", "--data", features, "--clients", "10"]
    command += ["--rounds", "60000", "--rows", "0", "--json", "--run-dir", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "round_closed" in line:
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
    assert process.returncode == 130
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert not summary["complete"]
    assert len(rows(tmp_path / "run", "rounds.csv")) == summary["rounds"] < 60000


def test_a_run_directory_is_used_once(tmp_path, features, capsys):
    simulate(tmp_path / "run", "--data", features, "--clients", "3", "--rounds", "1")
    arguments = ["simulate", "--data", features, "--clients", "3", "--run-dir", str(tmp_path / "run")]
    assert main(arguments) == 1
    assert "E_RUN_EXISTS" in capsys.readouterr().err


def test_all_lost_is_an_error(tmp_path, features, capsys):
    arguments = ["simulate", "--quiet", "--data", features, "--clients", "3", "--dropout", "1", "--run-dir"]
    assert main([*arguments, str(tmp_path / "run")]) == 1
    assert "E_QUORUM" in capsys.readouterr().err


def test_synthetic_samples_do_not_depend_on_the_number_of_clients():
    (few, _), (many, partition) = synthetic.make(3, 1), synthetic.make(5, 1)
    assert many.federated.features.shape == (160, 64)
    assert len(partition) == 5
    assert (few.test.features == many.test.features).all()


def test_every_strategy_simulates(tmp_path, features):
    from bytefed.strategies.registry import STRATEGIES

    for name in STRATEGIES:
        simulate(tmp_path / name, "--data", features, "--clients", "5", "--rounds", "1", "--strategy", name)
