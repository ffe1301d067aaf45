"""Runs that begin with a head: what a file must hold, and the bytes of the round that brings it to the boards."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

import bytefed
from bytefed.data import load_task
from bytefed.errors import DataError
from bytefed.federation.start import first_head
from bytefed.runs.columns import newest_head

D, C, BOARDS = 6, 3, 3
NAMES = ("rest", "run", "walk")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 240)
    path = tmp_path_factory.mktemp("data") / "heaps.npz"
    X = (rng.normal(0, 1, (240, D)) + 2 * np.eye(C, D)[y]).astype(np.float32)
    np.savez(path, X=X, y=np.array(NAMES)[y])
    return path


@pytest.fixture(scope="module")
def learnt(data: Path) -> np.ndarray:
    """A head that tells the heaps apart."""
    rng = np.random.default_rng(6)
    W = np.zeros((D, C), np.float32)
    W[:C] = 3 * np.eye(C)
    return np.concatenate([W.ravel(), rng.normal(0, 0.1, C)]).astype(np.float32)


@pytest.fixture
def head_file(learnt: np.ndarray, tmp_path: Path) -> Path:
    np.save(tmp_path / "head.npy", learnt)
    return tmp_path / "head.npy"


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("codec", ["float32", "onebit", "int8/stc10"])
def test_run_and_simulation_begin_with_it_and_the_estimate_stays_exact(
    codec, data, head_file, learnt, tmp_path
):
    keys = {
        "data": data, "head": head_file, "codec": codec, "rounds": 4, "fraction_train": 0.7, "learning_rate_decay": 1.0,
        "learning_rate": 0.1, "central": False,
    }  # fmt: skip
    run = bytefed.run(boards=[f"loopback:{BOARDS}"], directory=tmp_path / "run", **keys)
    alone = bytefed.simulate(clients=BOARDS, directory=tmp_path / "alone", **keys)
    predicted = bytefed.estimate(
        features=D, classes=C, clients=BOARDS, rounds=4, codec=codec, fraction_train=0.7, learning_rate_rounds=0,
        seed=42, from_head=True,
    )  # fmt: skip
    for result in (run, alone):
        assert result.summary["estimate_exact"]
        assert result.summary["wire_total"] == predicted.rounds.wire_total
        assert result.summary["began_with"]["accuracy"] > 0.8
        assert result.summary["config"]["head"] == str(head_file)
    assert run.summary["began_with"] == alone.summary["began_with"]
    assert np.array_equal(newest_head(run.directory), newest_head(alone.directory))
    less = bytefed.estimate(
        features=D, classes=C, clients=BOARDS, rounds=4, codec=codec, fraction_train=0.7, learning_rate_rounds=0,
        seed=42,
    )  # fmt: skip
    assert less.rounds.wire_total < predicted.rounds.wire_total


def test_boards_train_on_from_it(data, head_file, learnt, tmp_path):
    """With a learning rate of almost nothing the head stays what it was: boards did not begin with zeros."""
    result = bytefed.run(
        boards=["loopback:2"], data=data, head=head_file, rounds=1, learning_rate=1e-9, central=False,
        directory=tmp_path / "run",
    )  # fmt: skip
    assert np.allclose(newest_head(result.directory), learnt, atol=1e-5)
    assert result.accuracy == pytest.approx(result.summary["began_with"]["accuracy"], abs=1e-6)


def test_a_resumed_run_needs_the_file_no_more(data, head_file, tmp_path):
    folder = tmp_path / "run"
    bytefed.run(boards=["loopback:2"], data=data, head=head_file, rounds=1, central=False, directory=folder)
    before = json.loads((folder / "summary.json").read_text())["began_with"]
    head_file.unlink()
    result = bytefed.resume(folder, rounds=2)
    assert result.summary["began_with"] == before
    with pytest.raises(bytefed.ConfigError, match="E_CONFIG_RESUME"):
        bytefed.resume(folder, rounds=3, head="other.npy")


@pytest.mark.parametrize("command", ["run", "simulate"])
def test_a_budget_pays_for_the_head_of_the_first_round(command, data, head_file, tmp_path):
    """The plan is what is spent; without the head's blob in it, it would be less."""
    given = {"data": data, "budget": "600B", "directory": tmp_path / "run", "head": head_file}
    if command == "run":
        result = bytefed.run(boards=["loopback:2"], central=False, **given)
    else:
        result = bytefed.simulate(clients=2, **given)
    budget = result.summary["budget"]
    assert budget["spent_most"] == budget["plan"]["worst"] <= 600
    planned = bytefed.simulate(clients=2, data=data, budget="600B", directory=tmp_path / "zeros").summary[
        "budget"
    ]
    one = planned["plan"]
    assert budget["plan"]["worst"] > one["worst"] or budget["plan"]["rounds"] < one["rounds"]


