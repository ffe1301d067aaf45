"""The front door: what `import bytefed` gives, and that it does what the command line does."""

from __future__ import annotations

import ast
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import bytefed
from bytefed.cli.main import main

DOOR = Path(bytefed.__file__)


@pytest.fixture
def data(tmp_path):
    """Ready features that a head learns in a round or two."""
    rng = np.random.default_rng(1)
    y = np.arange(240) % 3
    X = (rng.normal(size=(240, 6)) + 3 * np.eye(6)[y]).astype(np.float32)
    np.savez(tmp_path / "toy.npz", X=X, y=y, test=np.arange(240) >= 180)
    return tmp_path / "toy.npz"


@pytest.fixture
def small(data, tmp_path):
    """Keys of a run that takes no time."""
    return {"boards": ["loopback:3"], "data": data, "rounds": 2, "alpha": 10, "min_train_nodes": 1}


def imports_for_type_checkers() -> dict[str, str]:
    """Name to home, of the imports under TYPE_CHECKING."""
    choices = [node for node in ast.parse(DOOR.read_text()).body if isinstance(node, ast.If)]
    (block,) = [node for node in choices if isinstance(node.test, ast.Name)]  # if TYPE_CHECKING
    found = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname: node.module for node in found for alias in node.names if alias.name == alias.asname}


def test_a_type_checker_sees_what_python_gives():
    homes = {name: f"bytefed.{home}" for name, home in bytefed._HOMES.items()}
    assert imports_for_type_checkers() == homes
    assert sorted(bytefed.__all__) == sorted(homes)
    assert set(bytefed.__all__) <= set(dir(bytefed))
    for name in bytefed.__all__:
        assert getattr(bytefed, name).__doc__ or name == "CODECS"


def test_every_error_is_at_the_door():
    from bytefed import errors

    tree = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert tree <= set(bytefed.__all__)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        getattr(bytefed, "rnu")  # noqa: B009 (a checker knows the same, and says so)


