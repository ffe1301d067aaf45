"""Each setting beside five float32: hand-made trials, whose figures can be worked out by hand."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from bytefed.cli import main as cli
from bytefed.data import TASKS
from bytefed.ledger.wire_size import ble_profile, connection_bytes, sealed_profile
from bytefed.simulation import references
from bytefed.simulation.references import (
    AGAINST,
    EPOCHS,
    RATES,
    Group,
    compare,
    over_tasks,
    plain,
    with_references,
)
from bytefed.simulation.sweep import REFERENCE, Setting, Trial

OWN = Setting("digits", 0.5, "onebit", 1, 0.5, 16, 1.0, "fedyogi", "usual")
SAME = replace(OWN, codec=REFERENCE)
SAME_PLAIN = replace(SAME, data="digits_plain")
CLASSIC = Setting("digits_plain", 0.5, REFERENCE, 5, 0.05, 8, 1.0, "fedavg", "usual")
BEST = replace(SAME, local_epochs=20, batch_size=8)
PLAIN_BEST = replace(BEST, data="digits_plain", learning_rate=0.2)


@pytest.fixture(autouse=True)
def _plain_digits(monkeypatch):
    monkeypatch.setitem(TASKS, "digits_plain", TASKS["digits"])


def trial(reached: int, each: float, host: int | None = None, final: float = 0.9) -> Trial:
    """Return a trial whose boards' heads have their final accuracy from a round on, and the host's from another."""
    rounds = np.arange(1, 31)
    held = np.where(rounds >= reached, final, 0.1)
    accuracy = np.where(rounds >= (host or reached), final, 0.1)
    nothing = np.zeros((30, 8))
    return Trial(accuracy, held, accuracy, held, each * rounds, nothing, 0.0 * rounds)


def cells() -> dict[Setting, list[Trial]]:
    found = {setting: [trial(20, 100.0)] for setting in with_references([OWN])}
    found |= {
        OWN: [trial(4, 10.0, host=3)],
        SAME: [trial(8, 100.0, host=7)],
        SAME_PLAIN: [trial(12, 100.0, host=9)],
        CLASSIC: [trial(16, 100.0, host=12, final=0.8)],
        BEST: [trial(2, 100.0)],
        PLAIN_BEST: [trial(4, 100.0)],
    }
    return found


def test_what_is_plain():
    assert plain("digits") == "digits_plain"
    assert plain("leaves") == "leaves"
    assert plain("digits_plain") == "digits_plain"


def test_plain_features_of_a_file_lie_beside_it(tmp_path):
    assert plain(str(tmp_path / "mine.npz")) == str(tmp_path / "mine.npz")
    (tmp_path / "mine_plain.npz").touch()
    assert plain(str(tmp_path / "mine.npz")) == str(tmp_path / "mine_plain.npz")
    assert plain(str(tmp_path)) == str(tmp_path)


def test_the_references_are_added_once():
    found = with_references([OWN, SAME])
    assert found[:2] == [OWN, SAME]
    assert len(found) == len(set(found)) == 2 + 2 + 2 * len(EPOCHS) * len(RATES)
    assert {CLASSIC, SAME_PLAIN, BEST, PLAIN_BEST} <= set(found)
    assert all(setting.codec == REFERENCE for setting in found[1:])
    assert with_references(found[1:])[: len(found) - 1] == found[1:]


def test_a_setting_is_compared_with_each():
    rows = {(row.against, row.head): row for row in compare(OWN, cells(), 0)}
    assert len(rows) == len(AGAINST) * 2
    assert {key: row.fewer for key, row in rows.items()} == {
        ("classic", "boards"): pytest.approx(1600 / 40),
        ("classic", "host"): pytest.approx(1200 / 30),
        ("same", "boards"): pytest.approx(800 / 40),
        ("same", "host"): pytest.approx(700 / 30),
        ("same plain", "boards"): pytest.approx(1200 / 40),
        ("same plain", "host"): pytest.approx(900 / 30),
        ("best", "boards"): pytest.approx(200 / 40),
        ("best", "host"): pytest.approx(200 / 30),
        ("best plain", "boards"): pytest.approx(400 / 40),
        ("best plain", "host"): pytest.approx(400 / 30),
    }
    one = rows["best plain", "boards"]
    assert (one.reference_data, one.reference_epochs, one.reference_rate) == ("digits_plain", 20, 0.2)
    assert (one.bytes, one.reference_bytes, one.reached, one.seeds) == (40, 400, 1, 1)
    assert rows["classic", "boards"].change == pytest.approx(10)
    assert rows["same", "boards"].change == pytest.approx(0)


def test_a_sealed_link_has_both_figures():
    rows = {
        row.handshake: row
        for row in compare(OWN, cells(), 20)
        if (row.against, row.head) == ("same", "boards")
    }
    assert (rows[True].fewer, rows[True].bytes) == (pytest.approx(800 / 40), 40)
    assert (rows[False].fewer, rows[False].bytes) == (pytest.approx(780 / 20), 20)


def test_a_seed_that_never_gets_there_is_not_hidden():
    found = {setting: [*trials, *trials] for setting, trials in cells().items()}
    found[OWN][1] = trial(4, 10.0, final=0.7)
    row = next(row for row in compare(OWN, found, 0) if row.against == "same")
    assert (row.seeds, row.reached, row.worst_change) == (2, 1, pytest.approx(-20))
    assert row.fewer == pytest.approx(20)


def test_a_mean_over_tasks_has_all_of_them():
    row = next(iter(compare(OWN, cells(), 0)))
    other = replace(row, data="gesture", fewer=row.fewer * 4)
    never = replace(row, data="motion", fewer=float("nan"))
    assert over_tasks([row, other]) == {Group.of(row): pytest.approx(2 * row.fewer)}
    assert np.isnan(over_tasks([row, other, never])[Group.of(row)])


def test_the_command_compares_and_prints_both_ways(tmp_path, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(references, "RATES", (0.05, 0.2))
    monkeypatch.setattr(references, "EPOCHS", (5,))
    command = ["sweep", "--codec", "onebit", "--seeds", "1", "--rounds", "9", "--references"]
    command += ["--sweep-dir", str(tmp_path)]
    assert cli.main(command) == 0
    shown = capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "comparisons.csv").read_text("utf-8").splitlines()))
    assert [row["against"] for row in rows if row["codec"] == "onebit"] == [
        name for name in AGAINST for _ in range(4)
    ]
    assert {row["reference_data"] for row in rows if "best plain" in row.values()} == {plain("digits")}
    assert "without handshake" in shown and "comparisons.csv" in shown
    assert len(list(csv.DictReader((tmp_path / "sweep.csv").read_text("utf-8").splitlines()))) == 2
    assert cli.main([*command, "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if line.startswith("| onebit |") and "without handshake" in line]
    assert len(table) == len(AGAINST) * 2
    assert {line.count("|") for line in table} == {8}
    handshake = connection_bytes(sealed_profile(ble_profile(247))).handshake
    both = [
        row
        for row in rows
        if row["codec"] == "float32" and row["against"] == "same" and row["head"] == "boards"
    ]
    assert float(both[0]["bytes"]) - float(both[1]["bytes"]) == pytest.approx(handshake)
