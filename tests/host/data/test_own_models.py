"""Models of one's own as tasks: `--data NAME`, `--data FOLDER --model NAME`, and how their recordings are divided."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from edited_models import MOTION

from bytefed.boards.replay import Recording
from bytefed.data import Cut, load_task, own_training
from bytefed.data.own_training import Wish, gather, make
from bytefed.errors import ConfigError, DataError, ModelError
from bytefed.extractor import manifest, own, sensor
from bytefed.extractor.choice import held_out
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.quantization import Quantization

pytest.importorskip("tflite_micro", reason="the extractor's runtime is not installed")

LABELS = ("rest", "run", "walk")
READINGS, HOP = 50, 25


def record(folder: Path, label: str, number: int, readings: int = 110) -> Path:
    """Write a recording of six axes, different each time."""
    random = np.random.default_rng([LABELS.index(label), number])
    beat = (0.2, 3.0, 9.0)[LABELS.index(label)]
    times = np.arange(readings)[:, np.newaxis] / READINGS
    values = beat * np.sin(2 * np.pi * beat * times + random.uniform(0, 6, 6)) + random.normal(
        0, 0.3, (readings, 6)
    )
    path = folder / label / f"{number:02d}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, values, fmt="%.4f", delimiter=",", header="ax,ay,az,gx,gy,gz", comments="")
    return path


@pytest.fixture
def moves(tmp_path):
    """A folder of eight recordings of each label."""
    for label in LABELS:
        for number in range(8):
            record(tmp_path / "moves", label, number)
    return tmp_path / "moves"


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """The folder of own models."""
    monkeypatch.setenv(manifest.VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def wish(folder: Path, **values: object) -> Wish:
    return Wish(folder=folder, cut=Cut(READINGS, HOP), **values)


def kept(folder: Path, name: str = "gait", labels: tuple[str, ...] = LABELS, **recordings: object) -> Path:
    """A model that knows its recordings."""
    return own.save(
        name, MOTION, labels, {"recordings": {"folder": str(folder), "hop": HOP, **recordings}}, replace=True
    )


# --- who learns from what


def test_no_recording_is_on_both_sides_of_the_division(moves):
    shutil.copy(moves / "walk/03.csv", moves / "walk/copy.csv")
    shutil.copy(moves / "walk/03.csv", moves / "walk/another.csv")
    made = gather(wish(moves))
    assert made.raw.inputs.shape == (24 * 3 + 2 * 3, READINGS, 1, 6)
    assert len(made.fingerprints) == 24  # copies are one
    seen, others = made.groups[made.seen], made.groups[~made.seen]
    assert not set(seen) & set(others)
    assert 0.3 < made.seen.mean() < 0.5
    for label in range(3):  # each label in proportion
        assert 2 <= len(set(made.groups[made.seen & (made.raw.labels == label)])) <= 4
    assert gather(wish(moves)).seen_fingerprints == made.seen_fingerprints


def test_what_the_folder_keeps_for_tests_is_never_learned(moves, tmp_path):
    parts = tmp_path / "parts"
    for label in LABELS:
        for number in range(8):
            part = "testing" if number > 5 else "training"
            (parts / part / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(moves / label / f"{number:02d}.csv", parts / part / label)
    # The same recording in both parts is for tests.
    for label in LABELS:
        for number in (6, 7):
            shutil.copy(
                parts / f"testing/{label}/{number:02d}.csv", parts / f"training/{label}/copy{number}.csv"
            )
    made = gather(wish(parts))
    kept_back = {own_training.folder.fingerprint(file) for file in (parts / "testing").rglob("*.csv")}
    assert made.seen.any() and not kept_back & set(made.seen_fingerprints)


@pytest.mark.parametrize("files", [1, 4])
def test_too_few_recordings_are_refused(tmp_path, files):
    for label in LABELS:
        for number in range(8 if label != "run" else files):
            record(tmp_path / "moves", label, number)
    with pytest.raises(DataError, match=r"E_DATA_RECORDINGS.*'run'"):
        gather(wish(tmp_path / "moves"))


def test_recordings_are_turned_into_the_units_of_a_board(moves):
    plain = gather(wish(moves, hertz=50))
    turned = gather(wish(moves, hertz=50, units=("g", "deg/s")))
    assert plain.window == turned.window == {
        "sensor_hertz": 50, "axes": list(sensor.AXES), "units": list(sensor.UNITS),
    }  # fmt: skip
    factors = turned.raw.inputs / plain.raw.inputs
    np.testing.assert_allclose(factors[..., :3], 9.80665, rtol=1e-5)
    np.testing.assert_allclose(factors[..., 3:], np.pi / 180, rtol=1e-5)
    kept(moves, units=["g"] * 3 + ["deg/s"] * 3)
    task, same = load_task("gait"), load_task(str(moves), cut=Cut(hop=HOP), model="gait")
    np.testing.assert_array_equal(task.inputs, same.inputs)
    kept(moves)
    assert (load_task("gait").inputs != task.inputs).any()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: record(folder, "walk", 20, 90), "E_CONFIG_WINDOW"),
        (lambda folder: (folder / "walk/x.png").write_bytes(b""), "E_DATA_FORMAT"),
    ],
)
def test_windows_have_to_be_known(moves, change, code):
    assert gather(Wish(folder=moves)).raw.inputs.shape == (24, 110, 1, 6)
    change(moves)
    with pytest.raises((DataError, ConfigError), match=code) as caught:
        gather(Wish(folder=moves))
    assert caught.value.remedy


def test_columns_that_are_no_measurement_do_not_count(tmp_path):
    for label in LABELS:
        for number in range(5):
            path = record(tmp_path / "moves", label, number, 20)
            lines = path.read_text().splitlines()
            rows = [f"{n},{line},{label}" for n, line in enumerate(lines[1:])]
            path.write_text("\n".join([f"time,{lines[0]},note", *rows]))
    made = gather(Wish(folder=tmp_path / "moves"))
    assert made.raw.inputs.shape == (15, 20, 1, 6)
    assert any("time" in said for said in made.warnings)


# --- how good it is


def test_heads_are_tested_by_recordings_that_they_have_not_learned_from():
    """Windows of one recording are alike here, and say nothing of another: a head that saw one of them knows all."""
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(60), 5).astype(np.int32)
    codes = random.integers(-127, 128, (60, 32), np.int8)[groups]
    labels = random.integers(0, 2, 60).astype(np.uint8)[groups]
    code = Quantization(0.01, 0)
    assert held_out(codes, code, labels, groups).mean() < 0.7
    assert held_out(codes, code, labels, np.arange(300)).mean() > 0.85


def test_a_network_is_judged_by_what_it_has_not_seen(moves):
    made = gather(wish(moves))
    asked = []

    def network(inputs, labels):
        asked.append((len(inputs), set(labels.tolist())))
        return MOTION

    found = make(made, network)
    # The network itself, and one for each part of the cross-validation, of its recordings alone.
    assert len(asked) == own_training.networks(made) == 4
    assert asked[-1][0] == made.seen.sum() and all(n < made.seen.sum() for n, _ in asked[:-1])
    assert all(labels == {0, 1, 2} for _, labels in asked)
    held = int((~made.seen).sum())
    for score in found.scores.values():
        assert (score.windows, score.recordings) == (held, 24 - len(made.seen_fingerprints))
    assert found.scores["plain"].accuracy > 0.8
    assert found.scores["plain"].features == 64 and found.scores["raw"].features == READINGS * 6
    assert (found.found.setting[0] if found.found.pays else 64) == Extractor(found.model).D


def test_few_recordings_are_not_enough_to_try_whitening(moves):
    for label in LABELS:
        for number in range(5, 8):
            (moves / label / f"{number:02d}.csv").unlink()
    made = gather(wish(moves))
    found = make(made, lambda inputs, labels: MOTION)
    assert own_training.networks(made) == 1 and found.found is None and found.model == MOTION


# --- as a task


def test_boards_get_what_the_network_has_not_seen(moves):
    made = gather(wish(moves))
    kept(moves, seen=made.seen_fingerprints)
    task = load_task("gait")
    assert task.model == "gait" and task.model_hash == manifest.model_hash(MOTION)
    assert len(task.federated) + len(task.test) == (~made.seen).sum()
    assert any("learned from" in said for said in task.warnings)
    # By their content, wherever they lie and whatever they are called.
    for number, path in enumerate(sorted(moves.rglob("*.csv"))):
        path.rename(path.with_name(f"new{number}.csv"))
    elsewhere = moves.rename(moves.with_name("elsewhere"))
    again = load_task(str(elsewhere), model="gait")
    assert len(again.federated) + len(again.test) == (~made.seen).sum()
    extractor = Extractor.load("gait")
    np.testing.assert_array_equal(extractor.extract(task.inputs), task.federated.features)
    record(elsewhere, "walk", 30)
    assert len(load_task(str(elsewhere), model="gait").federated) > len(again.federated)


def test_a_folder_that_was_learned_altogether_is_refused(moves):
    prints = [own_training.folder.fingerprint(file) for file in moves.rglob("*.csv")]
    kept(moves, seen=prints)
    with pytest.raises(DataError, match=r"E_DATA_EMPTY.*learned from all"):
        load_task("gait")


def test_labels_are_those_of_the_model_in_its_order(moves):
    kept(moves, labels=("walk", "rest", "run", "jump"))
    task = load_task("gait")
    assert task.classes == ("walk", "rest", "run", "jump") and task.num_classes == 4
    assert set(task.federated.labels.tolist()) == {0, 1, 2}
    # The slowest movement, rest, is number 1.
    quiet = np.abs(task.inputs.astype(int) - Extractor.load("gait").input_quantization.zero_point)
    quiet = quiet.reshape(len(task.inputs), -1).mean(axis=1)
    assert min((0, 1, 2), key=lambda label: quiet[task.federated.labels == label].mean()) == 1
    kept(moves, labels=("walk", "rest"))
    with pytest.raises(DataError, match=r"E_DATA_CLASSES.*'run'"):
        load_task("gait")
    own.save("gait", MOTION, 4, replace=True)
    with pytest.raises(DataError, match=r"E_DATA_CLASSES.*3 labels"):
        load_task(str(moves), cut=Cut(hop=HOP), model="gait")


def test_the_model_of_that_name_comes_before_a_folder(moves, monkeypatch):
    kept(moves)
    monkeypatch.chdir(moves.parent)
    (moves.parent / "gait/walk").mkdir(parents=True)
    assert load_task("gait").model == "gait"
    with pytest.raises(ModelError, match=r"E_MODEL_MISSING.*0 \.tflite"):
        load_task("./gait")
    own.save("gait", MOTION, LABELS, replace=True)  # knows of no recordings: the folder counts
    with pytest.raises(ModelError, match=r"E_MODEL_MISSING.*0 \.tflite"):
        load_task("gait")


@pytest.mark.parametrize("name", ["digits", "x.npz"])
def test_a_model_is_for_folders(name):
    with pytest.raises(ConfigError, match="E_CONFIG_MODEL"):
        load_task(name, model="motion")


def test_a_folder_that_is_not_here_is_looked_for_where_the_user_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"E_DATA_UNKNOWN.*no such folder in {tmp_path}"):
        load_task("moves/", model="motion")


def test_a_sensor_replays_the_recordings(moves):
    kept(moves)
    recording = Recording.load("gait", Extractor.load("gait"), 3)
    assert recording.windows.shape == (24 * 3, READINGS, 1, 6) and set(recording.labels.tolist()) == {0, 1, 2}


def test_a_damaged_note_of_recordings_is_no_traceback(moves):
    folder = kept(moves)
    for damage in (
        {"folder": 5},
        {"folder": str(moves), "hop": "x"},
        {"folder": str(moves), "units": 3},
        "x",
        [1],
    ):
        document = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(document | {"recordings": damage}))
        with pytest.raises(ModelError, match="E_MODEL_MANIFEST"):
            load_task("gait")
