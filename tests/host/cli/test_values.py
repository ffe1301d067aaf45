"""Values of options: what is mistyped is asked for, what can't be is refused by its range, and defaults work."""

from __future__ import annotations

import json
import os

import pytest

from bytefed.boards.registry import full_uri
from bytefed.cli.main import main


def refused(words, capsys) -> str:
    assert main(words.split()) in (1, 2)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "meant"),
    [
        ("run --codec onebitt", "E_CONFIG_CODEC", "onebit"),
        ("run --codec int8/on3bit", "E_CONFIG_CODEC", "onebit"),
        ("estimate --codec flaot32", "E_CONFIG_CODEC", "float32"),
        ("sweep --codec stc50", "E_CONFIG_CODEC", "stc5"),
        ("run --strategy FedMedain", "E_CONFIG_STRATEGY", "fedmedian"),
        ("run --data digts", "E_DATA_UNKNOWN", "digits"),
        ("partition --data cifar-10", "E_DATA_UNKNOWN", "cifar10"),
        ("run --boards virtal:8", "E_CONFIG_BOARDS", "virtual:8"),
        ("run --boards virtual8", "E_CONFIG_BOARDS", "virtual:N"),
        ("run --boards loopback", "E_CONFIG_BOARDS", "loopback:N"),
        ("devices seral:auto", "E_CONFIG_BOARDS", "serial:auto"),
        ("run --faults drp=0.1", "E_CONFIG_FAULTS", "drop"),
        ("board --model motoin", "E_MODEL_MISSING", "motion"),
        ("board --model motion --replay motions", "E_CONFIG_REPLAY", "motion"),
    ],
)
def test_a_mistyped_value_is_asked_for(words, code, meant, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(words, capsys)
    assert f"error[{code}]" in said
    assert f"Did you mean {meant}?" in said


def test_what_is_like_nothing_is_not_guessed(capsys):
    said = refused("run --codec zzz", capsys)
    assert "Did you mean" not in said
    assert "float32, int8" in said


@pytest.mark.parametrize("words", ["run --replay DIR", "estimate --partition iid", "board --check 3"])
def test_an_option_is_proposed_by_its_letters_not_by_its_dashes(words, capsys):
    with pytest.raises(SystemExit):
        main(words.split())
    said = capsys.readouterr().err
    assert f"there is no option {words.split()[1]}." in said
    assert "Did you mean" not in said


@pytest.mark.parametrize(
    "words",
    [
        "partition --clients 0",
        "partition --clients -3",
        "partition --limit -1",
        "partition --min-samples -1",
        "simulate --clients 0",
        "simulate --dropout 2",
        "sweep --seeds 0",
        "sweep --clients 0",
        "run --seeds 0",
        "estimate --clients 0",
        "board --count 0",
        "capture --label 1 --seconds 0",
        "gateway --socket x --clients 0",
        "gateway --socket x --wide-port 70000",
    ],
)
def test_a_value_out_of_range_is_told_its_range(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    option = words.split()[-2]
    said = refused(words, capsys)
    assert f"error[E_CONFIG_RANGE]: {option} " in said
    assert f"-> Give {option} a value from " in said


def test_numbers_in_remedies_are_written_as_people_write_them(capsys):
    said = refused("run --samples -1", capsys)
    assert "0 to 2,147,483,647" in said
    assert "0.000001 to 1,000" in refused("run --server-learning-rate 0", capsys).replace("1e-06", "0.000001")


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("ttyACM0", "serial:/dev/ttyACM0"),
        ("serial:ttyUSB1", "serial:/dev/ttyUSB1"),
        ("cu.usbmodem14101", "serial:/dev/cu.usbmodem14101"),
        ("serial:auto", "serial:auto"),
    ],
)
def test_a_port_may_be_named_without_its_folder(typed, full):
    assert full_uri(typed) == full


def test_a_bare_name_is_answered_as_its_path(capsys):
    bare, path = (refused(f"run --boards {port}", capsys) for port in ("ttyACM77", "/dev/ttyACM77"))
    assert bare == path
    assert "E_PORT_NOT_FOUND" in bare


@pytest.mark.parametrize("words", ["simulate", "simulate --partition iid", "simulate --alpha 0.1"])
def test_a_simulation_without_options_runs(words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*words.split(), "--rounds", "1", "--json"]) == 0
    *_, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert 10 <= end["summary"]["boards"] < 100


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("board --capacity 0", "E_CONFIG_RANGE"),
        ("board --shape 3", "E_CONFIG_SHAPE"),
    ],
)
def test_boards_that_can_not_be_are_refused_in_json_too(words, code, capsys):
    assert main([*words.split(), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "--rounds 3 run",
            "no option --rounds. A command's options come after it: `bytefed run --rounds ...`",
        ),
        (
            "--rounds 3",
            "no option --rounds. A command's options come after it: `bytefed COMMAND --rounds ...`",
        ),
        ("model --name x add keywords", "A command's options come after it: `bytefed model add --name ...`"),
        ("--verson", "Did you mean --version?"),
    ],
)
def test_options_before_their_command_are_told_their_place(words, said, capsys):
    with pytest.raises(SystemExit):
        main(words.split())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["report runs/mine", "export runs/mine", "run --resume runs/mine", "audit runs/mine"]
)
def test_a_run_that_is_not_here_is_looked_for_where_the_user_stands(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"There is no runs/mine in {tmp_path}." in refused(words, capsys)
    (tmp_path / "runs/mine").mkdir(parents=True)
    assert "runs/mine holds no " in refused(words, capsys)


def test_a_file_of_sound_is_told_that_it_needs_a_folder_and_a_model(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.wav").write_bytes(b"RIFF")
    said = refused("partition --data one.wav", capsys)
    assert "Put it in a folder" in said and "--model NAME" in said


def test_a_folder_is_replayed_by_boards_that_hear(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words").mkdir()
    said = refused("board --model motion --replay words/", capsys)
    assert "error[E_CONFIG_REPLAY]" in said and "is a folder" in said and "--model keywords" in said
