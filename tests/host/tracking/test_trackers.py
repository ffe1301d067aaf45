"""Trackers beside a run: they get the ledger's figures by round, and nothing that they do stops a run."""

from __future__ import annotations

import csv
import json
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bytefed
from bytefed.cli.main import main
from bytefed.ledger.count import PARTS
from bytefed.tracking import kinds
from bytefed.tracking.kinds import Kind
from bytefed.tracking.tracked import tracked

SMALL = ("--boards", "loopback:3", "--rounds", "3", "--statistics-rounds", "1", "--seed", "4")


class Remembers:
    """A tracker that keeps what it is told."""

    def __init__(self, place: str = "") -> None:
        self.place, self.subject, self.told, self.ended = place, None, [], None

    def begin(self, subject):
        self.subject = subject

    def scalars(self, step, values, at):
        self.told += [(name, step, value, at) for name, value in values.items()]

    def end(self, *, complete):
        self.ended = complete

    def steps(self, name):
        return {step: value for told, step, value, _ in self.told if told == name}


class Fails(Remembers):
    def scalars(self, step, values, at):
        raise RuntimeError("no disk\nand more")


class Hangs(Remembers):
    over = threading.Event()

    def scalars(self, step, values, at):
        self.over.wait(30)


@pytest.fixture
def made(monkeypatch):
    """Trackers of the kinds above by name, as they were made."""
    found = []

    def kind(cls):
        def make(place):
            found.append(cls(place))
            return found[-1]

        return Kind(make, "json", "json")

    for name, cls in {"remembers": Remembers, "fails": Fails, "hangs": Hangs}.items():
        monkeypatch.setitem(kinds.KINDS, name, kind(cls))
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(*words, place):
    return main(["run", *SMALL, "--quiet", "--run-dir", str(place), *words])


def test_a_tracker_gets_what_the_ledger_has(tmp_path, made):
    assert run("--track", "remembers:there", place=tmp_path / "it") == 0
    (one,) = made
    assert one.place == "there" and one.ended is True
    assert one.subject.name == "it" and one.subject.keys["seed"] == 4
    assert one.subject.keys["boards"] == "loopback:3"
    so_far = 0
    for row in rows(tmp_path / "it/rounds.csv"):
        number = int(row["round"])
        so_far += int(row["wire_total"])
        for name, column in {
            "accuracy/global": "accuracy_global", "accuracy/boards": "accuracy_boards",
            "accuracy/held": "accuracy_held",
            "bytes/wire": "wire_total", "bytes/estimate": "estimate_wire", "boards/participants": "participants",
        }.items():  # fmt: skip
            assert one.steps(name)[number] == pytest.approx(float(row[column])), name
        assert one.steps("bytes/wire_so_far")[number] == so_far
    for cause in PARTS:
        booked = dict.fromkeys((1, 2, 3), 0)
        for row in rows(tmp_path / "it/bytes.csv"):
            booked[int(row["round"])] += int(row[cause])
        assert one.steps(f"causes/{cause}") == booked
    summary = json.loads((tmp_path / "it/summary.json").read_text())
    assert one.steps("accuracy/central") == {3: pytest.approx(summary["accuracy_central"])}
    assert one.steps("sessions/connect") == {3: summary["sessions"]["connect"]["wire_total"]}


def test_air_time_and_energy_of_boards_on_the_radio(tmp_path, made):
    pytest.importorskip("bumble", reason="SKIPPED: needs the extra 'ble-sim'")
    words = (
        "run",
        "--boards",
        "virtual-ble:2",
        "--rounds",
        "2",
        "--quiet",
        "--run-dir",
        str(tmp_path / "it"),
    )
    assert main([*words, "--track", "remembers"]) == 0
    for name, column in {"air/seconds": "air_seconds", "energy/mJ": "energy_mj"}.items():
        booked = {1: 0.0, 2: 0.0}
        for row in rows(tmp_path / "it/bytes.csv"):
            booked[int(row["round"])] += float(row[column])
        assert made[0].steps(name) == pytest.approx(booked, abs=2e-3)
        assert min(booked.values()) > 0


def test_a_resumed_run_goes_on_at_its_round(tmp_path, made):
    assert run("--track", "remembers", place=tmp_path / "it") == 0
    words = ("run", "--resume", str(tmp_path / "it"), "--rounds", "5", "--quiet")
    assert main([*words, "--track", "remembers"]) == 0
    first, again = made
    assert first.subject.number == again.subject.number
    assert sorted(again.steps("bytes/wire")) == [4, 5]
    total = sum(int(row["wire_total"]) for row in rows(tmp_path / "it/rounds.csv"))
    assert again.steps("bytes/wire_so_far")[5] == total


