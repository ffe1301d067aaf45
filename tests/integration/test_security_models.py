"""The models of docs/security: each query has its recorded verdict, and where ProVerif is, it says the same."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("prove", ROOT / "tools" / "prove.py")
assert _SPEC is not None
assert _SPEC.loader is not None
prove = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(prove)

MODELS = pytest.mark.parametrize("model", prove.models(), ids=lambda model: model.stem)
PROVER = pytest.mark.skipif(shutil.which("proverif") is None, reason=prove.SKIPPED)
REPLAY = "inj-event(Answers(b,h)) ==> inj-event(Greets(b,h))"


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
        false = {REPLAY} | reached if model.stem == "session" else reached
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


# A model that is broken on purpose, and the event whose query has to become false.
BROKEN = {
    "a key that all know": ("session.pv", "new psk: bitstring;", "let psk = nothing in", "Accepts("),
    "no shared secret": ("session.pvl", "let c3 = kdf1(c2, shared) in", "let c3 = c2 in", "attacker(head)"),
    "a session taken at GREET": (
        "session.pvl",
        "  event Answers(b, h);\n",
        "  event Answers(b, h);\n  event GivesUp(b, h, e);\n",
        "GivesUp(",
    ),
    "no window": ("session.pvl", "( Hears(", "( !Hears(", "Takes("),
    "one key for both directions": ("session.pvl", "kdf2(c3, nothing)", "kdf1(c3, nothing)", "Takes("),
    "no tag of a blob": ("session.pvl", "if whole = blob_tag(k_down, number, head) then\n", "", "Trains("),
    "a final ACK in the clear": (
        "session.pvl",
        "    if open(k_down, ACK, two, hidden2, t2) = nothing then\n",
        "",
        "LetsGo(",
    ),
}


def broken_model(folder: Path, name: str) -> Path:
    """Copy the model of a session with one thing broken, and with that query alone which is to find it."""
    file, right, wrong, asked = BROKEN[name]
    shutil.copytree(ROOT / "docs" / "security", folder)
    text = (folder / file).read_text()
    assert right in text
    (folder / file).write_text(text.replace(right, wrong))
    path = folder / "queries.pvl"
    blocks = re.findall(r"^(?:query|free)\b.*?\.\n", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    heads = (f"inj-event({asked}", f"query {asked}")
    chosen = [block for block in blocks if block.startswith("free") or any(head in block for head in heads)]
    path.write_text("".join(chosen))
    return folder / "session.pv"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_has_its_query(name: str, tmp_path: Path) -> None:
    assert prove.queries(broken_model(tmp_path / "broken", name)) == 1


@PROVER
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_found(name: str, tmp_path: Path) -> None:
    model = broken_model(tmp_path / "broken", name)
    assert list(prove.verdicts(prove.prove(model)).values()) == ["false"]
