"""Without TensorFlow Lite Micro, extractors give the same bits all the same, or nothing."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from edited_models import MODEL, MOTION, edited, with_softmax

from bytefed.data import digits, load_task
from bytefed.errors import ConfigError, ModelError
from bytefed.extractor.check import check
from bytefed.extractor.describe import arena_bound, arena_bytes
from bytefed.extractor.edit import Editor
from bytefed.extractor.extractor import Extractor, golden, golden_inputs, outputs
from bytefed.extractor.integers import OPERATORS
from bytefed.extractor.manifest import Manifest, is_shipped, model_folder, model_names
from bytefed.extractor.operators import RULES
from bytefed.extractor.runtime import Whole
from bytefed.extractor.tflite import read

SHIPPED = [name for name in model_names() if is_shipped(name)]
INPUTS = 500
micro = pytest.importorskip("tflite_micro", reason="pip install tflite-micro")


def file_of(name: str) -> bytes:
    return (model_folder(name) / f"{name}.tflite").read_bytes()


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer for which TensorFlow Lite Micro has no package."""
    monkeypatch.setitem(sys.modules, "tflite_micro", None)


def test_every_operator_that_boards_run_is_there() -> None:
    assert {*OPERATORS} == {*RULES}
    used = {operator.name for name in SHIPPED for operator in check(read(file_of(name))).operators}
    assert used == {*RULES}  # so that the next test compares them all


@pytest.mark.parametrize("name", SHIPPED)
def test_both_runtimes_give_the_same_bits(name: str) -> None:
    model = file_of(name)
    reference = Extractor(model)
    inputs = golden_inputs(5, INPUTS, reference.input_shape)
    assert np.array_equal(Whole.of(model).run(inputs), reference.extract(inputs))


@pytest.mark.parametrize("model", [MODEL, MOTION], ids=["digits", "motion"])
@pytest.mark.parametrize("seed", range(3))
def test_both_give_the_same_bits_for_weights_and_scales_of_any_kind(model: bytes, seed: int) -> None:
    """Other weights, biases and scales than training makes: each rounding is met, and each end of the range."""
    random = np.random.RandomState(seed)
    graph = check(read(model))
    changed = bytearray(model)
    for operator in graph.operators:
        for tensor in operator.inputs[1:3]:
            if tensor is None or tensor.constant is None or operator.name == "RESHAPE":
                continue
            old = tensor.constant.tobytes()
            start = model.index(old)
            new = random.randint(-127, 128, tensor.size).astype(tensor.constant.dtype) * (
                1 if tensor.int8 else 40
            )
            changed[start : start + len(old)] = new.astype(tensor.constant.dtype).tobytes()
    reference = Extractor(bytes(changed))
    inputs = golden_inputs(seed, 100, reference.input_shape)
    features = reference.extract(inputs)
    assert len(np.unique(features)) > 10
    assert np.array_equal(Whole.of(bytes(changed)).run(inputs), features)


@pytest.mark.parametrize("name", SHIPPED)
def test_golden_values_hold_without_the_reference(without: None, name: str) -> None:
    extractor = Extractor.load(name)  # which compares them
    assert not extractor._runtime.is_reference
    assert golden(extractor) == Manifest.load(model_folder(name)).document["golden"]


def test_the_digits_are_the_same_without_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_task("digits")
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    found = load_task("digits")
    for part in ("federated", "test"):
        assert np.array_equal(getattr(found, part).features, getattr(expected, part).features)
        assert np.array_equal(getattr(found, part).labels, getattr(expected, part).labels)


def test_a_runtime_that_gives_other_bits_is_refused(without: None, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Whole.run
    monkeypatch.setattr(Whole, "run", lambda self, inputs: exact(self, inputs) ^ np.int8(1))
    with pytest.raises(ModelError, match="E_MODEL_GOLDEN"):
        Extractor.load("digits")


def test_other_operators_need_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    softmax = edited(with_softmax)
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    with pytest.raises(ConfigError, match=r"E_CONFIG_EXTRA.*SOFTMAX"):
        outputs(softmax, np.zeros((1, 8, 8, 1), np.int8))


def test_changing_a_model_needs_tables(without: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite_micro.tensorflow.lite.micro.python.schema_py_generated", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.schema_py_generated", None)
    with pytest.raises(ConfigError, match=r"E_CONFIG_EXTRA.*pip install (tflite-micro|ai-edge-litert)"):
        Editor(MODEL)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_bound_of_the_arena_is_no_less_than_what_is_measured(name: str) -> None:
    measured, bound = arena_bytes(file_of(name)), arena_bound(file_of(name))
    assert measured <= bound <= 2.5 * measured


def test_the_pictures_can_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="pip install scikit-learn")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    arrays = importlib.import_module("models.digits.pictures").pictures()
    with np.load(digits.PICTURES) as file:
        assert {*file} == {*arrays}
        for name, array in arrays.items():
            assert file[name].dtype == array.dtype
            assert np.array_equal(file[name], array)
