"""Tasks and files of features: how they are read and divided, and every way in which a file can be wrong."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bytefed.data import archive, columns, gesture, load_task, motion, npz
from bytefed.data.raw import RawData, divide
from bytefed.data.task import Samples
from bytefed.errors import DataError
from bytefed.extractor.quantization import Quantization

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(60, 5)).astype(np.float32)
Y = RANDOM.randint(0, 3, 60)


@pytest.fixture
def save(tmp_path):
    """Write an .npz file of the good arrays with some replaced (None leaves one out); its path."""

    def write(**arrays):
        path = tmp_path / "mine.npz"
        kept = {name: array for name, array in {"X": X, "y": Y, **arrays}.items() if array is not None}
        np.savez(path, **kept)
        return path

    return write


# --- files of features


def test_float_features_are_scaled_column_by_column_on_training_rows(save):
    """Neither the global test nor a client's own test may say what the scale is."""
    own = (np.arange(60) >= 40) & (np.arange(60) < 50)
    test = np.arange(60) >= 50
    loud = X * np.where(own | test, 1e6, 1.0)[:, None] * 10.0 ** np.arange(-6, 4, 2)
    task = npz.load(save(X=loud, test=test, local_test=np.flatnonzero(own)))
    train = loud[:40]
    assert np.allclose(task.columns.offset, train.mean(axis=0))
    assert np.allclose(task.columns.step * 127, columns.SPAN * train.std(axis=0))
    back = task.columns.offset + task.columns.step * task.federated.features[:40]
    assert (np.abs(back - train) <= task.columns.step * 0.51).all()
    real = task.quantization.dequantize(task.federated.features[:40])
    assert np.isclose((real**2).sum(axis=1).mean(), columns.SQUARED_LENGTH, rtol=0.01)
    assert np.abs(task.test.features.astype(int)).max(axis=1).min() >= 127  # clipped, not wrapped around
    assert (len(task.federated), len(task.test), task.D, task.num_classes) == (50, 10, 5, 3)
    assert np.array_equal(task.test.labels, Y[50:])
    assert np.array_equal(np.flatnonzero(task.local_test), np.arange(40, 50))
    assert (task.model_hash, task.inputs, task.clients) == (0, None, None)


def test_int8_features_are_taken_as_they_are(save):
    codes = RANDOM.randint(-128, 128, (60, 5)).astype(np.int8)
    task = npz.load(save(X=codes, test=np.arange(60) < 20, scale=np.float32(0.5), zero_point=-3))
    assert np.array_equal(task.federated.features, codes[20:])
    assert task.quantization == Quantization(0.5, -3)
    assert npz.load(save(X=codes)).quantization == Quantization(1 / 128, 0)


def test_without_test_a_stratified_fifth_is_taken(save):
    task = npz.load(save())
    assert len(task.test) == 12
    share = np.bincount(task.test.labels, minlength=3) / np.bincount(Y)
    assert np.abs(share - 0.2).max() < 0.08


def test_owners_are_counted_from_zero(save):
    task = npz.load(save(client=np.repeat([700, -2, 31], 20), test=np.arange(60) % 20 == 0))
    assert np.array_equal(task.clients, np.repeat([2, 0, 1], 19))


def at(array: np.ndarray, value: float) -> np.ndarray:
    """A copy with one element replaced."""
    copy = array.copy()
    copy.flat[7] = value
    return copy


