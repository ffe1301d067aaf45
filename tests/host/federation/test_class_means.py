"""A first round of class means: its head by numpy, the same on boards and in simulations, and every byte foreseen."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

import bytefed
from bytefed.cli.main import main
from bytefed.data import load_task
from bytefed.errors import ConfigError
from bytefed.events import RunStarted
from bytefed.federation.assignment import Assignment
from bytefed.federation.class_means import LEAST, SCALE, STEP, ClassMeans, per_sample
from bytefed.federation.config import RunConfig
from bytefed.federation.local_training import LocalTraining
from bytefed.ledger.estimate import link_profile
from bytefed.report.page import body
from bytefed.report.run_files import load
from bytefed.runs.columns import newest_head, read_columns
from bytefed.runs.store import Store
from bytefed.simulation import waves
from bytefed.simulation.trial import run_trial
from bytefed.strategies.base import FedAvg

D, C, BOARDS = 6, 4, 5
MEANS = {"first_round": "class_means"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heaps around means of their own, with a common mean of zero, as whitened features have."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 600)
    X = rng.normal(0, 1, (600, D)) + 2 * np.eye(C, D)[y] + np.eye(C, D)[(y + 1) % C]
    path = tmp_path_factory.mktemp("data") / "heaps.npz"
    np.savez(path, X=(X - X.mean(axis=0)).astype(np.float32), y=y)
    return path


def wire(folder: Path, name: str, phase: str = "") -> int:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return sum(int(row["wire_total"]) for row in csv.DictReader(file) if phase in ("", row.get("phase")))


# --- the head


def nearest_mean(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head W [D, C], b [C] of the class means, less what is common to all classes."""
    counts = np.bincount(y, minlength=C)
    common = X.sum(axis=0) / C
    means = np.stack([(X[y == c].sum(axis=0) - common) / counts[c] for c in range(C)])
    squares = (means**2).sum(axis=1)
    return SCALE * means.T, SCALE * (squares.mean() - squares) / 2


def test_the_first_head_is_that_of_the_class_means(data, tmp_path):
    keys = {"data": data, "alpha": 0.3, "central": False, "norm_bound": 0, "local_test": 0.0, **MEANS}
    result = bytefed.run(boards=[f"loopback:{BOARDS}"], rounds=1, directory=tmp_path / "run", **keys)
    task = load_task(str(data))
    X, y = task.quantization.dequantize(task.federated.features), task.federated.labels
    W, b = nearest_mean(X, y)
    assert np.allclose(result.head[0], W, rtol=0, atol=2e-3 * np.abs(W).max())
    assert np.allclose(result.head[1], b, rtol=0, atol=5e-3 * np.abs(W).max())
    with closing(Store.open(tmp_path / "run")) as store:
        assert np.array_equal(store.head()[1], np.concatenate([result.head[0].ravel(), result.head[1]]))
    said = (X @ W + b).argmax(axis=1)
    assert (said == y).mean() > 0.8


def test_a_rare_class_counts_for_a_part_of_a_usual_one():
    """Its share came through a codec: by a share of almost nothing its mean would be as large as one likes."""
    gradients = np.zeros((2, C))
    gradients[0], gradients[-1] = [1, 2, 3, 0.5], [0.25, 0.1, -0.1, -0.25]
    made = ClassMeans(C, 0.5).step(np.zeros(2 * C, np.float32), float(np.float32(STEP)) * gradients.ravel())
    shares = np.array([0.5, 0.35, 0.15, LEAST * 0.25])
    means = gradients[0] / shares
    assert np.allclose(made[:C], 0.5 * means)
    assert np.allclose(made[C:], 0.5 * ((means**2).mean() - means**2) / 2)
    assert made.dtype == np.float32


