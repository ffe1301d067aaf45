"""Samples go to boards that the user has named: each test is an attack that once succeeded, and fails now."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import bytefed
from bytefed.cli.main import main
from bytefed.errors import BytefedError
from bytefed.federation.config import RunConfig
from bytefed.federation.handed_over import refuse_unnamed
from bytefed.runs.origin import state_folder

BEGUN = ["run", "--boards", "loopback:2", "--rounds", "1", "--quiet"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The state folder of a user who has never run bytefed before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def features(home):
    """A private file of features."""
    rng = np.random.default_rng(1)
    path = home / "private.npz"
    np.savez(path, X=rng.normal(size=(120, 4)).astype(np.float32), y=np.arange(120) % 2)
    return path


def begun(folder, *more):
    assert main([*BEGUN, "--run-dir", str(folder), *more]) == 0
    return folder


def change(folder, what, instead):
    with sqlite3.connect(folder / "run.db") as db:
        db.execute("UPDATE meta SET value = replace(value, ?, ?) WHERE key = 'config'", (what, instead))


def refused(folder, **keys):
    with pytest.raises(BytefedError) as caught:
        bytefed.resume(folder, rounds=2, **keys)
    assert caught.value.code == "E_RUN_FOREIGN"
    return caught.value


def become_another(home):
    shutil.rmtree(home / "state")


def test_one_s_own_run_goes_on_by_itself(features):
    folder = begun(features.parent / "it", "--data", str(features))
    assert bytefed.resume(folder, rounds=2).complete
    assert stat.S_IMODE((state_folder() / "mark").stat().st_mode) == 0o600


def test_another_s_run_goes_on_once_boards_and_data_are_named(features):
    folder = begun(features.parent / "it", "--data", str(features))
    become_another(features.parent)
    remedy = f"`bytefed run --resume {folder} --boards loopback:2 --data {features}`"
    assert remedy in refused(folder).remedy
    assert f"--data {features}" in refused(folder, boards=["loopback:2"]).remedy
    assert "--boards loopback:2" in refused(folder, data=str(features)).remedy
    assert bytefed.resume(folder, rounds=2, boards=["loopback:2"], data=str(features)).complete
    assert bytefed.resume(folder, rounds=3).complete  # it is this user's now


def test_another_s_run_sends_no_file_to_its_address(features):
    """Before, 160 of 200 records of a private file arrived at the address in the database."""
    folder = begun(features.parent / "it", "--data", str(features))
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls = []
        thread = threading.Thread(target=lambda: calls.append(server.accept()), daemon=True)
        thread.start()
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"
        change(folder, "loopback:2", address)
        assert address in refused(folder).remedy
        become_another(features.parent)
        assert address in refused(folder).remedy
        thread.join(0.2)
        assert not calls


@pytest.mark.parametrize(
    "words",
    [
        ("UPDATE meta SET value = replace(value, 'private.npz', 'other.npz') WHERE key = 'config'",),
        ("UPDATE meta SET value = replace(value, 'loopback:2', 'loopback:3') WHERE key = 'config'",),
        ("UPDATE boards SET board = '00000000000000ff' WHERE client = 1",),
        ("UPDATE meta SET value = 'x' WHERE key = 'origin'",),
        ("DELETE FROM meta WHERE key = 'origin'",),
    ],
)
def test_one_s_own_run_that_was_changed_is_another_s(features, words):
    folder = begun(features.parent / "it", "--data", str(features))
    shutil.copy(features, features.with_name("other.npz"))
    with sqlite3.connect(folder / "run.db") as db:
        db.execute(*words)
    refused(folder)


def test_a_signature_is_good_for_one_run_alone(home):
    first, second = begun(home / "a"), begun(home / "b")
    with sqlite3.connect(first / "run.db") as db:
        (origin,) = db.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()
    with sqlite3.connect(second / "run.db") as db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'origin'", (origin,))
    refused(second)


def test_another_s_run_loads_no_code_before_it_is_named(home, monkeypatch):
    (home / "theirs.py").write_text(f"open({str(home / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.chdir(home)
    folder = begun(home / "it")
    change(folder, '"fedavg"', '"theirs:Strategy"')
    change(folder, '"FedAvg"', '"theirs:Strategy"')
    assert "theirs:Strategy" in refused(folder, boards=["loopback:2"], data="digits").remedy
    assert not (home / "ran").exists()


def test_a_network_s_boards_are_named_each_time(home):
    folder = begun(home / "it")
    named = {"boards": ["socket://127.0.0.1:9"], "min_train_nodes": 1}
    with pytest.raises(BytefedError) as caught:  # nobody is there, but it is signed now
        bytefed.resume(folder, rounds=2, deadline=1.0, **named)
    assert caught.value.code != "E_RUN_FOREIGN"
    assert "socket://127.0.0.1:9" in refused(folder).remedy


def test_a_complete_run_of_another_is_shown(home):
    folder = begun(home / "it")
    become_another(home)
    assert bytefed.resume(folder).complete


def test_without_a_home_runs_begin_and_end_all_the_same(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nothing")
    folder = begun(home / "it")
    refused(folder)


@pytest.mark.parametrize("command", [["run"], ["gateway", "--socket", "s"]], ids=["run", "gateway"])
def test_whatever_advertises_gets_no_samples(command, capsys):
    """Before, any device in radio reach that advertised the service was enrolled and given a client's share."""
    assert main([*command, "--boards", "virtual:1", "ble:auto"]) == 2
    assert "E_BOARDS_UNNAMED" in capsys.readouterr().err


