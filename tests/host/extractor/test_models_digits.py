"""The committed models: each manifest fits its file, nothing leaked, and the figures hold."""

from __future__ import annotations

import os
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from bytefed.data import TASKS, load_task, partition
from bytefed.data.raw import divide
from bytefed.extractor import check as model_check
from bytefed.extractor import choice, tflite
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.graph import Operator
from bytefed.extractor.manifest import PLAIN, Manifest, digest, model_folder, model_hash, model_names
from bytefed.federation import evaluation as central

WHITENED = ("digits", "digits04", "gesture", "keywords", "motion")
NAMES = (*WHITENED, *(f"{name}{PLAIN}" for name in WHITENED))


def data_dir(name: str) -> Path | None:
    """Return the folder of a task's raw data; skips if there is none."""
    name = name.removesuffix(PLAIN)
    if name in ("gesture", "keywords"):
        if "BYTEFED_DATA_DIR" not in os.environ:
            pytest.skip(f"BYTEFED_DATA_DIR names no folder with the data of {name}")
        return Path(os.environ["BYTEFED_DATA_DIR"])
    if name == "motion" and find_spec("aeon") is None:
        pytest.skip("aeon, which ships the motion data, is not installed")
    return None


def test_all_models_are_found():
    assert model_names() == sorted(NAMES)
    assert set(TASKS) == {*NAMES, "cifar10", "cifar10_plain"}  # their extractors are trained on first use


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_fits_the_file(name):
    folder = model_folder(name)
    manifest = Manifest.load(folder)
    model = (folder / f"{name}.tflite").read_bytes()
    graph = model_check.check(tflite.read(model))
    assert manifest.sha256 == digest(model)
    assert manifest.model_hash == model_hash(model) == zlib.crc32(model)
    assert manifest.document["bytes"] == len(model) < 32_768
    assert graph.output.shape == (
        (1, 1, 1, manifest.D) if name == "keywords_plain" else (1, manifest.D)
    )  # a mean
    assert manifest.input_shape == graph.input.shape[1:]
    assert manifest.input_quantization == graph.input.quantization
    assert manifest.feature_quantization == graph.output.quantization
    assert list(manifest.ops) == graph.op_names
    assert len(manifest.document["classes"]) == manifest.C
    assert 1000 < manifest.arena_bytes < 8192
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_the_runtime_computes_the_golden_features(name):
    """The same check that a board can make."""
    extractor = Extractor.load(name)
    golden = Manifest.load(model_folder(name)).document["golden"]
    shape = (golden["n"], *extractor.input_shape)
    inputs = np.random.RandomState(golden["seed"]).randint(-128, 128, shape).astype(np.int8)
    assert zlib.crc32(extractor.extract(inputs).tobytes()) == golden["features_crc32"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_was_pretrained_on_is_learnt_or_tested(name):
    raw, division = TASKS[name].load(data_dir(name))
    manifest = Manifest.load(model_folder(name)).document
    assert division.describe() == manifest["division"]
    parts = [set(part.tolist()) for part in (division.pretrain, division.federated, division.test)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert sum(len(part) for part in parts) == len(raw.labels)
    seen = np.isin(raw.labels[division.pretrain], manifest["extractor"]["classes_seen"])
    assert int(seen.sum()) == manifest["extractor"]["samples_seen"]


def operators(name: str) -> list[Operator]:
    """Return the operators of a model."""
    return model_check.check(tflite.read((model_folder(name) / f"{name}.tflite").read_bytes())).operators


@pytest.mark.parametrize("name", WHITENED)
def test_a_whitened_model_is_the_plain_one_and_one_layer(name):
    """Made of what the extractor saw alone: made again here, it is the same but for the last digit of a library.

    Some of a network's features are the same for all that it saw. Directions in which nothing varies are any that a
    library of linear algebra finds, another one on another processor; the others are compared.
    """
    about = Manifest.load(model_folder(name)).document["whitening"]
    plain = Extractor.load(about["plain_model"])
    assert about["plain_model_hash"] == plain.model_hash != Manifest.load(model_folder(name)).model_hash
    raw, division = TASKS[name].load(data_dir(name))
    seen = Manifest.load(model_folder(name)).document["extractor"]["classes_seen"]
    own = division.pretrain[np.isin(raw.labels[division.pretrain], seen)]
    assert len(own) == about["made_of"]
    codes = plain.extract(plain.quantize(raw.inputs[own]))
    layer = choice.layer_of(
        codes,
        plain.quantization,
        raw.labels[own],
        directions=about["directions"],
        shrinkage=about["shrinkage"],
    )
    weights = operators(name)[-1].inputs[1].constant
    assert len(operators(name)) == len(operators(f"{name}{PLAIN}")) + 1
    varies = layer.apply(codes).std(axis=0) > 0
    assert varies.sum() >= 20
    assert np.abs(weights.astype(int) - layer.weights)[varies].max() <= 1
    features = Extractor.load(name).extract(plain.quantize(raw.inputs[own]))
    assert np.abs(features.astype(int) - layer.apply(codes)).max() <= 2


@pytest.mark.parametrize("name", WHITENED)
def test_whitening_is_what_cross_validation_said(name):
    about = Manifest.load(model_folder(name)).document["whitening"]
    tried = {(one["directions"], one["shrinkage"]): one["accuracy"] / 100 for one in about["tried"]}
    found = choice.Choice(about["samples"], about["plain_accuracy"] / 100, tried)
    assert found.setting == (about["directions"], about["shrinkage"])
    assert found.pays and about["pays"]
    assert about["directions"] == Manifest.load(model_folder(name)).D


def test_no_image_is_in_two_parts():
    """Not even as a copy: scikit-learn's digits hold no duplicates across the division."""
    raw, division = TASKS["digits"].load()
    images = [{image.tobytes() for image in raw.inputs[part]} for part in vars(division).values()]
    assert not (images[0] & images[1] or images[0] & images[2] or images[1] & images[2])


def test_digits_are_divided_as_the_card_says():
    raw, division = TASKS["digits"].load()
    assert [len(part) for part in vars(division).values()] == [500, 897, 400]
    counts = np.bincount(raw.labels)
    for part in vars(division).values():
        share = np.bincount(raw.labels[part]) / (counts * len(part) / len(raw.labels))
        assert np.abs(share - 1).max() < 0.03
    again = divide(raw, 500 / 1797, 400 / 1797, seed=43)
    assert not np.array_equal(again.test, division.test)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_reaches_the_figure_of_the_card(name):
    task = load_task(name, data_dir(name))
    head = central.train(task, task.federated, epochs=100, batch_size=8, learning_rate=0.05, seed=0)
    found = 100 * central.evaluate(task, head, task.test).accuracy
    figures = Manifest.load(model_folder(name)).document["figures"]
    # A step of numpy's sums may round differently elsewhere: one sample more or less.
    slack = 100 / len(task.test) + 0.01
    assert figures["head_accuracy_min"] - slack <= found <= figures["head_accuracy_max"] + slack


def test_digits_can_be_divided_among_eight_boards():
    task = load_task("digits")
    divided = partition.divide(task, "dirichlet", 8, alpha=0.5)
    assert divided.sizes.sum() == 897
    assert task.inputs is not None
    assert np.array_equal(Extractor.load("digits").extract(task.inputs[:9]), task.federated.features[:9])
