"""The feature extractor: it computes the right features, and no file can take the process down."""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pytest
from edited_models import MODEL, MOTION, edited, operator
from hypothesis import given, settings
from hypothesis import strategies as st

from bytefed.errors import DataError, ModelError
from bytefed.extractor import runtime, tflite
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import model_folder

pytest.importorskip("tflite_micro", reason="the extractor's runtime is not installed")

# --- what it computes


def test_features_have_the_right_shape_and_repeat():
    extractor = Extractor(MODEL)
    inputs = np.random.RandomState(0).randint(-128, 128, (5, 8, 8, 1)).astype(np.int8)
    features = extractor.extract(inputs)
    assert (features.shape, features.dtype) == ((5, 32), np.int8)
    assert np.array_equal(features[::-1], extractor.extract(inputs[::-1]))
    assert len(np.unique(features, axis=0)) == 5
    assert extractor.extract(inputs[:0]).shape == (0, 32)


def test_a_fully_connected_layer_is_what_its_definition_says():
    """The last layer against integers: zero input for all else, so only its own arithmetic counts."""
    seen = {}

    def keep_last(table):
        op, (source, weights, bias), output = operator(table, "FULLY_CONNECTED")
        graph = table.subgraphs[0]
        graph.operators, graph.inputs = [op], [op.inputs[0]]
        seen.update(
            weights=np.array(table.buffers[weights.buffer].data).view(np.int8).reshape(32, 256).astype(int),
            bias=np.array(table.buffers[bias.buffer].data).view("<i4"),
            factor=source.quantization.scale[0]
            * weights.quantization.scale[0]
            / output.quantization.scale[0],
            zero=(source.quantization.zeroPoint[0], output.quantization.zeroPoint[0]),
        )

    extractor = Extractor(edited(keep_last))
    inputs = np.random.RandomState(1).randint(-128, 128, (20, *extractor.input_shape)).astype(np.int8)
    sums = (inputs.reshape(20, 256).astype(int) - seen["zero"][0]) @ seen["weights"].T + seen["bias"]
    expected = np.clip(np.rint(sums * seen["factor"]) + seen["zero"][1], seen["zero"][1], 127)
    assert np.abs(extractor.extract(inputs).astype(int) - expected).max() <= 1


def test_inputs_of_another_shape_or_type_are_refused():
    extractor = Extractor(MODEL)
    for wrong in (np.zeros((2, 8, 8), np.int8), np.zeros((2, 8, 8, 1), np.float32)):
        with pytest.raises(DataError, match="E_DATA_SHAPE"):
            extractor.extract(wrong)


def test_raw_inputs_are_quantised_as_the_model_says():
    extractor = Extractor(MODEL)
    codes = extractor.quantize(np.array([[0.0, 1.0, 0.25, 9.0, -9.0]]))
    assert codes.tolist() == [[-128, 127, -64, 127, -128]]


# --- what is refused


