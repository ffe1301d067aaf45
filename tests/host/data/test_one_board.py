"""One board, and more data than it holds: the remedy works, and says what is left out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bytefed.cli.main import main
from bytefed.data import load_task
from bytefed.errors import BoardError
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig

pytest.importorskip("tflite_micro", reason="the digits' extractor needs tflite-micro")


def board(capacity: int):
    """A board as an assignment sees it, without an extractor."""
    return SimpleNamespace(
        name="one",
        uri="serial:/dev/ttyACM0",
        stored=SimpleNamespace(capacity=capacity),
        board=SimpleNamespace(capabilities=0, model=0),
    )


def test_the_remedy_for_a_full_board_fits_it():
    task, small = load_task("digits"), board(500)
    with pytest.raises(BoardError, match="E_BOARD_CAPACITY") as caught:
        Assignment.divided(RunConfig(), task, 1).samples(0, small)
    assert "--samples 500" in caught.value.remedy
    assignment = Assignment.divided(RunConfig(samples=500), task, 1)
    samples = assignment.samples(0, small)
    assert len(samples.train_y) + len(samples.test_y) == 500
    assert len(samples.test_y) == 125 - 1  # the same quarter as of all, rounded down
    assert assignment.remarks == ("397 of 897 samples to learn from are with no client.",)
    assert Assignment.divided(RunConfig(), task, 8).remarks == ()


def test_the_share_of_the_local_test_is_an_option():
    task = load_task("digits")
    partition = Assignment.divided(RunConfig(local_test=0.5, partition="iid"), task, 4).partition
    assert all(abs(len(partition.test(client)) - len(partition.train(client))) <= 1 for client in range(4))


def test_a_run_says_what_is_left_out(tmp_path, capsys):
    options = ["run", "--boards", "loopback:1", "--samples", "100", "--rounds", "1", "--no-central"]
    assert main([*options, "--quiet", "--run-dir", str(tmp_path / "run")]) == 0
    assert "797 of 897 samples" in capsys.readouterr().err
