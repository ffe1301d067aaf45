"""Tasks of recordings without an extractor: read from .ts files, features by hand, scaled by a part set apart."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from bytefed.cli import main as cli
from bytefed.data import load_task, series
from bytefed.data.columns import Columns
from bytefed.data.raw import divide
from bytefed.errors import DataError
from bytefed.extractor.choice import choose, folds_of

HERE = find_spec("aeon") is not None


def vowels(folder, count=60, change=lambda text: text):
    """Both files with recordings of three speakers: axis a of one of speaker s is s + a and a little noise."""
    random = np.random.RandomState(1)
    for name in series.SERIES["vowels"].archive.files:
        lines = ["#comment", "@data"]
        for number in range(count):
            points = 7 + number % 20
            axes = [number % 3 + a + 0.1 * random.randn(points) for a in range(12)]
            lines.append(
                ":".join([*(",".join(f"{v:.4f}" for v in axis) for axis in axes), str(number % 3 + 1)])
            )
        (folder / name).write_text(change("\n".join(lines)))
    return folder


def test_recordings_of_any_length_have_the_same_features(tmp_path):
    raw = series.SERIES["vowels"].read(vowels(tmp_path))
    assert raw.inputs.shape == (120, 72)
    assert raw.labels.tolist()[:4] == [0, 1, 2, 0]
    one = np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]])
    assert series.spread(one).tolist() == pytest.approx([3, 0, np.std(one[0]), 0, 1, 0, 6, 0, 1, 0, 6, 0])


def test_an_outline_may_begin_anywhere():
    curve = np.random.RandomState(2).randn(1, 427).cumsum(axis=1)
    waves = slice(0, 24)
    assert series.shape(curve).shape == (48,)
    assert np.allclose(series.shape(curve)[waves], series.shape(np.roll(curve, 100, axis=1))[waves])
    assert series.shape(2 * curve)[:24] == pytest.approx(series.shape(curve)[:24] + np.log(2), abs=1e-3)


def test_only_the_part_set_apart_scales_the_features(tmp_path):
    task, raw = load_task("vowels_plain", vowels(tmp_path)), series.SERIES["vowels"].read(tmp_path)
    division = divide(raw, series.PRETRAIN, series.TEST, series.SEED)
    rows = np.zeros(120, bool)
    rows[division.pretrain] = True
    assert task.columns is not None
    assert np.array_equal(task.columns.step, Columns.fit(raw.inputs, rows).step)
    assert (len(task.federated), len(task.test), task.D, task.num_classes) == (48, 36, 72, 9)
    assert np.array_equal(task.test.labels, raw.labels[division.test])
    assert task.model_hash == 0


@pytest.mark.parametrize(("old", "new"), [("0.", "x"), (":1\n", ":12\n"), (":", ","), (",", ":")])
def test_other_files_are_refused(tmp_path, old, new):
    with pytest.raises(DataError, match=r"E_DATA_FORMAT.*JapaneseVowels"):
        load_task("vowels", vowels(tmp_path, change=lambda text: text.replace(old, new)))
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*OSULeaf_TRAIN"):
        load_task("leaves", tmp_path)


@pytest.mark.skipif(not HERE, reason="aeon, which ships the recordings, is not installed")
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("vowels", (256, 192, 32, 9)),
        ("vowels_plain", (256, 192, 72, 9)),
        ("leaves", (176, 133, 48, 6)),
        ("appliances", (80, 60, 48, 10)),
    ],
)
def test_the_tasks_that_aeon_ships(name, sizes):
    task = load_task(name)
    assert (len(task.federated), len(task.test), task.D, task.num_classes) == sizes
    assert len(task.classes) == task.num_classes
    length = (task.quantization.dequantize(task.federated.features) ** 2).sum(axis=1).mean()
    assert 24 < length < 50  # 32 for the part that was set apart


@pytest.mark.skipif(not HERE, reason="aeon, which ships the recordings, is not installed")
@pytest.mark.parametrize("name", ["vowels", "leaves", "appliances"])
def test_a_task_is_whitened_where_the_guard_says_that_it_pays(name):
    raw = series.SERIES[name].read()
    division = divide(raw, series.PRETRAIN, series.TEST, series.SEED)
    columns, codes = series.scaled(raw, division)
    folds, samples = folds_of(codes[division.pretrain], columns.quantization, raw.labels[division.pretrain])
    found = choose(folds, samples).document()
    chosen = (found["shrinkage"], found["directions"]) if found["pays"] else None
    assert series.SERIES[name].whitening == chosen


def test_the_standard_sweep_says_what_it_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "data"
    folder.mkdir()
    command = [
        "sweep",
        "--data",
        "standard",
        "--data-dir",
        str(vowels(folder)),
        "--codec",
        "onebit",
        "--seeds",
        "1",
    ]
    command += [
        "--clients",
        "4",
        "--rounds",
        "5",
        "--sweep-dir",
        str(tmp_path / "s"),
        "--references",
        "--markdown",
    ]
    monkeypatch.setattr("bytefed.simulation.references.RATES", (0.05,))
    monkeypatch.setattr("bytefed.simulation.references.EPOCHS", (5,))
    assert cli.main(command) == 0
    shown = capsys.readouterr().out
    tried = {
        line.split("|")[1].strip()
        for line in shown.splitlines()
        if line.startswith("| ") and "onebit" in line
    }
    assert {"digits", "digits04", "vowels"} <= tried
    left = [line for line in shown.splitlines() if line.startswith("Left out: ")]
    assert {line.split(".")[0].removeprefix("Left out: ") for line in left} == {
        "gesture", "motion", "leaves", "appliances", "keywords", "cifar10"
    }  # fmt: skip
    assert all("E_DATA_MISSING" in line or "E_CONFIG_EXTRA" in line for line in left)


def test_a_task_that_is_too_small_for_so_many_boards_is_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bytefed.simulation.sweep_run.STANDARD", ("digits", "vowels"))
    command = [
        "sweep",
        "--data",
        "standard",
        "--data-dir",
        str(vowels(tmp_path)),
        "--codec",
        "onebit",
        "--seeds",
        "1",
    ]
    command += ["--clients", "8", "--rounds", "2", "--sweep-dir", str(tmp_path / "s"), "--markdown"]
    assert cli.main(command) == 0
    assert "Left out: vowels. [E_PARTITION_CLIENTS]" in capsys.readouterr().out


def test_a_task_by_its_own_name_is_never_left_out(tmp_path, capsys):
    command = ["sweep", "--data", "standard", "gesture", "--seeds", "1", "--sweep-dir", str(tmp_path / "s")]
    assert cli.main([*command, "--data-dir", str(vowels(tmp_path))]) == 1
    assert "E_DATA_MISSING" in capsys.readouterr().err
