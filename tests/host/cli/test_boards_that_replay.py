"""Commands that start virtual boards with a sensor: which model they run, and what they hear or feel."""

from __future__ import annotations

from pathlib import Path

import pytest
from said_words import save_words

from bytefed.cli.main import main


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return save_words(tmp_path / "words", ["six", "seven"])


def test_three_boards_hear_words_and_capture_them(words: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boards = ["--boards", "loopback:3", "--model", "keywords", "--replay", str(words)]
    assert main(["capture", *boards, "--labels", "six", "seven", "--seconds", "10"]) == 0
    said = capsys.readouterr().out
    assert all(f"loopback:{n}: five 0, six 10, seven 10, eight 0, nine 0" in said for n in range(3))


def test_a_board_that_hears_is_recorded(words: Path, tmp_path: Path) -> None:
    board = ["--board", "loopback:1", "--model", "keywords", "--replay", str(words)]
    out = tmp_path / "heard"
    assert main(["record", *board, "--label", "six", "--out", str(out), "--seconds", "1"]) == 0
    assert (out / "keywords.tflite").exists() and len(list((out / "six").glob("*.csv"))) == 1


def test_a_model_of_motion_brings_its_own_recordings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", "--boards", "loopback:1", "--label", "Walking", "--seconds", "5"]) == 0
    assert "2 of 2 samples" in capsys.readouterr().out


@pytest.mark.parametrize("model", ["keywords", "digits"])
@pytest.mark.parametrize("rest", ["capture --boards", "record --out o --board"])
def test_boards_that_would_replay_nothing_are_refused(
    model: str, rest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*rest.split(), "loopback:1", "--label", "1", "--model", model]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "E_CONFIG_REPLAY" in said and "--replay my-words/" in said
