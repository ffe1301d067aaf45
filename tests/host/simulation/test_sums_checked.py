"""Simulations with --secure-sum and --check: some clients also hide and sum up what they learn as virtual boards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytefed.cli.main import main
from bytefed.simulation import sum_check
from bytefed.simulation.client_sums import OpenSum

SAMPLE = ["--dp", "sample", "--epsilon", "4", "--delta", "1e-4"]
BOARD = ["--dp", "board", "--epsilon", "8", "--delta", "1e-3", "--partition", "iid"]


def simulated(folder: Path, *options: str) -> int:
    return main(["simulate", "--quiet", "--secure-sum", "--quorum", "0", "--run-dir", str(folder), *options])


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


@pytest.mark.parametrize(
    ("options", "sums", "void"),
    [
        (["--clients", "6", "--check", "4", "--codec", "float32"], 4, 0),
        (["--clients", "6", "--check", "6", "--codec", "onebit", "--statistics-rounds", "2"], 4, 0),
        (["--clients", "6", "--check", "4", "--codec", "twobit", "--links", "serial", "ble:65"], 4, 0),
        (["--clients", "20", "--check", "17", "--codec", "int8", "--open", "--links", "ble:65"], 4, 0),
        (["--clients", "6", "--check", "6", "--codec", "onebit", "--dropout", "0.5", "--rounds", "8"], 6, 2),
        (["--clients", "6", "--check", "6", "--codec", "onebit", "--learning-rate", "1000"], 4, 0),
        (["--clients", "6", "--check", "4", "--codec", "onebit", *SAMPLE], 4, 0),
        (
            [
                "--clients",
                "6",
                "--check",
                "5",
                "--codec",
                "int8",
                "--dropout",
                "0.5",
                *SAMPLE,
                "--rounds",
                "5",
            ],
            3,
            1,
        ),
        (["--clients", "64", "--check", "5", "--codec", "float32", *BOARD], 4, 0),
        (["--clients", "64", "--check", "4", "--codec", "int8", "--dropout", "0.1", *BOARD], 4, 0),
    ],
    ids=[
        "float32",
        "all",
        "links",
        "neighbours",
        "dropout",
        "large steps",
        "sample",
        "void",
        "board",
        "shares",
    ],
)
def test_virtual_boards_hide_what_clients_would(
    tmp_path: Path, options: list[str], sums: int, void: int
) -> None:
    assert simulated(tmp_path / "run", "--rounds", "4", *options) == 0
    found = summary_of(tmp_path / "run")
    checked, rounds = int(options[options.index("--check") + 1]), int(found["rounds"])
    assert (found["check"]["clients"], found["check"]["sums"]) == (checked, sums)
    assert found["secure_sum"]["void"] == void
    assert checked * rounds // 3 < found["check"]["rounds"] <= checked * rounds
    assert "--dropout" in options or found["check"]["rounds"] == checked * rounds


def test_a_check_of_a_few_of_very_many(tmp_path: Path) -> None:
    options = ["--data", "synthetic", "--clients", "3000", "--rounds", "2", "--codec", "onebit"]
    assert simulated(tmp_path / "run", *options, "--check", "3") == 0
    assert summary_of(tmp_path / "run")["check"]["sums"] == 2


FEW = ["--clients", "5", "--check", "4", "--rounds", "3", "--codec", "onebit"]


def fails(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert simulated(folder, *options) == 1
    said = capsys.readouterr().err
    assert "E_CHECK" in said
    return said


def test_another_training_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "bytefed.simulation.simulator.training_seeds", lambda seed, clients: np.zeros(len(clients), np.uint64)
    )
    assert "sum of their" in fails(tmp_path / "run", capsys, *FEW)


def test_a_sum_that_is_off_by_one_step_is_found(tmp_path, monkeypatch, capsys):
    add = OpenSum.add

    def wrong(self: OpenSum, *args: Any) -> None:
        add(self, *args)
        self._lanes[3] += self.number == 2

    monkeypatch.setattr(OpenSum, "add", wrong)
    assert "Round 2, all checked clients: sum of their deltas" in fails(tmp_path / "run", capsys, *FEW)


def test_wrong_statistics_are_found(tmp_path, monkeypatch, capsys):
    add = OpenSum.add

    def wrong(self: OpenSum, *args: Any) -> None:
        told = list(args)
        told[5] = told[5] + 1  # samples that were classified correctly
        add(self, *told)

    monkeypatch.setattr(OpenSum, "add", wrong)
    options = [*FEW, "--statistics-rounds", "2"]
    assert "Round 2, all checked clients: sum of their statistics" in fails(
        tmp_path / "run", capsys, *options
    )


def test_masks_that_are_left_are_found(tmp_path, monkeypatch, capsys):
    sort = sum_check.sorted_keys
    monkeypatch.setattr(sum_check, "sorted_keys", lambda *args: (sort(*args)[0][1:], sort(*args)[1]))
    assert "Round 1, all checked clients: sum of their statistics" in fails(tmp_path / "run", capsys, *FEW)


@pytest.mark.parametrize("price", ["mask_bytes", "peers_bytes", "unmask_bytes"])
def test_bytes_that_are_not_those_of_boards_are_found(tmp_path, monkeypatch, capsys, price):
    form = getattr(sum_check, price)
    monkeypatch.setattr(sum_check, price, lambda *args, **options: form(*args, **options) * 2)
    assert "bytes of" in fails(tmp_path / "run", capsys, *FEW)


@pytest.mark.parametrize(
    ("clients", "checked", "links", "least"),
    [("6", "2", "ble", 3), ("6", "1", "serial", 3), ("20", "12", "ble:65", 13)],
)
def test_too_few_to_uncover_a_sum_are_refused(tmp_path, capsys, clients, checked, links, least):
    options = ["--clients", clients, "--check", checked, "--links", links, "--codec", "onebit"]
    assert simulated(tmp_path / "run", *options) == 2
    said = capsys.readouterr().err
    assert "E_CONFIG_SECURE_SUM" in said and f"--check {least} or more" in said
    assert not (tmp_path / "run").exists()


def test_no_word_of_sums_without_them(tmp_path):
    """Where nothing is checked, summary.json has the entry of plain runs."""
    assert simulated(tmp_path / "run", "--clients", "4", "--rounds", "1") == 0
    assert summary_of(tmp_path / "run")["check"] == {"clients": 0, "rounds": 0, "bytes": 0}
