"""Ready features as people have them: of unlike scale, with labels, owners and tests in any usual form."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from bytefed.cli.commands.partition import show_data
from bytefed.cli.main import main
from bytefed.data import npz
from bytefed.data.columns import FEW_CODES, Columns
from bytefed.data.partition import divide
from bytefed.errors import ConfigError, DataError
from bytefed.federation.evaluation import evaluate, train

ROWS, CLASSES = 240, 3


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def clusters(rng):
    """(X, y): 16 columns of about 1, three clusters that a line tells apart."""
    y = np.arange(ROWS) % CLASSES
    return rng.normal(size=(CLASSES, 16))[y] + rng.normal(0, 0.5, (ROWS, 16)), y


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        path = tmp_path / "mine.npz"
        np.savez(path, **arrays)
        return path

    return write


def accuracy(task) -> float:
    head = train(task, task.federated, epochs=20, batch_size=8, learning_rate=0.05, seed=1)
    return evaluate(task, head, task.test).accuracy


# --- scale


def unlike_sensors(X, rng):
    return np.hstack([X[:, :8] * 0.3, rng.normal(0, 200, (ROWS, 8))])


def an_outlier(X, rng):
    spoiled = X.copy()
    spoiled[7, 4] = 4000
    return spoiled


SCALES = {
    "as they are": lambda X, rng: X,
    "two sensors": unlike_sensors,
    "one outlier": an_outlier,
    "an offset": lambda X, rng: X + 1000,
    "tiny units": lambda X, rng: X * 1e-6,
    "huge units": lambda X, rng: X * 1e30,
    "each column its own": lambda X, rng: X * 10.0 ** np.arange(-8, 8) + np.arange(16),
    "a constant column": lambda X, rng: np.hstack([X, np.full((ROWS, 1), 7e5)]),
    "float16": lambda X, rng: X.astype(np.float16),
    "int16": lambda X, rng: (X * 1000).astype(np.int16),
    "uint8": lambda X, rng: np.clip(X * 20 + 128, 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("name", SCALES)
def test_features_of_any_scale_are_learnt(save, clusters, rng, name):
    X, y = clusters
    X = SCALES[name](X, rng)
    assert accuracy(npz.load(save(X=X if X.dtype.itemsize <= 2 else X.astype(np.float32), y=y))) >= 0.95


def test_wine_reaches_its_level(save):
    """scikit-learn's wine: 13 columns from 0.1 to 1,700; a linear model on standardised columns gets 97 to 100 %."""
    datasets = pytest.importorskip("sklearn.datasets")
    wine = datasets.load_wine()
    assert accuracy(npz.load(save(X=wine.data.astype(np.float32), y=wine.target))) >= 0.97


@pytest.mark.parametrize("n", [2, 3, 10, 192])
def test_an_outlier_does_not_decide_its_columns_scale(rng, n):
    sound = rng.normal(size=(n, 1))
    everything = np.ones(n, np.bool_)
    fitted = Columns.fit(sound, everything)
    if n >= 10:
        sound[3] = 1e6
        spoiled = Columns.fit(sound, everything)
        assert 0.3 < spoiled.step[0] / fitted.step[0] < 3
    assert np.isfinite(fitted.step).all()


def test_rare_values_keep_a_scale(rng):
    """A column that is 0 in nearly all rows has no quartiles apart: its few values still get codes."""
    X = np.zeros((1000, 2))
    X[::300, 0] = 3.0
    X[::6, 1] = rng.uniform(1, 2, 167)
    fitted = Columns.fit(X, np.ones(1000, np.bool_))
    codes = fitted.encode(X)
    assert np.isfinite(fitted.step).all()
    assert codes[0, 0] > codes[1, 0]
    assert len(np.unique(codes[::6, 1])) > 20


def test_constant_columns_are_zero_and_said(save, clusters):
    X, y = clusters
    X = np.hstack([X, np.full((ROWS, 2), 0.1)]).astype(np.float32)
    X[ROWS - 1, 16] = 99  # in a test row alone
    task = npz.load(save(X=X, y=y, test=np.arange(ROWS) >= 200))
    assert not task.federated.features[:, 16:].any()
    assert not task.test.features[:, 16:].any()
    assert task.columns.constant.tolist() == [16, 17]
    assert any("columns 16, 17" in warning for warning in task.warnings)


