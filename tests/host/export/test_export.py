"""Exports of runs: each file does what boards do, as far as it says, and says where it does not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from said_words import save_words

pytest.importorskip("bytefed._core", reason="needs the compiled core")

import bytefed
from bytefed.cli.main import main
from bytefed.data import load_task
from bytefed.data.load import TASKS
from bytefed.data.task import Samples, Task
from bytefed.errors import BytefedError, ConfigError, DataError
from bytefed.export.agreement import LEAST, Agreement
from bytefed.export.classifier import append_float, classifier, int8_head
from bytefed.export.files import export
from bytefed.export.trained import Trained
from bytefed.extractor.extractor import Extractor, outputs
from bytefed.extractor.manifest import Manifest, model_folder

SKETCH = Path(__file__).parent / "sketch"
CORE = Path(__file__).parents[3] / "firmware/lib/bytefed/src"
D, C = 6, 3
LABELS = ('naïve "walk" \\ ??/', "rest", "日本")


def heaps(path: Path, kind: type = np.float32) -> Path:
    """Features that came ready: real numbers in odd units, one column the same in all rows; or int8 codes."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, C, 300)
    X = rng.normal(0, 1, (300, D)) + 2 * np.eye(C, D)[y]
    X = np.round(20 * X).clip(-128, 127) if kind is np.int8 else X * 1000.0 ** np.arange(D) + 7
    X[:, -1] = 3
    meaning = {"scale": np.float32(0.03), "zero_point": 40} if kind is np.int8 else {}
    np.savez(path, X=X.astype(kind), y=np.array(LABELS)[y], **meaning)
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on real digits, with an extractor."""
    pytest.importorskip("tflite_micro")
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("runs") / "digits"
    bytefed.simulate(data="digits04", clients=5, rounds=3, threads=1, directory=folder)
    return folder


@pytest.fixture(scope="module", params=[np.float32, np.int8], ids=["real", "codes"])
def ready(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on features that came ready."""
    folder = tmp_path_factory.mktemp("runs")
    data = heaps(folder / "heaps.npz", request.param)
    bytefed.simulate(data=data, clients=3, rounds=3, threads=1, directory=folder / "run")
    return folder / "run"


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


# --- the head as arrays


def test_the_archive_is_the_head_and_begins_another_run(digits, tmp_path):
    trained, task = Trained.load(digits), load_task("digits04")
    [path] = bytefed.load_run(digits).export(tmp_path, formats=["npz"])
    arrays = arrays_of(path)
    features = arrays["scale"] * (task.test.features.astype(np.float32) - arrays["zero_point"])
    found = (features @ arrays["W"] + arrays["b"]).argmax(axis=1)
    assert np.array_equal(found, trained.logits(task.test.features).argmax(axis=1))
    assert (found == task.test.labels).mean() == pytest.approx(bytefed.load_run(digits).accuracy)
    assert arrays["model_hash"] == task.model_hash == task.extractor_hash != 0
    assert tuple(arrays["classes"]) == task.classes
    began = bytefed.simulate(
        data="digits04", clients=2, rounds=1, threads=1, head=path, directory=tmp_path / "again"
    ).summary["began_with"]
    assert began["accuracy"] == pytest.approx(bytefed.load_run(digits).accuracy, abs=1e-6)
    with pytest.raises(DataError, match="E_HEAD_FEATURES"):  # the same shape, other features
        bytefed.simulate(data="digits", clients=2, rounds=1, head=path, directory=tmp_path / "other")


def test_an_archive_says_how_real_features_were_scaled(ready, tmp_path):
    trained = Trained.load(ready)
    [path] = bytefed.load_run(ready).export(tmp_path, formats=["npz"])
    arrays, data = arrays_of(path), arrays_of(ready.parent / "heaps.npz")
    X, columns = data["X"], trained.task.columns
    assert ("step" in arrays) == (columns is not None) == (X.dtype != np.int8)
    if columns is not None:
        codes = np.clip(np.floor((X - arrays["offset"]) / arrays["step"] + 0.5), -128, 127)
        assert np.array_equal(codes, columns.encode(X))


@pytest.mark.filterwarnings("ignore")  # TensorFlow's own
def test_the_keras_layer_gives_the_boards_labels(digits, tmp_path):
    keras = pytest.importorskip("keras")
    trained = Trained.load(digits)
    done = export(trained, tmp_path, ["keras"])
    assert done.files[0].agreement.others == ()
    model = keras.models.load_model(tmp_path / "head.keras")
    features = trained.task.quantization.dequantize(trained.task.test.features)
    assert np.allclose(
        model.predict(features, verbose=0), trained.logits(trained.task.test.features), atol=1e-4
    )