def test_a_sparse_uplink_has_a_longer_head():
    scales = {name: ClassMeans.of(C, name).scale for name in ("float32", "int8", "onebit", "stc5", "stc10")}
    assert scales == {"float32": 0.2, "int8": 0.2, "onebit": 0.2, "stc5": 0.5, "stc10": 0.5}
    for codec, scale in (("stc10/onebit", 0.2), ("onebit/stc10", 0.5)):
        config = RunConfig(codec=codec, **MEANS)
        first = LocalTraining.of(config, config.with_strategy(None)[1]).first_strategy(C)
        assert first == ClassMeans(C, scale)
    assert LocalTraining.of(RunConfig(), FedAvg()).first_strategy(C) is None


def test_a_board_counts_by_its_samples():
    deltas = np.array([[2, 4], [9, 3]], np.float32)
    assert per_sample(deltas, np.array([2, 3])).tolist() == [[1, 2], [3, 1]]


def test_a_board_that_claims_many_samples_does_not_decide_alone(data, tmp_path):
    """The norm bound holds in this round, too: five times the samples weigh like three times at most."""
    sizes = np.array([20, 20, 20, 20, 500])
    rng = np.random.default_rng(1)
    y = rng.integers(0, C, sizes.sum())
    X = (rng.normal(0, 1, (len(y), D)) + 2 * np.eye(C, D)[y]).astype(np.float32)
    np.savez(tmp_path / "own.npz", X=X - X.mean(axis=0), y=y, client=np.repeat(np.arange(5), sizes))
    told: list[object] = []
    keys = {"data": tmp_path / "own.npz", "partition": "natural", "rounds": 1, "central": False, **MEANS}
    run = bytefed.run(boards=["loopback:5"], directory=tmp_path / "run", progress=told.append, **keys)
    assert any(getattr(event, "code", "") == "E_DELTA_NORM" for event in told)
    alone = bytefed.simulate(clients=5, directory=tmp_path / "alone", **keys)
    free = bytefed.simulate(clients=5, directory=tmp_path / "free", norm_bound=0, **keys)
    assert np.array_equal(newest_head(run.directory), newest_head(alone.directory))
    assert not np.array_equal(newest_head(free.directory), newest_head(alone.directory))


# --- the same everywhere, to the bit and to the byte


@pytest.mark.parametrize(
    ("codec", "more"),
    [
        ("float32", {}),
        ("stc10", {"fraction_train": 0.7, "statistics_rounds": 1}),
        ("int8/onebit", {"fraction_train": 0.5, "learning_rate_decay": 0.5, "learning_rate_rounds": 2}),
        ("stc10", {"strategy": "fedprox", "proximal_mu": 0.1, "learning_rate_decay": 0.5, "learning_rate_rounds": 1}),
    ],
    ids=["float32", "stc10", "onebit", "fedprox"],
)  # fmt: skip
def test_run_simulation_trial_and_estimate_agree(codec, more, data, tmp_path):
    keys = {
        "data": str(data),
        "codec": codec,
        "rounds": 5,
        "alpha": 0.1,
        "seed": 3,
        "central": False,
        **MEANS,
    }
    keys |= {"learning_rate": 0.1, "local_epochs": 2, **more}
    run = bytefed.run(boards=[f"loopback:{BOARDS}"], directory=tmp_path / "run", **keys)
    alone = bytefed.simulate(clients=BOARDS, threads=3, check=BOARDS, directory=tmp_path / "alone", **keys)
    trial = run_trial(RunConfig(**keys), load_task(str(data)), BOARDS, link_profile("serial"))
    assert newest_head(run.directory).tobytes() == newest_head(alone.directory).tobytes()
    assert newest_head(run.directory).tobytes() == trial.head.tobytes()
    falls = more.get("learning_rate_rounds", 0)
    plan = {"features": D, "classes": C, "clients": BOARDS, "rounds": 5, "codec": codec, "seed": 3}
    plan |= {name: more[name] for name in ("fraction_train", "statistics_rounds") if name in more}
    predicted = bytefed.estimate(**plan, learning_rate_rounds=falls, **MEANS)
    for result in (run, alone):
        assert result.summary["estimate_exact"]
        assert wire(result.directory, "bytes.csv") == predicted.rounds.wire_total
        for phase in ("connect", "evaluate"):
            assert wire(result.directory, "sessions.csv", phase) == getattr(predicted, phase).wire_total
    epochs = [1, 2, 2, 2, 2]
    each = np.diff(trial.trained, prepend=0) / epochs
    assert len(set(each)) == 1 or "fraction_train" in more  # one epoch in the first round, two in the others
    assert int(trial.wire[-1]) == predicted.rounds.wire_total + predicted.connect.wire_total
    if falls != 1:  # there all boards get a CONFIG in round 2 anyway
        assert (
            bytefed.estimate(**plan, learning_rate_rounds=falls).rounds.wire_total
            < predicted.rounds.wire_total
        )