# --- files


def saved(path: Path, **changes: object) -> Path:
    """An exported head as a file, with some arrays changed, or left out by None."""
    arrays = {
        "W": np.ones((D, C), np.float32),
        "b": np.zeros(C, np.float32),
        "classes": np.array(NAMES),
        **changes,
    }
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_an_exported_head_is_taken(data, tmp_path):
    task = load_task(str(data))
    W = np.arange(D * C, dtype=np.float32).reshape(D, C)
    b = np.array([7, 8, 9], np.float32)
    full = {
        "scale": np.float32(task.quantization.scale),
        "zero_point": task.quantization.zero_point,
        "model_hash": 0,
    }
    for more in ({}, full, {"classes": None}):
        head = first_head(str(saved(tmp_path / "h.npz", W=W, b=b, **more)), task)
        assert head.dtype == np.float32
        assert np.array_equal(head, [*range(D * C), 7, 8, 9])
    assert not first_head("", task).any()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"W": np.ones((D, C + 1), np.float32)}, "E_HEAD_SHAPE"),
        ({"W": np.ones((C, D), np.float32)}, "E_HEAD_SHAPE"),
        ({"b": np.ones(C + 1, np.float32)}, "E_HEAD_SHAPE"),
        ({"b": np.float32(1)}, "E_HEAD_SHAPE"),
        ({"W": np.full((D, C), np.nan)}, "E_HEAD_FILE"),
        ({"W": np.full((D, C), 1e300)}, "E_HEAD_FILE"),
        ({"W": np.full((D, C), "x")}, "E_HEAD_FILE"),
        ({"W": np.full((D, C), None)}, "E_HEAD_FILE"),
        ({"W": None}, "E_HEAD_FILE"),
        ({"b": None}, "E_HEAD_FILE"),
        ({"more": np.zeros(1 << 20)}, "E_HEAD_FILE"),
        ({"scale": np.float32(0.5)}, "E_HEAD_FEATURES"),
        ({"scale": np.zeros(2)}, "E_HEAD_FEATURES"),
        ({"zero_point": 3}, "E_HEAD_FEATURES"),
        ({"classes": np.array(["rest", "walk", "run"])}, "E_HEAD_LABELS"),
        ({"classes": np.array(["rest", "run"])}, "E_HEAD_LABELS"),
    ],
    ids=str,
)  # fmt: skip
def test_other_heads_are_refused(changes, code, data, tmp_path):
    with pytest.raises(DataError) as caught:
        first_head(str(saved(tmp_path / "h.npz", **changes)), load_task(str(data)))
    assert caught.value.code == code
    assert "h.npz" in caught.value.message
    assert caught.value.remedy


def test_a_head_of_another_model_is_refused(tmp_path):
    pytest.importorskip("tflite_micro")
    pytest.importorskip("sklearn")
    task = load_task("digits")
    arrays = {
        "W": np.ones((task.D, 10), np.float32), "b": np.zeros(10), "classes": None,
        "scale": np.float32(task.quantization.scale), "zero_point": task.quantization.zero_point,
    }  # fmt: skip
    assert first_head(
        str(saved(tmp_path / "h.npz", **arrays, model_hash=np.uint32(task.model_hash))), task
    ).any()
    with pytest.raises(DataError, match="E_HEAD_FEATURES") as caught:
        first_head(str(saved(tmp_path / "h.npz", **arrays, model_hash=np.uint32(task.model_hash ^ 1))), task)
    assert f"{task.model_hash:08x}" in caught.value.message


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06" + bytes(18), b"\x93NUMPY\x01\x00"], ids=str)
@pytest.mark.parametrize("name", ["h.npz", "h.npy"])
def test_files_that_are_no_heads(name, content, data, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="E_HEAD_FILE"):
        first_head(str(tmp_path / name), load_task(str(data)))


@pytest.mark.parametrize(
    "values", [np.zeros(D * C + C + 1, np.float32), np.zeros((1, D * C + C)), np.float32(1)]
)
def test_rows_of_parameters_of_another_length(values, data, tmp_path):
    np.save(tmp_path / "h.npy", values)
    with pytest.raises(DataError, match="E_HEAD_SHAPE"):
        first_head(str(tmp_path / "h.npy"), load_task(str(data)))


def test_folders_and_missing_files(data, tmp_path):
    for name in ("none.npz", "none.npy", ".", "x\0y"):
        with pytest.raises(DataError, match="E_HEAD_FILE"):
            first_head(str(tmp_path / name), load_task(str(data)))