def test_a_run_that_is_complete_already_is_not_tracked_again(tmp_path, made):
    assert run(place=tmp_path / "it") == 0
    assert main(["run", "--resume", str(tmp_path / "it"), "--quiet", "--track", "remembers"]) == 0
    assert made[0].subject is None and made[0].ended is None


def test_a_simulation_is_tracked_alike(tmp_path, made):
    words = ("simulate", "--clients", "4", "--rounds", "2", "--quiet", "--run-dir", str(tmp_path / "it"))
    assert main([*words, "--track", "remembers"]) == 0
    booked = rows(tmp_path / "it/bytes.csv")
    for cause in PARTS:
        expected = sum(int(row[cause]) for row in booked)
        assert sum(made[0].steps(f"causes/{cause}").values()) == expected
    assert made[0].ended is True


def test_a_tracker_that_fails_warns_once_and_the_run_goes_on(tmp_path, made, capsys):
    assert run("--track", "fails", "remembers", place=tmp_path / "it") == 0
    said = capsys.readouterr()
    assert said.err.count("fails follows this run no longer: RuntimeError: no disk") == 1
    assert "and more" not in said.err
    assert sorted(made[1].steps("bytes/wire")) == [1, 2, 3]
    assert len(rows(tmp_path / "it/rounds.csv")) == 3


def test_a_tracker_that_hangs_holds_no_round_up(tmp_path, made, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules[tracked.__module__], "PATIENCE", 0.2)
    Hangs.over.clear()
    try:
        assert run("--track", "hangs", place=tmp_path / "it") == 0
    finally:
        Hangs.over.set()
    assert "hangs follows this run no longer" in capsys.readouterr().err
    assert len(rows(tmp_path / "it/rounds.csv")) == 3


def test_scripts_read_of_a_lost_tracker_in_json(tmp_path, made, capsys):
    words = ("run", *SMALL, "--json", "--run-dir", str(tmp_path / "it"), "--track", "fails")
    assert main(words) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (lost,) = [event for event in events if event["event"] == "tracker_lost"]
    assert lost["tracker"] == "fails"
    closed = [event for event in events if event["event"] == "round_closed"]
    assert all(sum(event["causes"].values()) == event["wire_total"] for event in closed)


def a_start(directory: Path) -> bytefed.RunStarted:
    return bytefed.RunStarted("0badcafe", str(directory), "digits", 2, 64, 10, 1, 3)


def test_a_run_that_an_error_ends_ends_its_trackers(tmp_path, made):
    assert run(place=tmp_path / "it") == 0
    with pytest.raises(ZeroDivisionError), tracked(["remembers"], lambda _: None) as tell:
        tell(a_start(tmp_path / "it"))
        raise ZeroDivisionError
    assert made[0].subject.name == "it" and made[0].ended is False


def test_a_tracker_that_could_not_begin_is_not_ended(tmp_path, made):
    heard = []
    with tracked(["remembers"], heard.append) as tell:
        tell(a_start(tmp_path / "nowhere"))  # its keys can't be read
    assert made[0].subject is None and made[0].ended is None
    assert [event.tracker for event in heard if isinstance(event, bytefed.TrackerLost)] == ["remembers"]


def test_a_program_has_trackers_too(tmp_path, made):
    heard = []
    with bytefed.tracked(["remembers"], heard.append) as listener:
        bytefed.run(boards=["loopback:2"], rounds=1, directory=tmp_path / "it", progress=listener)
    assert made[0].steps("bytes/wire").keys() == {1}
    assert isinstance(heard[-1], bytefed.RunEnded)


@contextmanager
def quiet_packages(monkeypatch, tmp_path):
    """Packages of others, in an empty folder and with their own warnings let through."""
    import warnings

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


def test_tensorboard_while_a_run_goes_on(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="SKIPPED: needs the extra 'tensorboard'")
    accumulated = reader(monkeypatch)
    seen = []
    last = f"causes/{PARTS[-1]}"  # of the figures of a round

    def look(event):
        if isinstance(event, bytefed.RoundClosed) and event.round == 2:
            until = time.monotonic() + 30
            while not seen and time.monotonic() < until:
                told = accumulated(tmp_path / "it/tensorboard")
                seen.extend(told.Scalars(last) if last in told.Tags()["scalars"] else [])
                time.sleep(0.02)

    began = time.time()
    with bytefed.tracked(["tensorboard"], look) as listener:
        bytefed.run(boards=["loopback:2"], rounds=3, directory=tmp_path / "it", progress=listener)
    assert [each.step for each in seen][:1] == [1]
    told = accumulated(tmp_path / "it/tensorboard")
    times = [each.wall_time for each in told.Scalars("bytes/wire")]
    assert times == sorted(times) and began <= times[0] <= times[-1] <= time.time()
    assert len({*times}) == 3
    by_row = {int(row["round"]): float(row["wire_total"]) for row in rows(tmp_path / "it/rounds.csv")}
    assert {each.step: each.value for each in told.Scalars("bytes/wire")} == by_row


