"""A strategy of someone's own: the same head on boards and in the simulator, by argument and by name."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

from bytefed.cli.main import main
from bytefed.errors import ConfigError
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin, resume
from bytefed.ledger.wire_size import serial_profile
from bytefed.runs.store import Store
from bytefed.simulation.run import Environment, Simulation, load_clients
from bytefed.strategies.adaptive import FedAdam
from bytefed.strategies.base import FedAvg

MODULE = '''
from dataclasses import dataclass
import numpy as np

@dataclass
class GeometricMedian:
    """Weiszfeld's iteration, a few steps of it."""
    steps: int = 8
    def aggregate(self, head, updates):
        deltas = np.stack([u.delta for u in sorted(updates, key=lambda u: u.client)]).astype(np.float64)
        self.seen = len(deltas)
        middle = deltas.mean(axis=0)
        for _ in range(self.steps):
            weights = 1 / np.maximum(np.linalg.norm(deltas - middle, axis=1), 1e-9)
            middle = (weights[:, None] * deltas).sum(axis=0) / weights.sum()
        return (head + middle).astype(np.float32)

@dataclass
class Counting:
    """Steps that grow with the rounds seen: its state matters."""
    rounds: int = 0
    def aggregate(self, head, updates):
        self.rounds += 1
        mean = np.mean([u.delta for u in sorted(updates, key=lambda u: u.client)], axis=0)
        return (head + self.rounds * mean).astype(np.float32)

FEW = GeometricMedian(2)
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"median_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    yield name
    sys.modules.pop(name, None)


@pytest.fixture
def features(tmp_path):
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 300)
    np.savez(
        tmp_path / "heaps.npz", X=(rng.normal(0, 1, (300, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32), y=y
    )
    return str(tmp_path / "heaps.npz")


def keys(features, **more):
    return {"data": features, "rounds": 3, "seed": 7, "central": False, "boards": ("loopback:7",), **more}


def on_boards(path, config, strategy=None):
    asyncio.run(begin(config, path, lambda _: None, strategy))
    store = Store.open(path)
    try:
        return store.head()[1].tobytes()
    finally:
        store.close()


def in_simulation(path, config, strategy=None):
    """The last head, as the simulator has it."""
    heads = []
    environment = Environment([(serial_profile(), 1.0)], threads=1)
    simulation = Simulation(config, environment, load_clients(config, 7), path, lambda _: None, strategy)
    evaluate = simulation._simulator.evaluate
    simulation._simulator.evaluate = lambda number, head, *clients: (
        heads.append(head.tobytes()),
        evaluate(number, head, *clients),
    )[1]
    simulation.run()
    return heads[0]


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_boards_and_simulator_make_the_same_head(tmp_path, module, features, codec):
    config = RunConfig(**keys(features, codec=codec, norm_bound=1.1, strategy=f"{module}:GeometricMedian"))
    head = on_boards(tmp_path / "boards", config)
    assert in_simulation(tmp_path / "simulation", config) == head
    average = replace(config, strategy="fedavg")
    assert in_simulation(tmp_path / "average", average) != head  # no mean in a median's clothes


def test_the_example_of_the_docs_works_as_it_stands(tmp_path, module, features):
    text = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    Path(f"{module}.py").write_text(code, encoding="utf-8")
    config = RunConfig(**keys(features, strategy=f"{module}:GeometricMedian"))
    assert in_simulation(tmp_path / "simulation", config) == on_boards(tmp_path / "boards", config)


def test_by_argument_as_by_name(tmp_path, module, features):
    config = RunConfig(**keys(features))
    named = in_simulation(tmp_path / "named", replace(config, strategy=f"{module}:GeometricMedian"))
    own = sys.modules[module].GeometricMedian()
    assert in_simulation(tmp_path / "simulated", config, own) == named
    assert on_boards(tmp_path / "boards", config, own) == named
    assert on_boards(tmp_path / "class", config, type(own)) == named
    assert not hasattr(own, "seen")  # each run has a copy for itself
    summary = json.loads((tmp_path / "boards" / "summary.json").read_text())
    assert summary["config"]["strategy"] == f"{module}:GeometricMedian"


def test_one_of_bytefeds_by_argument_is_what_its_keys_say(tmp_path, features):
    config = RunConfig(**keys(features))
    by_keys = on_boards(tmp_path / "keys", replace(config, strategy="fedadam", eta=0.3, tau=0.5))
    assert on_boards(tmp_path / "object", config, FedAdam(eta=0.3, tau=0.5)) == by_keys
    assert 'strategy = "fedadam"\n' in (tmp_path / "object" / "config.resolved.toml").read_text()


def test_a_resumed_run_finds_its_strategy_again(tmp_path, module, features):
    data = ["--data", features, "--boards", "loopback:7", "--seed", "7", "--quiet", "--no-central"]
    for name in ("Counting", "FEW"):
        own = [*data, "--strategy", f"{module}:{name}"]
        assert main(["run", *own, "--rounds", "4", "--run-dir", str(tmp_path / f"{name}-whole")]) == 0
        assert main(["run", *own, "--rounds", "2", "--run-dir", str(tmp_path / f"{name}-cut")]) == 0
        resumed = ["run", "--resume", str(tmp_path / f"{name}-cut"), "--quiet", "--rounds", "4"]
        assert main(resumed) == 0
        heads = []
        for run in (f"{name}-whole", f"{name}-cut"):
            store = Store.open(tmp_path / run)
            heads.append(store.head()[1].tobytes())
            store.close()
        assert heads[0] == heads[1]


def test_a_run_goes_on_with_no_other_strategy(tmp_path, module, features):
    config = RunConfig(**keys(features, strategy=f"{module}:FEW"))
    on_boards(tmp_path / "run", config)
    more = {"rounds": 4}
    with pytest.raises(ConfigError, match="E_CONFIG_RESUME"):
        asyncio.run(resume(tmp_path / "run", more, lambda _: None, sys.modules[module].GeometricMedian(3)))
    with pytest.raises(ConfigError, match="E_CONFIG_RESUME"):
        asyncio.run(resume(tmp_path / "run", more, lambda _: None, FedAvg()))
    assert asyncio.run(resume(tmp_path / "run", more, lambda _: None))["rounds"] == 4


def test_what_a_program_made_within_has_to_be_given_again(tmp_path, features):
    class Local(FedAvg):
        pass

    on_boards(tmp_path / "run", RunConfig(**keys(features)), Local())
    with pytest.raises(ConfigError, match=r"E_STRATEGY_MISSING.*argument"):
        asyncio.run(resume(tmp_path / "run", {"rounds": 4}, lambda _: None))
    assert asyncio.run(resume(tmp_path / "run", {"rounds": 4}, lambda _: None, Local()))["rounds"] == 4


@pytest.mark.parametrize("command", [["run", "--boards", "loopback:2"], ["simulate", "--clients", "2"]])
def test_a_module_that_is_not_there_ends_with_a_code(tmp_path, features, command, capsys):
    more = ["--strategy", "no_such_module:Strategy", "--data", features, "--run-dir", str(tmp_path / "run")]
    assert main([*command, *more, "--quiet"]) == 2
    assert "error[E_STRATEGY_IMPORT]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
