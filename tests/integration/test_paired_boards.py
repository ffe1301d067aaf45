"""Boards that are paired as a user does it: `bytefed pair`, then sealed runs; and the keys are nowhere else."""

from __future__ import annotations

import asyncio
import base64
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bytefed.cli.commands import doctor
from bytefed.keys import KeyFile

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")


@contextmanager
def boards(count: int = 1, seed: int = 0) -> Iterator[list[dict[str, str]]]:
    """`bytefed board`: boards that nobody has given a key."""
    command = [sys.executable, "-m", "bytefed", "board", "--json", "--shape", "16x4"]
    command += ["--count", str(count), "--uid-seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield [json.loads(process.stdout.readline()) for _ in range(count)]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors


class User:
    """A user with a home of her own, and all that bytefed ever said to her."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.home.mkdir()
        self.said = ""
        self.keys = KeyFile(home / ".config/bytefed/keys.toml")
        rng = np.random.default_rng(3)
        y = np.arange(120) % 4
        x = rng.integers(-60, 60, (4, 16))[y] + rng.integers(-40, 40, (120, 16))
        np.savez(home / "data.npz", X=x.astype(np.int8), y=y, test=np.arange(120) >= 80)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.home)}

    def does(self, *words: str, status: int = 0, says: str = "") -> str:
        command = [sys.executable, "-m", "bytefed", *words]
        done = subprocess.run(
            command, cwd=self.home, env=self.environment(), capture_output=True, text=True, timeout=120,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        assert done.returncode == status, done.stderr
        assert says in done.stdout + done.stderr
        return done.stdout

    def runs(self, *uris: str, name: str = "run", words: tuple[str, ...] = ()) -> list[dict[str, str]]:
        self.does(
            "run", "--boards", *uris, "--data", "data.npz", "--partition", "iid", "--rounds", "2", "--run-dir", name,
            *words,
        )  # fmt: skip
        return self.rows(f"{name}/sessions.csv") + self.rows(f"{name}/bytes.csv")

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.home / name).open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path / "home")


def all_forms(key: bytes) -> list[bytes]:
    """A key in every form in which it might be written."""
    return [
        key, key[::-1], key.hex().encode(), key.hex().upper().encode(), key.hex(" ").encode(), key.hex(":").encode(),
        base64.b64encode(key)[:40], base64.urlsafe_b64encode(key)[:40], repr(key)[2:-1].encode(),
        repr(list(key))[1:-1].encode(), str(int.from_bytes(key, "little")).encode(), str(int.from_bytes(key)).encode(),
    ]  # fmt: skip


def found_in(folder: Path, key: bytes) -> list[Path]:
    forms = all_forms(key)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


def test_from_a_new_board_to_a_sealed_run_in_two_commands(user):
    with boards() as (board,):
        user.does("pair", board["port"], "--name", "sill", says="is paired")
        rows = user.runs(f"serial:{board['port']}")
    assert {row["board"] for row in rows} == {board["uid"]}
    assert all(int(row["seal"]) > 0 for row in rows if row.get("phase") != "connect")
    assert all(int(row["estimate_difference"]) == 0 for row in rows)
    (connect,) = [row for row in rows if row.get("phase") == "connect"]
    assert int(connect["handshake"]) == 96
    assert {row["security"] for row in rows} == {"sealed"}


def test_a_board_without_a_key_captures_where_that_is_asked_for(user):
    with boards() as (board,):
        words = ("capture", "--board", board["port"], "--label", "1", "--seconds", "1")
        user.does(*words, status=1, says="E_BOARD_UNPAIRED")
        user.does(
            *words, "--open", status=1, says="E_BOARD_NO_SENSOR"
        )  # these boards have none to capture with


def test_a_first_contact_is_estimated_to_the_byte(user):
    """The second host has the key, and has never seen the board."""
    with boards() as (board,):
        user.does("pair", board["port"])
        user.does("keys", "export", board["uid"], "k.toml")
        user.does("keys", "forget", board["uid"], "--yes")
        user.does("keys", "import", "k.toml", says="1 new key")
        rows = user.runs(f"serial:{board['port']}")
        again = user.runs(f"serial:{board['port']}", name="again")
    assert all(int(row["estimate_difference"]) == 0 for row in rows + again)
    first, second = (next(row for row in each if row.get("phase") == "connect") for each in (rows, again))
    assert int(first["wire_total"]) - int(second["wire_total"]) == 1 + 15 + 15


def test_boards_without_a_key_are_refused_and_the_remedy_helps(user):
    with boards(2) as found:
        uris = [f"serial:{board['port']}" for board in found]
        words = ("run", "--boards", *uris, "--data", "data.npz", "--rounds", "1")
        user.does(*words, status=1, says="error[E_BOARD_UNPAIRED]")
        for board in found:
            user.does("pair", board["port"])
        assert {row["board"] for row in user.runs(*uris)} == {board["uid"] for board in found}


def test_open_boards_are_used_where_that_is_said(user):
    with boards() as (board,):
        rows = user.runs(f"serial:{board['port']}", words=("--open",))
    assert {row["security"] for row in rows} == {"OPEN"}


def test_keys_are_nowhere_but_in_their_file(user):
    """Pairs, runs sealed, resumes, reports, rotates, fails; then looks for every key in every file and every word."""
    with boards(2) as found:
        uris = [f"serial:{board['port']}" for board in found]
        for board in found:
            user.does("pair", board["port"], "--json")
        seen = [entry.key for entry in user.keys.read().values()]
        user.runs(*uris, words=("--json",))
        user.does("run", "--resume", "run", "--rounds", "3")
        user.does("report", "run", "--csv", "csv")
        user.does("devices", *uris, says="sealed")
        user.does("keys", "list", says=found[0]["uid"])
        user.does("keys", "list", "--json", says='"state": "paired"')
        user.does("keys", "rotate", found[0]["port"], says="has a new key")
        seen += [entry.key for entry in user.keys.read().values()]
        user.does("keys", "forget", found[1]["uid"], status=2, says="E_CONFIG_CONFIRM")
        user.does("keys", "forget", found[1]["uid"], "--yes")
        user.does("run", "--resume", "run", "--rounds", "4", "--json")
        user.does("devices", uris[1], status=1, says="E_BOARD_LOCKED")
        user.does("pair", found[1]["port"], status=1, says="E_BOARD_LOCKED")
        user.keys.path.chmod(0o644)
        user.does("devices", *uris, status=1, says="E_KEYS_OPEN")
        user.keys.path.chmod(0o600)
        user.keys.path.write_bytes(whole := user.keys.path.read_bytes().replace(b'"', b"'", 1) + b'x = "')
        user.does("devices", *uris, status=1, says="E_KEYS_DAMAGED")
    assert len({*seen}) == 3
    left = [key for key in seen if key.hex().encode() in whole]
    for key in seen:
        assert key is not None
        assert found_in(user.home, key) == ([user.keys.path] if key in left else [])
        assert not any(form in user.said.encode() for form in all_forms(key))


def test_the_search_for_keys_can_find_one(user):
    key = bytes(range(32))
    for number, form in enumerate(all_forms(key)):
        (user.home / f"form{number}").write_bytes(b"x" + form + b"x")
    assert len(found_in(user.home, key)) == len(all_forms(key))


def test_a_key_goes_to_another_host_and_is_taken_away_by_rotating(user, tmp_path):
    other = User(tmp_path / "other")
    with boards() as (board,):
        user.does("pair", board["port"], "--name", "sill")
        other.does("devices", board["port"], status=1, says="E_BOARD_LOCKED")
        user.does("keys", "export", "sill", "k.toml")
        assert (user.home / "k.toml").stat().st_mode & 0o777 == 0o600
        other.does("keys", "import", str(user.home / "k.toml"))
        other.does("devices", board["port"], says="sealed")
        other.does("keys", "rotate", board["port"])
        user.does("devices", board["port"], status=1, says="E_BOARD_LOCKED")
        assert "key = " in other.does("keys", "export", board["uid"], "-")


def test_rotating_gives_another_key_than_that_of_an_interrupted_rotation(user):
    """A stolen file holds the pending key, too."""
    with boards() as (board,):
        user.does("pair", board["port"])
        uid = int(board["uid"], 16)
        with user.keys.changing() as entries:
            taken = entries[uid].key
            entries[uid] = replace(entries[uid], key=bytes(range(32)), pending=taken)
        user.does("keys", "rotate", board["port"], says="has a new key")
        entry = user.keys.read()[uid]
        assert entry.key not in (None, taken, bytes(range(32)))
        assert entry.pending is None
        user.does("devices", board["port"], says="sealed")


def test_only_erasing_gives_a_board_a_key_whose_own_is_lost(user, tmp_path):
    thief = User(tmp_path / "thief")
    with boards() as (board,):
        user.does("pair", board["port"])
        user.runs(f"serial:{board['port']}")
        assert "0 + 0 of 500" not in user.does("devices", board["port"])
        thief.does("pair", board["port"], status=1, says="E_BOARD_LOCKED")
        thief.does("pair", board["port"], "--erase", status=2, says="is about to forget all its samples")
        user.does("devices", board["port"], says="sealed")
        thief.does("pair", board["port"], "--erase", "--yes", says="has a new key")
        thief.does("devices", board["port"], says="0 + 0 of 500")
        user.does("devices", board["port"], status=1, says="E_BOARD_LOCKED")


def test_a_command_that_is_killed_loses_no_board(user):
    with boards() as (board,):
        user.does("pair", board["port"])
        for number in range(6):
            command = [sys.executable, "-m", "bytefed", "keys", "rotate", board["port"]]
            rotating = subprocess.Popen(
                command, env=user.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while b"pending" not in user.keys.path.read_bytes() and rotating.poll() is None:
                time.sleep(0.0005)
            time.sleep(0.002 * number)  # the key is drawn and written: it is sent now, and answered
            rotating.kill()
            rotating.wait()
            user.does("devices", board["port"], says="sealed")


def test_the_doctor_tells_sealed_boards_from_others(user, monkeypatch):
    monkeypatch.setenv("HOME", str(user.home))
    with boards(3) as found:
        ports = [board["port"] for board in found]
        user.does("pair", ports[0])
        user.does("pair", ports[1])
        user.does("keys", "forget", found[1]["uid"], "--yes")
        said, findings = asyncio.run(doctor.links(ports))
        assert said == [f"serial:{ports[0]}: board {found[0]['uid']}, sealed."]
        assert "a key that this host does not know" in findings[0].problem
        assert "has no key" in findings[1].problem
        assert findings[1].remedy.endswith(f"bytefed pair serial:{ports[2]}")
        user.keys.path.chmod(0o640)
        assert "mode 640" in asyncio.run(doctor.links(ports))[1][0].problem
