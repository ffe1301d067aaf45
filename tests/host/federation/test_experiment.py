"""Whole runs over the firmware's own core: from the command line to summary.json."""

import asyncio
import csv
import json
import random
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

from bytefed.cli.main import main
from bytefed.federation import experiment
from bytefed.federation.assignment import task_of
from bytefed.federation.config import RunConfig
from bytefed.ledger.estimate import predict
from bytefed.ledger.planned_run import PlannedRun
from bytefed.ledger.wire_size import sealed_profile, serial_profile
from bytefed.runs.store import Store

D, C = 6, 3


@pytest.fixture
def features(tmp_path):
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 240)
    X = (rng.normal(0, 1, (240, D)) + 2 * np.eye(C, D)[y]).astype(np.float32)
    path = tmp_path / "heaps.npz"
    np.savez(path, X=X, y=y)
    return path


def arguments(features, run_dir, *more):
    keys = ("--data", features, "--partition", "iid", "--boards", "loopback:3", "--seed", "7", "--quiet")
    return ["run", *map(str, keys), "--run-dir", str(run_dir), *more]


def rows(run_dir, name):
    with (run_dir / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def final_head(run_dir):
    store = Store.open(run_dir)
    try:
        return store.head()
    finally:
        store.close()


def summed(table, name="wire_total"):
    return sum(int(row[name]) for row in table)


def test_a_run_is_what_the_estimate_said(features, tmp_path, capsys):
    more = ("--learning-rate-decay", "0.9", "--learning-rate-rounds", "4", "--statistics-rounds", "2")
    assert main(arguments(features, tmp_path / "run", "--rounds", "6", "--fraction-train", "0.7", *more)) == 0
    out, err = capsys.readouterr()
    assert "6 rounds" in out
    assert out.count("\n") == 1
    assert not err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["complete"]
    assert summary["estimate_exact"]
    assert summary["accuracy_final"] > 0.7
    assert abs(summary["accuracy_final"] - summary["accuracy_central"]) < 0.1
    rounds, sessions = rows(tmp_path / "run", "bytes.csv"), rows(tmp_path / "run", "sessions.csv")
    assert len(rounds) == 6 * 2
    shares = {"clients": 3, "rounds": 6, "fraction_train": 0.7, "learning_rate_rounds": 4, "seed": 7}
    planned = PlannedRun(features=D, classes=C, codecs=("float32", "float32"), statistics_rounds=2, **shares)
    predicted = predict(sealed_profile(serial_profile()), planned)
    for phase in ("connect", "evaluate"):
        of_phase = [row for row in sessions if row["phase"] == phase]
        assert summed(of_phase) == getattr(predicted, phase).wire_total
    assert summed(rounds) == predicted.rounds.wire_total == summary["wire_total"]
    assert summed(rounds, "estimate_wcr") == summary["estimate_wcr"] == 12 * 4 * (D * C + C)
    told = [row["accuracy_boards"] != "" for row in rows(tmp_path / "run", "rounds.csv")]
    assert told == [True, False, True, False, True, True]  # asked in rounds 2, 4, 6, and after the last
    assert [row["loss"] != "" for row in rounds] == [False, False, True, True] * 3
    assert all(row["estimate_difference"] == "0" for row in (*rounds, *sessions))


def test_the_resolved_configuration_gives_the_same_run_again(features, tmp_path):
    assert main(arguments(features, tmp_path / "one", "--rounds", "3", "--local-epochs", "2")) == 0
    resolved = tmp_path / "one" / "config.resolved.toml"
    assert main(["run", "--config", str(resolved), "--run-dir", str(tmp_path / "two"), "--quiet"]) == 0
    assert final_head(tmp_path / "one")[1].tobytes() == final_head(tmp_path / "two")[1].tobytes()
    assert RunConfig.resolve(resolved, {}).local_epochs == 2


def test_several_seeds_are_several_runs(features, tmp_path, capsys):
    assert main(arguments(features, tmp_path / "runs", "--rounds", "2", "--seeds", "2")) == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["seed-7", "seed-8"]
    assert "mean" in capsys.readouterr().out


def test_json_lines(features, tmp_path, capsys):
    command = arguments(features, tmp_path / "run", "--rounds", "2", "--json")
    command.remove("--quiet")
    assert main(command) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = [event["event"] for event in events]
    assert names == [
        *["preparing"] * 4,
        "run_started",
        *["board_joined"] * 3,
        *["round_closed"] * 2,
        "run_ended",
    ]
    assert events[-1]["summary"]["rounds"] == 2


def test_a_live_run_says_how_it_goes(features, tmp_path, capsys):
    command = arguments(features, tmp_path / "run", "--rounds", "2")
    command.remove("--quiet")
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "round 2: 3/3 boards" in out
    assert "as estimated, to the byte" in out


def test_a_run_that_is_complete_may_go_on_for_longer(features, tmp_path):
    assert main(arguments(features, tmp_path / "long", "--rounds", "5")) == 0
    assert main(arguments(features, tmp_path / "run", "--rounds", "3")) == 0
    resume = ["run", "--resume", str(tmp_path / "run"), "--quiet"]
    assert main([*resume, "--rounds", "5"]) == 0
    number, head = final_head(tmp_path / "run")
    assert number == 5
    assert head.tobytes() == final_head(tmp_path / "long")[1].tobytes()
    assert len(rows(tmp_path / "run", "rounds.csv")) == 5
    assert main([*resume, "--local-epochs", "1"]) == 2


@pytest.mark.slow
def test_killed_at_any_instant_and_resumed_the_run_ends_the_same(features, tmp_path):
    seed = 20_260_102
    rng = random.Random(seed)
    assert main(arguments(features, tmp_path / "whole", "--rounds", "200")) == 0
    run_dir = tmp_path / "killed"
    command = [sys.executable, "-m", "bytefed"]
    first = arguments(features, run_dir, "--rounds", "200", "--json")
    first.remove("--quiet")
    resume = ["run", "--resume", str(run_dir), "--json"]
    kills = 0
    for attempt in range(4):
        lines = rng.randrange(5, 30)
        if kill_after([*command, *(resume if attempt else first)], lines, rng.random() * 0.01):
            kills += 1
    assert kills >= 2, seed
    assert main(["run", "--resume", str(run_dir), "--quiet"]) == 0
    number, head = final_head(run_dir)
    assert number == 200, seed
    assert head.tobytes() == final_head(tmp_path / "whole")[1].tobytes(), seed
    keys = [(row["round"], row["board"]) for row in rows(run_dir, "bytes.csv")]
    assert len(keys) == len(set(keys)) == 600, seed
    assert {row["status"] for row in rows(run_dir, "bytes.csv")} == {"ok"}, seed


def kill_after(command, lines, delay):
    """Start a run, kill it some time after it has said so many lines; whether that was in the middle."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for _ in range(lines):
            process.stdout.readline()
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        (("--alpha", "0"), 2, "E_CONFIG_RANGE"),
        (("--boards", "carrier-pigeon:1"), 2, "E_CONFIG_BOARDS"),
        (("--data", "no-such-task"), 1, "E_DATA_UNKNOWN"),
        (("--boards", "serial:/dev/no-such-port"), 1, "E_PORT_NOT_FOUND"),
        (("--batch-size", "200"), 1, "E_BOARD_BATCH"),
        (("--config", "no-such-file.toml"), 2, "E_CONFIG_FILE"),
        (("--seeds", "0"), 2, "E_CONFIG_RANGE"),
    ],
)
def test_what_cannot_work_ends_with_a_code_and_a_remedy(features, tmp_path, capsys, more, status, code):
    assert main(arguments(features, tmp_path / "run", *more)) == status
    err = capsys.readouterr().err
    assert f"error[{code}]" in err
    assert "\n  -> " in err
    assert not (tmp_path / "run").exists()


def test_a_directory_is_not_written_over(features, tmp_path, capsys):
    command = arguments(features, tmp_path / "run", "--rounds", "1")
    assert main(command) == 0
    assert main(command) == 1
    assert "error[E_RUN_EXISTS]" in capsys.readouterr().err
    assert main(["run", "--resume", str(tmp_path / "nothing")]) == 1
    assert "error[E_RUN_MISSING]" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_ctrl_c_ends_a_run_in_order_and_it_can_go_on(features, tmp_path):
    command = arguments(features, tmp_path / "run", "--rounds", "60000", "--json")
    command.remove("--quiet")
    with subprocess.Popen(
        [sys.executable, "-m", "bytefed", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if json.loads(line)["event"] == "round_closed":
                break
        process.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in process.stdout]
        assert process.wait() == 130
    assert rest[-1]["event"] == "run_ended"
    assert not rest[-1]["complete"]
    done = rest[-1]["summary"]["rounds"]
    assert main(["run", "--resume", str(tmp_path / "run"), "--rounds", str(done + 1), "--quiet"]) == 0


NO_BOARDS = """
import sys
from serial.tools import list_ports
from bytefed.cli.main import main
list_ports.comports = lambda: []
status = main(["run", "--boards", *sys.argv[1:]])
heavy = sorted({"sklearn", "tflite_micro", "bleak"} & sys.modules.keys())
print(status, heavy)
"""


@pytest.mark.parametrize("boards", [["serial:auto"], ["virtual:2", "serial:auto"]])
def test_without_a_board_the_answer_comes_before_any_data_are_loaded(tmp_path, boards):
    command = [sys.executable, "-c", NO_BOARDS, *boards, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "error[E_NO_BOARDS]" in done.stderr
    *events, answer = done.stdout.splitlines()
    assert answer == "1 []"
    said = [json.loads(event) for event in events]
    assert {event["event"] for event in said} == {"preparing"}
    assert said[-1]["phase"] == "looking for boards"


def test_the_phase_that_is_under_way_is_named(features, tmp_path, monkeypatch):
    told: list[Any] = []
    monkeypatch.setattr(experiment, "task_of", lambda config: (told.append("loads"), task_of(config))[1])
    config = RunConfig(boards=("loopback:2",), data=str(features), rounds=1, central=False)
    asyncio.run(experiment.begin(config, tmp_path / "run", told.append))
    phases = [event if event == "loads" else event.phase for event in told[:4]]
    assert phases == ["looking for boards", f"loading {features}", "loads", "opening boards"]


def test_version_and_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("bytefed ")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "examples:" in capsys.readouterr().out