def test_a_run_gives_what_its_files_say(small, tmp_path):
    events = []
    result = bytefed.run(**small, directory=tmp_path / "run", progress=events.append)
    assert result.complete
    assert result.directory == tmp_path / "run"
    assert result.summary == json.loads((tmp_path / "run/summary.json").read_text())
    assert result.rounds["round"] == [1, 2]
    assert result.rounds["accuracy_global"][-1] == pytest.approx(result.accuracy, abs=1e-6)
    assert sum(result.bytes["wire_total"]) == result.summary["wire_total"]
    assert result.bytes["wire_total"] == result.bytes["estimate_wire"]
    assert set(result.sessions["phase"]) == {"connect", "provision", "evaluate"}
    assert result.bytes["air_seconds"] == [None] * 6
    assert [type(event) for event in events][-1] is bytefed.RunEnded
    assert result.report() == tmp_path / "run/report.html"
    assert result.report(tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert "2 rounds, complete" in repr(result)


def test_the_columns_are_those_of_the_files(small, tmp_path):
    result = bytefed.run(**small, directory=tmp_path / "run")
    for name, table in (("rounds", result.rounds), ("bytes", result.bytes), ("sessions", result.sessions)):
        header, *rows = (tmp_path / f"run/{name}.csv").read_text().splitlines()
        assert list(table) == header.split(",")
        assert {len(column) for column in table.values()} == {len(rows)}
        kinds = {name: {type(value) for value in column} - {type(None)} for name, column in table.items()}
        assert all(len(found) <= 1 for found in kinds.values())
        for text, real in (("run", False), ("seconds", True), ("accuracy", True)):
            assert kinds.get(text, set()) <= {float if real else str}
    assert isinstance(result.bytes["wire_total"][0], int)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_table_becomes_a_data_frame(small, tmp_path, library):
    frames = pytest.importorskip(library)
    result = bytefed.run(**small, directory=tmp_path / "run")
    frame = frames.DataFrame(result.bytes)
    assert list(frame.columns) == list(result.bytes)
    assert frame["wire_total"].sum() == result.summary["wire_total"]


def test_the_head_is_the_one_that_was_scored(small, data, tmp_path):
    result = bytefed.run(**small, directory=tmp_path / "run")
    task = bytefed.load_task(data)
    W, b = result.head
    assert (W.shape, b.shape, W.dtype, b.dtype) == ((6, 3), (3,), np.float32, np.float32)
    steps = task.test.features.astype(np.float32) - task.quantization.zero_point
    right = (steps * task.quantization.scale @ W + b).argmax(axis=1) == task.test.labels
    assert right.mean() == pytest.approx(result.accuracy, abs=1e-6)


def test_the_command_line_does_the_same(small, data, tmp_path):
    result = bytefed.run(**small, directory=tmp_path / "one")
    words = [
        "run",
        "--quiet",
        "--boards",
        "loopback:3",
        "--data",
        str(data),
        "--rounds",
        "2",
        "--alpha",
        "10",
    ]
    assert main([*words, "--run-dir", str(tmp_path / "two")]) == 0
    again = bytefed.load_run(tmp_path / "two")
    assert np.array_equal(again.head.W, result.head.W)
    assert again.summary["wire_total"] == result.summary["wire_total"]


def test_a_run_within_a_running_loop(small, tmp_path):
    """As in a notebook: once from a cell, once awaited."""

    async def cells():
        first = bytefed.run(**small, directory=tmp_path / "one")
        second = await bytefed.run_async(**small, directory=tmp_path / "two")
        return first, second

    first, second = asyncio.run(cells())
    assert first.complete and second.complete
    assert np.array_equal(first.head.W, second.head.W)


def test_an_interrupted_cell_leaves_a_run_that_goes_on(small, tmp_path):
    """Ctrl-C in a notebook reaches the cell, while the run is in another thread."""
    program = f"""
import asyncio, signal, threading, bytefed
async def cell():
    def progress(event):
        if isinstance(event, bytefed.RoundClosed) and event.round == 2:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    try:
        bytefed.run(boards="loopback:3", data={str(small["data"])!r}, rounds=60000, alpha=10,
                    directory={str(tmp_path / "run")!r}, progress=progress)
    except KeyboardInterrupt:
        print("interrupted")
asyncio.run(cell())
"""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "interrupted\n", done.stderr
    assert time.monotonic() - started < 100
    run = bytefed.load_run(tmp_path / "run")
    assert not run.complete
    reached = len(run.rounds["round"])
    assert 2 <= reached < 60000
    assert run.head.W.shape == (6, 3)
    resumed = bytefed.resume(tmp_path / "run", rounds=reached + 1)
    assert resumed.complete
    assert resumed.rounds["round"] == list(range(1, reached + 2))


def test_resume_adds_rounds_and_nothing_else(small, tmp_path):
    bytefed.run(**small, directory=tmp_path / "run")
    assert len(bytefed.resume(tmp_path / "run", rounds=4).rounds["round"]) == 4
    with pytest.raises(bytefed.ConfigError, match="E_CONFIG_RESUME"):
        bytefed.resume(tmp_path / "run", alpha=0.1)


class Loudest:
    """A strategy of one's own: follows the client whose delta is the longest."""

    stateful = False

    def aggregate(self, head, updates):
        """See Strategy."""
        return head + max(updates, key=lambda update: np.linalg.norm(update.delta)).delta


def test_a_strategy_of_ones_own_leads_boards_and_simulation_alike(small, tmp_path):
    on_boards = bytefed.run(**small, strategy=Loudest(), directory=tmp_path / "boards")
    plain = bytefed.run(**small, directory=tmp_path / "plain")
    keys = {name: value for name, value in small.items() if name != "boards"}
    simulated = bytefed.simulate(**keys, clients=3, strategy=Loudest(), directory=tmp_path / "simulated")
    assert not np.array_equal(on_boards.head.W, plain.head.W)
    assert np.array_equal(on_boards.head.W, simulated.head.W)
    assert simulated.rounds["wire_total"] == on_boards.rounds["wire_total"]


@pytest.mark.parametrize("in_a_notebook", [False, True])
def test_a_simulation_that_is_checked(small, tmp_path, in_a_notebook):
    keys = {name: value for name, value in small.items() if name != "boards"}

    async def cell():
        return bytefed.simulate(**keys, clients=4, check=2, directory=tmp_path / "run")

    if in_a_notebook:
        result = asyncio.run(cell())
    else:
        result = bytefed.simulate(**keys, clients=4, check=2, directory=tmp_path / "run")
    assert result.summary["check"]["clients"] == 2
    assert result.complete
    assert result.head.W.shape == (6, 3)
    assert len(result.bytes["board"]) == 8


@pytest.mark.parametrize("keys", [{"clients": 0}, {"dropout": 2}, {"threads": -1}, {"links": ["pigeon"]}])
def test_a_simulation_of_what_cannot_be_is_refused(keys, small, tmp_path):
    common = {name: value for name, value in small.items() if name != "boards"}
    with pytest.raises(bytefed.ConfigError):
        bytefed.simulate(**{**common, **keys}, directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_sweep_goes_on_where_it_stopped(data, tmp_path):
    told = []
    keys = {
        "data": [data],
        "alpha": [10],
        "codec": ["onebit"],
        "clients": 3,
        "rounds": 5,
        "directory": tmp_path / "s",
    }
    found = bytefed.sweep(**keys, seeds=[1], progress=lambda setting, done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2)]
    assert {row.codec for row in found.rows} == {"float32", "onebit"}
    assert set(found.recommended) == {"bytes", "air time", "energy"}
    assert set(found.recommended.values()) <= {"float32", "onebit"}
    trials = (tmp_path / "s/trials.jsonl").read_text().splitlines()
    bytefed.sweep(**keys, seeds=[1, 2])
    again = (tmp_path / "s/trials.jsonl").read_text().splitlines()
    assert again[:2] == trials
    assert len(again) == 4
    with pytest.raises(bytefed.ConfigError):
        bytefed.sweep(**keys, seeds=[])


@pytest.mark.parametrize(
    ("keys", "code", "remedy"),
    [
        ({"bords": "virtual:2"}, "E_CONFIG_KEY", "boards"),
        ({"rounds": 0}, "E_CONFIG_RANGE", "--rounds"),
        ({"rounds": "five"}, "E_CONFIG_TYPE", "key"),
        ({"codec": "zip"}, "E_CONFIG_CODEC", "float32"),
        ({"strategy": "fedbest"}, "E_CONFIG_", "--strategy"),
        ({"config": "missing.toml"}, "E_CONFIG_FILE", "TOML"),
    ],
)
def test_bad_keys_are_refused_before_anything_happens(keys, code, remedy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(bytefed.ConfigError) as refused:
        bytefed.run(**keys)
    assert refused.value.code.startswith(code)
    assert remedy in refused.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_configuration_may_be_an_object_or_a_file(small, tmp_path):
    config = bytefed.RunConfig(boards=("loopback:3",), data=str(small["data"]), rounds=5, alpha=10.0)
    (tmp_path / "run.toml").write_text(config.to_toml())
    one = bytefed.run(config, rounds=np.int64(2), directory=tmp_path / "one")
    two = bytefed.run(tmp_path / "run.toml", rounds=2, directory=tmp_path / "two")
    assert np.array_equal(one.head.W, two.head.W)
    assert len(one.rounds["round"]) == len(two.rounds["round"]) == 2


def test_an_estimate_is_what_is_counted(small, tmp_path):
    result = bytefed.run(**small, codec="onebit", directory=tmp_path / "run")
    predicted = bytefed.estimate(features=6, classes=3, clients=3, rounds=2, codec="onebit")
    assert predicted.rounds.wire_total == result.summary["wire_total"]
    assert predicted.evaluate.wire_total == result.summary["sessions"]["evaluate"]["wire_total"]


@pytest.mark.parametrize(
    "keys",
    [
        {"features": 0},
        {"classes": 65},
        {"mtu": 22},
        {"codec": "zip"},
        {"link": "carrier pigeon"},
        {"rounds": 0},
    ],
)
def test_an_estimate_of_what_cannot_be_is_refused(keys):
    with pytest.raises(bytefed.ConfigError) as refused:
        bytefed.estimate(**keys)
    assert refused.value.remedy


def test_sizes_of_codecs():
    assert bytefed.blob_size("float32", 32, 10) == 1320
    assert bytefed.blob_size("onebit", 32, 10) == 46
    with pytest.raises(bytefed.ConfigError, match="E_CONFIG_CODEC"):
        bytefed.blob_size("zip", 32, 10)
    with pytest.raises(bytefed.ConfigError, match="E_CONFIG_RANGE"):
        bytefed.blob_size("int8", 5000, 10)


def test_boards_by_uri():
    async def visit():
        async with bytefed.open_boards("loopback:2", shape=(6, 3)) as boards:
            return [await bytefed.describe(board) for board in boards]

    facts = asyncio.run(visit())
    assert [fact["head"] for fact in facts] == ["6x3, batch up to 32"] * 2


def test_no_run_is_no_run(tmp_path):
    with pytest.raises(bytefed.StoreError, match="E_RUN_MISSING"):
        bytefed.load_run(tmp_path)


@pytest.mark.parametrize("text", ["round,wire_total\n1,many\n", "round\n1,2\n", 'round\n"1\n'])
def test_a_table_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "rounds.csv").write_text(text)
    with pytest.raises(bytefed.StoreError, match="E_RUN_CORRUPT"):
        bytefed.load_run(tmp_path).rounds  # noqa: B018


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    (tmp_path / "rounds.csv").write_text("round,accuracy_global\n1,0.5\n2,0.7")
    run = bytefed.load_run(tmp_path)
    assert run.rounds == {"round": [1], "accuracy_global": [0.5]}
    assert not run.complete


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_summary_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "rounds.csv").write_text("round\n")
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(bytefed.StoreError, match="E_RUN_CORRUPT"):
        bytefed.load_run(tmp_path)
