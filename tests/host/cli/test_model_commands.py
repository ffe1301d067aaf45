"""`bytefed model add`, `train`, `list` and `remove`, and what other commands know of an own model afterwards."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from edited_models import MODEL, MOTION, edited, operator, with_softmax
from road import Road
from said_words import save

from bytefed.cli import train_model
from bytefed.cli.main import main
from bytefed.errors import ModelError
from bytefed.extractor import choice, manifest, own, sensor
from bytefed.extractor.manifest import Manifest, known_model
from bytefed.extractor.sound import MICROPHONE, FrontEnd

pytest.importorskip("tflite_micro", reason="the extractor's runtime is not installed")

ROOT = Path(__file__).parents[3]
LABELS = ("rest", "run", "walk")
RUN = ["--boards", "loopback:2", "--rounds", "2", "--quiet", "--partition", "iid", "--samples", "40"]


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """The folder of own models, and a folder to work in."""
    monkeypatch.setenv(manifest.VARIABLE, str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    Path("theirs.tflite").write_bytes(MOTION)
    return tmp_path / "models"


@pytest.fixture
def moves(tmp_path):
    """A folder of ten recordings of each of three labels, easy to tell apart."""
    random = np.random.default_rng(5)
    for size, label in enumerate(LABELS):
        for number in range(10):
            path = tmp_path / "moves" / label / f"{number}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            beat = np.sin(np.arange(150)[:, np.newaxis] * (0.1 + size) + random.uniform(0, 6) + np.arange(6))
            np.savetxt(path, (1 + 4 * size) * beat + random.normal(0, 0.2, (150, 6)), "%.3f", ",")
    return tmp_path / "moves"


@pytest.fixture
def trainer(monkeypatch):
    """A stand-in for the trainer of networks, which takes TensorFlow: all that it trains is one network, shipped."""
    module: Any = ModuleType("bytefed.extractor.network")
    module.passes = 0

    def of_windows(D, classes, readings, epochs, step):
        def made(inputs, labels):
            for _ in range(epochs):
                step()
            module.passes += epochs
            return MOTION

        assert (classes, readings) == (3, 50)
        return made

    module.of_windows, module.versions, module.ready = of_windows, lambda: {"tensorflow": "0"}, lambda: None
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(train_model, "find_spec", lambda _: True)
    return module


@pytest.fixture
def spoken(tmp_path):
    """A folder of two words by two speakers, five recordings of each, of 1.5 s."""
    for label, hertz in (("go", 400), ("stop", 1500)):
        for speaker in range(2):
            for take in range(5):
                path = tmp_path / "spoken" / label / f"speaker{speaker}" / f"{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                beat = np.sin(np.arange(12_000) * (hertz + 90 * speaker + 9 * take) * 2 * np.pi / 8000)
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, 8000, 0, "NONE", ""))
                    file.writeframes((9000 * beat).astype("<i2").tobytes())
    return tmp_path / "spoken"


@pytest.fixture
def words_trainer(trainer, monkeypatch):
    """The same for words: all that it trains is the network of the keywords, shipped."""
    module: Any = ModuleType("bytefed.extractor.word_network")
    module.frames = 0
    shipped = (manifest.model_folder("keywords_plain") / "keywords_plain.tflite").read_bytes()

    def of_words(D, classes, frames, epochs, step):
        def made(inputs, labels):
            if frames != 49:  # nothing is shipped for others
                raise KeyboardInterrupt
            return shipped

        module.frames = frames
        return made

    module.of_words = of_words
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


TRAIN = ["model", "train", "--data", "moves", "--name", "gait", "--window", "50", "--hop", "25"]


def test_an_added_model_is_known_wherever_a_model_is(models, moves, capsys):
    assert (
        main(
            [
                "model",
                "add",
                "theirs.tflite",
                "--name",
                "gait",
                "--labels",
                "walk",
                "rest",
                "run",
                "--hertz",
                "10",
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    assert "walk, rest, run" in captured.out and "arena 6,016 bytes" in captured.out
    assert "motion_plain" in captured.err  # the same network
    document = Manifest.load(models / "gait").document
    assert document["classes"] == ["walk", "rest", "run"] and document["sensor_hertz"] == 10
    assert document["axes"] == list(sensor.AXES) and document["units"] == list(sensor.UNITS)
    hash_ = document["model_hash"]
    known = known_model(hash_, 3)
    assert known is not None and known[0] == "gait"  # as `devices` shows it, and `capture` takes its labels
    assert main(["run", *RUN, "--data", "moves", "--model", "gait", "--window", "50", "--run-dir", "r"]) == 0
    summary = json.loads(Path("r/summary.json").read_text())
    assert summary["features"] == 64 and summary["classes"] == 3
    assert summary["estimate_exact"] and summary["rounds"] == 2
    assert main(["run", "--resume", "r", "--rounds", "3", "--quiet"]) == 0
    assert main(["partition", "--data", "moves", "--model", "gait", "--window", "50", "--clients", "2"]) == 0
    assert "walk" in capsys.readouterr().out


def test_a_folder_of_recordings_with_a_model_is_added(models, moves, capsys):
    shutil.copy("theirs.tflite", moves / "extractor.tflite")
    assert main(["model", "add", "moves", "--name", "gait"]) == 0
    made = Manifest.load(models / "gait")
    assert made.classes == LABELS and made.recordings == {"folder": str(moves)}
    assert (
        main(
            [
                "simulate",
                "--data",
                "gait",
                "--window",
                "50",
                "--clients",
                "3",
                "--partition",
                "iid",
                "--rounds",
                "1",
            ]
        )
        == 0
    )
    # A model's folder that another has made goes on as it is.
    shutil.copytree(models / "gait", "theirs")
    assert main(["model", "add", "theirs", "--name", "again"]) == 0
    assert Manifest.load(models / "again").recordings == made.recordings
    Path("theirs/gait.tflite").write_bytes(MODEL)
    assert main(["model", "add", "theirs", "--name", "third"]) == 1
    assert "E_MODEL_SHA256" in capsys.readouterr().err


def test_what_is_there_is_replaced_only_if_asked_for(models, monkeypatch, capsys):
    words = ["model", "add", "theirs.tflite", "--name", "gait", "--classes", "3"]
    assert main(words) == 0
    first = (models / "gait/manifest.json").read_bytes()
    Path("theirs.tflite").write_bytes(MODEL)
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err and (models / "gait/manifest.json").read_bytes() == first
    # A disk that is full loses nothing.
    real = Path.write_bytes

    def full(path, content):
        if path.name.startswith(".manifest"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert main([*words, "--force"]) == 1
    assert Manifest.load(models / "gait").sha256 == manifest.digest(
        (models / "gait/gait.tflite").read_bytes()
    )
    assert sorted(path.name for path in (models / "gait").iterdir()) == ["gait.tflite", "manifest.json"]
    assert main([*words, "--force"]) == 0
    assert Manifest.load(models / "gait").sha256 == manifest.digest(MODEL)
    assert main(["model", "add", "theirs.tflite", "--name", "motion", "--classes", "3", "--force"]) == 1
    assert "E_MODEL_EXISTS" in capsys.readouterr().err


def test_only_own_models_are_removed(models, capsys):
    assert main(["model", "add", "theirs.tflite", "--name", "gait", "--classes", "3"]) == 0
    (models / "gait/notes.md").write_text("mine")
    assert main(["model", "remove", "gait"]) == 0
    assert [path.name for path in (models / "gait").iterdir()] == [
        "notes.md"
    ] and "gait" not in manifest.model_names()
    capsys.readouterr()
    for name, code in (("gait", "MISSING"), ("digits", "SHIPPED"), ("../gait", "MISSING"), (".", "MISSING")):
        assert main(["model", "remove", name]) == 1
        assert f"E_MODEL_{code}" in capsys.readouterr().err
    assert manifest.model_folder("digits").is_dir()


def test_the_list_says_what_boards_need(models, capsys):
    own.save("gait", MOTION, ("walk", "run"), sensor.window((50, 1, 6), 10))
    (models / "broken").mkdir()
    (models / "broken/manifest.json").write_text("{")
    capsys.readouterr()
    assert main(["model", "list", "--json"]) == 0
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["gait"]["own"] and not rows["digits"]["own"]
    assert (rows["gait"]["D"], rows["gait"]["classes"], rows["gait"]["sensor_hertz"]) == (
        64,
        ["walk", "run"],
        10,
    )
    assert rows["gait"]["arena_bytes"] == Manifest.load(models / "gait").arena_bytes
    assert rows["gait"]["model_hash"] == f"{manifest.model_hash(MOTION):08x}"
    assert rows["broken"]["error"] == "E_MODEL_MANIFEST"
    assert main(["model", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert all(word in lines["gait"] for word in ("own", "64", "50x1x6", "10", "6,016", "walk, run"))
    assert "broken:" in lines["broken"] and "own" not in lines["digits"]


def test_a_label_that_steers_a_terminal_is_shown_harmless(models, capsys):
    with pytest.raises(ModelError, match="E_MODEL_CLASSES"):
        own.save("gait", MOTION, ("walk", "\x1b[31mrun"))
    folder = own.save("gait", MOTION, ("walk", "run"))
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("run", "\\u001b[31mrun"))
    assert main(["model", "list"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_window_that_no_board_can_take_itself_comes_as_features(
    models, moves, trainer, capsys, monkeypatch
):
    """A board takes a window into the memory of its head: 8 features are too few for 300 values."""
    monkeypatch.setattr(choice, "DIRECTIONS", (8,))
    monkeypatch.setattr(choice.Choice, "pays", True)
    with pytest.raises(ModelError, match="E_MODEL_SENSOR"):
        own.save("gait", MODEL, 2, {"sensor_hertz": 10, "input_shape": [176, 1, 6]})
    own.save("gait", MODEL, 2, {"sensor_hertz": 10, "input_shape": [175, 1, 6]})
    assert f"custom_labels = {sensor.LABELS}\n" in (ROOT / "platformio.ini").read_text()
    assert main([*TRAIN, "--epochs", "1", "--json", "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["whitening"]["directions"] == 8
    assert main(["run", *RUN, "--data", "gait", "--run-dir", "r"]) == 0
    assert json.loads(Path("r/summary.json").read_text())["estimate_exact"]
    # Features of a sensor's own windows stay plain, so that boards can take them.
    assert main([*TRAIN, "--epochs", "1", "--hertz", "50", "--force"]) == 0
    assert "does not fit the head of whitened features" in capsys.readouterr().out
    assert Manifest.load(models / "gait").D == 64


@pytest.mark.parametrize(
    "labels", [["a"], ["a", "a"], ["a", ""], ["a", " "], ["a", "b" * 64], [str(n) for n in range(65)]]
)
def test_labels_that_no_head_has(labels):
    with pytest.raises(ModelError, match="E_MODEL_CLASSES") as caught:
        own.save("gait", MOTION, labels)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("shape", "hertz", "axes", "units"),
    [
        ((50, 1, 3), 10, (), ()),
        ((50, 6), 10, (), ()),
        ((50, 1, 6), 1001, (), ()),
        ((50, 1, 6), -1, (), ()),
        ((50, 1, 6), 10, ("x",) * 6, ()),
        ((50, 1, 6), 10, (), ("g",)),
        ((50, 1, 6), 0, ("a", "b"), ()),
        ((50, 1, 2), 0, ("a", "a"), ()),
        ((50, 1, 3), 0, (), ("g", "V")),
    ],
)
def test_a_window_that_contradicts_its_shape_or_a_sensor(shape, hertz, axes, units):
    with pytest.raises(ModelError, match="E_MODEL_SENSOR") as caught:
        sensor.window(shape, hertz, axes, units)
    assert caught.value.remedy


def test_a_window_in_words():
    assert sensor.window((50, 1, 2), 0, ("u", "v"), ("V",)) == {"axes": ["u", "v"], "units": ["V", "V"]}
    assert sensor.window((50, 1, 6), 10, (), ("m/s^2", "rad/s"))["sensor_hertz"] == 10
    assert sensor.window((8, 8, 1)) == {}
    motion = Manifest.load(manifest.model_folder("motion")).document
    assert {key: motion[key] for key in ("sensor_hertz", "axes", "units")} == sensor.window((50, 1, 6), 10)


def test_a_model_is_trained_and_boards_learn_from_the_rest(models, moves, trainer, capsys):
    assert main([*TRAIN, "--epochs", "3", "--hertz", "50", "--json"]) == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert (
        "30 recordings of 3 labels, 150 windows: the network learns from 12, 18 are held out" in captured.err
    )
    assert trainer.passes == 3 * 5  # the network, and four of a cross-validation
    held = said["figures"]["held_out"]
    assert {row["windows"] for row in held.values()} == {90} and {
        row["recordings"] for row in held.values()
    } == {18}
    document = Manifest.load(models / "gait").document
    assert len(document["recordings"]["seen"]) == 12 and document["recordings"]["hop"] == 25
    assert document["sensor_hertz"] == 50 and document["classes"] == list(LABELS)
    assert main(["run", *RUN, "--data", "gait", "--run-dir", "r"]) == 0
    summary = json.loads(Path("r/summary.json").read_text())
    assert summary["accuracy_central"] > 0.9 and summary["estimate_exact"]
    assert main(["export", "r", "--format", "tflite"]) == 0
    assert main(TRAIN) == 1 and "E_MODEL_EXISTS" in capsys.readouterr().err
    assert main([*TRAIN, "--force", "--epochs", "1"]) == 0
    words = capsys.readouterr().out
    assert "of 90 windows of 18 recordings" in words and "bytefed run --boards virtual:3 --data gait" in words


def test_a_model_of_words_is_trained_and_boards_learn_from_the_rest(models, spoken, words_trainer, capsys):
    assert main(["model", "train", "--data", "spoken", "--name", "mine", "--epochs", "1"]) == 0
    captured = capsys.readouterr()
    assert "20 recordings of 2 labels, 20 windows: the network learns from 8, 12 are held out" in captured.err
    assert "bytefed's own keywords" in captured.out
    document = Manifest.load(models / "mine").document
    assert document["sound"] == FrontEnd().document() and len(document["recordings"]["seen"]) == 8
    assert "hop" not in document["recordings"] and "sensor_hertz" not in document
    arguments = ["--data", "mine", "--partition", "natural", "--boards", "virtual:2", "--rounds", "2"]
    assert main(["run", *arguments, "--quiet", "--no-central", "--run-dir", "r"]) == 0
    assert json.loads(Path("r/summary.json").read_text())["estimate_exact"]


@pytest.fixture
def wide_trainer(words_trainer):
    """The same for sound of 16,000 samples a second: the first convolution takes 40 bands, with weights of the 32."""

    def widened(table):
        _, (inputs, weights, *_), _ = operator(table, "CONV_2D")
        buffer = table.buffers[weights.buffer]
        values = np.asarray(buffer.data, np.uint8).reshape(weights.shape)
        values = np.pad(values, ((0, 0), (0, 0), (0, 0), (0, 8)), mode="edge")
        buffer.data = values.reshape(-1)
        inputs.shape, weights.shape = [1, 49, 1, 40], values.shape

    wide = edited(widened, words_trainer.of_words(64, 2, 49, 1, None)(None, None))
    words_trainer.of_words = lambda *sizes: lambda inputs, labels: wide
    return words_trainer


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")
def test_boards_hear_words_at_16000_samples_a_second(models, tmp_path, wide_trainer):
    """From training to what they tell: their words are apart above 4 kHz alone."""
    for label, hertz in (("go", 5000), ("stop", 6500)):
        for take in range(8):
            glide = np.cumsum(np.linspace(hertz, hertz + 50 * take, MICROPHONE // 2)) / MICROPHONE
            word = 9000 * np.hanning(MICROPHONE // 2) * np.sin(2 * np.pi * glide)
            save(tmp_path / "wide" / label / f"{take}.wav", word)
    assert (
        main(["model", "train", "--data", "wide", "--name", "mine", "--rate", "16000", "--epochs", "1"]) == 0
    )
    document = Manifest.load(models / "mine").document
    assert document["sound"]["rate"] == 16_000 and document["input_shape"] == [49, 1, 40]
    road = Road(tmp_path)
    with road.boards("mine", "wide") as ports:
        for port in ports:
            road.type("pair", port)
        captured = ["--labels", "go", "stop", "--boards", *ports, "--no-countdown", "--yes"]
        assert "stop 8" in road.type("capture", *captured, "--seconds", "8")
        assert "stop 8 + 3 for test" in road.type("capture", *captured, "--seconds", "3", "--test")
        road.type("run", "--data", "boards", "--boards", *ports, "--rounds", "30", "--run-dir", "r")
        summary = json.loads(Path("r/summary.json").read_text())
        assert summary["accuracy_boards_final"] > 0.9 and summary["estimate_exact"]
        assert "stop" in road.type("watch", "--boards", *ports, "--seconds", "2")


def test_longer_words_have_longer_windows(models, spoken, words_trainer, capsys):
    longer = ["--window", "60", "--hop", "12", "--epochs", "1"]
    assert main(["model", "train", "--data", "spoken", "--name", "mine", *longer]) == 130
    said = capsys.readouterr()
    assert "20 recordings of 2 labels, 40 windows" in said.err  # of 74 frames each
    assert words_trainer.frames == 60


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--hertz 50", "E_MODEL_SENSOR"), ("--units g", "E_MODEL_SENSOR"), ("--window 5", "E_DATA_SHAPE"),
        ("--window 3000", "E_DATA_SHAPE"), ("--rate 16000", "E_DATA_SOUND"),
    ],
)  # fmt: skip
def test_a_training_of_words_that_can_not_work_says_so(models, spoken, words_trainer, capsys, words, code):
    assert main(["model", "train", "--data", "spoken", "--name", "mine", *words.split()]) in (1, 2)
    assert code in capsys.readouterr().err and not words_trainer.frames


def test_a_rate_is_for_sound_alone(models, moves, trainer, capsys):
    assert main([*TRAIN, "--rate", "16000"]) == 1
    assert "--rate is for folders of WAV files alone" in capsys.readouterr().err and trainer.passes == 0


def test_notes_among_words_are_left_out(models, spoken, words_trainer, capsys):
    Path("spoken/go/notes.txt").write_text("said in the kitchen, twice\n")
    assert main(["model", "train", "--data", "spoken", "--name", "mine", "--epochs", "1"]) == 0
    assert "notes.txt" in capsys.readouterr().err


def test_a_shipped_network_is_added_by_its_name_for_other_labels(models, capsys):
    assert main(["model", "add", "keywords", "--name", "mine", "--labels", "go", "stop"]) == 0
    document = Manifest.load(models / "mine").document
    assert document["classes"] == ["go", "stop"] and document["sound"] == FrontEnd().document()
    assert "whitening" not in document and "figures" not in document and "division" not in document


def test_nothing_is_trained_that_could_not_be_kept(models, moves, trainer, capsys):
    models.write_text("a file where the folder should be")
    assert main(TRAIN) == 1
    assert "E_MODEL_WRITE" in capsys.readouterr().err and trainer.passes == 0


def test_an_interrupted_training_leaves_nothing(models, moves, trainer, capsys, monkeypatch):
    def interrupted(*_):
        def made(inputs, labels):
            raise KeyboardInterrupt

        return made

    monkeypatch.setattr(trainer, "of_windows", interrupted)
    assert main(TRAIN) == 130
    assert not models.exists()
    assert "interrupted" in capsys.readouterr().err


def test_training_without_tensorflow_says_what_to_install(moves, monkeypatch, capsys):
    monkeypatch.setattr(train_model, "find_spec", lambda _: None)
    assert main(TRAIN) == 2
    assert "pip install tensorflow" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--share 0.9", "E_CONFIG_RANGE"),
        ("--features 1", "E_CONFIG_RANGE"),
        ("--hertz 2000", "E_MODEL_SENSOR"),
        ("--window 5", "E_DATA_SHAPE"),
        ("--name digits", "E_MODEL_EXISTS"),
        ("--name vowels", "E_MODEL_EXISTS"),
        ("--data nowhere", "E_DATA_MISSING"),
    ],
)
def test_a_training_that_can_not_work_says_so_at_once(moves, trainer, capsys, words, code):
    assert main([*TRAIN, *words.split()]) in (1, 2)
    assert code in capsys.readouterr().err and trainer.passes == 0


def test_a_classifier_keeps_the_labels_that_it_is_given(models):
    Path("theirs.tflite").write_bytes(edited(with_softmax))
    assert main(["model", "add", "theirs.tflite", "--name", "cut", "--cut", "--labels", "a", "b"]) == 0
    assert Manifest.load(models / "cut").classes == ("a", "b")


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
def test_a_network_is_trained(models, moves, capfd):
    """The real thing, in a process of its own: TensorFlow's warnings are no errors there."""
    done = subprocess.run(
        [sys.executable, "-m", "bytefed", *TRAIN, "--epochs", "20", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)["figures"]["held_out"]
    assert held["plain"]["accuracy"] > 95
    assert "retracing" not in done.stderr and "cuda" not in done.stderr
    assert main(["run", *RUN, "--data", "gait", "--run-dir", "r"]) == 0
    assert json.loads(Path("r/summary.json").read_text())["accuracy_final"] > 0.9