class FakeKeras:
    """Keras as far as the export uses it: a model of one layer."""

    def __init__(self) -> None:
        self.layers = SimpleNamespace(Dense=lambda units, name: ("dense", units, name))
        self.parts: list[object] = []
        self.weights: list[np.ndarray] = []

    def Input(self, shape: tuple[int, ...], name: str) -> object:  # noqa: N802
        return "input", shape, name

    def Sequential(self, parts: list[object], name: str) -> FakeKeras:  # noqa: N802
        self.parts = parts
        return self

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = weights

    def predict(self, features: np.ndarray, verbose: int) -> np.ndarray:
        return features @ self.weights[0] + self.weights[1]

    def save(self, path: Path) -> None:
        path.write_bytes(b"a layer")


def test_a_keras_layer_is_made_of_weights_and_biases(ready, tmp_path, monkeypatch):
    fake = FakeKeras()
    monkeypatch.setitem(sys.modules, "keras", fake)
    trained = Trained.load(ready)
    [file] = export(trained, tmp_path, ["keras"]).files
    assert fake.parts == [("input", (D,), "features"), ("dense", C, "logits")]
    assert np.array_equal(fake.weights[0], trained.W)
    assert np.array_equal(fake.weights[1], trained.b)
    assert file.agreement == Agreement(len(trained.task.test), ())
    assert (tmp_path / "head.keras").read_bytes() == b"a layer"


def test_without_tensorflow_the_keras_layer_is_refused_or_left_out(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ConfigError, match="E_CONFIG_EXTRA") as caught:
        bytefed.load_run(digits).export(tmp_path / "one", formats=["npz", "keras"])
    assert "pip install tensorflow" in caught.value.remedy
    assert main(["export", str(digits), "--to", str(tmp_path / "all")]) == 0
    assert "left out: keras. " in (said := capsys.readouterr().out)
    assert "pip install tensorflow" in said
    assert not (tmp_path / "all/head.keras").exists()


# --- extractor and head in one file


def test_one_file_classifies_as_boards_do(digits, tmp_path):
    """Whole images through TFLM, and the layer by our own integers: the same bits; and the labels that boards give."""
    trained = Trained.load(digits)
    task, extraction = trained.task, trained.task.extraction
    [path] = bytefed.load_run(digits).export(tmp_path, formats=["tflite"])
    whole = Extractor(path.read_bytes())  # keeps the rules of models that boards run
    scores = whole.extract(extraction.test_inputs)
    layer = int8_head(trained)
    assert np.array_equal(scores, layer.apply(task.test.features))
    assert whole.quantization == layer.output
    assert path.stat().st_size < len(extraction.model) + layer.weights.size + 4 * len(layer.bias) + 1024
    raw, division = TASKS["digits04"].load()
    assert np.array_equal(whole.quantize(raw.inputs[division.test]), extraction.test_inputs)
    board = trained.logits(task.test.features).argmax(axis=1)
    agreement = classifier(trained, extraction).agreement
    assert agreement.tested == 400
    assert [
        other.sample for other in sorted(agreement.others, key=lambda other: other.sample)
    ] == np.flatnonzero(scores.argmax(axis=1) != board).tolist()
    assert agreement.fraction >= LEAST


def close_call(trained: Trained) -> Trained:
    """A head with two classes that only float32 tells apart."""
    W, b = trained.W.copy(), trained.b.copy()
    twin = np.random.default_rng(1).normal(0, 1e-4, len(W)).astype(np.float32)
    features = trained.task.quantization.dequantize(trained.task.test.features)
    W[:, 1] = W[:, 0] + twin
    b[1] = b[0] - np.median(features[trained.task.test.labels == 0] @ twin)
    return replace(trained, head=np.concatenate([W.ravel(), b]))


def test_where_int8_is_too_coarse_the_head_stays_float32(digits):
    trained = close_call(Trained.load(digits))
    extraction = trained.task.extraction
    board = trained.logits(trained.task.test.features)
    coarse = Agreement.of(board, int8_head(trained).apply(trained.task.test.features), trained.labels)
    assert coarse.fraction < LEAST
    made = classifier(trained, extraction)
    assert made.head == "float32"
    assert made.coarse == coarse
    assert made.agreement == Agreement(400, ())
    assert "DEQUANTIZE" in made.operators
    assert made.model == append_float(extraction.model, trained.W, trained.b)
    scores = outputs(made.model, extraction.test_inputs)
    assert scores.dtype == np.float32
    assert np.allclose(scores, board, atol=1e-4)