def test_clipped_outliers_are_said(save, clusters, rng):
    X, y = clusters
    assert npz.load(save(X=X, y=y)).warnings == ()
    (warning,) = npz.load(save(X=an_outlier(X, rng), y=y, test=[1, 2, 3])).warnings
    assert "column 4" in warning


def test_int8_of_few_codes_is_warned_of(save, clusters):
    X, y = clusters
    fine = np.clip(X * 30, -128, 127).astype(np.int8)
    assert npz.load(save(X=fine, y=y)).warnings == ()
    coarse = fine.copy()
    coarse[:, 5] //= 64
    coarse[:, 6] = 3
    same, few = npz.load(save(X=coarse, y=y)).warnings
    assert "column 6" in same
    assert "column 5" in few
    assert str(FEW_CODES) in few


def test_partition_shows_scale_names_and_warnings(save, clusters, rng):
    X, y = clusters
    names = np.array(["left", "right", "up"])[y]
    task = npz.load(save(X=an_outlier(X, rng) * 0.001, y=names, test=[0]))
    out = io.StringIO()
    show_data(task, Console(file=out, width=200, highlight=False), columns=True)
    text = out.getvalue()
    for shown in ("0 left", "1 right", "2 up", f"{task.columns.step[3]:.4g}"):
        assert shown in text


def test_partition_shows_warnings_and_owners(save, clusters, rng, capsys):
    X, y = clusters
    path = save(X=an_outlier(X, rng), y=y, client=np.array(["Ann", "Bo"])[y // 2])
    assert main(["partition", "--data", str(path), "--partition", "natural", "--samples", "30"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for shown in ("broken readings", "Ann", "Bo", "132 of 192 samples to learn from are with no client"):
        assert shown in text


# --- labels and owners


def test_gaps_are_closed_and_names_kept(save, clusters):
    X, y = clusters
    task = npz.load(save(X=X, y=np.array([60, 1, 5])[y], test=[0, 1, 2]))
    assert (task.num_classes, task.classes) == (3, ("1", "5", "60"))
    assert task.federated.labels[:3].tolist() == [2, 0, 1]


FORMS = {
    "numbers": lambda y: y,
    "negative numbers": lambda y: y - 1,
    "floats": lambda y: y.astype(np.float32) * 7,
    "a column": lambda y: y[:, None],
    "one-hot": lambda y: np.eye(3)[y],
    "one-hot booleans": lambda y: np.eye(3, dtype=bool)[y],
    "one-hot with a class that nobody has": lambda y: np.eye(4, dtype=int)[y + (y > 0)],
    "strings": lambda y: np.array(["a", "b", "c"])[y],
    "bytes": lambda y: np.array([b"a", b"b", b"c"])[y],
    "a column of strings": lambda y: np.array([["a"], ["b"], ["c"]])[y],
}


@pytest.mark.parametrize("name", FORMS)
def test_labels_in_any_form(save, clusters, name):
    X, y = clusters
    test = np.arange(ROWS) % 5 == 0
    task = npz.load(save(X=X, y=FORMS[name](y), test=test))
    assert np.array_equal(task.federated.labels, y[~test])
    assert np.array_equal(task.test.labels, y[test])
    assert len(task.classes) == task.num_classes == 3


def test_booleans_are_two_classes(save, clusters):
    X, y = clusters
    assert npz.load(save(X=X, y=y > 0)).classes == ("False", "True")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.array([0.0, 1.0, 2.5, 0.0])}, "row 2"),
        ({"y": np.array(["a", "b", "", "a"])}, "row 2"),
        ({"y": np.array([[1, 0], [0, 1], [1, 1], [0, 1]])}, "row 2"),
        ({"X": np.array([[0, 1], [0, 1], [0, np.nan], [0, 1]])}, "row 2, column 1"),
        ({"test": np.array([0, 4])}, "row 4"),
        ({"X": np.zeros((4, 2, 3))}, r"X\.reshape\(len\(X\), -1\)"),
        ({"y": None, "kinds": np.zeros(4)}, "'kinds'"),
        ({"y": np.array([None] * 4)}, "dtype=str"),
    ],
)
def test_what_is_refused_is_named(save, arrays, said):
    kept = {"X": np.eye(4, 2, dtype=np.float32), "y": np.array([0, 1, 0, 1]), **arrays}
    with pytest.raises(DataError, match=said):
        npz.load(save(**{name: array for name, array in kept.items() if array is not None}))


