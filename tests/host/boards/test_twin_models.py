"""Models that are the same network under several names: boards tell models by their network, people by their labels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from said_words import save_words

from bytefed.boards.describe import describe
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.started import boards
from bytefed.boards.virtual import replaying_kind
from bytefed.cli.main import main
from bytefed.device.device import Device
from bytefed.device.naming import label_names, label_number, model_of
from bytefed.device.recording import Signal
from bytefed.errors import ConfigError
from bytefed.extractor import manifest, own
from bytefed.extractor.manifest import Manifest, known_model, model_folder
from bytefed.federation.held import HeldSamples, HeldTask
from bytefed.protocol.message import VISIT

pytest.importorskip("tflite_micro", reason="the extractor's runtime is not installed")

KEYWORDS = Manifest.load(model_folder("keywords"))
TWINS = {
    "gostop": ("go", "stop", "left"),
    "mine": ("five", "six", "seven", "eight"),
    "tea": ("hot", "cold", "black", "green"),
}
ALL = {"keywords": KEYWORDS.classes, **TWINS}


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three copies of the shipped network, with labels of their user's."""
    monkeypatch.setenv(manifest.VARIABLE, str(tmp_path / "models"))
    network = (model_folder("keywords") / "keywords.tflite").read_bytes()
    for name, labels in TWINS.items():
        own.save(name, network, labels)


@pytest.fixture
def words(tmp_path: Path) -> str:
    return str(save_words(tmp_path / "words", ("go", "left", "stop")))


def options(model: str, words: str) -> VirtualOptions:
    return VirtualOptions(replaying_kind(model, words), sealed=False)


def on_a_started_board(
    model: str, words: str, action: Callable[[Device], Coroutine[None, None, None]]
) -> None:
    async def run() -> None:
        async with open_devices(["loopback:1"], options(model, words)) as (device,):
            await device.connect(VISIT)
            await action(device)

    asyncio.run(asyncio.wait_for(run(), 60))


def on_a_board_of_others(
    model: str, words: str, action: Callable[[Device], Coroutine[None, None, None]]
) -> None:
    """A board that somebody else has started or flashed: only what it says is known."""
    [(board, _)] = boards(1, 0, options(model, words))

    async def run() -> None:
        device = Device(LoopbackTransport(board))
        await device.connect(VISIT)
        await action(device)
        await device.close()

    asyncio.run(asyncio.wait_for(run(), 60))


# ---- Which model it is


@pytest.mark.parametrize("name", ALL)
def test_the_named_one_counts(name: str) -> None:
    for classes in (3, 4, 5, 6):
        known = known_model(KEYWORDS.model_hash, classes, name)
        assert known is not None and (known[0], known[1].classes) == (name, ALL[name])


@pytest.mark.parametrize(
    ("classes", "name"), [(3, "gostop"), (4, "mine"), (5, "keywords"), (6, "gostop"), (None, "gostop")]
)
def test_else_one_with_as_many_classes_and_of_those_the_users_own(classes: int | None, name: str) -> None:
    for named in (
        None,
        "motion",
        "gone",
    ):  # another network, and a model that was removed, name none of these
        known = known_model(KEYWORDS.model_hash, classes, named)
        assert known is not None and known[0] == name


def test_of_as_many_classes_the_user_s_own_comes_before_the_shipped_one() -> None:
    own.save("vowels", (model_folder("keywords") / "keywords.tflite").read_bytes(), tuple("aeiou"))
    known = known_model(KEYWORDS.model_hash, 5)
    assert known is not None and known[0] == "vowels"


def test_a_model_may_be_named_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    (tmp_path / "models" / "tea").rename(folder)
    known = known_model(KEYWORDS.model_hash, 4, str(folder))
    assert known is not None and known[1].classes == TWINS["tea"]
    assert model_folder(known[0]) == folder


# ---- Boards


@pytest.mark.parametrize("name", ALL)
def test_a_board_that_was_started_with_a_model_has_its_labels(name: str, words: str) -> None:
    async def action(device: Device) -> None:
        assert await label_names(device) == ALL[name]
        assert (await describe(device))["model"] == name
        assert Signal(device).model[0] == name

    on_a_started_board(name, words, action)


