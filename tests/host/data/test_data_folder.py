"""A folder of one's own samples through an extractor."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason="the extractor needs tflite-micro")

from bytefed.data import load_task
from bytefed.data.folder import MAX_FILE_BYTES
from bytefed.data.windows import Cut
from bytefed.errors import BytefedError
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import model_folder


@pytest.fixture
def windows(tmp_path):
    folder = tmp_path / "mine"
    rng = np.random.default_rng(0)
    for label in ("b-walk", "a-run", "c-rest"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            np.savetxt(folder / label / f"{number}.csv", rng.uniform(0, 1, (8, 8)), delimiter=",")
    shutil.copy(model_folder("digits") / "digits.tflite", folder / "extractor.tflite")
    return folder


def test_windows_become_features(windows):
    first = windows / "a-run" / "0.csv"
    first.write_text("x,y,z,t,u,v,w,q\n" + first.read_text())
    task = load_task(str(windows))
    assert (len(task.federated), len(task.test), task.num_classes, task.D) == (24, 6, 3, 32)
    assert sorted(np.bincount(task.test.labels)) == [2, 2, 2]
    extractor = Extractor.load("digits")
    own = np.loadtxt(windows / "b-walk" / "3.csv", delimiter=",").astype(np.float32).reshape(1, 8, 8, 1)
    features = extractor.extract(extractor.quantize(own))[0]
    rows = np.concatenate([task.federated.features, task.test.features])
    labels = np.concatenate([task.federated.labels, task.test.labels])
    assert labels[(rows == features).all(axis=1)].tolist() == [1]  # alphabetical: a-run, b-walk, c-rest


def test_pictures_are_scaled(windows):
    image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")
    for label in ("a-run", "b-walk"):
        for path in (windows / label).iterdir():
            path.unlink()
        for number in range(10):
            colour = (255, 255, 255) if label == "a-run" else (number, 0, 0)
            image.new("RGB", (20 + number, 30), colour).save(windows / label / f"{number}.png")
    assert load_task(str(windows)).num_classes == 3


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda folder: (folder / "extractor.tflite").unlink(), "E_MODEL_MISSING"),
        (lambda folder: (folder / "a-run" / "0.csv").write_text("1,2,3"), "E_DATA_SHAPE"),
        (lambda folder: (folder / "a-run" / "0.csv").write_text("1,2\nx,y"), "E_DATA_FORMAT"),
        (lambda folder: (folder / "a-run" / "0.csv").write_text("1,2\n3"), "E_DATA_FORMAT"),
        (lambda folder: (folder / "a-run" / "0.csv").write_text(",".join(["nan"] * 64)), "E_DATA_NAN"),
        (lambda folder: [shutil.rmtree(folder / name) for name in ("a-run", "b-walk")], "E_DATA_EMPTY"),
        (
            lambda folder: [shutil.copytree(folder / "a-run", folder / f"l{i}") for i in range(62)],
            "E_DATA_CLASSES",
        ),
        (lambda folder: (folder / "a-run" / "9.csv").write_bytes(bytes(MAX_FILE_BYTES + 1)), "E_DATA_FORMAT"),
        (
            lambda folder: (folder / "a-run" / "0.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"),
            "E_DATA_FORMAT",
        ),
    ],
)
def test_what_does_not_fit_is_named(windows, break_it, code):
    break_it(windows)
    with pytest.raises(BytefedError, match=code):
        load_task(str(windows))


def test_a_recording_of_each_label_leaves_none_to_test_on(windows):
    """All windows of a recording stay together, so a fifth of two recordings is none."""
    for label in ("b-walk", "a-run"):
        for path in (windows / label).iterdir():
            path.unlink()
        np.savetxt(windows / label / "0.csv", np.random.default_rng(0).uniform(0, 1, (80, 8)), delimiter=",")
    shutil.rmtree(windows / "c-rest")
    with pytest.raises(BytefedError, match="E_DATA_EMPTY") as refused:
        load_task(str(windows), cut=Cut(8))
    assert "2 recordings" in refused.value.message and "a fifth" in refused.value.message
    assert "each label several times" in refused.value.remedy
    shutil.copy(windows / "a-run" / "0.csv", windows / "a-run" / "1.csv")
    assert len(load_task(str(windows), cut=Cut(8)).test) == 10  # a third one is enough