def test_tensorboard_has_the_hyperparameters(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="SKIPPED: needs the extra 'tensorboard'")
    accumulated = reader(monkeypatch)
    assert run("--track", f"tensorboard:{tmp_path / 'logs'}", place=tmp_path / "it") == 0
    from tensorboard.plugins.hparams import plugin_data_pb2

    content = accumulated(tmp_path / "logs/it").summary_metadata
    start = plugin_data_pb2.HParamsPluginData.FromString(
        content["_hparams_/session_start_info"].plugin_data.content
    ).session_start_info
    assert start.hparams["codec"].string_value and start.hparams["seed"].number_value == 4
    assert start.hparams["boards"].string_value == "loopback:3"


def test_the_report_has_the_same_names(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="SKIPPED: needs the extra 'tensorboard'")
    accumulated = reader(monkeypatch)
    assert run("--track", "tensorboard", place=tmp_path / "it") == 0
    words = ("report", str(tmp_path / "it"), "-o", str(tmp_path / "a.html"))
    assert main([*words, "--tensorboard", str(tmp_path / "tb")]) == 0
    live = accumulated(tmp_path / "it/tensorboard")
    (folder,) = (tmp_path / "tb").iterdir()
    later = accumulated(folder)
    names = set(later.Tags()["scalars"])
    assert names == {
        name for name in live.Tags()["scalars"] if not name.startswith(("sessions/", "accuracy/central"))
    }
    for name in names - {"time/seconds"}:  # rounds.csv has three digits
        steps = {each.step: each.value for each in later.Scalars(name)}
        assert steps == pytest.approx({each.step: each.value for each in live.Scalars(name)}, rel=1e-5), name


def reader(monkeypatch):
    """TensorBoard's own reader of event files, as it is on this machine."""
    pytest.importorskip(
        "tensorboard", reason="SKIPPED: needs the package tensorboard, which reads what is written"
    )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def accumulated(folder):
        found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        return found.Reload()

    return accumulated


def test_mlflow_without_a_server(tmp_path, monkeypatch):
    pytest.importorskip("mlflow", reason="SKIPPED: needs the extra 'mlflow'")
    with quiet_packages(monkeypatch, tmp_path):
        import mlflow

        pytest.importorskip("sqlalchemy", reason="SKIPPED: MLflow's store in a file needs sqlalchemy")
        store = f"sqlite:///{tmp_path}/mlflow.db"
        assert run("--track", f"mlflow:{store}", place=tmp_path / "it") == 0
        words = ("run", "--resume", str(tmp_path / "it"), "--rounds", "4", "--quiet")
        assert main([*words, "--track", f"mlflow:{store}"]) == 0
        client = mlflow.MlflowClient(tracking_uri=store)
        experiment = client.get_experiment_by_name("bytefed")
        (found,) = client.search_runs([experiment.experiment_id])  # the resumed run is the same run
        history = client.get_metric_history(found.info.run_id, "bytes/wire")
    assert found.info.status == "FINISHED" and found.data.params["seed"] == "4"
    table = rows(tmp_path / "it/rounds.csv")
    assert {each.step: each.value for each in history} == {
        int(r["round"]): float(r["wire_total"]) for r in table
    }


def test_wandb_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="SKIPPED: needs the extra 'wandb'")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    with quiet_packages(monkeypatch, tmp_path):
        assert run("--track", "wandb:theirs", place=tmp_path / "it") == 0
        (kept,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
        # Its own process closes the file, a moment after it has said that it is done.
        until = time.monotonic() + 60
        while not (told := history(kept)) and time.monotonic() < until:
            time.sleep(0.1)
    table = rows(tmp_path / "it/rounds.csv")
    found = {step["round"]: step["bytes/wire"] for step in told if "bytes/wire" in step}
    assert found == {int(row["round"]): float(row["wire_total"]) for row in table}
    number = json.loads((tmp_path / "it/summary.json").read_text())["run"]
    assert kept.name == f"run-{number}.wandb"


def history(kept: Path) -> list[dict]:
    """The steps of an offline run's file, once it is written to its end; a LevelDB log of wandb's own messages."""
    from wandb.proto.wandb_internal_pb2 import Record

    found, ended = [], False
    for data in logged(kept.read_bytes()):
        record = Record.FromString(data)
        ended |= record.WhichOneof("record_type") == "exit"
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            found.append(
                {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
            )
    return found if ended else []


def logged(data: bytes, block: int = 32768) -> Iterator[bytes]:
    """Records of a LevelDB log behind wandb's own 7 bytes; each in one piece, or first, middle and last ones."""
    place, whole = 7, b""
    while place + 7 <= len(data):
        if block - place % block < 7:  # too little room for a header: padding
            place += block - place % block
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield whole
            whole = b""
