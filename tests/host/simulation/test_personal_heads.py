"""Personal heads: the same on boards and in the simulator, and no byte more than without."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

from bytefed.errors import ConfigError
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import begin, resume
from bytefed.ledger.wire_size import sealed_profile, serial_profile
from bytefed.report.run_files import load
from bytefed.simulation.run import Environment, Simulation, load_clients

BOARDS = 5


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """Boards that see few of the classes each: a head of their own does better than the global one."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 6, 600)
    data = tmp_path / "heaps.npz"
    np.savez(data, X=(rng.normal(0, 1, (600, 6)) + 1.5 * np.eye(6)[y]).astype(np.float32), y=y)
    return RunConfig(
        boards=(f"loopback:{BOARDS}",), data=str(data), rounds=6, alpha=0.1, statistics_rounds=2, codec="onebit",
        fraction_train=0.7, learning_rate_decay=0.5, learning_rate_rounds=2, local_epochs=2, central=False,
        personal=True,
    )  # fmt: skip


def columns(directory: Path, *names: str, file: str = "rounds.csv") -> list[tuple[str, ...]]:
    with (directory / file).open(encoding="utf-8") as rows:
        return [tuple(row[name] for name in names) for row in csv.DictReader(rows)]


def simulated(config: RunConfig, directory: Path, *, check: int = 0) -> dict[str, object]:
    environment = Environment([(sealed_profile(serial_profile()), 1.0)], threads=1, check=check)
    return dict(
        Simulation(config, environment, load_clients(config, BOARDS), directory, lambda _: None).run()
    )


ACCURACIES = ("accuracy_boards", "accuracy_personal", "accuracy_global")


def test_boards_and_simulator_find_the_same(config: RunConfig, tmp_path: Path) -> None:
    summary = asyncio.run(begin(config, tmp_path / "boards", lambda _: None))
    assert summary["estimate_exact"]
    also = simulated(config, tmp_path / "simulation", check=BOARDS)
    found = columns(tmp_path / "boards", *ACCURACIES)
    assert found == columns(tmp_path / "simulation", *ACCURACIES)
    # Asked in rounds 2, 4 and 6, about the head of the round before; and after the last.
    assert [personal != "" for _, personal, _ in found] == [True, False, True, False, True, True]
    assert [boards != "" for boards, _, _ in found] == [True, False, True, False, True, True]
    final = summary["accuracy_personal_final"]
    assert final == also["accuracy_personal_final"] == pytest.approx(float(found[-1][1]), abs=1e-6)
    assert final > summary["accuracy_boards_final"] + 0.03
    own = {
        number: [
            (entry["accuracy_personal"][number], sum(entry["test"]))
            for entry in summary["clients"].values()
            if number in entry.get("accuracy_personal", {})
        ]
        for number in ("1", "6")
    }
    assert (len(own["1"]), len(own["6"])) == (int(0.7 * BOARDS), BOARDS)
    mean = sum(share * tested for share, tested in own["6"]) / sum(tested for _, tested in own["6"])
    assert mean == pytest.approx(final, abs=1e-5)
    told = columns(tmp_path / "boards", "loss", "accuracy", file="bytes.csv")
    assert {accuracy for _, accuracy in told} == {""}  # its place in RESULT is taken
    assert len({loss for loss, _ in told}) > 2
    report = load(tmp_path / "boards")
    assert report.accuracy("accuracy_personal") == pytest.approx(final, abs=1e-6)


@pytest.mark.parametrize("on_boards", [True, False])
def test_they_cost_no_byte_and_change_no_head(config: RunConfig, tmp_path: Path, *, on_boards: bool) -> None:
    for name, each in (("with", config), ("without", replace(config, personal=False))):
        if on_boards:
            asyncio.run(begin(each, tmp_path / name, lambda _: None))
        else:
            simulated(each, tmp_path / name)
    for file in ("bytes.csv", "sessions.csv"):
        kept = ("round", "board", "wire_down", "wire_up", "estimate_wire", "payload_up", "control")
        assert sorted(columns(tmp_path / "with", *kept, file=file)) == sorted(
            columns(tmp_path / "without", *kept, file=file)
        )
    assert columns(tmp_path / "with", "accuracy_global") == columns(tmp_path / "without", "accuracy_global")
    assert {personal for (personal,) in columns(tmp_path / "without", "accuracy_personal")} == {""}


def test_a_run_goes_on_with_them(config: RunConfig, tmp_path: Path) -> None:
    """With a codec that loses nothing: virtual boards are new ones then, without what theirs left over."""
    config = replace(config, codec="float32")
    asyncio.run(begin(replace(config, rounds=3), tmp_path / "run", lambda _: None))
    with pytest.raises(ConfigError, match="E_CONFIG_RESUME"):
        asyncio.run(resume(tmp_path / "run", {"personal": False}, lambda _: None))
    asyncio.run(resume(tmp_path / "run", {"rounds": 6}, lambda _: None))
    whole = simulated(config, tmp_path / "whole")
    found = columns(tmp_path / "run", "round", "accuracy_personal")
    assert [number for number, personal in found if personal] == ["1", "3", "5", "6"]
    assert float(found[-1][1]) == pytest.approx(whole["accuracy_personal_final"], abs=1e-6)