def test_whatever_advertises_is_in_no_open_run(capsys):
    """Boards that learn from their own samples are given none, but on open links anything could read the head."""
    assert main(["run", "--data", "boards", "--open", "--boards", "ble:auto"]) == 2
    said = capsys.readouterr().err
    assert "E_BOARDS_UNNAMED" in said and "samples" not in said


def test_boards_that_learn_from_their_own_samples_may_be_found_by_radio():
    """On sealed links: only paired boards get in (test_ble_run.py), and they are given nothing that is somebody's."""
    refuse_unnamed(RunConfig.resolve(None, {"boards": ("ble:auto",), "data": "boards"}))


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_files_of_a_run_are_their_users_alone(home, umask):
    """Before, everybody on the computer could read every board's every delta, and the report."""
    simulated = ["simulate", "--clients", "9", "--rounds", "1", "--quiet", "--run-dir", "sim"]
    words = [[*BEGUN, "--run-dir", "it"], ["report", "it"], simulated]
    script = f"""
import os, sqlite3
os.umask({umask})
from bytefed.cli.main import main
for words in {words!r}:
    assert main(words) == 0
db = sqlite3.connect('it/run.db')
db.execute('BEGIN IMMEDIATE')
for folder in ('it', 'sim'):
    for entry in os.scandir(folder):
        print('mode', entry.path, oct(entry.stat().st_mode & 0o777))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=home, capture_output=True, text=True, check=True
    )
    modes = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("mode "))
    assert {"it/run.db", "it/bytes.csv", "it/summary.json", "it/report.html", "it/lock", "sim/head.npy"} <= {
        *modes
    }
    assert set(modes.values()) == {"0o600"}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_files_of_older_runs_are_closed_when_they_go_on(home):
    folder = begun(home / "it")
    for path in folder.iterdir():
        path.chmod(0o644)
    assert bytefed.resume(folder, rounds=2).complete
    open_ones = {path.name for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) != 0o600}
    assert open_ones <= {"lock"}


def test_no_cell_of_a_run_s_files_is_a_formula(home):
    """Before, text of a hostile database went into bytes.csv, sessions.csv as a spreadsheet's formula."""
    folder = begun(home / "it")
    with sqlite3.connect(folder / "run.db") as db:
        db.execute("UPDATE ledger SET link = '=cmd|calc', codec = '@x'")
    bytefed.resume(folder, rounds=2, boards=["loopback:2"], data="digits")
    cells = [
        cell
        for name in ("bytes.csv", "sessions.csv", "rounds.csv")
        for line in (folder / name).read_text().splitlines()
        for cell in line.split(",")
    ]
    assert "'=cmd|calc" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