def refused(model: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        Extractor(model)
    assert caught.value.remedy
    return caught.value.code


def test_per_channel_dense_weights_are_refused():
    def change(table):
        _, (_, weights, bias), _ = operator(table, "FULLY_CONNECTED")
        for tensor in (weights, bias):
            tensor.quantization.scale = np.repeat(tensor.quantization.scale, 32)
            tensor.quantization.zeroPoint = np.zeros(32, np.int64)

    assert refused(edited(change)) == "E_MODEL_PER_CHANNEL"


def set_output(table, name, value):
    setattr(operator(table, "FULLY_CONNECTED")[2], name, value)


def set_weights(table, **values):
    for name, value in values.items():
        setattr(operator(table, "CONV_2D")[1][1].quantization, name, value)


def set_options(table, kind, **values):
    for name, value in values.items():
        setattr(operator(table, kind)[0].builtinOptions, name, value)


def add_memory_plan(table):
    from tflite_micro.tensorflow.lite.micro.python.schema_py_generated import MetadataT

    plan = MetadataT()
    plan.name, plan.buffer = b"OfflineMemoryAllocation", 0
    table.metadata.append(plan)


CONTRADICTIONS = {
    "a stride of zero": lambda t: set_options(t, "CONV_2D", strideH=0),
    "a negative stride": lambda t: set_options(t, "MAX_POOL_2D", strideW=-2),
    "a huge window": lambda t: set_options(t, "MAX_POOL_2D", filterHeight=2**30),
    "an unknown padding": lambda t: set_options(t, "CONV_2D", padding=7),
    "another output shape": lambda t: set_output(t, "shape", [1, 33]),
    "weights for another input": lambda t: setattr(operator(t, "CONV_2D")[1][1], "shape", [8, 3, 3, 2]),
    "an input that doesn't exist": lambda t: setattr(operator(t, "CONV_2D")[0], "inputs", [0, 1000, 2]),
    "an input before it is made": lambda t: setattr(
        operator(t, "CONV_2D")[0], "inputs", [t.subgraphs[0].outputs[0], 1, 2]
    ),
    "too few inputs": lambda t: setattr(operator(t, "CONV_2D")[0], "inputs", [0]),
    "no inputs": lambda t: setattr(operator(t, "MAX_POOL_2D")[0], "inputs", []),
    "two outputs": lambda t: setattr(operator(t, "CONV_2D")[0], "outputs", [5, 6]),
    "output over input": lambda t: setattr(operator(t, "CONV_2D")[0], "outputs", [t.subgraphs[0].inputs[0]]),
    "no options": lambda t: setattr(operator(t, "CONV_2D")[0], "builtinOptions", None),
    "a scale of NaN": lambda t: set_weights(t, scale=[float("nan")] * 8),
    "a negative scale": lambda t: set_weights(t, scale=[-1.0] * 8),
    "scales that differ wildly": lambda t: set_weights(t, scale=[1e30] * 8),
    "too few scales": lambda t: set_weights(t, scale=[0.1] * 5, zeroPoint=[0] * 5),
    "a scale too many": lambda t: set_weights(t, quantizedDimension=9),
    "no operators": lambda t: setattr(t.subgraphs[0], "operators", []),
    "a buffer that doesn't exist": lambda t: setattr(operator(t, "CONV_2D")[1][1], "buffer", 999),
    "an operator code that doesn't exist": lambda t: setattr(operator(t, "CONV_2D")[0], "opcodeIndex", 99),
}
UNSUPPORTED = {
    "a free number of features": lambda t: set_output(t, "shapeSignature", [1, -1]),
    "float32": lambda t: set_output(t, "type", 0),
    "five dimensions": lambda t: set_output(t, "shape", [1, 1, 1, 1, 32]),
    "a huge shape": lambda t: set_output(t, "shape", [1, 2**31 - 1]),
    "no scale": lambda t: set_output(t, "quantization", None),
    "a foreign operator": lambda t: setattr(t.operatorCodes[0], "builtinCode", 32),
    "another activation": lambda t: set_options(t, "CONV_2D", fusedActivationFunction=4),
    "two inputs": lambda t: setattr(t.subgraphs[0], "inputs", [0, 1]),
    "no subgraph": lambda t: setattr(t, "subgraphs", []),
    "schema version 4": lambda t: setattr(t, "version", 4),
    "a memory plan of its own": add_memory_plan,
    "asymmetric weights": lambda t: set_weights(t, zeroPoint=[3] * 8),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_graph_that_contradicts_itself_is_corrupt(name):
    assert refused(edited(CONTRADICTIONS[name])) == "E_MODEL_CORRUPT"


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_boards_cannot_run_is_unsupported(name):
    assert refused(edited(UNSUPPORTED[name])) == "E_MODEL_UNSUPPORTED"


def test_an_unchanged_model_passes():
    assert Extractor(edited(lambda table: None)).ops == Extractor(MODEL).ops


def test_a_model_that_needs_too_much_memory(monkeypatch):
    monkeypatch.setattr(runtime, "ARENA_BYTES", 1000)
    assert refused(MODEL) == "E_MODEL_ARENA"


@pytest.mark.parametrize(
    "junk", [b"", b"TFL3", b"\0\0\0\0TFL3", b"\xff" * 64, b"PK\3\4" * 99, bytes(1 << 21)]
)
def test_junk_is_corrupt(junk):
    assert refused(junk) == "E_MODEL_CORRUPT"


def test_every_truncation_is_corrupt():
    for length in range(0, len(MODEL) - 1, 61):
        assert refused(MODEL[:length]) == "E_MODEL_CORRUPT"


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_random_bytes_are_corrupt(tail):
    with pytest.raises(ModelError):
        tflite.read(b"\x10\0\0\0TFL3" + tail)


@pytest.mark.parametrize(("model", "seed"), [(MODEL, 1), (MODEL, 2), (MOTION, 3)])
def test_flipped_bits_never_take_the_process_down(model, seed):
    """Structure and all: what the checks let through must run."""
    draw = random.Random(seed)
    structure = structure_of(model)
    ran = 0
    for _ in range(400):
        mutant = bytearray(model)
        for _ in range(draw.choice((1, 1, 2, 4))):
            mutant[draw.choice(structure)] = draw.choice((0, 1, 2, 127, 128, 255, draw.randrange(256)))
        try:
            extractor = Extractor(bytes(mutant))
        except ModelError:
            continue
        extractor.extract(np.full((1, *extractor.input_shape), 100, np.int8))
        ran += 1
    assert 20 < ran < 380  # both sides of the check were met


def structure_of(model: bytes) -> list[int]:
    """Positions of the bytes that are not weights."""
    weights = np.zeros(len(model), bool)
    start = np.frombuffer(model, np.uint8).__array_interface__["data"][0]
    for buffer in tflite.read(model)["buffers"]:
        if len(buffer["data"]) > 64:
            first = buffer["data"].__array_interface__["data"][0] - start
            weights[first : first + len(buffer["data"])] = True
    return np.flatnonzero(~weights).tolist()


def test_sharing_tables_does_not_multiply_the_work(monkeypatch):
    monkeypatch.setattr(tflite, "MAX_TABLES", 20)
    assert refused(MODEL) == "E_MODEL_CORRUPT"


# --- the folder


@pytest.fixture
def folder(tmp_path):
    """A copy of the digits' folder, free to be damaged."""
    copy = tmp_path / "digits"
    shutil.copytree(model_folder("digits"), copy)
    return copy


def edit_manifest(folder, **values):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_folder_loads(folder):
    assert Extractor.load(folder).D == 32


def test_another_file_than_the_manifest_names(folder):
    with (folder / "digits.tflite").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x2a")
    with pytest.raises(ModelError, match="E_MODEL_SHA256"):
        Extractor.load(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"D": 33},
        {"model_hash": 1},
        {"feature_scale": 0.5},
        {"input_zero_point": 0},
        {"input_shape": [64]},
        {"ops": []},
        {"C": 1},
        {"D": "many"},
        {"feature_scale": -1},
        {"name": "../../etc/passwd"},
        {"ops": None},
    ],
)
def test_a_manifest_that_says_something_else(folder, values):
    edit_manifest(folder, **values)
    with pytest.raises(ModelError, match="E_MODEL_MANIFEST"):
        Extractor.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", "null", '"x"', "\x00", "[" * 100_000])
def test_a_manifest_that_is_none(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match="E_MODEL_MANIFEST"):
        Extractor.load(folder)


def test_missing_files(folder, tmp_path):
    (folder / "digits.tflite").unlink()
    with pytest.raises(ModelError, match="E_MODEL_MISSING"):
        Extractor.load(folder)
    with pytest.raises(ModelError, match=r"E_MODEL_MISSING.*digits"):
        Extractor.load(tmp_path / "nothing")
