"""Preferences: the command line, --config, the environment, the user's file, defaults; in this order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bytefed.cli.main import main
from bytefed.cli.parser import build_parser


@pytest.fixture(autouse=True)
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's file, which is not there yet, in a home that is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for name in ("BYTEFED_CONFIG", "BYTEFED_BOARDS", "BYTEFED_LOG_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "settings" / "bytefed"
    folder.mkdir(parents=True)
    return folder / "config.toml"


def boards_of(run: str) -> list[str]:
    return list(json.loads(Path(run, "summary.json").read_text())["config"]["boards"])


def test_each_place_wins_over_those_behind_it(user_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ["run", "--rounds", "1", "--quiet", "--no-central", "--run-dir"]
    user_file.write_text('boards = ["loopback:1"]')
    assert main([*run, "a"]) == 0
    monkeypatch.setenv("BYTEFED_BOARDS", "loopback:2")
    assert main([*run, "b"]) == 0
    Path("c.toml").write_text('boards = ["loopback:3"]')
    assert main([*run, "c", "--config", "c.toml"]) == 0
    assert main([*run, "d", "--config", "c.toml", "--boards", "loopback:4"]) == 0
    assert [boards_of(name) for name in "abcd"] == [[f"loopback:{count}"] for count in (1, 2, 3, 4)]
    assert main(["run", "--resume", "a", "--rounds", "2", "--quiet"]) == 0  # a run has its boards
    assert boards_of("a") == ["loopback:1"]


@pytest.mark.parametrize(
    ("words", "name", "default", "preferred"),
    [
        (["devices"], "boards", ["serial:auto"], ["ble:x"]),
        (["capture"], "boards", ["serial:auto"], ["ble:x"]),
        (["watch"], "boards", ["serial:auto"], ["ble:x"]),
        (["labels", "list"], "boards", ["serial:auto"], ["ble:x"]),
        (["record", "--label", "a", "--out", "b"], "board", "serial:auto", "ble:x"),
    ],
)
def test_commands_for_boards_take_the_preferred_ones(
    monkeypatch: pytest.MonkeyPatch, words: list[str], name: str, default: object, preferred: object
) -> None:
    assert getattr(build_parser(words[0]).parse_args(words), name) == default
    monkeypatch.setenv("BYTEFED_BOARDS", "ble:x")
    assert getattr(build_parser(words[0]).parse_args(words), name) == preferred
    given = build_parser(words[0]).parse_args([*words, "--boards", "ble:y"])
    assert getattr(given, name) in (["ble:y"], "ble:y")


def test_a_log_file_can_be_preferred(user_file: Path) -> None:
    user_file.write_text('log_file = "kept.txt"')
    assert main(["devices", "loopback:1"]) == 0
    assert "bytefed devices loopback:1" in Path("kept.txt").read_text()


@pytest.mark.parametrize(
    ("text", "code"),
    [("boards = 3", "E_CONFIG_TYPE"), ("bords = []", "E_CONFIG_KEY"), ("boards = [", "E_CONFIG_FILE")],
)
def test_a_file_that_is_wrong_is_told(
    user_file: Path, capsys: pytest.CaptureFixture[str], text: str, code: str
) -> None:
    user_file.write_text(text)
    assert main(["devices", "loopback:1"]) == 2
    assert code in capsys.readouterr().err


def test_a_file_that_is_named_must_be_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BYTEFED_CONFIG", "nowhere.toml")
    assert main(["devices", "loopback:1"]) == 2
    assert "E_CONFIG_FILE" in capsys.readouterr().err


def test_completion_and_the_manual_name_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "man"]) == 0
    manual = capsys.readouterr().out
    assert ".SS bytefed run" in manual and ".SS bytefed keys rotate" in manual and "exit status" in manual
    pytest.importorskip("shtab", reason="pip install shtab")
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert "--statistics\\-rounds" in script or "--statistics-rounds" in script


def test_devices_and_doctor_speak_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--boards", "loopback:1", "--json"]) == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    assert (board["uri"], board["model"]) == ("loopback:0", "digits")
    main(["doctor", "--json"])
    assert {"findings", "sealed", "emulator"} == {*json.loads(capsys.readouterr().out)}