@pytest.mark.parametrize("norm_bound", [0.0, 1.2])
def test_waves_and_threads_change_nothing(norm_bound, data, tmp_path, monkeypatch):
    """A wave's deltas are made again where the bound is known only afterwards, and divided again."""
    keys = {"data": data, "rounds": 2, "alpha": 0.1, "norm_bound": norm_bound, **MEANS}
    whole = bytefed.simulate(clients=9, threads=1, directory=tmp_path / "whole", **keys)
    monkeypatch.setattr(waves, "MOST_IN_WAVE", 2)
    parts = bytefed.simulate(clients=9, threads=4, directory=tmp_path / "parts", **keys)
    assert newest_head(whole.directory).tobytes() == newest_head(parts.directory).tobytes()


def test_boards_that_are_lost_in_the_first_round_get_no_config_of_it_later(data, tmp_path):
    keys = {"data": data, "rounds": 6, "quorum": 0.0, "statistics_rounds": 2, "codec": "stc10", **MEANS}
    result = bytefed.simulate(clients=9, check=9, dropout=0.4, directory=tmp_path / "run", **keys)
    rows = read_columns(tmp_path / "run" / "bytes.csv")
    ends = {status for number, status in zip(rows["round"], rows["status"], strict=True) if number == 1}
    assert ends == {"ok", "failed"}
    assert result.summary["check"]["clients"] == 9


def test_it_is_one_more_config_and_no_other_byte():
    for link, is_open in (("ble", True), ("ble", False), ("serial", False)):
        keys = {"clients": 7, "rounds": 9, "codec": "stc10", "link": link, "open": is_open}
        usual, means = bytefed.estimate(**keys), bytefed.estimate(**keys, **MEANS)
        assert means.rounds.control - usual.rounds.control == 7 * 16
        if (link, is_open) == ("ble", True):
            assert means.total.wire_total - usual.total.wire_total == 7 * 16
        once = bytefed.estimate(**{**keys, "rounds": 1}), bytefed.estimate(**{**keys, "rounds": 1}, **MEANS)
        assert once[0] == once[1]


def test_a_run_that_stops_after_it_goes_on_as_if_it_had_not(data, tmp_path):
    keys = {"data": data, "central": False, "alpha": 0.3, **MEANS}
    boards = [f"loopback:{BOARDS}"]
    whole = bytefed.run(boards=boards, rounds=4, directory=tmp_path / "whole", **keys)
    bytefed.run(boards=boards, rounds=1, directory=tmp_path / "parts", **keys)
    with pytest.raises(ConfigError, match="E_CONFIG_RESUME"):
        bytefed.resume(tmp_path / "parts", rounds=4, first_round="usual")
    parts = bytefed.resume(tmp_path / "parts", rounds=4)
    assert newest_head(parts.directory).tobytes() == newest_head(whole.directory).tobytes()
    assert parts.summary["estimate_exact"]