@pytest.mark.parametrize(
    ("W", "b"),
    [
        (np.ones((32, 10)), np.zeros(10)),  # nothing is left once the mean is taken away
        (np.eye(32, 10) * 1e-6, np.arange(10) * 3.0),  # a bias of more than 2^31 steps of these weights
        (np.eye(32, 10) + 1000, np.zeros(10)),  # far off, which no label shows
        (4 * np.eye(32, 10), np.full(10, 500.0)),
    ],
    ids=["alike", "biased", "shifted", "biased alike"],
)
def test_heads_that_are_hard_to_quantise(W, b, digits):
    head = np.concatenate([W.ravel(), b]).astype(np.float32)
    trained = replace(Trained.load(digits), head=head)
    made = classifier(trained, trained.task.extraction)
    assert made.head == "int8"
    assert made.agreement.fraction >= LEAST


def test_samples_that_differ_are_listed_by_their_margin():
    board = np.array([[1.0, 0.0], [0.5, 0.25], [0.0, 3.0], [2.0, 2.0]], np.float32)
    scores = np.array([[4, 9], [1, 2], [0, 1], [7, 7]], np.int8)
    found = Agreement.of(board, scores, ("a", "b"))
    assert [(other.sample, other.board, other.exported, other.margin) for other in found.others] == [
        (0, "a", "b", 1.0), (1, "a", "b", 0.25),
    ]  # fmt: skip
    assert found.fraction == 0.5
    assert found.sentence() == (
        "2 of 4 test samples (50.0 %) get the label that boards give them; the others by margin: "
        "sample 0: b instead of a, margin 1; sample 1: b instead of a, margin 0.25"
    )
    nearly = Agreement(3000, found.others[:1])
    assert "2,999 of 3,000 test samples (99.9 %)" in nearly.sentence()
    assert "; and 2 more" in Agreement(3000, found.others[:1] * 12).sentence()
    assert len(Agreement(3000, found.others[:1] * 12).document()["others"]) == 12


# --- C++


