"""A run on the screen: the bytes of a round and of all of them, what made the difference, at any width."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

import bytefed
from bytefed.cli.main import main
from bytefed.cli.tables import show_table
from bytefed.cli.terminal import difference


def run(*words, capsys):
    assert main(["run", "--boards", "loopback:2", *words]) == 0
    return capsys.readouterr().out


def bytes_of_rounds(text):
    """For each round's line: its own bytes, those in all, and the estimate of all."""
    found = re.findall(
        r"^round \d+: .*?  ([\d,]+) B, in all ([\d,]+) B \(estimate ([\d,]+)\)", text, re.MULTILINE
    )
    return [tuple(int(number.replace(",", "")) for number in line) for line in found]


def test_a_round_says_its_bytes_and_the_total_and_a_resumed_run_goes_on(tmp_path, capsys):
    first = bytes_of_rounds(run("--rounds", "3", "--run-dir", str(tmp_path / "it"), capsys=capsys))
    again = bytes_of_rounds(run("--rounds", "5", "--resume", str(tmp_path / "it"), capsys=capsys))
    assert (len(first), len(again)) == (3, 2)
    total = 0
    for own, so_far, estimate in first + again:
        total += own
        assert so_far == total == estimate
    summary = json.loads((tmp_path / "it/summary.json").read_text())
    assert summary["wire_total"] == total


def test_the_end_says_which_causes_made_the_difference(tmp_path, capsys):
    text = run(
        "--rounds", "4", "--faults", "drop=0.1,seed=7", "--run-dir", str(tmp_path / "it"), capsys=capsys
    )
    summary = json.loads((tmp_path / "it/summary.json").read_text())
    assert summary["wire_total"] > summary["estimate_wire"]
    assert summary["retransmission"] > 0
    assert f"+{summary['retransmission']:,} retransmission" in " ".join(text.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            "--boards loopback:3 --secure-sum",
            "boards tell it in sums of rounds alone: accuracy_boards in rounds.csv",
        ),
        (
            "--boards loopback:2 --dp sample --epsilon 4 --delta 1e-4",
            "boards that make noise tell no accuracy",
        ),
        ("--boards loopback:2", "on their own test samples"),
    ],
)
def test_the_end_says_why_boards_tell_no_accuracy(words, why, tmp_path, capsys):
    text = run(*words.split(), "--rounds", "2", "--run-dir", str(tmp_path / "it"), capsys=capsys)
    assert why in " ".join(text.split())
    assert ("bytes to mask " in text) == ("--secure-sum" in words)


def test_a_simulation_tells_what_was_checked_and_whom_it_bounded(tmp_path, capsys):
    words = "simulate --clients 20 --check 2 --rounds 3 --norm-bound 1 --run-dir"
    assert main([*words.split(), str(tmp_path / "it")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    check = json.loads((tmp_path / "it/summary.json").read_text())["check"]
    assert (
        f"checked 2 clients beside virtual boards, over their links: the same bits, the same {check['bytes']:,}"
        in text
    )
    assert re.search(r"round 2: \[E_DELTA_NORM\] pulled more than 1 times .*?: \d+ clients\. ", text)


@pytest.mark.parametrize("how", [["--quiet"], []])
def test_a_remedy_is_said_once_a_run(how, tmp_path, capsys):
    words = ["run", "--boards", "loopback:20", "--rounds", "8", "--no-central", *how, "--run-dir"]
    for number in range(2):
        assert main([*words, str(tmp_path / str(number))]) == 0
        said = "".join(capsys.readouterr())
        assert said.count("[E_DELTA_NORM]") > 2
        assert said.count("--norm-bound 0 turns the bound off.") == 1


def test_what_no_cause_explains_is_said_too():
    sums = {"wire_total": 90, "estimate_wire": 100, "retransmission": 5, "probe": 0, "junk": 2}
    repair = "+5 retransmission, +2 junk"
    lost = "of answers that were lost, for which others came"
    assert difference(sums) == f"{repair}, -17 {lost}"
    assert difference({**sums, "unfinished": -17}) == f"{repair}, -17 of what broke off"
    assert (
        difference({**sums, "unfinished": -20}) == f"{repair}, +3 of what began anew, -20 of what broke off"
    )
    assert difference({**sums, "unfinished": -10}) == f"{repair}, -7 {lost}, -10 of what broke off"
    assert difference({**sums, "wire_total": 107}) == repair


@pytest.mark.parametrize(
    ("words", "payload"),
    [
        (("--shape", "64x10"), 2 * 4 * 640),
        (("--shape", "10x10x32", "--features", "7"), 2 * 4 * 3200),
        (("--update-bytes", "777"), 2 * 777),
        (("--features", "64", "--classes", "10"), 2 * 2600),
    ],
)
def test_an_estimate_prices_what_was_asked_for(words, payload, capsys):
    assert main(["estimate", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    one = found["exact"]["board_round"]
    assert one["payload_down"] + one["payload_up"] == payload == 2 * found["update_bytes"]


def test_an_estimate_of_more_than_a_transfer_carries_says_so(capsys):
    assert main(["estimate", "--shape", "100x100x32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exact"] is None
    assert main(["estimate", "--shape", "100x100x32"]) == 0
    assert "No exact count" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("estimate",), ("partition",), ("devices", "loopback:1")])
def test_sixty_columns_break_no_number(words, capsys, monkeypatch):
    """A table that is too wide for a terminal is no table any more: its numbers stay whole."""
    monkeypatch.setenv("COLUMNS", "200")
    main([*words])
    wide = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    main([*words])
    narrow = capsys.readouterr().out
    assert "…" not in narrow
    numbers = re.compile(r"\d[\d,.]{2,}")
    assert {*numbers.findall(wide)} <= {*numbers.findall(narrow)}


def test_a_table_that_is_too_wide_becomes_blocks():
    table = Table("codec", "accuracy %", "bytes", title="what it costs", box=None)
    table.add_row("onebit", "98.25±0.31", "1,234,567")
    table.add_row("int8", "98.50±0.30", "7,654,321")
    text = {}
    for width in (60, 24):
        file = io.StringIO()
        show_table(Console(width=width, file=file), table)
        text[width] = file.getvalue()
    assert ["onebit", "98.25±0.31", "1,234,567"] in [line.split() for line in text[60].splitlines()]
    assert [line.split() for line in text[24].splitlines() if line.strip()] == [
        ["what", "it", "costs"],
        ["codec", "onebit"],
        ["accuracy", "%", "98.25±0.31"],
        ["bytes", "1,234,567"],
        ["codec", "int8"],
        ["accuracy", "%", "98.50±0.30"],
        ["bytes", "7,654,321"],
    ]


def test_a_sweep_in_sixty_columns(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    words = [
        "--codec",
        "int8",
        "--rounds",
        "2",
        "--seeds",
        "1",
        "--clients",
        "2",
        "--sweep-dir",
        str(tmp_path),
    ]
    assert main(["sweep", *words]) == 0
    text = capsys.readouterr().out
    assert "…" not in text
    assert re.search(r"^accuracy %  +\d\d\.\d\d±", text, re.MULTILINE)


def test_no_console_makes_pictures_of_what_users_typed():
    """Rich turns `:x:` into an emoji, and so would it a Bluetooth address or a label, unless it is told not to."""
    folder = Path(bytefed.__file__).parent / "cli"
    calls = [
        line for path in folder.rglob("*.py") for line in path.read_text().splitlines() if "Console(" in line
    ]
    assert calls
    assert [line for line in calls if "emoji=False" not in line] == []
