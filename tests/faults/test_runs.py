"""Whole runs over bad links, by `--faults`, on a virtual clock: the same head as without, every byte booked."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from virtual_time import run

from bytefed.errors import ConfigError
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.runs.store import Store

FAULTS = [
    "drop=0.1,seed=1",
    "corrupt=0.05,garbage=0.05,seed=2",
    "duplicate=0.1,reorder=0.05,hold=2,seed=3",
    "drop=0.05,stall=0.02,cut=0.01,delay=0.2,seed=4",
    "throttle=5000,drop=0.02,seed=5",
    "cut_at=2000",
]
D, C, ROUNDS = 6, 3, 6


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 120)
    path = tmp_path_factory.mktemp("data") / "heaps.npz"
    np.savez(path, X=(rng.normal(0, 1, (120, D)) + 2 * np.eye(C, D)[y]).astype(np.float32), y=y)
    return path


def run_with(features, folder, faults, codec):
    config = RunConfig(
        boards=("loopback:3",), rounds=ROUNDS, data=str(features), partition="iid", quorum=1.0,
        central=False, codec=codec, faults=faults, deadline=3600.0,
    )  # fmt: skip
    summary = run(experiment.begin(config, folder, lambda event: None))
    store = Store.open(folder)
    deltas = [[d.delta.tobytes() for d in store.deltas(n)] for n in range(1, ROUNDS + 1)]
    head = store.head()[1].tobytes()
    store.close()
    return summary, head, deltas


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_faults_change_no_bit_of_what_is_learnt(features, tmp_path, codec):
    calm, head, deltas = run_with(features, tmp_path / "calm", "", codec)
    assert calm["estimate_exact"]
    for number, faults in enumerate(FAULTS):
        summary, got, got_deltas = run_with(features, tmp_path / str(number), faults, codec)
        assert got == head, faults
        assert got_deltas == deltas, faults
        assert summary["wire_total"] >= calm["wire_total"], faults
        with (tmp_path / str(number) / "bytes.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 3 * ROUNDS
        causes = ("header", "crc", "stuffing", "padding", "ack", "control", "retransmission", "probe", "junk")
        for row in rows:
            named = sum(int(row[name]) for name in ("payload_down", "payload_up", *causes))
            assert named == int(row["wire_total"]) == int(row["wire_down"]) + int(row["wire_up"])


def test_faults_that_are_none_end_the_run_at_once(features, tmp_path):
    with pytest.raises(ConfigError, match="E_CONFIG_FAULTS"):
        run_with(features, tmp_path / "run", "lose=1", "float32")
