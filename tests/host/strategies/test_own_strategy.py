"""Strategies by name and as `module:Class`: what is found, what is refused, and that a run has its own."""

import sys
from typing import ClassVar

import numpy as np
import pytest

from bytefed.errors import ConfigError
from bytefed.strategies.adaptive import FedAdam, FedYogi
from bytefed.strategies.base import FedAvg, FedProx, FromMean, Update, is_stateful, proximal_mu
from bytefed.strategies.registry import STRATEGIES, canonical, describe, fresh, hyperparameters, make, name_of
from bytefed.strategies.robust import FedMedian, FedTrimmedAvg, Krum, MultiKrum

MODULE = """
from dataclasses import dataclass
from bytefed.strategies.base import FedAvg, FromMean

@dataclass(frozen=True)
class Half:
    factor: float = 0.5
    def aggregate(self, head, updates):
        return FedAvg().aggregate(head, updates)

class Outer:
    class Inner(Half):
        pass

class Needy(Half):
    def __init__(self, factor):
        pass

class NoStep(FromMean):
    pass

class NoStrategy:
    pass

QUARTER = Half(0.25)
NUMBER = 7
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in the working directory, which is not on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))])
    name = f"mine_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("FedAvg", FedAvg),
        ("fedavg", FedAvg),
        ("FedAdam", FedAdam),
        ("FedTrimmedAvg", FedTrimmedAvg),
        ("MultiKrum", MultiKrum),
        ("KRUM", Krum),
        ("FedProx", FedProx),
        ("FedMedian", FedMedian),
    ],
)
def test_flowers_spellings_are_accepted(spelling, kind):
    assert type(make(spelling, {})) is kind
    assert canonical(spelling) == kind.__name__.lower()


def test_each_strategy_takes_the_hyperparameters_that_it_has():
    values = {
        "beta": 0.3,
        "num_malicious_nodes": 2,
        "num_nodes_to_select": 5,
        "eta": 0.25,
        "tau": 0.5,
        "rounds": 9,
    }
    assert make("fedtrimmedavg", values) == FedTrimmedAvg(0.3)
    assert make("krum", values) == Krum(2)
    assert make("multikrum", values) == MultiKrum(2, 5)
    assert make("fedyogi", values) == FedYogi(eta=0.25, tau=0.5)
    assert make("fedadam", {"eta": 0.0}) == FedAdam(eta=0.1)
    assert make("fedyogi", {"eta": 0.0}) == FedYogi(eta=0.01)
    assert proximal_mu(make("fedprox", {"proximal_mu": 0.5})) == 0.5
    assert proximal_mu(make("fedavg", {"proximal_mu": 0.5})) == 0.0


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_name_and_hyperparameters_make_the_same_strategy_again(name):
    strategy = make(name, {})
    assert make(name_of(strategy), hyperparameters(strategy)) == strategy


def test_what_each_says_that_it_needs():
    mean = {name for name in STRATEGIES if isinstance(make(name, {}), FromMean)}
    assert mean == {"fedavg", "fedavgm", "fedprox", "fedadam", "fedyogi"}
    assert {name for name in STRATEGIES if is_stateful(make(name, {}))} == {"fedavgm", "fedadam", "fedyogi"}


def test_of_an_unknown_strategy_the_safe_thing_is_taken():
    class Own:
        def aggregate(self, head, updates):
            return head

    class Forgetful(Own):
        stateful: ClassVar[bool] = False

    assert is_stateful(Own())
    assert not isinstance(Own(), FromMean)
    assert not is_stateful(Forgetful())


def test_an_object_serves_several_runs():
    shared, head = FedAdam(), np.zeros(2, np.float32)
    updates = [Update(0, 1, np.ones(2, np.float32))]
    first = [fresh(shared).aggregate(head, updates).tobytes() for _ in range(2)]
    assert first[0] == first[1]
    assert shared.aggregate(head, updates).tobytes() == first[0]
    assert shared.aggregate(head, updates).tobytes() != first[0]  # without a copy the moments go on
    assert type(fresh(FedMedian)) is FedMedian


def test_a_class_of_ones_own_is_found_in_the_working_directory(module):
    found = make(f"{module}:Half", {"factor": 9.0})
    assert describe(found) == f"{module}:Half Half(factor=0.5)"
    assert name_of(make(f"{module}:Outer.Inner", {})) == f"{module}:Outer.Inner"
    assert vars(make(f"{module}:QUARTER", {}))["factor"] == 0.25
    assert make(f"{module}:QUARTER", {}) is not sys.modules[module].QUARTER


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fedfoo", "E_CONFIG_STRATEGY"),
        (":Half", "E_CONFIG_STRATEGY"),
        ("MODULE:", "E_CONFIG_STRATEGY"),
        ("no_such_module_at_all:Half", "E_STRATEGY_IMPORT"),
        ("no_such_package.below:Half", "E_STRATEGY_IMPORT"),
        ("..:Half", "E_STRATEGY_IMPORT"),
        ("MODULE:Nothing", "E_STRATEGY_MISSING"),
        ("MODULE:Half.nothing", "E_STRATEGY_MISSING"),
        ("MODULE:NoStrategy", "E_STRATEGY_AGGREGATE"),
        ("MODULE:NUMBER", "E_STRATEGY_AGGREGATE"),
        ("MODULE:Needy", "E_STRATEGY_ARGUMENTS"),
        ("MODULE:NoStep", "E_STRATEGY_ARGUMENTS"),
    ],
)
def test_what_is_no_strategy_is_refused_with_a_remedy(module, name, code):
    with pytest.raises(ConfigError) as caught:
        make(name.replace("MODULE", module), {})
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_module_that_raises_is_refused_with_what_it_says(module, tmp_path):
    (tmp_path / "broken_strategy.py").write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="ZeroDivisionError: division by zero") as caught:
        make("broken_strategy:Half", {})
    assert caught.value.code == "E_STRATEGY_IMPORT"