def test_deltas_on_disk_of_a_first_round_that_was_cut_off_count(data, tmp_path):
    """A coordinator that is killed in round 1 leaves deltas as boards sent them; the head is made of all."""
    keys = {"data": data, "central": False, "alpha": 0.3, "rounds": 2, **MEANS}
    whole = bytefed.run(boards=[f"loopback:{BOARDS}"], directory=tmp_path / "run", **keys)
    with closing(Store.open(whole.directory)) as store:
        deltas = np.stack([delta.delta for delta in store.deltas(1)])
        examples = np.array([delta.num_examples for delta in store.deltas(1)])
        first = store.head_of(1)
    assert np.abs(deltas).max() < 0.02  # a step of almost nothing
    mean = np.average(per_sample(deltas, examples).astype(np.float64), axis=0, weights=examples)
    assert np.allclose(ClassMeans.of(C, "float32").step(np.zeros_like(first), mean), first, rtol=1e-5)


# --- budgets


@pytest.mark.parametrize("command", ["run", "simulate"])
def test_a_budget_pays_for_the_config(command, data, tmp_path):
    """The plan is what is spent; without the second CONFIG in it, it would be less."""
    given = {"data": data, "budget": "1500B", "partition": "iid", "local_epochs": 2, **MEANS}
    if command == "run":
        result = bytefed.run(boards=["loopback:3"], central=False, directory=tmp_path / "run", **given)
    else:
        result = bytefed.simulate(clients=3, directory=tmp_path / "run", **given)
    budget = result.summary["budget"]
    assert budget["spent_most"] == budget["plan"]["worst"] <= 1500
    assert budget["spent_least"] == budget["plan"]["least"]
    usual = bytefed.simulate(**{**given, "first_round": "usual"}, clients=3, directory=tmp_path / "usual")
    plan = usual.summary["budget"]["plan"]
    assert (budget["plan"]["rounds"], budget["plan"]["worst"]) != (plan["rounds"], plan["worst"])


def test_the_estimate_prints_that_plan(data, tmp_path, capsys):
    options = ["--link", "ble", "--features", str(D), "--classes", str(C), "--first-round", "class_means"]
    for name, amount in (("budget", "900B"), ("budget_air", "1s")):
        option = "--" + name.replace("_", "-")
        assert main(["estimate", "--json", "--clients", "5", option, amount, *options]) == 0
        plan = json.loads(capsys.readouterr().out)
        result = bytefed.simulate(
            data=data, clients=5, links=["ble:247"], directory=tmp_path / name, **{name: amount}, **MEANS
        )
        found = result.summary["budget"]
        assert {key: plan[key] for key in found["plan"]} == found["plan"]
        assert found["spent_most"] == pytest.approx(found["plan"]["worst"])


# --- what does not go with it


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"secure_sum": True, "norm_bound": 0.0, "min_train_nodes": 3}, "--secure-sum"),
        ({"dp": "sample", "epsilon": 4.0, "delta": 1e-5, "local_epochs": 1, "statistics_rounds": 0}, "--dp"),
        ({"head": "head.npz"}, "--head"),
        ({"strategy": "fedavgm"}, "fedavgm"),
        ({"strategy": "fedadam"}, "fedadam"),
        ({"strategy": "fedmedian"}, "fedmedian"),
        ({"strategy": "fedtrimmedavg"}, "--strategy fedavg or fedprox"),
        ({"strategy": "krum"}, "krum"),
        ({"strategy": "own:Median"}, "own:Median"),
        ({"personal": True}, "--personal"),
        ({"budget_energy": "1mJ", "rounds": 0}, "--budget-air"),
        ({"learning_rate": 1e-5}, "larger --learning-rate"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else value,
)
def test_refused(keys, said):
    RunConfig(**keys)
    with pytest.raises(ConfigError) as caught:
        RunConfig(**keys, **MEANS)
    assert caught.value.code == "E_CONFIG_FIRST_ROUND"
    assert said in caught.value.message + caught.value.remedy


@pytest.mark.parametrize("strategy", ["fedavg", "fedprox"])
def test_allowed(strategy):
    assert RunConfig(strategy=strategy, **MEANS).first_round == "class_means"