@pytest.mark.parametrize(
    ("arrays", "code"),
    [
        ({"X": None}, "E_DATA_ARRAY"),
        ({"y": None}, "E_DATA_ARRAY"),
        ({"X": X[:, :, None]}, "E_DATA_SHAPE"),
        ({"X": X[0]}, "E_DATA_SHAPE"),
        ({"X": X[:50]}, "E_DATA_SHAPE"),
        ({"X": at(X, np.nan)}, "E_DATA_NAN"),
        ({"X": at(X, -np.inf)}, "E_DATA_NAN"),
        ({"X": at(X.astype(np.float64), 1e300)}, "E_DATA_NAN"),
        ({"X": X.astype(complex)}, "E_DATA_TYPE"),
        ({"X": np.array([["a"] * 5] * 60)}, "E_DATA_TYPE"),
        ({"X": np.array([[None] * 5] * 60)}, "E_DATA_TYPE"),
        ({"X": np.zeros((60, 4097), np.int8)}, "E_DATA_D"),
        ({"X": np.zeros((60, 0), np.int8)}, "E_DATA_D"),
        ({"y": at(Y.astype(float), 0.5)}, "E_DATA_LABEL"),
        ({"y": at(Y.astype(float), np.nan)}, "E_DATA_LABEL"),
        ({"y": at(Y.astype(str), "")}, "E_DATA_LABEL"),
        ({"y": Y.astype(complex)}, "E_DATA_TYPE"),
        ({"y": np.array([None] * 60)}, "E_DATA_TYPE"),
        ({"y": RANDOM.random((60, 3))}, "E_DATA_SHAPE"),
        ({"X": np.ones((70, 2)), "y": np.arange(70)}, "E_DATA_CLASSES"),
        ({"y": np.zeros(60, int)}, "E_DATA_CLASSES"),
        ({"X": X[:0], "y": Y[:0]}, "E_DATA_EMPTY"),
        ({"test": np.ones(60, bool)}, "E_DATA_EMPTY"),
        ({"test": np.zeros(60, bool)}, "E_DATA_EMPTY"),
        ({"test": np.zeros(60, int)}, "E_DATA_EMPTY"),
        ({"test": np.zeros(59, bool)}, "E_DATA_SHAPE"),
        ({"test": np.array([3, 60])}, "E_DATA_LABEL"),
        ({"test": np.array([-1])}, "E_DATA_LABEL"),
        ({"test": np.array(["yes"])}, "E_DATA_TYPE"),
        ({"test": np.arange(9), "local_test": np.array([8])}, "E_DATA_LABEL"),
        ({"test": np.arange(9), "local_test": np.arange(9, 60)}, "E_DATA_EMPTY"),
        ({"client": np.zeros(59, int)}, "E_DATA_SHAPE"),
        ({"client": np.full(60, 0.5)}, "E_DATA_LABEL"),
        ({"X": X.astype(np.int8), "scale": np.float32(-1)}, "E_DATA_TYPE"),
        ({"X": X.astype(np.int8), "scale": np.ones(2)}, "E_DATA_TYPE"),
        ({"X": X.astype(np.int8), "zero_point": 300}, "E_DATA_TYPE"),
    ],
)
def test_bad_arrays_are_coded_errors(save, arrays, code):
    with pytest.raises(DataError) as caught:
        npz.load(save(**arrays))
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="E_DATA_MISSING"):
        npz.load(tmp_path / "nowhere.npz")
    with pytest.raises(DataError, match="E_DATA_MISSING"):
        npz.load(tmp_path)


def header(shape: str, dtype: str = "'<f4'") -> bytes:
    """An .npy file that declares a shape and holds four bytes."""
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"1234"


@pytest.mark.parametrize(
    "member",
    [
        header("(1000000000000, 5)"),
        header("(99999999999999999999999999, 5)"),
        header("(-4, -5)"),
        header("(4,", "'<f4'"),
        header("(4,)", "'no such type'"),
        header("(4,)", "()"),
        header("((((((((((((((((((((((((((((((((((((((((((((((((1,),)"),
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x09\x00",
        b"",
        b"not an array",
    ],
)
def test_hostile_members_are_refused(tmp_path, member):
    path = tmp_path / "hostile.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", member)
    with pytest.raises(DataError, match="E_DATA_CORRUPT"):
        npz.load(path)


