"""Whitening: the formula, the layer that TFLM computes bit for bit, and the guard that refuses it where it hurts."""

from __future__ import annotations

import numpy as np
import pytest
from edited_models import MODEL, MOTION

from bytefed.errors import DataError
from bytefed.extractor import choice, tflite
from bytefed.extractor.check import check
from bytefed.extractor.dense import Dense, append
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.quantization import Quantization
from bytefed.extractor.whiten import fit

CODE = Quantization(0.02, -128)


def clusters(n: int = 400, D: int = 12, classes: int = 4, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Samples whose classes differ where they vary least: slow to learn as they are."""
    random = np.random.RandomState(seed)
    labels = (np.arange(n) % classes).astype(np.uint8)
    centres = random.randn(classes, D) * 0.1
    spread = np.linspace(2.0, 0.05, D)
    return centres[labels] + random.randn(n, D) * spread, labels


# --- the formula


def test_within_class_covariance_becomes_round_and_the_length_is_agreed():
    x, labels = clusters()
    whitening = fit(x, labels, shrinkage=1e-9, directions=12)
    z = whitening.apply(x)
    centred = z - np.stack([z[labels == c].mean(axis=0) for c in range(4)])[labels]
    within = centred.T @ centred / (len(x) - 4)
    assert np.allclose(within / within[0, 0], np.eye(12), atol=1e-6)
    assert (z**2).sum(axis=1).mean() == pytest.approx(32)
    assert np.allclose(z.mean(axis=0), 0, atol=1e-9)


def test_it_is_the_formula_written_out():
    x, labels = clusters(60, 5, 3)
    mu, n, D = x.mean(axis=0), len(x), x.shape[1]
    within = x.T @ x
    for c in range(3):
        mean = x[labels == c].mean(axis=0)
        within -= (labels == c).sum() * np.outer(mean, mean)
    within /= n - 3
    shrunk = 0.7 * within + 0.3 * np.trace(within) / D * np.eye(D)
    values, vectors = np.linalg.eigh(shrunk)
    A = vectors @ np.diag(values**-0.5) @ vectors.T
    t = (x - mu) @ A
    V = np.linalg.eigh(np.cov(t.T))[1][:, ::-1][:, :2]
    z = t @ V
    z *= np.sqrt(32 / (z**2).sum(axis=1).mean())
    found = fit(x, labels, shrinkage=0.3, directions=2).apply(x)
    assert np.allclose(np.abs(found), np.abs(z))  # an eigenvector's sign is free


def test_features_that_never_vary_do_no_harm():
    x, labels = clusters()
    x[:, 3] = 7.0
    assert np.isfinite(fit(x, labels, shrinkage=0.05, directions=12).matrix).all()


@pytest.mark.parametrize(
    ("x", "labels"),
    [
        (np.random.RandomState(0).randn(9, 3), np.zeros(9, np.uint8)),
        (np.random.RandomState(0).randn(2, 3), np.array([0, 1], np.uint8)),
        (np.repeat(np.eye(3), 4, axis=0), np.repeat(np.arange(3, dtype=np.uint8), 4)),
    ],
    ids=["one label", "one sample each", "no spread"],
)
def test_samples_without_spread_are_refused(x, labels):
    with pytest.raises(DataError, match="E_DATA_WHITEN"):
        fit(x, labels, shrinkage=0.05, directions=2)


# --- the layer


def whitening_layer(codes: np.ndarray, quantization: Quantization, classes: int = 5) -> Dense:
    labels = (np.arange(len(codes)) % classes).astype(np.uint8)
    return choice.layer_of(codes, quantization, labels, shrinkage=0.3, directions=min(32, codes.shape[1]))


@pytest.mark.parametrize("model", [MODEL, MOTION], ids=["digits", "motion"])
def test_tflm_computes_the_layer_bit_for_bit(model):
    """Integer arithmetic written out here, against the runtime, on inputs that reach both ends of the range."""
    pytest.importorskip("tflite_micro")
    plain = Extractor(model)
    inputs = np.random.RandomState(5).randint(-128, 128, (300, *plain.input_shape)).astype(np.int8)
    codes = plain.extract(inputs)
    layer = whitening_layer(codes[:100], plain.quantization)
    expected = layer.apply(codes)
    assert {-128, 127} <= set(expected.ravel().tolist())  # samples beyond those that set the range
    longer = Extractor(append(model, layer))
    assert np.array_equal(longer.extract(inputs), expected)
    assert longer.quantization == layer.output
    assert longer.model_hash != plain.model_hash


def test_what_stands_before_the_layer_stays_and_the_rules_hold():
    pytest.importorskip("tflite_micro")
    extractor = Extractor(MODEL)
    inputs = np.random.RandomState(5).randint(-128, 128, (60, *extractor.input_shape)).astype(np.int8)
    layer = whitening_layer(extractor.extract(inputs), extractor.quantization)
    before, after = check(tflite.read(MODEL)), check(tflite.read(append(MODEL, layer)))
    assert [op.name for op in after.operators] == [*(op.name for op in before.operators), "FULLY_CONNECTED"]
    for old, new in zip(before.operators, after.operators[:-1], strict=True):
        for mine, its in zip(old.inputs, new.inputs, strict=True):
            assert mine.shape == its.shape
            assert np.array_equal(mine.scales, its.scales)
            assert mine.constant is None or np.array_equal(mine.constant, its.constant)
    weights = after.operators[-1].inputs[1]
    assert len(weights.scales) == 1  # boards would take the first of several for all
    assert len(append(MODEL, layer)) < len(MODEL) + layer.weights.size + 4 * len(layer.bias) + 1024


def test_a_layer_for_other_features_is_refused():
    codes = np.random.RandomState(1).randint(-128, 128, (40, 7)).astype(np.int8)
    with pytest.raises(ValueError, match="other features"):
        append(MODEL, whitening_layer(codes, CODE))


def test_the_layer_is_close_to_the_map_that_it_was_made_of():
    x, labels = clusters()
    codes = CODE.quantize(x + 2.5)
    whitening = fit(CODE.dequantize(codes), labels, shrinkage=0.3, directions=8)
    layer = choice.layer_of(codes, CODE, labels, shrinkage=0.3, directions=8)
    exact = whitening.apply(CODE.dequantize(codes)) / layer.output.scale
    found = layer.apply(codes).astype(float) - layer.output.zero_point
    assert np.abs(found - exact).mean() < 3


def test_one_feature_becomes_one_feature():
    codes = np.random.RandomState(3).randint(-128, 128, (50, 1)).astype(np.int8)
    layer = whitening_layer(codes, CODE, 2)
    assert layer.apply(codes).shape == (50, 1)


# --- the guard


def test_it_whitens_where_that_pays_and_repeats():
    x, labels = clusters(200, 12)
    codes = Quantization(0.06, 0).quantize(x)
    folds, samples = choice.folds_of(codes, Quantization(0.06, 0), labels)
    found = choice.choose(folds, samples)
    assert found.pays
    assert found.whitened > found.plain + 0.03
    assert found == choice.choose(*choice.folds_of(codes, Quantization(0.06, 0), labels))
    assert found.document()["pays"] is True


def test_it_does_not_whiten_where_that_hurts():
    """Few samples of many features: whitening makes the noise of all of them as large as the one that says it."""
    random = np.random.RandomState(1)
    labels = (np.arange(60) % 2).astype(np.uint8)
    x = random.randn(60, 40) * 0.1
    x[:, 0] = random.randn(60) + 3.0 * labels
    code = Quantization(0.05, -60)
    codes = code.quantize(x)
    found = choice.choose(*choice.folds_of(codes, code, labels))
    assert found.whitened < found.plain
    assert not found.pays


def test_a_better_result_within_the_margin_does_not_pay():
    near = choice.Choice(100, 0.8, {(32, 0.05): 0.81})
    assert near.needed == pytest.approx(0.82)  # half of sqrt(0.8 * 0.2 / 100)
    assert not near.pays
    assert choice.Choice(100, 0.8, {(32, 0.05): 0.83}).pays
    assert choice.Choice(100, 1.0, {(32, 0.05): 1.0}).pays  # nothing to lose: it only learns sooner


def test_fewer_directions_need_a_standard_error_and_equal_shrinkages_nothing():
    assert choice.Choice(100, 0.8, {(24, 0.05): 0.92, (32, 0.05): 0.9, (32, 0.3): 0.9}).setting == (32, 0.05)
    assert choice.Choice(100, 0.8, {(24, 0.3): 0.95, (32, 0.05): 0.9, (32, 0.3): 0.9}).setting == (24, 0.3)
    assert choice.Choice(100, 0.8, {(32, 0.05): 0.9, (32, 0.3): 0.901}).setting == (32, 0.3)
    assert choice.Choice(100, 0.8, {(24, 0.05): 1.0, (32, 0.05): 1.0}).setting == (32, 0.05)


def test_recordings_stay_together_and_folds_are_stratified():
    labels = np.repeat(np.array([0, 0, 1, 1, 1, 0, 1, 0], np.uint8), 5)
    groups = np.repeat(np.arange(8), 5)
    codes = np.random.RandomState(0).randint(-128, 128, (40, 3)).astype(np.int8)
    folds, samples = choice.folds_of(codes, CODE, labels, groups)
    assert samples == 40
    for fold in folds:
        assert not set(fold.test) & set(fold.learn)
        assert not set(groups[fold.test]) & set(groups[fold.learn])
    tested = np.concatenate([fold.test for fold in folds])
    assert (np.bincount(tested, minlength=40) == choice.REPEATS).all()


@pytest.mark.parametrize("among", [3, 5])
def test_networks_see_neither_the_fold_that_heads_learn_from_nor_the_one_they_are_tested_on(among):
    inputs = np.random.RandomState(0).rand(60, 8, 8, 1).astype(np.float32)
    labels = (np.arange(60) % 4).astype(np.uint8)
    seen: list[np.ndarray] = []

    def made(own: np.ndarray, own_labels: np.ndarray) -> bytes:
        seen.append(own)
        assert set(own_labels) == {0, 1, 2}
        return MODEL

    found = list(
        choice.network_folds(made, inputs, labels, None, seen=(0, 1, 2), seed=1, among=among, trials=2)
    )
    assert len(found) == len(seen) == 2
    for fold, own in zip(found, seen, strict=True):
        assert len(fold.learn) == len(fold.test) == 60 // among
        assert not set(fold.learn) & set(fold.test) and set(labels[fold.learn]) == {0, 1, 2, 3}
        strangers = np.concatenate([fold.learn, fold.test])
        assert not (own[:, None] == inputs[strangers]).all(axis=(2, 3, 4)).any()


def test_many_samples_are_thinned():
    labels = (np.arange(5000) % 3).astype(np.uint8)
    folds, samples = choice.folds_of(np.zeros((5000, 2), np.int8), CODE, labels)
    assert samples == len(folds[0].labels) == choice.MOST_SAMPLES


def test_too_few_samples_are_refused():
    with pytest.raises(DataError, match="E_DATA_WHITEN"):
        choice.folds_of(np.zeros((6, 2), np.int8), CODE, np.zeros(6, np.uint8))


def test_directions_are_at_most_the_features():
    assert choice.directions_of(64) == [24, 32]
    assert choice.directions_of(30) == [24, 30]
    assert choice.directions_of(10) == [10]
