"""Rows of an .npz file that are set apart for whitening: no client gets them, and all features change or none."""

from __future__ import annotations

import numpy as np
import pytest

from bytefed.data import npz, set_apart
from bytefed.errors import DataError

RANDOM = np.random.RandomState(4)
Y = np.arange(200) % 3
SHARED = RANDOM.randn(200, 4) @ RANDOM.randn(
    4, 10
)  # noise that all columns have in common hides what they say
X = RANDOM.randn(3, 10)[Y] * 0.3 + RANDOM.randn(200, 10) * 0.2 + SHARED
TEST = np.arange(200) >= 150


@pytest.fixture
def load(tmp_path):
    """Load a file of the arrays above, with others."""

    def of(**arrays):
        np.savez(tmp_path / "mine.npz", **{"X": X, "y": Y, "test": TEST, **arrays})
        return npz.load(tmp_path / "mine.npz")

    return of


def test_rows_set_apart_are_nobodys(load):
    rows = np.arange(0, 90)
    task = load(whiten=rows, client=np.arange(200) // 30, local_test=np.arange(90, 100))
    assert (len(task.federated), len(task.test)) == (60, 50)
    assert np.array_equal(task.federated.labels, Y[90:150])
    assert task.local_test.sum() == 10
    assert "90 rows set apart" in task.warnings[-1]


def test_they_whiten_what_the_others_are(load):
    plain, task = load(), load(whiten=np.arange(90))
    assert "features become 10" in task.warnings[-1]
    assert (plain.whitened, task.whitened) == (False, True)
    assert task.quantization != plain.quantization

    def correlation(features: np.ndarray, labels: np.ndarray) -> float:
        centred = features - np.stack([features[labels == c].mean(axis=0) for c in range(3)])[labels]
        return float(np.abs(np.corrcoef(centred.T) - np.eye(10)).mean())

    before = correlation(plain.federated.features[90:].astype(float), plain.federated.labels[90:])
    assert correlation(task.federated.features.astype(float), task.federated.labels) < before / 2


def test_a_number_draws_training_rows_of_each_label(load):
    task = load(whiten=60, local_test=np.arange(100, 150))
    assert len(task.federated) == 150 - 60
    assert (np.bincount(task.federated.labels) == 30).all()
    assert task.local_test.sum() == 50  # none of those
    again = load(whiten=60, local_test=np.arange(100, 150))
    assert np.array_equal(task.federated.features, again.federated.features)


def test_features_stay_plain_where_whitening_does_not_pay(load):
    """The labels say nothing about these features."""
    nothing = RANDOM.randn(200, 10)
    task = load(X=nothing, whiten=np.arange(90))
    assert "the features stay plain" in task.warnings[-1]
    assert np.abs(task.test.features.astype(int)).mean() > 10


@pytest.mark.parametrize(
    ("whiten", "code"),
    [
        (np.array([149, 150]), "E_DATA_LABEL"),  # of the test
        (np.array([3, 200]), "E_DATA_LABEL"),
        (np.int64(150), "E_DATA_LABEL"),  # nothing left
        (np.int64(-1), "E_DATA_LABEL"),
        (np.int64(5), "E_DATA_WHITEN"),
        (np.arange(20), "E_DATA_WHITEN"),
        (np.array("sixty"), "E_DATA_TYPE"),
        (np.zeros((3, 3), np.int64), "E_DATA_SHAPE"),
    ],
)
def test_what_can_not_be_set_apart(load, whiten, code):
    with pytest.raises(DataError, match=code) as caught:
        load(whiten=whiten)
    assert caught.value.remedy


def test_none_are_set_apart_by_zero(load):
    assert np.array_equal(load(whiten=0).federated.features, load().federated.features)


def test_the_draw_does_not_depend_on_the_features():
    test = np.zeros(200, np.bool_)
    masks = [set_apart.rows(None, np.array(60), Y.astype(np.uint8), test, None) for _ in range(2)]
    assert np.array_equal(*masks) and masks[0].sum() == 60
