"""Whole runs over bad links, by `--faults`, on a virtual clock: the same head as without, every byte booked."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, assume, example, given, note, reject, settings
from hypothesis import strategies as st
from virtual_time import run

from bytefed.errors import ConfigError, LinkError
from bytefed.federation import experiment
from bytefed.federation.config import RunConfig
from bytefed.ledger.count import PARTS, REPAIR
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


def run_with(features, folder, faults, codec, boards=3, *, is_open=False, resumes=0):
    config = RunConfig(
        boards=(f"loopback:{boards}",), rounds=ROUNDS, data=str(features), partition="iid", quorum=1.0,
        central=False, codec=codec, faults=faults, deadline=3600.0, open=is_open,
    )  # fmt: skip
    summary = run(finished(config, folder, resumes))
    store = Store.open(folder)
    deltas = [[d.delta.tobytes() for d in store.deltas(n)] for n in range(1, ROUNDS + 1)]
    head = store.head()[1].tobytes()
    store.close()
    return summary, head, deltas


async def finished(config, folder, resumes):
    """Run to the end; a run that gave a board up is resumed, as its error says, up to so many times."""
    try:
        return await experiment.begin(config, folder, lambda event: None)
    except LinkError:
        if not resumes or not folder.exists():
            raise
    return await resumed(folder, resumes)


async def resumed(folder, tries):
    """Go on with a run, again where a board was given up."""
    try:
        return await experiment.resume(folder, {}, lambda event: None)
    except LinkError:
        if tries == 1:
            raise
    return await resumed(folder, tries - 1)


@pytest.mark.parametrize(("codec", "is_open"), [("float32", False), ("onebit", False), ("onebit", True)])
def test_faults_change_no_bit_of_what_is_learnt(features, tmp_path, codec, is_open):
    calm, head, deltas = run_with(features, tmp_path / "calm", "", codec, is_open=is_open)
    assert calm["estimate_exact"]
    assert calm["open_boards"] == 3 * is_open
    for number, faults in enumerate(FAULTS):
        summary, got, got_deltas = run_with(features, tmp_path / str(number), faults, codec, is_open=is_open)
        assert got == head, faults
        assert got_deltas == deltas, faults
        assert summary["wire_total"] >= calm["wire_total"], faults
        with (tmp_path / str(number) / "bytes.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 3 * ROUNDS
        for row in rows:
            named = sum(int(row[name]) for name in PARTS)
            assert named == int(row["wire_total"]) == int(row["wire_down"]) + int(row["wire_up"])


@pytest.fixture(scope="module")
def wide_features(tmp_path_factory):
    """A head of several windows: 900 * 12 + 12 parameters are 43 kB, 175 chunks of 248 B."""
    rng = np.random.default_rng(6)
    y = np.arange(60) % 12
    path = tmp_path_factory.mktemp("wide") / "wide.npz"
    np.savez(path, X=(rng.normal(0, 1, (60, 900)) + np.eye(12, 900)[y]).astype(np.float32), y=y)
    return path


def ledger(folder):
    """All rows of a run that ended well: what each took beside its repair, and what was estimated."""
    for name in ("bytes.csv", "sessions.csv"):
        with (folder / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["status"] in ("ok", "late"):
                    repair = sum(int(row[cause]) for cause in REPAIR)
                    yield row, repair, int(row["wire_total"]) - repair, int(row["estimate_wire"])


RATE = st.sampled_from((0.0, 0.001, 0.01, 0.05))


@settings(
    max_examples=20, deadline=None, print_blob=True, phases=(Phase.explicit, Phase.generate)
)  # no hours of shrinking
@given(
    drop=RATE, corrupt=RATE, duplicate=RATE, garbage=RATE, stall=RATE, cut=st.sampled_from((0.0, 0.0, 0.003)),
    codec=st.sampled_from(("float32", "onebit")), wide=st.booleans(), seed=st.integers(0, 10**6),
)  # fmt: skip
@example(0.01, 0.001, 0.0, 0.0, 0.0, 0.0, "float32", True, 7)
@example(0.05, 0.0, 0.0, 0.0, 0.0, 0.0, "float32", False, 1)
@example(0.0, 0.05, 0.01, 0.05, 0.01, 0.003, "float32", True, 23524)  # three links in a row stall or die
@example(0.001, 0.001, 0.01, 0.001, 0.001, 0.003, "float32", False, 2789)  # a stall while a board is claimed
def test_a_row_without_repair_equals_its_estimate(
    features, wide_features, drop, corrupt, duplicate, garbage, stall, cut, codec, wide, seed
):
    """Bytes that exist only because something was lost are repair; the rest of a row never exceeds the estimate."""
    assume(cut == 0.0 or stall < 0.05)  # else boards are given up again and again
    named = {
        "drop": drop,
        "corrupt": corrupt,
        "duplicate": duplicate,
        "garbage": garbage,
        "stall": stall,
        "cut": cut,
    }
    faults = ",".join(f"{name}={rate}" for name, rate in {**named, "seed": seed}.items())
    note(f"--faults {faults} --codec {codec}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            run_with(
                wide_features if wide else features, Path(folder) / "run", faults, codec, boards=2, resumes=5
            )
        except LinkError:
            if (Path(folder) / "run").exists():
                raise
            reject()  # a run that begins is refused when a board can't be reached
        rows = list(ledger(Path(folder) / "run"))
    assert len(rows) >= 2 * ROUNDS
    for row, repair, news, estimate in rows:
        assert news <= estimate, row
        assert repair or news == estimate, row


def test_faults_that_are_none_end_the_run_at_once(features, tmp_path):
    with pytest.raises(ConfigError, match="E_CONFIG_FAULTS"):
        run_with(features, tmp_path / "run", "lose=1", "float32")
