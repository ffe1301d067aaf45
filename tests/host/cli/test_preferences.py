"""Preferences: the command line, --config, the environment, the user's file, defaults; in this order."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from bytefed.cli.commands import COMMANDS
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
        (["pair"], "boards", "serial:auto", "ble:x"),
        (["keys", "rotate"], "boards", "serial:auto", "ble:x"),
        (["doctor"], "boards", ["serial:auto"], ["ble:x"]),
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


def test_a_number_of_boards_is_no_name_of_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEFED_BOARDS", "ble:x")
    assert build_parser("audit").parse_args(["audit", "it"]).boards == 8


@pytest.mark.parametrize("command", [["pair"], ["keys", "rotate"]])
def test_a_board_at_a_cable_is_named_in_either_way_but_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """These boards can't be paired, and the refusal says which one was meant."""
    for words in (["virtual:1"], ["--boards", "virtual:1"], ["--board", "virtual:1"]):
        assert main([*command, *words]) == 2
        assert "E_PAIR_CABLE]: virtual:1 names" in capsys.readouterr().err
    monkeypatch.setenv("BYTEFED_BOARDS", "loopback:1 loopback:2")
    assert main(command) == 2
    assert "E_PAIR_CABLE]: loopback:1 names" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "virtual:1", "--boards", "virtual:1"])
    assert "not allowed with" in capsys.readouterr().err


def test_the_doctor_visits_the_boards_that_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "--boards", "loopback:2"])
    said = capsys.readouterr().out
    assert re.findall(r"^(loopback:\d): board \w+, sealed\.", said, re.MULTILINE) == [
        "loopback:0",
        "loopback:1",
    ]
    assert "No board is on USB" not in said
    monkeypatch.setenv("BYTEFED_BOARDS", "socket://127.0.0.1:1 loopback:1")
    assert main(["doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["sealed"]) == 1
    assert any("socket://127.0.0.1:1" in finding["problem"] for finding in found["findings"])
    assert main(["doctor", "--boards", "vrtual:1"]) == 2
    assert "E_CONFIG_BOARDS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        *(
            (words, "or try N virtual ones: --boards virtual:N.")
            for words in (["run"], ["devices"], ["capture", "--label", "1"], ["watch"], ["labels", "list"],
                          ["record", "--label", "a", "--out", "b"])
        ),
        (["pair"], "or pair a virtual one: `bytefed board` names its port."),
        (["keys", "rotate"], "or pair a virtual one: `bytefed board` names its port."),
    ],
)  # fmt: skip
def test_who_has_no_board_is_advised_what_this_command_can_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], advice: str
) -> None:
    monkeypatch.setattr("bytefed.boards.ports.all_ports", list)
    assert main([*words, "--boards", "serial:auto"]) == 1
    assert advice in capsys.readouterr().err


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
    summary = manual[: manual.index(".SH COMMANDS")]
    for name in COMMANDS:
        assert len(re.findall(rf"^    {name} +\w", summary, re.MULTILINE)) == 1, name
    assert manual.startswith(f'.TH BYTEFED 1 "" "bytefed {version("bytefed")}" "User Commands"\n')
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
