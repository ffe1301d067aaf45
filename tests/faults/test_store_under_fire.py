"""The run directory: coordinators killed at any instant, writes torn at any byte."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from killing import kill_often, undisturbed

from bytefed.federation.config import RunConfig
from bytefed.runs.directory import DATABASE
from bytefed.runs.store import Store

KILLS = 20
P = 300  # parameters: a delta fills part of a page
HEAD = np.zeros(P, np.float32)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and pseudo-terminals")
def test_killed_coordinators_lose_nothing(tmp_path):
    killed = kill_often(tmp_path, KILLS, seed=1)
    assert killed.lost == killed.twice == 0
    assert killed.released > 0
    assert undisturbed(tmp_path, killed.rounds) == killed.head


def told(*arguments: str) -> str:
    """Return what a user reads about an impossible run: the command's one error and its remedy."""
    command = [sys.executable, "-m", "bytefed", "run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def files(run: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file. (Who reads a database that is open in the same process takes its locks away.)"""
    stats = {path.name: path.stat() for path in run.iterdir() if not path.name.endswith("-shm")}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def test_a_second_coordinator_is_sent_away_and_touches_nothing(tmp_path):
    run = tmp_path / "run"
    store = Store.create(run, 9, HEAD, RunConfig(boards=("loopback:2",)).to_toml(), {})
    store.commit_delta(1, "a" * 16, HEAD, num_examples=1, loss=0.0, correct=0)
    before = files(run)
    assert f"[E_RUN_IN_USE]: Another process is working in {run}. -> Wait for it" in told(
        "--resume", str(run)
    )
    anew = told("--boards", "loopback:2", "--run-dir", str(run))
    assert f"[E_RUN_EXISTS]: {run} holds a run already. -> Continue it: `bytefed run --resume {run}`" in anew
    assert files(run) == before
    store.commit_delta(1, "b" * 16, HEAD, num_examples=1, loss=0.0, correct=0)
    store.close()


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="needs a folder in which not even root may write: /sys")
def test_a_folder_that_cannot_be_written_to_is_named():
    said = told("--boards", "loopback:2", "--run-dir", "/sys/bytefed")
    assert "[E_RUN_READ_ONLY]: /sys/bytefed cannot be written to" in said
    assert "-> Make the directory writable for you, or name another one with --run-dir." in said


def delta_of(number):
    return np.random.default_rng(number).normal(0, 1, P).astype(np.float32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A database as a power cut finds it, and how long the write-ahead log was after each of ten commits."""
    folder = tmp_path_factory.mktemp("written")
    store = Store.create(folder / "run", 9, HEAD, "", {})
    store.begin_round(1, [])
    wal = folder / "run" / f"{DATABASE}-wal"
    sizes = []
    for board in range(10):
        store.commit_delta(1, f"{board:016x}", delta_of(board), num_examples=3, loss=0.0, correct=1)
        sizes.append(wal.stat().st_size)
    shutil.copytree(folder / "run", folder / "cut")  # the store is still open: nothing was tidied up
    store.close()
    return folder / "cut", sizes


def boards_after(folder, wal: bytes):
    """Return the content of a store whose write-ahead log is found like that."""
    for rest in folder.glob(f"{DATABASE}-shm"):
        rest.unlink()
    (folder / f"{DATABASE}-wal").write_bytes(wal)
    store = Store.open(folder)
    try:
        found = store.deltas(1)
        for delta in found:
            assert delta.delta.tobytes() == delta_of(int(delta.board, 16)).tobytes()
        store.commit_delta(1, "f" * 16, HEAD, num_examples=1, loss=0.0, correct=0)
        assert len(store.deltas(1)) == len(found) + 1
        return len(found)
    finally:
        store.close()


def spoilt_logs(wal: bytes, sizes: list[int], rng: random.Random):
    """Logs torn at some byte: cut off, filled with zeros or noise, or with a sector that was not written."""
    edges = [size + step for size in sizes for step in (-1, 0, 1)]
    for at in sorted({*edges, *(rng.randrange(sizes[0], len(wal)) for _ in range(60))}):
        rest = max(0, len(wal) - at)
        yield at, wal[:at]
        yield at, wal[:at] + bytes(rest)
        yield at, wal[:at] + rng.randbytes(rest)
    for at in range(sizes[0] // 512 * 512 + 512, len(wal) - 512, 2560):
        yield at, wal[:at] + bytes(b ^ 0xFF for b in wal[at : at + 512]) + wal[at + 512 :]


def test_torn_writes_lose_nothing_that_was_committed(written, tmp_path):
    folder, sizes = written
    wal = (folder / f"{DATABASE}-wal").read_bytes()
    assert len(wal) == sizes[-1]
    worlds = 0
    for at, torn in spoilt_logs(wal, sizes, random.Random(1)):
        copy = tmp_path / "run"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        assert boards_after(copy, torn) == sum(size <= at for size in sizes), at
        worlds += 1
    assert worlds > 200
