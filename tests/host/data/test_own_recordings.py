"""A folder as people have it: tables of all makes, long recordings, exports, what systems leave behind."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("tflite_micro", reason="the extractor needs tflite-micro")

import bytefed
from bytefed.cli.main import main
from bytefed.data import Cut, load_task, tables
from bytefed.data.folder import sample
from bytefed.data.notes import Notes
from bytefed.data.partition import divide
from bytefed.errors import BytefedError, ConfigError, DataError
from bytefed.extractor.manifest import model_folder

SHAPE = (12, 1, 2)
VALUES = np.round(np.stack([np.sin(np.arange(12)), np.cos(np.arange(12))], axis=1) * 0.9, 3).astype(
    np.float32
)
ROWS = [f"{a:.3f},{b:.3f}" for a, b in VALUES]


def lines(rows) -> str:
    return "\n".join(rows)


def swapped(separator: str, point: str = ".") -> list[str]:
    return [row.replace(",", separator).replace(".", point) for row in ROWS]


# --- one table


TABLES = {
    "plain": lines(ROWS),
    "a header": lines(["ax,ay", *ROWS]),
    "a header that is not ASCII": lines(["ax (m/s²),ay (°/s)", *ROWS]).encode("latin-1"),
    "UTF-8 with a mark": lines(["ax,ay", *ROWS]).encode("utf-8-sig"),
    "UTF-16 with a mark": lines(["ax,ay", *ROWS]).encode("utf-16"),
    "UTF-16, the other end first": "\ufeff".encode("utf-16-be") + lines(ROWS).encode("utf-16-be"),
    "semicolons": lines(swapped(";")),
    "semicolons and decimal commas": lines(["ax;ay", *swapped(";", ",")]),
    "tabs": lines(swapped("\t")),
    "tabs and decimal commas": lines(swapped("\t", ",")),
    "spaces": lines(["ax ay", *swapped("   ")]),
    "spaces and decimal commas": lines(swapped(" ", ",")),
    "commas and spaces": lines(swapped(", ")),
    "a comma at each end": lines(["ax,ay,", *(row + "," for row in ROWS)]),
    "a comma at each end but the header's": lines(["ax,ay", *(row + "," for row in ROWS)]),
    "quotes": lines(['"ax","ay"', *(f'"{row.replace(",", chr(34) + "," + chr(34))}"' for row in ROWS)]),
    "quoted decimal commas": lines(
        f'"{a:.3f}","{b:.3f}"'.replace(".", ",").replace('","', '";"') for a, b in VALUES
    ),
    "Windows' ends of lines": "\r\n".join(["ax,ay", *ROWS]) + "\r\n\r\n",
    "comments": lines(["# made by a logger", "% and another", *ROWS]),
    "sep=": lines(["sep=;", *swapped(";")]),
    "a time column": lines(["timestamp,accX,accY", *(f"{20 * i},{row}" for i, row in enumerate(ROWS))]),
    "a date column": lines(
        ["Date Time,x,y", *(f"2024-03-01 10:00:{i:02},{row}" for i, row in enumerate(ROWS))]
    ),
    "time with its unit": lines(
        ["time (ms);x;y", *(f"{i};{row}" for i, row in enumerate(swapped(";", ",")))]
    ),
    "a label column": lines(["x,y,label", *(f"{row},walking" for row in ROWS)]),
    "time and label": lines(["t,x,y,Activity", *(f"{i},{row},1" for i, row in enumerate(ROWS))]),
    "words without a header": lines(f"{row},walking" for row in ROWS),
    "pandas' index": lines([",x,y", *(f"{i},{row}" for i, row in enumerate(ROWS))]),
    "one row": ",".join(ROWS),
    "one column": "\n".join(",".join(ROWS).split(",")),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("suffix", [".csv", ".txt"])
def test_tables_of_all_makes(tmp_path, name, suffix):
    file, content = tmp_path / f"one{suffix}", TABLES[name]
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    notes = Notes()
    (window,) = sample(file, SHAPE, Cut(), notes)
    assert np.array_equal(window.reshape(12, 2), VALUES)
    left_out = any(word in name for word in ("time", "date", "label", "words", "index"))
    assert bool(notes.warnings(tmp_path)) == left_out


def test_a_column_called_t_stays_where_it_fits(tmp_path):
    file = tmp_path / "one.csv"
    file.write_text(lines(["t,u", *ROWS]))
    assert np.array_equal(sample(file, SHAPE, Cut(), Notes())[0].reshape(12, 2), VALUES)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (lines(",".join(map(str, column)) for column in VALUES.T), "E_DATA_SHAPE", "Turn the table"),
        (lines(f"1,2,{row}" for row in ROWS), "E_DATA_SHAPE", "Leave out 2 of the columns"),
        (lines(ROWS * 3), "E_DATA_SHAPE", "--window 12"),
        (lines(ROWS[:5]), "E_DATA_SHAPE", "shorter"),
        (lines([*ROWS[:5], "0.1,oops", *ROWS[6:]]), "E_DATA_FORMAT", "line 6, column 2"),
        (lines([*ROWS[:5], "0.1", *ROWS[6:]]), "E_DATA_FORMAT", "line 6 has 1 fields"),
        (lines(["x,y", *ROWS[:5], "0.1,", *ROWS[6:]]), "E_DATA_FORMAT", "line 7, column 'y'"),
        (lines([*ROWS[:5], "0.1,nan", *ROWS[6:]]), "E_DATA_NAN", "row 6, column 2"),
        (lines(ROWS).encode("utf-16-le"), "E_DATA_FORMAT", "without its mark"),
        ("", "E_DATA_FORMAT", "no rows"),
    ],
)
def test_what_is_no_window_is_told_why(tmp_path, content, code, said):
    file = tmp_path / "one.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        sample(file, SHAPE, Cut(), Notes())
    assert caught.value.code == code
    assert said in str(caught.value)
    assert str(file) in caught.value.message


def test_numbers_are_pythons_own():
    assert not tables.is_number("1_000")
    assert tables.is_number(" -1e3 ")


# --- Edge Impulse


def recording(values, sensors=("accX", "accY"), **rest) -> str:
    payload = {
        "device_type": "NANO33BLE", "interval_ms": 10, "values": values,
        "sensors": [{"name": name, "units": "m/s2"} for name in sensors],
    }  # fmt: skip
    return json.dumps(
        {"protected": {"ver": "v1", "alg": "none"}, "signature": "0", "payload": payload, **rest}
    )


def test_edge_impulse_is_read(tmp_path):
    file = tmp_path / "walking.1.json"
    file.write_text(recording(VALUES.astype(float).tolist()))
    assert np.array_equal(sample(file, SHAPE, Cut(), Notes())[0].reshape(12, 2), VALUES)
    file.write_text(recording([float(a) for a in VALUES[:, 0]], ["audio"]))
    assert np.array_equal(sample(file, (12, 1, 1), Cut(), Notes())[0].ravel(), VALUES[:, 0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        '{"payload": {}}',
        recording([[1, 2], [3]]),
        recording([["a", "b"]]),
        recording([[1, 2, 3]]),
        "[" * 100_000,
    ],
)
def test_other_json_is_refused(tmp_path, text):
    file = tmp_path / "one.json"
    file.write_text(text)
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        sample(file, SHAPE, Cut(), Notes())


# --- a folder


@pytest.fixture
def motions(tmp_path):
    """Ten windows each of three labels for the digits' extractor, which takes 8 x 8 values from 0 to 1."""
    folder = tmp_path / "mine"
    rng = np.random.default_rng(5)
    for label in ("idle", "run", "walk"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            np.savetxt(folder / label / f"{number}.csv", rng.uniform(0, 1, (8, 8)), delimiter=",")
    shutil.copy(model_folder("digits") / "digits.tflite", folder / "extractor.tflite")
    return folder


def test_what_systems_leave_behind_is_skipped(motions):
    before = load_task(str(motions))
    for place in (motions, motions / "run"):
        (place / "._0.csv").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        \0\2")
        for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
            (place / name).write_bytes(b"\0\1")
    (motions / "._extractor.tflite").write_bytes(b"\0\5")
    shutil.copytree(motions / "run", motions / "__MACOSX" / "run")
    after = load_task(str(motions))
    assert after.classes == before.classes == ("idle", "run", "walk")
    assert np.array_equal(after.federated.features, before.federated.features)
    assert after.warnings == ()


def test_deeper_folders_are_read(motions):
    before = load_task(str(motions))
    for number in range(5):
        deep = motions / "run" / "monday" / "morning"
        deep.mkdir(parents=True, exist_ok=True)
        (motions / "run" / f"{number}.csv").rename(deep / f"{number}.csv")
    after = load_task(str(motions))
    assert (len(after.federated), len(after.test)) == (len(before.federated), len(before.test))
    assert after.classes == before.classes


def test_nothing_is_left_out_without_a_word(motions):
    (motions / "loose.csv").write_text("1,2")
    (motions / "loose.wav").write_bytes(b"RIFF")
    (motions / "README.md").write_text("mine")
    (motions / "run" / "sound.wav").write_bytes(b"RIFF")
    (motions / "run" / "more.wav").write_bytes(b"RIFF")
    (motions / "empty").mkdir()
    (motions / "only-notes").mkdir()
    (motions / "only-notes" / "readme.md").write_text("hello")
    task = load_task(str(motions))
    assert task.classes == ("idle", "run", "walk")
    said = "\n".join(task.warnings)
    for name in (
        "loose.csv and 1 more",
        "run/more.wav and 1 more",
        "empty",
        "only-notes",
        "only-notes/readme.md",
    ):
        assert name in said


def test_other_units_are_warned_of(motions):
    assert load_task(str(motions)).warnings == ()
    for factor, said in ((1000, "beyond"), (0.001, "next to one value")):
        scaled = motions.parent / str(factor)
        shutil.copytree(motions, scaled)
        for file in scaled.rglob("*.csv"):
            np.savetxt(file, np.loadtxt(file, delimiter=",") * factor, delimiter=",")
        (warning,) = load_task(str(scaled)).warnings
        assert said in warning
        assert "and 29 more" in warning


@pytest.mark.parametrize(("factor", "said"), [(1000, "beyond"), (1e-5, "next to one value")])
def test_one_window_in_other_units_among_many_is_named(motions, factor, said):
    odd = motions / "run" / "3.csv"
    np.savetxt(odd, np.loadtxt(odd, delimiter=",") * factor, delimiter=",")
    (warning,) = load_task(str(motions)).warnings
    assert said in warning and warning.endswith("run/3.csv.")


def test_notes_and_other_json_are_left_out_by_name(motions):
    before = load_task(str(motions))
    (motions / "run" / "notes.txt").write_text(
        "Recorded on 3 May, board 2.\nThe strap was loose, see 4.csv\n"
    )
    (motions / "walk" / "info.json").write_text('{"version": 1, "files": ["0.csv"]}')
    (motions / "only-words").mkdir()
    (motions / "only-words" / "todo.txt").write_text("record running again\n")
    after = load_task(str(motions))
    assert np.array_equal(after.federated.features, before.federated.features)
    assert after.classes == before.classes
    said = " ".join(after.warnings)
    for name in ("only-words/todo.txt and 1 more", "walk/info.json"):
        assert name in said


def test_a_broken_table_or_recording_is_no_note(motions):
    for name, text in (
        ("8.csv", "0.1,0.2\n0.3\n"),
        ("8.txt", "0.5 oops 0.3\n"),
        ("8.json", '{"payload": {}}'),
    ):
        file = motions / "run" / name
        kept = file.read_text() if file.exists() else None
        file.write_text(text)
        with pytest.raises(DataError, match="E_DATA"):
            load_task(str(motions))
        file.unlink() if kept is None else file.write_text(kept)


def test_a_folder_may_name_its_own_test(motions):
    moved = motions.parent / "exported"
    for number, part in enumerate(("training", "testing")):
        for label in ("idle", "run", "walk"):
            for at in range(6):
                (moved / part).mkdir(parents=True, exist_ok=True)
                source = motions / label / f"{at + 4 * number}.csv"
                shutil.copy(source, moved / part / f"{label}.{at}.{part}.csv")
    shutil.copy(motions / "extractor.tflite", moved)
    task = load_task(str(moved))
    assert task.classes == ("idle", "run", "walk")
    assert (len(task.federated), len(task.test)) == (18, 18)
    shutil.rmtree(moved / "testing")
    for label in ("idle", "run", "walk"):
        shutil.copytree(motions / label, moved / "Test" / label)
    assert (len(load_task(str(moved)).federated), len(load_task(str(moved)).test)) == (18, 30)


# --- recordings that are longer than a window


@pytest.fixture
def long(motions):
    """Four recordings of 30 readings each of three labels."""
    rng = np.random.default_rng(6)
    for label in ("idle", "run", "walk"):
        for file in (motions / label).iterdir():
            file.unlink()
        for number in range(8):
            np.savetxt(motions / label / f"{number}.csv", rng.uniform(0, 1, (30, 8)), delimiter=",")
    return motions


def test_long_recordings_are_cut(long):
    with pytest.raises(DataError, match=r"E_DATA_SHAPE.*--window 8"):
        load_task(str(long))
    assert len(load_task(str(long), cut=Cut(window=8)).federated) == 19 * 3  # of 24 recordings
    task = load_task(str(long), cut=Cut(hop=2))
    assert len(task.federated) + len(task.test) == 3 * 8 * 12
    assert task.warnings == ()
    again = bytefed.load_task(long, window=8, hop=2)
    assert np.array_equal(again.federated.features, task.federated.features)
    assert any("fill no window" in said for said in load_task(str(long), cut=Cut(hop=4)).warnings)


@pytest.mark.parametrize("kind", ["iid", "dirichlet", "shards"])
def test_windows_of_a_recording_are_never_divided(long, kind):
    task = load_task(str(long), cut=Cut(hop=1))
    assert len(task.federated) % 23 == 0  # whole recordings
    assert len(task.test) % 23 == 0
    divided = divide(task, kind, 3, alpha=10.0, test_fraction=0.4)
    parts = [part for client in range(3) for part in (divided.train(client), divided.test(client))]
    owners = [set(task.groups[part].tolist()) for part in parts]
    assert sum(map(len, owners)) == len(set.union(*owners))  # no recording is in two parts
    assert len(np.unique(divided.order)) == len(divided.order)
    assert all(len(divided.test(client)) for client in range(3))


def test_a_window_that_the_extractor_does_not_take(long):
    with pytest.raises(ConfigError, match=r"E_CONFIG_WINDOW.*--window 8"):
        load_task(str(long), cut=Cut(window=10))
    with pytest.raises(ConfigError, match="E_CONFIG_WINDOW"):
        load_task("digits", cut=Cut(hop=1))


def test_partition_and_simulate_cut(long, capsys, tmp_path):
    options = ["--data", str(long), "--window", "8", "--hop", "3", "--clients", "3", "--partition", "iid"]
    assert main(["partition", *options]) == 0
    assert "fill no window" in capsys.readouterr().out
    assert main(["simulate", *options, "--rounds", "1", "--quiet", "--run-dir", str(tmp_path / "run")]) == 0
    assert "fill no window" in capsys.readouterr().err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["config"]["window"], summary["config"]["hop"]) == (8, 3)
    assert summary["class_names"] == ["idle", "run", "walk"]


def test_a_recording_without_end_is_bounded(long, monkeypatch):
    monkeypatch.setattr("bytefed.data.folder.MAX_VALUES", 64 * 20)
    with pytest.raises(BytefedError, match="E_DATA_SIZE"):
        load_task(str(long), cut=Cut(hop=1))
