"""`--json`: every command has it, or a reason why not; and it prints JSON that any reader takes, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from boards_that_live import Living, living_boards
from sensing_board import LENGTH, MOTION, a_head

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.replay import SPEED
from bytefed.boards.virtual import BoardKind
from bytefed.cli.main import main
from bytefed.cli.parser import last_parsers, whole_parser
from bytefed.cli.telling import write_json
from bytefed.device.plan import TrainingPlan

WITHOUT = {
    "completion": "it prints a script for a shell, or a manual page",
    "keys export": "it writes the file that `keys import` reads",
}


def test_every_command_has_it_or_a_reason():
    commands = {
        each.prog.removeprefix("bytefed "): each._option_string_actions
        for each in last_parsers(whole_parser())
    }
    assert {name for name, options in commands.items() if "--json" not in options} == set(WITHOUT)


def test_no_reader_stumbles(capsys):
    write_json({"nothing": float("nan"), "most": (float("inf"), 1.5), "in": {1: [float("-inf")]}})
    assert strict(capsys.readouterr().out) == {"nothing": None, "most": [None, 1.5], "in": {"1": [None]}}


def strict(line: str) -> dict:
    """One line of JSON, which has no NaN."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(line, parse_constant=refuse)


@pytest.fixture
def told(capsys):
    """Run a command, and return its objects: all that is on standard output."""

    def run(*words, status=0):
        capsys.readouterr()
        assert main([*words, "--json"]) == status
        return [strict(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Living]:
    monkeypatch.setenv(SPEED, "20")
    monkeypatch.setenv("BYTEFED_KEYS", str(tmp_path / "keys.toml"))
    windows = np.random.default_rng(5).integers(-128, 128, (8, LENGTH, 1, 6)).astype(np.int8)
    np.savez(tmp_path / "r.npz", X=windows, y=(np.arange(8) % MOTION.C).astype(np.uint8))
    kind = BoardKind(MOTION.D, MOTION.C, "motion", 40, replay=str(tmp_path / "r.npz"))
    with living_boards(1, kind) as boards:
        yield boards[0]


def test_labels_and_captures(board, told):
    there = ("--open", "--boards", board.uri)
    (labels,) = told("labels", "set", "walk", "run", *there)
    (one,) = labels["boards"]
    assert one["uri"] == board.uri and one["room"] > 2
    assert one["labels"] == [{"name": "walk", "train": 0, "test": 0}, {"name": "run", "train": 0, "test": 0}]
    taken = told("capture", *there, "--labels", "walk", "run", "--seconds", "10", "--rounds", "2")
    assert [each["event"] for each in taken] == ["round", "captured", "captured"] * 2
    assert taken[1]["board"] == one["board"] and (taken[1]["asked"], taken[1]["taken"]) == (4, 4)
    assert taken[-1]["labels"][0] == {"name": "walk", "train": 8, "test": 0}
    (forgot,) = told("capture", *there, "--undo", "3", "--yes")
    assert (forgot["event"], forgot["train"]) == ("forgot", 13)


def test_a_watch_and_a_recording(board, told, tmp_path):
    async def give_a_head() -> None:
        plan = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)
        async with open_devices(
            [board.uri], VirtualOptions(BoardKind(MOTION.D, MOTION.C), sealed=False)
        ) as devices:
            await devices[0].connect(1)
            await devices[0].train(devices[0].plan_round(1, a_head(), plan, train=False))

    asyncio.run(give_a_head())
    *predictions, end = told("watch", "--open", "--boards", board.uri, "--seconds", "1.5")
    assert predictions and {each["event"] for each in predictions} == {"prediction"}
    assert 0 <= predictions[0]["confidence"] <= 1 and predictions[0]["board"] == end["board"]
    assert end["event"] == "watched" and end["predictions"] == len(predictions)
    # A window that came when nobody waited any more takes bytes that nobody predicted.
    assert end["wire_total"] >= end["estimate_wire"] > 0 and end["error"] is None
    assert told("watch", "--open", "--boards", board.uri, "--stop")[0]["event"] == "stopped"
    words = ("record", "--open", "--board", board.uri, "--label", "walk", "--out", str(tmp_path / "moves"))
    (recorded,) = told(*words, "--seconds", "5")
    assert (
        recorded["windows"] >= 1
        and recorded["wire_total"] >= recorded["estimate_wire"] > recorded["raw"] / 2 > 0
    )
    assert all(Path(path).is_file() for path in recorded["files"])


def test_a_partition_says_all_clients(told):
    (found,) = told("partition", "--clients", "5", "--limit", "1")
    assert len(found["clients"]) == 5 and len(found["classes"]) == 10
    assert all(sum(each["samples"]) == each["train"] + each["test"] for each in found["clients"])
    (flbench,) = told("partition", "--flbench", "--clients", "3")
    assert len(flbench["clients"]) == 3


def test_a_report_says_where_it_is_and_what_is_in_it(told, tmp_path, capsys):
    assert (
        main(["run", "--boards", "loopback:2", "--rounds", "2", "--quiet", "--run-dir", str(tmp_path / "it")])
        == 0
    )
    (found,) = told("report", str(tmp_path / "it"), "--csv", str(tmp_path / "numbers"))
    assert Path(found["page"]).is_file() and all(Path(path).is_file() for path in found["files"])
    (one,) = found["runs"]
    summary = json.loads((tmp_path / "it/summary.json").read_text())
    assert one["wire_total"] == summary["wire_total"] == sum(one["causes"].values())
    assert one["accuracy_global"] == pytest.approx(summary["accuracy_final"])


def test_a_sweep_has_its_table(told, tmp_path):
    words = (
        "sweep",
        "--codec",
        "onebit",
        "--seeds",
        "1",
        "--clients",
        "4",
        "--rounds",
        "3",
        "--link",
        "serial",
    )
    (found,) = told(*words, "--sweep-dir", str(tmp_path / "sweep"))
    assert {row["codec"] for row in found["rows"]} == {"float32", "onebit"}
    assert {row["air_99"] for row in found["rows"]} == {None}  # on a cable there is no air
    assert Path(found["table"]).is_file()


def test_a_page_says_where_it_is(told, tmp_path, monkeypatch):
    pytest.importorskip("uvicorn", reason="SKIPPED: needs the extra 'ui'")
    asked = []

    def serve(port, runs, ready, sounds):
        asked.append(sounds)
        ready("http://127.0.0.1:1/?token=x")

    monkeypatch.setattr("bytefed.ui.serve.serve", serve)
    assert told("ui") == [{"url": "http://127.0.0.1:1/?token=x"}]
    told("ui", "--replay", str(tmp_path))
    assert asked == [None, str(tmp_path)]


def test_an_upload_says_what_the_board_holds(told, monkeypatch):
    from bytefed.cli.commands import flash

    async def checked(device, model_hash):
        return "0123"

    monkeypatch.setattr(flash, "build", lambda *words: None)
    monkeypatch.setattr(flash, "wait_for_port", lambda port: "/dev/ttyX")
    monkeypatch.setattr("bytefed.boards.self_check.check_model", checked)
    assert told("flash", "nano33ble", "--port", "/dev/ttyX") == [
        {"port": "/dev/ttyX", "board": "0123", "model": "digits"}
    ]
