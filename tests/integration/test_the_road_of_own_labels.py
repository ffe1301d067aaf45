"""The whole road by commands: boards that live on, labels of one's own, capture, train, watch, export, classify."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from road import Road

from bytefed import _core
from bytefed.extractor.extractor import Extractor, outputs
from bytefed.result import load_run

LABELS = ["walk", "run", "rest"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")


def motions(per_class: int = 40) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    """Four motions that differ, as the motion extractor takes them."""
    rng = np.random.default_rng(8)
    shape = Extractor.load("motion").input_shape
    y = np.repeat(np.arange(4, dtype=np.uint8), per_class)
    centres = rng.integers(-60, 60, (4, *shape))
    x = centres[y] + rng.normal(0, 12, (len(y), *shape))
    return np.clip(np.round(x), -128, 127).astype(np.int8), y


@pytest.fixture
def road(tmp_path: Path) -> Road:
    return Road(tmp_path)


@pytest.fixture
def ports(road: Road) -> Iterator[list[str]]:
    """Three boards whose sensor replays four motions."""
    x, y = motions()
    np.savez(road.home / "motions.npz", X=x, y=y)
    with road.boards("motion", "motions.npz") as ports:
        yield ports


def take(road: Road, ports: list[str], labels: list[str]) -> None:
    """Capture for training and for testing."""
    for more in (("--seconds", "25"), ("--seconds", "10", "--test")):
        road.type("capture", "--boards", *ports, "--labels", *labels, "--no-countdown", "--yes", *more)


def test_three_boards_learn_four_labels(road: Road, ports: list[str]) -> None:
    for port in ports:
        road.type("pair", port)
    road.type("labels", "set", *LABELS, "--boards", *ports)
    take(road, ports, LABELS)
    run = ["run", "--data", "boards", "--boards", *ports, "--personal", "--run-dir", "mine"]
    said = road.type(*run, "--rounds", "10")
    assert re.search(r"bytes to label +\d+ +as estimated, to the byte", said)

    road.type("labels", "add", "jump", "--boards", ports[0])
    take(road, ports[:1], ["jump"])
    road.type("run", "--resume", "mine", "--rounds", "25")
    result = load_run(road.home / "mine")
    assert result.summary["class_names"] == [*LABELS, "jump"]
    assert result.summary["estimate_exact"]
    assert result.summary["accuracy_boards_final"] > 0.9

    for head in ((), ("--personal",)):
        said = road.type("watch", "--boards", *ports, "--seconds", "2", *head)
        assert said.count("(exact)") == 3 and re.search(r"(walk|run|rest|jump) +\d+ %", said)
    road.type("export", "mine", "--format", "npz", "tflite", "c")
    classifies_as_a_board(road.home / "mine/export")


def classifies_as_a_board(folder: Path) -> None:
    """The exported file, run by TFLM, gives motions the labels that a board gives them."""
    x, y = motions()
    extractor = Extractor.load("motion")
    exported = outputs((folder / "classifier.tflite").read_bytes(), x).argmax(axis=1)
    head = np.load(folder / "head.npz")
    values = np.concatenate([head["W"].ravel(), head["b"]]).astype(np.float32)
    logits = np.empty(len(x) * 4, np.float32)
    meaning = extractor.quantization
    _core.logits(
        values, extractor.extract(x), 4, scale=meaning.scale, zero_point=meaning.zero_point, out=logits
    )
    assert (exported == logits.reshape(-1, 4).argmax(axis=1)).all()
    assert (exported == y).mean() > 0.9
