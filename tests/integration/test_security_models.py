"""The models of docs/security: each query has its recorded verdict, and where ProVerif is, it says the same."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("prove", ROOT / "tools" / "prove.py")
assert _SPEC is not None
assert _SPEC.loader is not None
prove = importlib.util.module_from_spec(_SPEC)
sys.modules["prove"] = prove  # dataclasses look their module up
_SPEC.loader.exec_module(prove)

MODELS = pytest.mark.parametrize("model", prove.models(), ids=lambda model: model.stem)
PROVER = pytest.mark.skipif(shutil.which("proverif") is None, reason=prove.SKIPPED)
# Queries that are false beside those that ask whether a thing can happen: the models say where their promises end.
FAILS = {
    "session": "inj-event(Answers(b,h)) ==> inj-event(Greets(b,h))",
    "unmask": "not attacker(",
    "unmask_stolen": "attacker(delta(run,a,r,h,w)) ==> event(Answers(",
}


@MODELS
def test_each_query_has_a_recorded_verdict(model: Path) -> None:
    assert len(prove.verdicts(prove.recorded(model))) == prove.queries(model) > 0


@MODELS
def test_the_verdicts_are_those_that_are_meant(model: Path) -> None:
    """A query "not event" asks whether a thing can happen at all: false says that it can."""
    found = prove.verdicts(prove.recorded(model))
    reached = {query for query in found if query.startswith("not event")}
    if model.stem in ("known_key", "read_cable"):
        false = set(found)
    else:
        false = reached | {query for query in found if query.startswith(FAILS.get(model.stem, "nothing"))}
    assert {query for query, verdict in found.items() if verdict == "false"} == false
    assert {query for query, verdict in found.items() if verdict == "true"} == set(found) - false


def test_the_replay_of_a_greet_is_shown_step_by_step() -> None:
    steps = prove.recorded(ROOT / "docs" / "security" / "session.pv").partition("is a fresh one")[2]
    assert steps.count("event Greets(") == 1
    assert len(re.findall(r"^event Answers\(.*\(goal\)$", steps, flags=re.MULTILINE)) == 2


@PROVER
@MODELS
def test_proverif_says_what_is_recorded(model: Path) -> None:
    assert prove.verdicts(prove.prove(model)) == prove.verdicts(prove.recorded(model))


BROKEN = pytest.mark.parametrize("one", prove.broken(), ids=lambda one: one.name)


@BROKEN
def test_a_broken_model_has_its_query_and_its_recorded_attack(one: Any, tmp_path: Path) -> None:
    assert prove.queries(one.write(tmp_path)) == 1
    attack = prove.recorded_attacks()[one.name]
    assert list(prove.verdicts(attack).values()) == ["false"]
    assert "A trace has been found." in attack


def test_each_rule_of_the_unmask_model_is_broken_once() -> None:
    """A rule that could be left out unseen would prove nothing."""
    rules = (ROOT / "docs" / "security" / "unmask.pvl").read_text().count("\nrestriction ")
    broken = [one.name for one in prove.broken() if one.model == "unmask"]
    assert len(broken) == rules + len(("own mask", "round"))


@PROVER
@BROKEN
def test_a_broken_model_is_found(one: Any) -> None:
    assert "A trace has been found." in prove.attack(one)