def built(folder: Path, answers: bytes = b"") -> Path:
    """Compile an exported sketch with a stand-in for Arduino and, where it has a model, for TFLM."""
    compiler = shutil.which("c++") or pytest.skip("needs a C++ compiler")
    (folder / "answers.bin").write_bytes(answers)
    command = [
        compiler, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-I", SKETCH, "-I",
        folder / "classify", "-include", "world.h",
        *(["-DHAS_MODEL"] if answers else []), SKETCH / "main.cpp", "-o", folder / "sketch",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "sketch"


def answered(sketch: Path, values: np.ndarray) -> list[str]:
    """Type numbers to a sketch; what it prints."""
    typed = "\n".join(f"{value:.9g}" for value in values.ravel())
    done = subprocess.run(
        [sketch], input=typed, capture_output=True, text=True, check=True, cwd=sketch.parent, encoding="utf-8"
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("close", [False, True], ids=["int8", "float32"])
def test_the_sketch_classifies_raw_inputs_as_boards_do(close, digits, tmp_path):
    trained = close_call(Trained.load(digits)) if close else Trained.load(digits)
    task, inputs = trained.task, trained.task.extraction.test_inputs
    done = export(trained, tmp_path, ["tflite", "c"])
    model = (tmp_path / "classifier.tflite").read_bytes()
    scores = outputs(model, inputs)
    rows = [one.tobytes() + score.tobytes() for one, score in zip(inputs, scores, strict=True)]
    sizes = np.array([inputs[0].size, scores[0].nbytes], "<u4").tobytes()
    sketch = built(tmp_path, sizes + b"".join(rows))
    raw, division = TASKS["digits04"].load()
    said = answered(sketch, raw.inputs[division.test])
    assert said == [task.classes[number] for number in scores.argmax(axis=1)]
    board = trained.logits(task.test.features).argmax(axis=1)
    differing = np.flatnonzero([task.classes[number] for number in board] != np.array(said))
    assert sorted(other.sample for other in done.files[0].agreement.others) == differing.tolist()
    subprocess.run([sketch, tmp_path / "held.tflite"], check=True)
    assert (tmp_path / "held.tflite").read_bytes() == model
    assert len((tmp_path / "classify/classify.ino").read_text().splitlines()) < 40


def test_a_head_alone_classifies_features_as_boards_do(ready, tmp_path):
    """With labels that no string literal takes as they are, and columns of very different sizes."""
    trained = Trained.load(ready)
    done = export(trained, tmp_path)
    assert {file.path.name for file in done.files} >= {"head.npz", "classifier.h", "classify.ino"}
    assert done.left_out["tflite"].code == "E_EXPORT_FEATURES"
    X = arrays_of(ready.parent / "heaps.npz")["X"]
    columns = trained.task.columns
    codes = X if columns is None else columns.encode(X)
    said = answered(built(tmp_path), X)
    assert said == [sorted(LABELS)[number] for number in trained.logits(codes).argmax(axis=1)]
    assert len(set(said)) == C


def test_the_sketch_of_a_model_of_sound_says_what_it_waits_for(digits, tmp_path):
    """A user who puts a microphone in the place of the numbers would get labels of nothing."""
    words = save_words(tmp_path / "words", Manifest.load(model_folder("keywords")).classes)
    run = tmp_path / "run"
    bytefed.simulate(data=words, model="keywords", clients=1, rounds=1, threads=1, directory=run)
    done = export(Trained.load(run), tmp_path, ["c"])
    sketch = (tmp_path / "classify/classify.ino").read_text("ascii")
    assert "49 frames of 32 log-mel values" in sketch and "put your sensor in its place" not in sketch
    header = re.search(r"bytefed/sound/\w+\.h", sketch)
    assert header and (CORE / header[0]).is_file() and "class Ear" in (CORE / header[0]).read_text()
    assert "log-mel" in next(file.about for file in done.files if file.path.suffix == ".ino")
    assert len(sketch.splitlines()) < 40
    export(Trained.load(digits), tmp_path, ["c"])
    assert "put your sensor in its place" in (tmp_path / "classify/classify.ino").read_text("ascii")


# --- the command


def test_all_is_said(digits, capsys):
    assert main(["export", str(digits)]) == 0
    said = capsys.readouterr().out
    for name in ("head.npz", "classifier.tflite", "classify/classifier.h", "classify/classify.ino"):
        path = digits / "export" / name
        assert f"{path}: {path.stat().st_size:,} B, " in said
    assert (
        said.count("of 400 test samples") <= 2
    )  # once for the .tflite file, and once for Keras where that is there
    assert main(["export", str(digits), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    by_name = {Path(file["file"]).name: file for file in document["files"]}
    assert by_name["classifier.tflite"]["agreement"]["tested"] == 400
    assert document["features"] == 32


def test_runs_of_boards_are_exported_too(tmp_path):
    data = heaps(tmp_path / "heaps.npz")
    result = bytefed.run(
        boards=["loopback:2"], data=data, rounds=2, central=False, directory=tmp_path / "run", partition="iid"
    )
    paths = result.export()
    assert paths[0] == tmp_path / "run/export/head.npz"
    arrays = arrays_of(paths[0])
    assert np.array_equal(arrays["W"], result.head.W)
    assert np.array_equal(arrays["b"], result.head.b)
    assert tuple(arrays["classes"]) == tuple(sorted(LABELS))


def test_what_can_not_be_exported(ready, tmp_path):
    result = bytefed.load_run(ready)
    with pytest.raises(ConfigError, match="E_EXPORT_FEATURES"):
        result.export(tmp_path, formats=["tflite"])
    with pytest.raises(ConfigError, match="E_EXPORT_FORMAT") as caught:
        result.export(tmp_path, formats=["tflit"])
    assert "Did you mean tflite?" in caught.value.remedy
    (tmp_path / "file").write_text("")
    with pytest.raises(BytefedError) as failed:
        result.export(tmp_path / "file" / "x")
    assert "--to" in failed.value.remedy
    with pytest.raises(BytefedError, match="E_RUN_MISSING"):
        Trained.load(tmp_path)


def test_a_head_of_other_data_or_of_no_round_is_refused(tmp_path):
    data = heaps(tmp_path / "heaps.npz")
    folder = tmp_path / "run"
    bytefed.simulate(data=data, clients=2, rounds=1, threads=1, directory=folder)
    head = np.load(folder / "head.npy")
    np.save(folder / "head.npy", np.zeros_like(head))
    with pytest.raises(BytefedError, match="E_RUN_UNTRAINED"):
        Trained.load(folder)
    np.save(folder / "head.npy", head[:-1])
    with pytest.raises(BytefedError, match="E_RUN_CORRUPT"):
        Trained.load(folder)


def test_a_classifier_needs_no_names_of_classes(digits, tmp_path):
    trained = Trained.load(digits)
    nameless: Task = replace(trained.task, classes=())
    done = export(replace(trained, task=nameless), tmp_path, ["npz", "c"])
    assert "classes" not in arrays_of(tmp_path / "head.npz")
    assert '{"0", "1", "2"' in (tmp_path / "classify/classifier.h").read_text()
    assert len(done.files) == 3


def test_the_range_of_scores_is_that_of_training_samples(digits):
    """Test samples are judged by a layer that has not seen them."""
    trained = Trained.load(digits)
    task = trained.task
    few = Samples(task.test.features[:1], task.test.labels[:1])
    same = int8_head(replace(trained, task=replace(task, test=few)))
    assert same.output == int8_head(trained).output