@pytest.mark.parametrize(
    "test",
    [
        np.arange(ROWS) < 40,
        (np.arange(ROWS) < 40).astype(np.int8),
        (np.arange(ROWS) < 40).astype(np.float32)[:, None],
        np.arange(40),
        np.arange(40)[::-1].astype(np.uint16),
    ],
)
def test_the_test_rows_in_any_form(save, clusters, test):
    X, y = clusters
    task = npz.load(save(X=X, y=y, test=test))
    assert np.array_equal(task.test.labels, y[:40])
    assert np.array_equal(task.federated.labels, y[40:])


def test_owners_may_have_names(save, clusters):
    X, y = clusters
    owner = np.array(["Room 2", "Room 1", "Attic"])[np.arange(ROWS) // 80]
    task = npz.load(save(X=X, y=y, client=owner, test=np.arange(160, 240)))  # the attic has test rows alone
    assert task.owners == ("Room 1", "Room 2")
    assert np.array_equal(task.clients, np.repeat([1, 0], 80))


def test_a_class_without_training_rows_is_said(save, clusters):
    X, y = clusters
    assert "label 2" in npz.load(save(X=X, y=y, test=y == 2)).warnings[0]


# --- a peer's own validation split


def test_owners_test_on_what_they_set_aside(save, clusters):
    X, y = clusters
    own = np.arange(ROWS) % 7 == 0
    task = npz.load(save(X=X, y=y, client=np.arange(ROWS) % 4, local_test=own, test=[1]))
    for kind in ("natural", "iid", "dirichlet", "shards"):
        divided = divide(task, kind, 4)
        for client in range(4):
            assert task.local_test[divided.test(client)].all()
            assert not task.local_test[divided.train(client)].any()
    assert sum(len(divide(task, "natural", 4).test(client)) for client in range(4)) == own.sum()


def test_an_owner_without_training_rows_is_refused(save, clusters):
    X, y = clusters
    owners = np.arange(ROWS) % 4
    task = npz.load(save(X=X, y=y, client=owners, local_test=owners == 2, test=[0]))
    with pytest.raises(ConfigError, match=r"E_PARTITION_TEST.*client 2"):
        divide(task, "natural", 4)


def test_no_client_gets_more_samples_than_asked(save, clusters):
    X, y = clusters
    task = npz.load(save(X=X, y=y, test=[0]))
    whole, few = divide(task, "dirichlet", 3), divide(task, "dirichlet", 3, samples=20)
    assert few.sizes.tolist() == np.minimum(whole.sizes, 20).tolist()
    for client in range(3):
        assert set(few.train(client)) <= set(whole.train(client))
        assert set(few.test(client)) <= set(whole.test(client))
        assert abs(len(few.test(client)) - len(few.indices(client)) / 4) <= 1


# --- names that others give arrays


@pytest.mark.parametrize(("X_name", "y_name"), [("x", "Y"), ("features", "labels"), ("data", "target")])
def test_other_usual_names_are_understood(save, clusters, X_name, y_name):
    X, y = clusters
    wanted = npz.load(save(X=X, y=y))
    found = npz.load(save(**{X_name: X, y_name: y}))
    assert np.array_equal(found.federated.features, wanted.federated.features)
    assert np.array_equal(found.test.labels, wanted.test.labels)


@pytest.mark.parametrize("x", ["x", "X"])
def test_a_part_to_train_on_and_one_to_test_on_are_understood(save, clusters, x):
    X, y = clusters
    wanted = npz.load(save(X=X, y=y, test=np.arange(200, ROWS)))
    found = npz.load(
        save(**{f"{x}_train": X[:200], "y_train": y[:200], f"{x}_test": X[200:], "y_test": y[200:]})
    )
    assert np.array_equal(found.federated.features, wanted.federated.features)
    assert np.array_equal(found.test.features, wanted.test.features)
    with pytest.raises(DataError, match=r"E_DATA_SHAPE.*X_train has the shape \(200, 16\), X_test \(40, 8\)"):
        npz.load(save(X_train=X[:200], y_train=y[:200], X_test=X[200:, :8], y_test=y[200:]))
    with pytest.raises(DataError, match=r"E_DATA_ARRAY.*'X_train'"):
        npz.load(save(X_train=X, y_train=y))
