"""The power fails under a real coordinator: nothing is lost, whatever happens to changes that were not synced."""

from __future__ import annotations

import errno

import disk_trace
import pytest
from disk_trace import E_FAILED, build, told_after, trace
from mutants import HOSTS, Mutant, broken_host
from power_loss import Disk, Lost, fail_disk, head_of, lose_power

SEED = 1
ROUNDS = 40  # SQLite's log begins anew within them
FEW_ROUNDS = 3

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(disk_trace.why_not() is not None, reason=str(disk_trace.why_not())),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def traced(library, tmp_path_factory):
    done = trace(tmp_path_factory.mktemp("traced"), library, ROUNDS)
    assert done.status == 0, done.output
    return done


def test_the_trace_is_all_that_happened(traced):
    operations = traced.operations()
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    left = {path: (traced.disk / path).read_bytes() for path in disk.live()}
    assert disk.live() == left
    assert {path.name for path in traced.run.iterdir()} == {path.rpartition("/")[2] for path in left} | {
        "lock"
    }
    told = told_after(operations)[-1]
    assert set(told.released.values()) == {True}
    assert told.sent.keys() == told.released.keys()
    assert len(told.sent) == disk_trace.BOARDS * ROUNDS
    beginnings = [o for o in operations if o.kind == "W" and o.path.endswith("-wal") and o.offset == 0]
    assert len(beginnings) > 1, "SQLite's log never began anew"


def test_power_losses_lose_nothing(traced, tmp_path):
    losses = lose_power(traced, tmp_path / "disk", states=600, resumes=3, seed=SEED)
    assert losses.states >= 600
    assert losses.begun > 500
    assert losses.resumed > 0


_OPEN = '    db.execute("PRAGMA synchronous = FULL")\n    return db'
_AGAIN = "'FULL' if durable"
_COMMIT = "            status = self._commit(number, member, reply)\n"
_RELEASE = "            await device.release(counted=True)\n"
_ENROL = "                    store.enrol(boards, first)\n                    store.sign()\n"
_APPLIED = '            db.executemany(\n                "UPDATE deltas SET applied = 1'


def careless(level: str) -> tuple[tuple[str, str], ...]:
    return tuple((text, text.replace("FULL", level)) for text in (_OPEN, _AGAIN))


MUTANTS = (
    next(mutant for mutant in HOSTS if mutant.name == "release before commit"),
    Mutant(
        "the coordinator lets a board forget what it has not committed",
        "bytefed/federation/coordinator.py",
        ((_COMMIT, _RELEASE + _COMMIT),),
    ),
    Mutant("no waiting for the disk", "bytefed/runs/database.py", careless("OFF")),
    Mutant("waiting for the disk now and then", "bytefed/runs/database.py", careless("NORMAL")),
    Mutant("no journal", "bytefed/runs/database.py", (("journal_mode = WAL", "journal_mode = OFF"),)),
    Mutant(
        "folders are not synced",
        "bytefed/runs/store.py",
        (("            make_folder(directory)", "            directory.mkdir(parents=True)"),),
    ),
    Mutant(
        "a run and its boards in two transactions",
        "bytefed/runs/store.py",
        ((_ENROL, _ENROL.replace("                    ", "                ")),),
    ),
    Mutant(
        "head and deltas in two transactions",
        "bytefed/runs/rounds.py",
        ((_APPLIED, '            db.execute("COMMIT"), db.execute("BEGIN")\n' + _APPLIED),),
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_careless_store_is_found_out(mutant, library, tmp_path):
    program = broken_host(mutant, tmp_path / "host")
    done = trace(tmp_path, library, FEW_ROUNDS, program=program, host=str(tmp_path / "host"))
    assert done.status == 0, done.output
    with pytest.raises(Lost):
        lose_power(done, tmp_path / "found", states=400, resumes=0, seed=SEED)


@pytest.mark.parametrize(("number", "times", "code"), [
    (errno.ENOSPC, 10**9, "E_DISK_FULL"),
    (errno.EIO, 1, "E_RUN_IO"),
])  # fmt: skip
@pytest.mark.parametrize("at", [30, 150])
def test_a_disk_that_fails_stops_the_run_and_loses_nothing(
    number, times, code, at, traced, library, tmp_path
):
    failed = fail_disk(tmp_path, library, FEW_ROUNDS, f"{at} {number} {times}")
    assert failed.status == E_FAILED, failed.output
    assert f"[{code}]" in failed.output
    assert "--resume" in failed.output
    assert "Traceback" not in failed.output
    assert head_of(failed.run) == head_of(traced.run, FEW_ROUNDS)
