"""The file of keys: private, whole whatever happens, and silent about what it holds."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bytefed.errors import StoreError
from bytefed.keys import BoardKey, KeyFile, KeyRing, key_check
from bytefed.keys.file import default_path
from bytefed.keys.handover import import_from
from bytefed.keys.shared import from_text, to_text
from bytefed.private_files import replace_file
from bytefed.seal import draw_key

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
ENTRY = BoardKey(0xAB, KEY, None, 'window "sill"', "2026-01-31", "serial:/dev/ttyACM0")


def a_file(folder: Path, *entries: BoardKey) -> KeyFile:
    file = KeyFile(folder / "settings" / "keys.toml")
    with file.changing() as known:
        known.update({entry.uid: entry for entry in entries})
    return file


def code(file: KeyFile) -> str:
    with pytest.raises(StoreError) as caught:
        file.read()
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        BoardKey(0, None, KEY),
        BoardKey(2**64 - 1, KEY, OTHER, "Küche \\ [x]\t".strip(), "2026-01-31", "ble:AA:BB"),
    ],
)
def test_what_is_written_is_read(entry, tmp_path):
    file = a_file(tmp_path, entry)
    assert file.read() == {entry.uid: entry}
    assert from_text(to_text([entry]).encode()) == {entry.uid: entry}


def test_without_a_file_there_are_no_keys(tmp_path):
    file = KeyFile(tmp_path / "none" / "keys.toml")
    assert file.read() == {}
    assert not file.path.parent.exists()  # looking makes nothing


@POSIX
def test_it_is_for_its_user_alone(tmp_path):
    before = os.umask(0)
    try:
        file = a_file(tmp_path, ENTRY)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert {path.name for path in file.path.parent.iterdir()} == {"keys.toml", "keys.toml.lock"}


@POSIX
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o620])
def test_one_that_others_can_read_or_change_is_refused(mode, tmp_path):
    file = a_file(tmp_path, ENTRY)
    file.path.chmod(mode)
    assert code(file) == "E_KEYS_OPEN"
    with pytest.raises(StoreError) as caught:
        KeyRing(file)
    assert f"chmod 600 {file.path}" in caught.value.remedy
    with pytest.raises(StoreError), file.changing():
        pytest.fail("keys were given to be changed")
    file.path.chmod(0o400)
    assert file.read()


DAMAGED = {
    "no TOML": (f'[00000000000000ab]\nkey = "{KEY.hex()}\n', 2),
    "half a key": (f'\n[00000000000000ab]\nname = "x"\nkey = "{KEY.hex()[:-1]}"\n', 4),
    "a key of zeros": (f'[00000000000000ab]\nkey = "{"0" * 64}"\n', 2),
    "capitals": (f'[00000000000000ab]\nkey = "{KEY.hex().upper()}"\n', 2),
    "no key at all": ('[00000000000000ab]\nname = "x"\n', 1),
    "a number": ("[00000000000000ab]\nkey = 5\n", 2),
    "a key for a uid": (f'[{KEY.hex()}]\nkey = "{KEY.hex()}"\n', 1),
    "a key outside": (f'\nkey = "{KEY.hex()}"\n', 0),
    "an unknown word": (f'[00000000000000ab]\nkey = "{KEY.hex()}"\nclé = "{KEY.hex()}"\n', 3),
    "a word that is a key": (f'[00000000000000ab]\n{KEY.hex()} = "x"\n', 2),
    "a name with a bell": (f'[00000000000000ab]\nkey = "{KEY.hex()}"\nname = "\\u0007"\n', 3),
    "twice": (f'[00000000000000ab]\nkey = "{KEY.hex()}"\n' * 2, 3),
    "a long line": (f'[00000000000000ab]\nkey = "{KEY.hex() * 9}"\n', 2),
    "deep": (f"x = {'[' * 500}", 1),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_told_by_its_line_and_without_its_content(name, tmp_path):
    text, line = DAMAGED[name]
    file = a_file(tmp_path, ENTRY)
    file.path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        file.read()
    assert caught.value.code == "E_KEYS_DAMAGED"
    assert (f"keys.toml, line {line}: " in caught.value.message) == (line > 0)
    assert KEY.hex()[:8] not in f"{caught.value!r} {caught.value}".lower()
    with pytest.raises(StoreError), file.changing():
        pytest.fail("keys were given to be changed")
    assert file.path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("data", [b"\xff\xfe\0", b"[a]\n\xff", b"#" * 600_000])
def test_what_is_no_text_is_damaged(data, tmp_path):
    file = a_file(tmp_path, ENTRY)
    file.path.write_bytes(data)
    assert code(file) == "E_KEYS_DAMAGED"


def test_every_cut_of_it_is_read_or_refused(tmp_path):
    file = a_file(tmp_path, ENTRY, replace(ENTRY, uid=1, pending=OTHER))
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        try:
            file.read()
        except StoreError as error:
            assert error.code == "E_KEYS_DAMAGED"
            assert "line " in error.message


def test_no_representation_shows_a_key(tmp_path):
    file = a_file(tmp_path, replace(ENTRY, pending=OTHER))
    ring = KeyRing(file)
    said = f"{file!r} {ring!r} {file.read()!r} {ring.entry(0xAB)!r} {ring.entry(0xAB)}"
    for key in (KEY, OTHER):
        assert key.hex() not in said
        assert repr(key)[2:20] not in said


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_while_writing_keeps_what_was_there(call, tmp_path, monkeypatch):
    file = a_file(tmp_path, ENTRY)

    def fail(*_):
        raise OSError(28, "no space")

    monkeypatch.setattr(*(os, "fsync", fail) if call == "fsync" else (Path, "replace", fail))
    with pytest.raises(StoreError) as caught, file.changing() as known:
        known[1] = replace(ENTRY, uid=1)
    assert caught.value.code == "E_KEYS_FILE"
    assert file.read() == {ENTRY.uid: ENTRY}
    assert {path.name for path in file.path.parent.iterdir()} == {"keys.toml", "keys.toml.lock"}


def test_an_error_changes_nothing(tmp_path):
    file = a_file(tmp_path, ENTRY)
    with pytest.raises(KeyError), file.changing() as known:
        known.clear()
        raise KeyError
    assert file.read() == {ENTRY.uid: ENTRY}


ADDS = """
import sys
from pathlib import Path
from bytefed.keys import BoardKey, KeyFile
from bytefed.private_files import replace_file
from bytefed.seal import draw_key
for uid in range(int(sys.argv[2]), int(sys.argv[2]) + 25):
    with KeyFile(Path(sys.argv[1])).changing() as known:
        known[uid] = BoardKey(uid, draw_key())