class Own:
    """A strategy of a program's own, which may do anything."""

    stateful = False

    def aggregate(self, head, updates):
        return head + updates[0].delta


def test_a_strategy_of_ones_own_is_refused_before_the_first_board(data, tmp_path):
    with pytest.raises(ConfigError, match="E_CONFIG_FIRST_ROUND"):
        bytefed.run(boards=["loopback:2"], data=data, strategy=Own(), directory=tmp_path / "run", **MEANS)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("keys", [{"from_head": True}, {"dp": "sample"}, {"secure_sum": True}])
def test_the_estimate_refuses_what_no_run_has(keys):
    with pytest.raises(ConfigError, match="E_CONFIG_FIRST_ROUND"):
        bytefed.estimate(**keys, **MEANS)
    with pytest.raises(ConfigError, match=r"E_CONFIG_CHOICE.*Did you mean"):
        bytefed.estimate(first_round="class_mean")


@pytest.mark.parametrize("options", ["--budget-energy 5mJ", "--budget 10kB --from-head"])
def test_the_estimate_refuses_budgets_of_such_runs(options, capsys):
    command = ["estimate", "--link", "ble", *options.split(), "--first-round", "class_means"]
    assert main(command) == 2
    assert "error[E_CONFIG_FIRST_ROUND]" in capsys.readouterr().err


def test_a_gateway_refuses_it(tmp_path, capsys):
    (tmp_path / "room.toml").write_text('first_round = "class_means"\n', encoding="utf-8")
    command = ["gateway", "--socket", str(tmp_path / "s"), "--boards", "loopback:2"]
    assert main([*command, "--config", str(tmp_path / "room.toml")]) == 2
    assert "error[E_CONFIG_FIRST_ROUND]" in capsys.readouterr().err


# --- what is told


def test_the_other_rounds_train_as_ever():
    pulls = {"strategy": "fedprox", "proximal_mu": 0.01}
    config = RunConfig(
        learning_rate_decay=0.5, learning_rate_rounds=1, learning_rate=0.4, local_epochs=2, **pulls, **MEANS
    )
    training = LocalTraining.of(config, config.with_strategy(None)[1])
    assert [training.rate(number) for number in (1, 2, 3)] == [STEP, 0.2, 0.1]
    first, second = (training.plan(number, 0) for number in (1, 2))
    assert (first.epochs, first.batch, first.proximal_mu) == (1, 1, 0.0)
    assert (second.epochs, second.batch, second.proximal_mu) == (config.local_epochs, config.batch_size, 0.01)


def test_it_is_told_before_the_first_round_and_kept(data, tmp_path):
    told: list[object] = []
    keys = {"data": data, "rounds": 2, "progress": told.append, **MEANS}
    for result in (
        bytefed.run(boards=["loopback:2"], directory=tmp_path / "run", **keys),
        bytefed.simulate(clients=2, directory=tmp_path / "alone", **keys),
    ):
        assert result.summary["config"]["first_round"] == "class_means"
        assert "round 1 brings class means" in result.summary["learning_rate"]["told"]
        page = body([load(result.directory)])
        assert "round 1 brings class means" in page
    started = [event for event in told if isinstance(event, RunStarted)]
    assert [event.learning_rate for event in started] == [
        "0.2 by rule, times 0.5 after each 20 rounds; round 1 brings class means"
    ] * 2
    usual = bytefed.simulate(clients=2, data=data, rounds=2, directory=tmp_path / "usual")
    assert "class means" not in json.dumps(usual.summary)


def test_samples_of_an_assignment_are_those_that_are_trained_on(data):
    """The tests above rest on it: num_examples is the number of training samples."""
    assignment = Assignment.divided(RunConfig(data=str(data)), load_task(str(data)), BOARDS)
    sizes = assignment.partition.sizes - assignment.partition.test_sizes
    assert sizes.sum() == assignment.trained