def test_a_member_that_unpacks_to_too_much_is_refused(save, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ARRAY_BYTES", 1000)
    with pytest.raises(DataError, match="E_DATA_SIZE"):
        npz.load(save())


def good_file() -> bytes:
    """A sound file, compressed so that flips reach every layer."""
    file = io.BytesIO()
    np.savez_compressed(file, X=X, y=Y)
    return file.getvalue()


@settings(max_examples=300)
@given(data=st.data())
def test_damaged_files_are_errors_never_crashes(data, tmp_path_factory):
    file = bytearray(good_file())
    if data.draw(st.booleans(), "cut"):
        del file[data.draw(st.integers(0, len(file) - 1), "length") :]
    else:
        for _ in range(data.draw(st.integers(1, 4), "flips")):
            file[data.draw(st.integers(0, len(file) - 1), "at")] ^= 1 << data.draw(st.integers(0, 7), "bit")
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(file)
    try:
        task = npz.load(path)
    except DataError as error:
        assert error.code.startswith("E_DATA_")
    else:
        assert len(task.federated) + len(task.test) == 60


# --- the division


def raw(labels, groups=None) -> RawData:
    return RawData(np.zeros((len(labels), 1), np.float32), np.asarray(labels, np.uint8), ("a", "b"), groups)


@given(
    st.lists(st.integers(0, 5), min_size=10, max_size=200),
    st.floats(0, 0.5),
    st.floats(0, 0.45),
    st.integers(0, 2**32 - 1),
)
def test_each_sample_is_in_one_part(labels, pretrain, test, seed):
    division = divide(raw(labels), pretrain, test, seed)
    parts = [division.pretrain, division.federated, division.test]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    assert len(division.pretrain) == round(pretrain * len(labels))
    shares = [np.mean(np.asarray(labels)[division.federated] == label) for label in range(6)]
    if len(division.federated) > 30:
        assert np.abs(shares - np.bincount(labels, minlength=6) / len(labels)).max() < 0.2


def test_groups_are_never_divided():
    groups = np.repeat(np.arange(20, dtype=np.int32), 3)
    division = divide(raw(groups % 2, groups), 0.3, 0.3, 1)
    owners = [set(groups[part]) for part in (division.pretrain, division.federated, division.test)]
    assert [len(owner) for owner in owners] == [6, 8, 6]
    assert not (owners[0] & owners[1] or owners[0] & owners[2] or owners[1] & owners[2])


# --- tasks by name


def test_an_unknown_name_is_told_what_there_is():
    with pytest.raises(
        DataError,
        match=r"E_DATA_UNKNOWN.*digits, digits04, .*gesture, gesture_plain, keywords, .*motion, .*vowels",
    ):
        load_task("imagenet")


def test_other_data_than_the_extractor_was_trained_beside_is_refused(monkeypatch):
    from bytefed.data import load

    source = load.TASKS["digits"]
    monkeypatch.setitem(load.TASKS, "digits", load.Source(source.read, source.pretrain, source.test, seed=7))
    with pytest.raises(DataError, match="E_DATA_DIVISION"):
        load_task("digits")


def test_digits_need_no_scikit_learn(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    assert load_task("digits").D == 32


def test_motion_without_aeon(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*aeon"):
        motion.read()


def recordings(folder: Path, change=lambda text: text) -> Path:
    """Both motion files with two recordings each: axis a of recording r is r + a / 10 throughout."""
    for number, name in enumerate(motion.FILES):
        lines = ["#comment", "@data"]
        for r in (2 * number, 2 * number + 1):
            axes = [",".join([str(r + axis / 10)] * 100) for axis in range(6)]
            lines.append(":".join([*axes, motion.CLASSES[r]]))
        (folder / name).write_text(change("\n".join(lines)))
    return folder


def test_motion_windows(tmp_path):
    data = motion.read(recordings(tmp_path))
    assert data.inputs.shape == (24, 50, 1, 6)
    assert data.labels.tolist() == np.repeat(range(4), 6).tolist()
    assert data.groups.tolist() == data.labels.tolist()
    assert np.allclose(data.inputs[7], 1 + np.arange(6) / 10)


@pytest.mark.parametrize(
    ("old", "new"), [("Standing", "Flying"), ("0.1,", "0.1,0.1,"), ("0.3,", "nan,"), ("0.2,", "x,")]
)
def test_other_motion_files_are_refused(tmp_path, old, new):
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        motion.read(recordings(tmp_path, lambda text: text.replace(old, new, 1)))


def strokes(folder: Path, stroke) -> Path:
    (folder / "someone_3.json").write_text(json.dumps({"strokes": [stroke]}))
    return folder


def test_gestures_are_resampled_by_straight_lines(tmp_path):
    points = [{"x": 0.0, "y": 1.0}, {"x": 1.0, "y": 0.0}, {"x": 2.0, "y": -1.0}]
    data = gesture.read(strokes(tmp_path, {"label": "3", "strokePoints": points}))
    assert data.inputs.shape == (1, 48, 1, 2)
    assert np.allclose(data.inputs[0, :, 0, 0], np.linspace(0, 2, 48))
    assert np.allclose(data.inputs[0, :, 0, 1], np.linspace(1, -1, 48))
    assert data.labels.tolist() == [3]


@pytest.mark.parametrize(
    "stroke",
    [
        {"label": "3", "strokePoints": [{"x": 0, "y": 0}]},
        {"label": "3", "strokePoints": [{"x": 0}, {"x": 1}]},
        {"label": "12", "strokePoints": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        {"label": "3"},
        {"label": "3", "strokePoints": [{"x": 0, "y": float("nan")}, {"x": 1, "y": 1}]},
        [],
    ],
)
def test_other_gesture_files_are_refused(tmp_path, stroke):
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        gesture.read(strokes(tmp_path, stroke))


def test_gestures_must_be_brought(tmp_path):
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*--data-dir"):
        gesture.read()
    with pytest.raises(DataError, match=r"E_DATA_MISSING.*--data-dir"):
        load_task("gesture", tmp_path)


# --- what everything above stands on


@example(0.0, 2.9e-42)  # float32 has no normal step for it
@given(st.floats(-1e30, 1e30), st.floats(0, 1e30))
def test_a_code_covers_its_range_and_zero(low, width):
    high = low + width
    code = Quantization.covering(low, high)
    assert code.dequantize(np.array([code.zero_point], np.int8))[0] == 0.0
    for value in (low, high):
        back = float(code.dequantize(code.quantize(np.array([value])))[0])
        assert abs(back - value) <= 1.01 * code.scale


def test_rounding_is_half_up():
    codes = Quantization(1.0, 0).quantize(np.array([-1.5, -0.5, 0.4, 0.5, 1.5, 300.0, -300.0]))
    assert codes.tolist() == [-1, 0, 0, 1, 2, 127, -128]


@pytest.mark.parametrize(("scale", "zero_point"), [(0.0, 0), (float("nan"), 0), (1e-60, 0), (1.0, 128)])
def test_impossible_codes(scale, zero_point):
    with pytest.raises(ValueError, match=r"scale|zero_point"):
        Quantization(scale, zero_point)


def test_samples_of_the_wrong_kind():
    with pytest.raises(TypeError):
        Samples(np.zeros((3, 2), np.float32), np.zeros(3, np.uint8))
    with pytest.raises(TypeError):
        Samples(np.zeros((3, 2), np.int8), np.zeros(2, np.uint8))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("readings.csv", "np.loadtxt('readings.csv'"),
        ("one.png", "a folder with a subfolder for each label"),
        ("walk.1.json", "a folder with a subfolder for each label"),
        ("X.npy", "numpy.savez"),
    ],
)
def test_one_file_is_told_where_it_belongs(tmp_path, name, remedy):
    (tmp_path / name).write_bytes(b"1,2\n")
    with pytest.raises(DataError, match="E_DATA_UNKNOWN") as caught:
        load_task(str(tmp_path / name))
    assert remedy in caught.value.remedy
    assert "is one file" in caught.value.message


def test_the_remedy_for_a_table_makes_data_that_load(tmp_path):
    rng = np.random.default_rng(3)
    table = np.column_stack([rng.normal(size=(60, 5)), np.arange(60) % 3])
    np.savetxt(tmp_path / "table.csv", table, delimiter=",", header="a,b,c,d,e,label", comments="")
    with pytest.raises(DataError) as caught:
        load_task(str(tmp_path / "table.csv"))
    program = caught.value.remedy.partition('python -c "')[2].partition('"')[0]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert load_task(str(tmp_path / "mine.npz")).num_classes == 3