"""


def test_two_commands_lose_nothing_of_each_other(tmp_path):
    path = tmp_path / "keys.toml"
    adding = [
        subprocess.Popen([sys.executable, "-c", ADDS, str(path), str(first)]) for first in (0, 100, 200)
    ]
    assert [each.wait(60) for each in adding] == [0, 0, 0]
    assert len(KeyFile(path).read()) == 75


ADDS_ONE = """
import sys
from pathlib import Path
from bytefed.keys import BoardKey, KeyFile
print("begins", flush=True)
with KeyFile(Path(sys.argv[1])).changing() as known:
    known[1] = BoardKey(1, b"1" * 32)
"""


def test_two_commands_wait_for_each_other(tmp_path):
    file = a_file(tmp_path)
    with file.changing() as known:
        command = [sys.executable, "-c", ADDS_ONE, str(file.path)]
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "begins\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.5)
        known[2] = BoardKey(2, OTHER)
    other.communicate(timeout=30)
    assert other.returncode == 0
    assert {*file.read()} == {1, 2}


@POSIX
def test_a_link_stays_one(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "keys.toml").symlink_to(tmp_path / "elsewhere" / "mine.toml")
    file = KeyFile(tmp_path / "keys.toml")
    with file.changing() as known:
        known[ENTRY.uid] = ENTRY
    assert file.path.is_symlink()
    assert file.read() == {ENTRY.uid: ENTRY}


def test_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".config/bytefed/keys.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert default_path() == tmp_path / "settings/bytefed/keys.toml"
    monkeypatch.setenv("BYTEFED_KEYS", str(tmp_path / "k"))
    assert KeyFile().path == tmp_path / "k"


def test_a_place_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught, KeyFile(tmp_path / "file" / "keys.toml").changing():
        pass
    assert caught.value.code == "E_KEYS_FILE"


def test_the_check_value_is_that_of_the_specification():
    from bytefed import _core

    key = draw_key()
    assert key_check(key) == int.from_bytes(_core.blake2b(b"bytefed key", key, 8)[:4], "little")
    assert len({draw_key() for _ in range(100)}) == 100


# ---- As connections use it


def test_a_ring_hears_of_other_commands(tmp_path):
    file = a_file(tmp_path)
    ring = KeyRing(file)
    assert ring.entry(0xAB) is None
    a_file(tmp_path, ENTRY)
    assert ring.entry(0xAB) == ENTRY
    assert ring.uid_at(ENTRY.uri) == 0xAB
    file.path.write_text("[")
    assert ring.entry(0xAB) == ENTRY  # what it knew still opens the board


def test_a_ring_remembers_where_a_board_was_and_which_key_it_took(tmp_path):
    file = a_file(tmp_path, BoardKey(1, KEY, OTHER), replace(ENTRY, uri="serial:x"))
    ring = KeyRing(file)
    ring.met(1, "serial:x", KEY)
    assert file.read()[1] == BoardKey(1, KEY, OTHER, uri="serial:x")
    assert file.read()[0xAB].uri == ""
    ring.met(1, "serial:x", OTHER)
    assert file.read()[1] == BoardKey(1, OTHER, None, uri="serial:x")
    ring.met(7, "serial:y", KEY)
    assert 7 not in file.read()


def test_a_ring_whose_file_can_not_be_written_goes_on(tmp_path, monkeypatch):
    file = a_file(tmp_path, ENTRY)
    ring = KeyRing(file)
    monkeypatch.setattr(os, "open", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "read-only")))
    ring.met(0xAB, "ble:x", KEY)
    monkeypatch.undo()
    assert file.read() == {0xAB: ENTRY}


def test_a_port_belongs_to_the_board_that_was_met_there_last(tmp_path):
    file = a_file(tmp_path, BoardKey(1, KEY, uri="serial:x"), BoardKey(2, OTHER, uri="serial:x"))
    KeyRing(file).met(2, "serial:x", OTHER)
    assert file.read() == {1: BoardKey(1, KEY), 2: BoardKey(2, OTHER, uri="serial:x")}


# ---- What others, and killed writers, leave


@POSIX
def test_a_link_that_somebody_prepared_is_not_written_through(tmp_path):
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "exported.toml"
    elsewhere.touch(0o666)
    path.with_name(f"{path.name}.{os.getpid()}").symlink_to(elsewhere)
    replace_file(path, b"a key")
    assert elsewhere.read_bytes() == b""
    assert path.read_bytes() == b"a key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    file = a_file(tmp_path, ENTRY)
    left = file.path.parent / f"{file.path.name}.4711"
    left.write_bytes(file.path.read_bytes())
    with file.changing() as entries:
        entries.clear()
    assert not left.exists()
    assert file.read() == {}


@pytest.mark.parametrize("line", ['date = "\\u007f"', 'date = "tomorrow"', 'uri = "serial:\\u001b[2J"'])
def test_nothing_is_taken_that_a_terminal_would_obey(line, tmp_path):
    given = tmp_path / "given.toml"
    given.write_text(f'[00000000000000ab]\nkey = "{KEY.hex()}"\n{line}\n')
    given.chmod(0o600)
    assert code(KeyFile(given)) == "E_KEYS_DAMAGED"


def test_an_import_drops_no_key_that_a_board_may_have_taken(tmp_path):
    file = a_file(tmp_path, BoardKey(1, None, OTHER, "mine"), BoardKey(2, KEY))
    given = tmp_path / "given.toml"
    given.write_text(to_text([BoardKey(1, KEY), BoardKey(2, KEY, OTHER)]))
    given.chmod(0o600)
    assert [entry.uid for entry in import_from(given, file)] == [1]
    assert file.read() == {1: BoardKey(1, KEY, OTHER, "mine"), 2: BoardKey(2, KEY, OTHER)}
