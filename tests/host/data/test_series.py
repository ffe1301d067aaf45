"""Tasks of recordings without an extractor: read from .ts files, features by hand, scaled by a part set apart."""

from __future__ import annotations

import importlib.util
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


@pytest.fixture
def without_aeon(monkeypatch):
    """A machine without the package aeon."""
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "aeon" else find_spec(name, *rest)
    )


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """The folder of vowels in a package aeon that holds nothing else."""
    package = tmp_path / "site" / "aeon"
    folder = package / "datasets" / "data" / "JapaneseVowels"
    folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    return vowels(folder, count=80)


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


def test_the_package_has_what_a_folder_of_other_data_has_not(tmp_path, shipped):
    own = tmp_path / "gestures"
    own.mkdir()
    archive = series.SERIES["vowels"].archive
    assert len(archive.read(own)) == len(archive.read(shipped)) == len(archive.read()) == 160
    assert len(archive.read(vowels(own))) == 120


def test_a_folder_with_one_of_the_files_has_to_have_the_other(tmp_path, shipped):
    """Halves of two data sets would be a third one."""
    own = vowels(tmp_path)
    (own / "JapaneseVowels_TEST.ts").unlink()
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*JapaneseVowels_TEST"):
        load_task("vowels", own)


def test_a_folder_that_is_not_there_is_not_passed_over(tmp_path, shipped):
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*nowhere"):
        load_task("vowels", tmp_path / "nowhere")


def test_who_has_neither_the_files_nor_the_package_is_told_of_both(tmp_path, without_aeon):
    with pytest.raises(DataError, match="E_DATA_MISSING") as caught:
        load_task("leaves", tmp_path)
    assert f"{tmp_path} has neither OSULeaf_TRAIN.ts nor OSULeaf_TEST.ts" in caught.value.message
    assert "aeon" in caught.value.message and "pip install --no-deps aeon" in caught.value.remedy
    assert "--data-dir" in caught.value.remedy
    with pytest.raises(DataError, match="E_DATA_MISSING") as caught:
        load_task("leaves")
    assert "pip install --no-deps aeon" in caught.value.remedy and "neither" not in caught.value.message


@pytest.mark.parametrize(("old", "new"), [("0.", "x"), (":1\n", ":12\n"), (":", ","), (",", ":")])
def test_other_files_are_refused(tmp_path, old, new):
    with pytest.raises(DataError, match=r"E_DATA_FORMAT.*JapaneseVowels"):
        load_task("vowels", vowels(tmp_path, change=lambda text: text.replace(old, new)))


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


def standard_sweep(tmp_path, data_dir, *, boards):
    """Return a short sweep of all standard tasks."""
    where = ["--data-dir", str(data_dir), "--sweep-dir", str(tmp_path / "s"), "--clients", str(boards)]
    return [
        "sweep",
        "--data",
        "standard",
        *where,
        "--codec",
        "onebit",
        "--seeds",
        "1",
        "--rounds",
        "5",
        "--markdown",
    ]


def test_the_standard_sweep_says_what_it_left_out(tmp_path, capsys, monkeypatch, without_aeon):
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr("bytefed.simulation.references.RATES", (0.05,))
    monkeypatch.setattr("bytefed.simulation.references.EPOCHS", (5,))
    assert cli.main([*standard_sweep(tmp_path, vowels(folder), boards=4), "--references"]) == 0
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


@pytest.mark.skipif(not HERE, reason="aeon, which ships the recordings, is not installed")
def test_a_folder_of_gestures_takes_nothing_from_the_standard_sweep(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "bytefed.simulation.sweep_run.STANDARD", ("gesture", "vowels", "leaves", "appliances")
    )
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(standard_sweep(tmp_path, tmp_path, boards=4)) == 0
    shown = capsys.readouterr().out
    left = [line.split(".")[0] for line in shown.splitlines() if line.startswith("Left out: ")]
    assert left == ["Left out: gesture"]
    assert all(f"| {name} " in shown for name in ("vowels", "leaves", "appliances"))


def test_a_task_that_is_too_small_for_so_many_boards_is_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bytefed.simulation.sweep_run.STANDARD", ("digits", "vowels"))
    assert cli.main(standard_sweep(tmp_path, vowels(tmp_path), boards=8)) == 0
    assert "Left out: vowels. [E_PARTITION_CLIENTS]" in capsys.readouterr().out


def test_a_task_by_its_own_name_is_never_left_out(tmp_path, capsys):
    command = ["sweep", "--data", "standard", "gesture", "--seeds", "1", "--sweep-dir", str(tmp_path / "s")]
    assert cli.main([*command, "--data-dir", str(vowels(tmp_path))]) == 1
    assert "E_DATA_MISSING" in capsys.readouterr().err
