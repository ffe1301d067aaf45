"""Events in the log of the standard library: for programs as for the command line, each once, and no secret in it."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import bytefed

KEYS = {"rounds": 2, "central": False}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rounds(caplog: pytest.LogCaptureFixture) -> list[str]:
    events = [record for record in caplog.records if record.name == "bytefed.events"]
    return [record.getMessage() for record in events if "RoundClosed(" in record.getMessage()]


def test_programs_get_each_event_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    heard: list[bytefed.Event] = []
    run = bytefed.run(boards=["loopback:2"], progress=heard.append, **KEYS)
    assert len(rounds(caplog)) == 2
    logged = [record.getMessage() for record in caplog.records if record.name == "bytefed.events"]
    assert logged == [str(event) for event in heard]
    caplog.clear()
    bytefed.resume(run.directory, rounds=3)
    assert len(rounds(caplog)) == 1
    caplog.clear()
    bytefed.simulate(clients=10, **KEYS)
    assert len(rounds(caplog)) == 2


def test_troubles_are_warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    bytefed.simulate(clients=20, norm_bound=1.0, **KEYS)
    assert any("E_DELTA_NORM" in record.getMessage() for record in caplog.records)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_no_frame_gets_into_a_log_that_nobody_asked_for_frames(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    bytefed.run(boards=["loopback:2"], **KEYS)
    assert not [record for record in caplog.records if hasattr(record, "content")]
    assert rounds(caplog)


def test_who_asks_for_nothing_gets_nothing() -> None:
    """The last resort of the standard library would print warnings; a library has a NullHandler against that."""
    script = "import bytefed; bytefed.simulate(clients=20, norm_bound=1.0, rounds=2, directory='it')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == done.stderr == ""