@pytest.mark.parametrize("name", ["keywords", "gostop", "mine"])
def test_a_board_of_others_has_those_of_the_model_with_as_many(name: str, words: str) -> None:
    async def action(device: Device) -> None:
        assert await label_names(device) == ALL[name]
        assert (await describe(device))["model"] == name
        found = model_of(device)
        assert found is not None and found[0] == name

    on_a_board_of_others(name, words, action)


def test_a_recording_gets_the_network_under_the_name_that_was_said(words: str, tmp_path: Path) -> None:
    line = ["record", "--board", "loopback:1", "--model", "keywords", "--replay", words, "--label", "five"]
    assert main([*line, "--seconds", "1", "--out", str(tmp_path / "recorded")]) == 0
    assert [path.name for path in (tmp_path / "recorded").glob("*.tflite")] == ["keywords.tflite"]


def test_so_does_a_recording_by_a_model_in_a_folder_elsewhere(words: str, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    (tmp_path / "models" / "tea").rename(folder)
    line = ["record", "--board", "loopback:1", "--model", str(folder), "--replay", words, "--label", "hot"]
    assert main([*line, "--seconds", "1", "--out", str(tmp_path / "recorded")]) == 0
    assert [path.name for path in (tmp_path / "recorded").glob("*.tflite")] == ["tea.tflite"]


def test_a_capture_takes_the_labels_of_the_model_that_was_said(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["capture", "--boards", "loopback:1", "--model", "tea", "--replay", words, "--seconds", "1"]
    assert main([*line, "--labels", "cold", "--no-countdown"]) == 0
    assert "hot 0, cold 1, black 0, green 0" in capsys.readouterr().out
    assert main([*line, "--labels", "go", "--no-countdown"]) != 0
    assert "error[E_CONFIG_LABEL]" in capsys.readouterr().err


# ---- Runs on what boards hold


def test_a_run_has_the_labels_of_the_model_that_its_boards_were_started_with(words: str) -> None:
    async def action(device: Device) -> None:
        task = (await HeldSamples.met([device])).task
        assert task.classes == TWINS["tea"]
        assert HeldTask.noted(task.note()).classes == TWINS["tea"]

    on_a_started_board("tea", words, action)


def test_a_run_of_boards_of_others_has_the_labels_of_the_model_with_as_many(words: str) -> None:
    async def action(device: Device) -> None:
        assert (await HeldSamples.met([device])).task.classes == TWINS["mine"]

    on_a_board_of_others("tea", words, action)  # nobody can know better: the road sets labels


def test_a_note_of_before_is_read() -> None:
    for note in ([32, 3, KEYWORDS.model_hash, []], [32, 3, KEYWORDS.model_hash, [], []]):
        assert HeldTask.noted(json.dumps(note)).classes == TWINS["gostop"]


# ---- What is said of it


def test_a_label_that_a_board_does_not_have_is_told_without_numbers_for_names() -> None:
    with pytest.raises(ConfigError) as refused:
        label_number("fife", ("five", "six", "2", "3"))
    assert refused.value.message == "fife is no label of the board."
    assert "Did you mean five?" in refused.value.remedy
    assert "Name one of five, six, or a number from 0 to 3;" in refused.value.remedy
    with pytest.raises(ConfigError) as refused:
        label_number("five", ("0", "1", "2"))
    assert refused.value.remedy.startswith("Name a number from 0 to 2;")


def test_whoever_adds_a_twin_hears_what_follows_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "add", "keywords", "--name", "more", "--labels", "yes", "no", "up"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "gostop, keywords, mine, more and tea are the same network" in said
    assert "shows those of gostop" in said  # which has 3 labels as well, and comes first
    assert "`bytefed labels set yes no up`" in said
    assert main(["model", "add", "keywords", "--name", "six", "--classes", "6"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "shows those of six" in said and "`bytefed labels set --help`" in said
