"""Codecs against tests/vectors/codec.json, and against the independent oracle that wrote it, on any input."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bytefed import _core, codec
from bytefed.codec import CODECS

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "codec.json").read_text())
CASES = [
    pytest.param(case, name, id=f"{name}-{case['name'].replace(' ', '_')}")
    for case in VECTORS["cases"]
    for name in CODECS
]


def floats(digits: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(digits), "<f4").copy()


def bits(values: np.ndarray) -> list[int]:
    return list(values.view(np.uint32))


def load_oracle() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "head_codecs", ROOT / "tools" / "vectors" / "head_codecs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ORACLE = load_oracle()


def test_vectors_cover_all_codecs() -> None:
    assert all(set(case["codecs"]) == set(CODECS) for case in VECTORS["cases"])


def test_host_and_core_have_the_same_codecs() -> None:
    assert [known.number for known in CODECS.values()] == list(range(len(CODECS)))
    for number, is_there in ((len(CODECS) - 1, True), (len(CODECS), False), (-1, False), (256, False)):
        try:
            _core.encode(number, np.zeros(4, np.float32), 0)
        except ValueError:
            assert not is_there
        else:
            assert is_there


@pytest.mark.parametrize(("case", "name"), CASES)
def test_codecs_follow_the_vectors(case: dict[str, Any], name: str) -> None:
    values, want = floats(case["input"]), case["codecs"][name]
    blob, decoded = CODECS[name].encode(values, case["seed"])
    assert blob.hex() == want["blob"]
    assert len(blob) == CODECS[name].size(len(values))
    assert bits(decoded) == bits(floats(want["values"]))
    assert bits(CODECS[name].decode(blob, len(values), case["seed"])) == bits(decoded)


@pytest.mark.parametrize(("case", "name"), CASES)
def test_the_core_leaves_what_the_blob_lacks(case: dict[str, Any], name: str) -> None:
    residual, want = floats(case["input"]), case["codecs"][name]
    assert _core.encode(CODECS[name].number, residual, case["seed"]).hex() == want["blob"]
    assert bits(residual) == bits(floats(want["lack"]))


@pytest.mark.parametrize("row", VECTORS["seeds"])
def test_seeds(row: dict[str, int]) -> None:
    assert codec.downlink_seed(row["round"]) == row["downlink"]
    assert codec.uplink_seed(row["seed"], row["round"]) == row["uplink"]


@pytest.mark.parametrize("shape", [(32, 10), (64, 10), (64, 4), (1, 2), (256, 10)])
def test_memory_on_the_board(shape: tuple[int, int]) -> None:
    features, classes = shape
    count = features * classes + classes
    assert codec.board_memory(CODECS["onebit"], count) == _core.lossy_memory(features, classes)
    assert codec.board_memory(CODECS["float32"], count) == 0
    assert (
        _core.lossy_memory(features, classes) <= 2 * 4 * count + 132
    )  # twice the head, and 31 floats to fill up small ones


@pytest.mark.parametrize("name", CODECS)
def test_codecs_agree_with_the_oracle_on_anything(name: str) -> None:
    rng = np.random.RandomState(7)
    for _ in range(8):
        count = int(rng.randint(4, 400))
        values = (rng.standard_t(2, count) * 10.0 ** rng.randint(-6, 3)).astype(np.float32)
        values[rng.rand(count) < 0.2] = 0.0
        seed, before = int(rng.randint(2**31)), values.copy()
        blob, decoded = CODECS[name].encode(values, seed)
        want, stands_for, *_ = ORACLE.CODECS[name](list(values), seed)
        assert blob == want
        assert bits(decoded) == bits(np.array(stands_for, np.float32))
        assert bits(values) == bits(before)
        residual = values.copy()
        assert _core.encode(CODECS[name].number, residual, seed) == blob
        np.testing.assert_allclose(residual, values - decoded, atol=1e-6 * np.abs(values).max())


@pytest.mark.parametrize("name", CODECS)
def test_sizes_are_closed_forms_that_the_core_keeps(name: str) -> None:
    rng = np.random.RandomState(10)
    for count in (*range(1, 200), *rng.randint(200, 70_000, 40)):
        blob, _ = CODECS[name].encode(np.ones(count, np.float32), 1)
        assert len(blob) == CODECS[name].size(int(count))


@pytest.mark.parametrize("name", CODECS)
def test_any_bytes_are_safe_and_any_other_number_of_them_is_refused(name: str) -> None:
    rng = np.random.RandomState(8)
    for _ in range(200):
        count = int(rng.randint(1, 700))
        size = CODECS[name].size(count)
        assert len(CODECS[name].decode(rng.bytes(size), count, 1)) == count
        for wrong in (0, size - 1, size + 1, 10 * size):
            with pytest.raises(ValueError, match="blob has another size"):
                CODECS[name].decode(bytes(wrong), count, 1)
    with pytest.raises(ValueError, match="at least one value"):
        CODECS[name].decode(b"", 0, 1)


def test_a_sparse_blob_that_no_encoder_makes_stays_within_the_head() -> None:
    """All bits set point to positions beyond the last parameter, which the core leaves out."""
    for name in ("stc5", "stc10"):
        for count in (4, 33, 330):
            blob = b"\x80\x3f" + b"\xff" * (CODECS[name].size(count) - 2)
            values = CODECS[name].decode(blob, count, 1)
            assert set(values) <= {np.float32(0), np.float32(-1)}


@pytest.mark.parametrize("name", [name for name, c in CODECS.items() if c.lossy])
def test_error_feedback_loses_nothing(name: str) -> None:
    """Values that are sent a hundred times arrive correctly on average."""
    rng = np.random.RandomState(9)
    wanted = (rng.laplace(size=330) * rng.rand(330)).astype(np.float32)
    residual, arrived = np.zeros(330, np.float32), np.zeros(330, np.float64)
    for round_number in range(100):
        e = residual + wanted
        _, decoded = CODECS[name].encode(e, codec.downlink_seed(round_number))
        residual = e - decoded
        arrived += decoded
    np.testing.assert_allclose(arrived / 100 + residual / 100, wanted, atol=1e-4)
    assert np.abs(residual).max() < 40 * np.abs(wanted).max()
