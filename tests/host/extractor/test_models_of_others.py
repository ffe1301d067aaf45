"""Models that others made: those that TFLM runs are accepted, others are refused with the reason."""

from __future__ import annotations

import json

import numpy as np
import pytest
from edited_models import MODEL, MOTION, edited, operator, with_softmax

from bytefed.cli.main import main
from bytefed.errors import ModelError
from bytefed.extractor import manifest as manifests
from bytefed.extractor.cut import cut
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest
from bytefed.extractor.own import save

pytest.importorskip("tflite_micro", reason="the extractor's runtime is not installed")

INPUTS = np.random.RandomState(4).randint(-128, 128, (16, 8, 8, 1)).astype(np.int8)


def tensors(table):
    return table.subgraphs[0].tensors


def bias_axis(table):
    """As the models of person detection have it: a bias along an axis that it hasn't."""
    operator(table, "CONV_2D")[1][2].quantization.quantizedDimension = 3


def open_reshape(table):
    """As the models of micro speech have it: one length left open."""
    _, (_, target), _ = operator(table, "RESHAPE")
    table.buffers[target.buffer].data = np.array([-1, 256], "<i4").view(np.uint8)


def batch_signature(table):
    """As every Keras model that was given no batch."""
    for tensor in tensors(table):
        if table.buffers[tensor.buffer].data is None:
            tensor.shapeSignature = [-1, *list(tensor.shape)[1:]]


def notes(table):
    """As tools for phones write them."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    note = schema.MetadataT()
    note.name, note.buffer = b"TFLITE_METADATA", len(table.buffers)
    content = schema.BufferT()
    content.data = np.frombuffer(b"made by a tool", np.uint8)
    table.buffers.append(content)
    table.metadata = [*(table.metadata or []), note]


def no_mutation(table):
    """As older converters write it: for each input of an operator, whether it is changed."""
    for op in table.subgraphs[0].operators:
        op.mutatingVariableInputs = [False] * len(op.inputs)


@pytest.mark.parametrize("change", [bias_axis, open_reshape, batch_signature, notes, no_mutation])
def test_what_tflm_runs_runs(change):
    changed = edited(change)
    assert changed != edited(lambda table: None)
    assert np.array_equal(Extractor(changed).extract(INPUTS), Extractor(MODEL).extract(INPUTS))


@pytest.mark.parametrize("target", [[-1, -1], [-1, 0], [-2, 256], [-1, 255], [-1, 128]])
def test_an_open_length_must_fit(target):
    def change(table):
        _, (_, shape), _ = operator(table, "RESHAPE")
        table.buffers[shape.buffer].data = np.array(target, "<i4").view(np.uint8)

    with pytest.raises(ModelError, match="E_MODEL_CORRUPT"):
        Extractor(edited(change))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"OfflineMemoryAllocation", "E_MODEL_UNSUPPORTED"),
        (b"COMPRESSION_METADATA", "E_MODEL_UNSUPPORTED"),
        (b"COMPRESSION_METADATA\0 or so", "E_MODEL_UNSUPPORTED"),
        (b"", "E_MODEL_CORRUPT"),
        (None, "E_MODEL_CORRUPT"),
    ],
)
def test_notes_that_steer_the_interpreter_are_refused(name, code):
    def change(table):
        notes(table)
        table.metadata[-1].name = name

    with pytest.raises(ModelError, match=code):
        Extractor(edited(change))


# --- classifiers


def test_a_classifier_is_told_to_be_one():
    with pytest.raises(ModelError) as caught:
        Extractor(edited(with_softmax))
    assert caught.value.code == "E_MODEL_UNSUPPORTED"
    assert "SOFTMAX" in caught.value.message
    assert "bytefed model add FILE --cut" in caught.value.remedy


@pytest.mark.parametrize(
    ("code", "named"), [("SVDF", "SVDF"), ("MEAN", "MEAN"), ("CUSTOM", "CUSTOM"), ("ATAN2", "operator 156")]
)
def test_operators_that_boards_lack_are_named(code, named):
    from tflite_micro.tensorflow.lite.micro.python.schema_py_generated import BuiltinOperator

    def change(table):
        with_softmax(table)
        table.operatorCodes[operator(table, "CONV_2D")[0].opcodeIndex].builtinCode = getattr(
            BuiltinOperator, code
        )

    with pytest.raises(ModelError, match=f"E_MODEL_UNSUPPORTED.* uses {named}; boards run"):
        Extractor(edited(change))


@pytest.mark.parametrize(("number", "name"), [(0, "float32"), (3, "uint8"), (7, "int16")])
def test_other_types_than_int8_are_named(number, name):
    with pytest.raises(ModelError, match=f"E_MODEL_UNSUPPORTED.*is {name}"):
        Extractor(edited(lambda table: setattr(operator(table, "CONV_2D")[2], "type", number)))


def hidden(table):
    """Return the inputs of the head of the digits' network: everything but the last layer, as TFLM computes it."""
    op, _, _ = operator(table, "FULLY_CONNECTED")
    graph = table.subgraphs[0]
    graph.operators = [other for other in graph.operators if other is not op]
    graph.outputs = [op.inputs[0]]


