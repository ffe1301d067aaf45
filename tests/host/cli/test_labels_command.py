"""`bytefed labels`, `capture` by a label's name, and `devices`: on boards that live on between the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from boards_that_live import Living, living_boards

from bytefed.boards.virtual import BoardKind
from bytefed.cli.main import main
from bytefed.extractor.extractor import Extractor


@pytest.fixture
def kind(tmp_path: Path) -> BoardKind:
    """Boards with the motion model, whose sensor replays windows of noise."""
    extractor = Extractor.load("motion")
    windows = np.random.RandomState(1).randint(-128, 128, (8, *extractor.input_shape)).astype(np.int8)
    np.savez(tmp_path / "replay.npz", X=windows)
    return BoardKind(extractor.D, 4, "motion", replay=str(tmp_path / "replay.npz"))


@pytest.fixture
def boards(kind: BoardKind) -> Iterator[list[Living]]:
    with living_boards(2, kind) as living:
        yield living


def bytefed(*words: str) -> int:
    return main([*words, "--open"] if words[0] != "devices" else list(words))


def uris(boards: list[Living]) -> list[str]:
    return ["--boards", *(each.uri for each in boards)]


def test_labels_are_set_extended_and_taken_away(
    boards: list[Living], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bytefed("labels", "set", "walk", "run", *uris(boards)) == 0
    assert bytefed("labels", "add", "jump", *uris(boards[:1])) == 0
    capsys.readouterr()
    assert bytefed("labels", "list", *uris(boards)) == 0
    assert capsys.readouterr().out.count("jump 0+0") == 1
    assert bytefed("labels", "forget", *uris(boards[:1])) == 0
    assert "jump" not in capsys.readouterr().out


def test_a_sensors_model_has_room_for_eight_labels(
    boards: list[Living], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bytefed("labels", "set", *"abcdefgh", *uris(boards)) == 0
    assert bytefed("labels", "set", *"abcdefghi", *uris(boards)) != 0
    assert "E_LABELS_MANY" in capsys.readouterr().err


def test_nothing_changes_anywhere_where_one_board_can_not(
    boards: list[Living], capsys: pytest.CaptureFixture[str]
) -> None:
    bytefed("labels", "set", "walk", "run", "rest", *uris(boards))
    bytefed("capture", "--label", "rest", "--seconds", "5", "--board", boards[1].uri)
    capsys.readouterr()
    assert bytefed("labels", "set", "walk", "run", *uris(boards)) != 0
    assert "2 samples of rest" in capsys.readouterr().err
    bytefed("labels", "list", *uris(boards[:1]))
    assert "rest" in capsys.readouterr().out


def test_a_sample_is_captured_by_the_name_that_the_board_has(
    boards: list[Living], capsys: pytest.CaptureFixture[str]
) -> None:
    bytefed("labels", "set", "walk", "run", *uris(boards))
    assert bytefed("capture", "--label", "run", "--seconds", "5", "--board", boards[0].uri) == 0
    assert bytefed("capture", "--label", "Walking", "--seconds", "5", "--board", boards[0].uri) != 0
    assert "walk, run" in capsys.readouterr().err
    bytefed("labels", "list", *uris(boards[:1]))
    assert "run 2+0" in capsys.readouterr().out


def test_devices_shows_the_labels(boards: list[Living], capsys: pytest.CaptureFixture[str]) -> None:
    bytefed("devices", boards[0].uri)
    assert "none set, room for 8" in capsys.readouterr().out
    bytefed("labels", "set", "walk", "run", *uris(boards))
    capsys.readouterr()
    bytefed("devices", boards[0].uri)
    out = capsys.readouterr().out
    assert "walk, run" in out
    assert "32x2" in out


@pytest.mark.parametrize("action", [["add", "jump"], ["forget"]], ids=["add", "forget"])
def test_labels_are_set_before_they_change(
    boards: list[Living], capsys: pytest.CaptureFixture[str], action: list[str]
) -> None:
    assert bytefed("labels", *action, *uris(boards)) != 0
    assert "E_LABELS_UNSET" in capsys.readouterr().err
