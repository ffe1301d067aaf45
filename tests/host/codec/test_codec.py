"""The host's codecs and the core's, both against tests/vectors/codec.json, and against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytefed import _core, codec
from bytefed.codec import CODECS

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "codec.json").read_text())
CASES = [
    pytest.param(case, name, id=f"{name}-{case['name'].replace(' ', '_')}")
    for case in VECTORS["cases"]
    for name in CODECS
]


def floats(digits: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(digits), "<f4").copy()


def bits(values: np.ndarray) -> list[int]:
    return list(values.view(np.uint32))


def core_decode(name: str, blob: bytes, count: int, seed: int) -> np.ndarray:
    out = np.empty(count, np.float32)
    _core.decode(CODECS[name].number, blob, seed, out)
    return out


def test_vectors_cover_all_codecs() -> None:
    assert all(set(case["codecs"]) == set(CODECS) for case in VECTORS["cases"])


@pytest.mark.parametrize(("case", "name"), CASES)
def test_host_follows_the_vectors(case: dict[str, Any], name: str) -> None:
    values, want = floats(case["input"]), case["codecs"][name]
    blob, decoded = CODECS[name].encode(values, case["seed"])
    assert blob.hex() == want["blob"]
    assert len(blob) == CODECS[name].size(len(values))
    assert bits(decoded) == bits(floats(want["values"]))
    assert bits(CODECS[name].decode(blob, len(values), case["seed"])) == bits(decoded)


@pytest.mark.parametrize(("case", "name"), CASES)
def test_core_follows_the_vectors(case: dict[str, Any], name: str) -> None:
    residual, want = floats(case["input"]), case["codecs"][name]
    blob = _core.encode(CODECS[name].number, residual, case["seed"])
    assert blob.hex() == want["blob"]
    assert bits(residual) == bits(floats(want["lack"]))
    assert bits(core_decode(name, blob, len(residual), case["seed"])) == bits(floats(want["values"]))


@pytest.mark.parametrize("row", VECTORS["seeds"])
def test_seeds(row: dict[str, int]) -> None:
    assert codec.downlink_seed(row["round"]) == _core.downlink_seed(row["round"]) == row["downlink"]
    assert codec.uplink_seed(row["seed"], row["round"]) == row["uplink"]
    assert _core.uplink_seed(row["seed"], row["round"]) == row["uplink"]


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
def test_host_and_core_agree_on_anything(name: str) -> None:
    rng = np.random.RandomState(7)
    for _ in range(40):
        count = int(rng.randint(4, 1500))
        values = (rng.standard_t(2, count) * 10.0 ** rng.randint(-6, 3)).astype(np.float32)
        values[rng.rand(count) < 0.2] = 0.0
        seed = int(rng.randint(2**31))
        blob, decoded = CODECS[name].encode(values, seed)
        residual = values.copy()
        assert _core.encode(CODECS[name].number, residual, seed) == blob
        np.testing.assert_allclose(residual, values - decoded, atol=1e-6 * np.abs(values).max())
        assert bits(core_decode(name, blob, count, seed)) == bits(decoded)


@pytest.mark.parametrize("name", CODECS)
def test_any_bytes_decode_alike(name: str) -> None:
    rng = np.random.RandomState(8)
    for _ in range(200):
        count = int(rng.randint(4, 700))
        blob = rng.bytes(CODECS[name].size(count))
        with np.errstate(all="ignore"):
            mine, theirs = CODECS[name].decode(blob, count, 1), core_decode(name, blob, count, 1)
        assert np.array_equal(mine, theirs, equal_nan=True)


@pytest.mark.parametrize("name", [name for name, c in CODECS.items() if c.lossy])
def test_error_feedback_loses_nothing(name: str) -> None:
    """What is sent a hundred times arrives on average."""
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