@pytest.mark.parametrize("change", [lambda table: None, with_softmax, notes])
def test_a_cut_model_computes_what_its_head_was_given(change):
    model, outputs = cut(edited(change))
    extractor = Extractor(model)
    assert (extractor.D, outputs) == (256, 32)
    assert extractor.ops == ("CONV_2D", "MAX_POOL_2D", "RESHAPE")
    assert np.array_equal(extractor.extract(INPUTS), Extractor(edited(hidden)).extract(INPUTS))
    assert len(model) < len(MODEL) - 32 * 256  # the head's weights are gone


def test_features_of_any_shape_are_flattened():
    """A head may read a map, as micro speech's does: its features are that, row by row."""

    def keep_map(table):
        hidden(table)
        graph = table.subgraphs[0]
        op, _, _ = operator(table, "RESHAPE")
        graph.operators = [other for other in graph.operators if other is not op]
        graph.outputs = [op.inputs[0]]

    features = Extractor(edited(keep_map)).extract(INPUTS)
    assert np.array_equal(features, Extractor(edited(hidden)).extract(INPUTS))


@pytest.mark.parametrize("last", ["CONV_2D", "MAX_POOL_2D"])
def test_what_has_no_head_is_told(last):
    """The first layer alone, or one without weights at the end."""

    def change(table):
        graph = table.subgraphs[0]
        at = next(i for i, op in enumerate(graph.operators) if op is operator(table, last)[0])
        graph.operators = graph.operators[: at + 1]

    with pytest.raises(ModelError, match="E_MODEL_HEAD"):
        cut(edited(change))


def test_a_model_that_is_too_large_is_not_called_corrupt():
    with pytest.raises(ModelError, match=r"E_MODEL_UNSUPPORTED.*1,048,576"):
        Extractor(MODEL + bytes(1 << 20))


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_coded_errors(seed):
    draw = np.random.default_rng(seed)
    model = edited(with_softmax)
    for _ in range(60):
        broken = bytearray(model)
        for at in draw.integers(0, len(model), 30):
            broken[at] = draw.integers(0, 256)
        try:
            Extractor(cut(bytes(broken))[0])
        except ModelError as error:
            assert error.remedy


# --- bytefed model add


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of its own for what is added."""
    folder = tmp_path / "models"
    monkeypatch.setenv(manifests.VARIABLE, str(folder))
    return folder


def test_a_classifier_is_added(models, tmp_path, capsys):
    file = tmp_path / "theirs.tflite"
    file.write_bytes(edited(with_softmax))
    assert main(["model", "add", str(file), "--name", "theirs"]) == 1
    assert "--cut" in capsys.readouterr().err
    assert not (models / "theirs").exists()
    assert main(["model", "add", str(file), "--cut", "--name", "theirs"]) == 0
    assert "256 features" in capsys.readouterr().out
    manifest = Manifest.load(models / "theirs")
    assert (manifest.D, manifest.C, manifest.input_shape) == (256, 32, (8, 8, 1))
    assert manifest.arena_bytes > 1000
    assert Extractor.load("theirs").D == 256
    assert main(["model", "add", str(file), "--cut", "--name", "theirs"]) == 1
    assert "E_MODEL_EXISTS" in capsys.readouterr().err


def test_an_extractor_is_added(models, tmp_path):
    file = tmp_path / "mine.tflite"
    file.write_bytes(MOTION)
    assert main(["model", "add", str(file), "--name", "mine", "--classes", "5"]) == 0
    document = json.loads((models / "mine" / "manifest.json").read_text())
    shipped = json.loads((manifests.model_folder("motion_plain") / "manifest.json").read_text())
    assert document["C"] == 5
    for key in (
        "sha256",
        "model_hash",
        "D",
        "ops",
        "input_scale",
        "feature_zero_point",
        "arena_bytes",
        "golden",
    ):
        assert document[key] == shipped[key]


@pytest.mark.parametrize(
    ("name", "classes", "code"),
    [
        ("digits", 5, "E_MODEL_EXISTS"),
        ("../up", 5, "E_MODEL_NAME"),
        ("", 5, "E_MODEL_NAME"),
        ("x", 1, "E_MODEL_CLASSES"),
    ],
)
def test_what_can_not_be_added(models, name, classes, code):
    with pytest.raises(ModelError, match=code) as caught:
        save(name, MODEL, classes)
    assert caught.value.remedy
    assert not models.exists()


def test_a_folder_that_can_not_be_written(models):
    models.write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="E_MODEL_WRITE"):
        save("mine", MODEL, 5)
