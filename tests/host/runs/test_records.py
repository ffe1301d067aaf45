"""bytes.csv, rounds.csv, sessions.csv: they keep SPEC.md's promises and agree with the database."""

import csv
import json

import numpy as np
import pytest

from bytefed.errors import StoreError
from bytefed.ledger.count import CAUSES, ByteCount
from bytefed.ledger.rows import BYTES_COLUMNS, ROUNDS_COLUMNS, SESSIONS_COLUMNS, Traffic
from bytefed.runs.csv_files import Records, totals, traffic_row
from bytefed.runs.json_file import write_json
from bytefed.runs.store import Store

P = 4
A, B = "00000000000000aa", "00000000000000bb"
HEAD = np.zeros(P, np.float32)


@pytest.fixture
def store(tmp_path):
    with_run = Store.create(tmp_path / "run", 0xBEEF, HEAD, "", {})
    with_run.enrol([(A, "serial", "sealed"), (B, "serial", "sealed")])
    yield with_run
    with_run.close()


def count(size=100):
    return ByteCount(payload_down=size, header=2, crc=2, stuffing=2, wire_down=size + 4, wire_up=2)


def traffic(number, board=A, phase="round", **rest):
    fields = {
        "status": "ok", "count": count(), "estimate_wcr": 100, "estimate_wire": 106, "seconds": 0.25,
        "num_examples": 10, "loss": 0.5, "correct": 9,
    } | rest  # fmt: skip
    return Traffic(
        round=number, board=board, phase=phase, link="serial", security="sealed", codec="float32", **fields
    )


def play(store, number):
    """A round of two boards, which say how the head before it does."""
    store.begin_round(number, [A, B])
    for board in (A, B):
        if number > 1:
            store.add_evaluation(number - 1, board, 1, 2)
        store.commit_delta(number, board, HEAD, num_examples=10, loss=0.5, correct=9)
        store.add_traffic(traffic(number, board))
    store.close_round(number, HEAD, [A, B], seconds=1.0, accuracy=0.75, loss=0.5)


def read(store, name):
    with (store.directory / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def text(store, name):
    return (store.directory / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "columns"),
    [("bytes.csv", BYTES_COLUMNS), ("sessions.csv", SESSIONS_COLUMNS), ("rounds.csv", ROUNDS_COLUMNS)],
)
def test_a_file_begins_with_its_columns(store, name, columns):
    """Which ones scripts rely on: tests/host/ledger/test_columns.py."""
    Records(store)
    assert text(store, name) == ",".join(column.name for column in columns) + "\n"


def test_a_row_says_what_happened(store):
    store.add_traffic(traffic(3, estimate_wire=100))
    Records(store)
    (row,) = read(store, "bytes.csv")
    assert row["run"] == "0000beef"
    assert (row["round"], row["board"], row["status"]) == ("3", A, "ok")
    assert (row["payload_down"], row["wire_total"], row["estimate_wcr"]) == ("100", "106", "100")
    assert (row["estimate_difference"], float(row["estimate_error"])) == ("6", 6.0)
    assert (row["num_examples"], float(row["loss"]), float(row["accuracy"])) == ("10", 0.5, 0.9)
    causes = sum(int(row[name]) for name in (*CAUSES, "payload_down", "payload_up"))
    assert causes == int(row["wire_total"])


def test_what_is_not_known_is_empty(store):
    store.add_traffic(traffic(1, count=None, estimate_wire=None, seconds=None))
    store.add_traffic(
        traffic(2, status="failed", estimate_wire=0, num_examples=None, loss=None, correct=None)
    )
    Records(store)
    killed, failed = read(store, "bytes.csv")
    assert killed["wire_total"] == killed["header"] == killed["estimate_error"] == killed["seconds"] == ""
    assert killed["num_examples"] == "10"
    assert failed["estimate_error"] == failed["loss"] == failed["accuracy"] == ""
    assert failed["estimate_difference"] == "106"


def test_sessions_have_a_phase_and_are_not_rounds(store):
    for phase in ("connect", "provision", "evaluate"):
        store.add_traffic(traffic(0, phase=phase, num_examples=None, loss=None, correct=None))
    Records(store)
    assert [row["phase"] for row in read(store, "sessions.csv")] == ["connect", "provision", "evaluate"]
    assert read(store, "bytes.csv") == []


def test_written_round_by_round_or_at_once_the_files_are_the_same(store):
    names = ("bytes.csv", "rounds.csv", "sessions.csv")
    records = Records(store)
    for number in range(1, 5):
        play(store, number)
        store.add_traffic(traffic(number, phase="connect"))
        records.update(max(number - 1, 1))
    written = [text(store, name) for name in names]
    records.rewrite()
    assert [text(store, name) for name in names] == written
    rounds = read(store, "rounds.csv")
    assert [row["accuracy_boards"] for row in rounds] == ["0.500000"] * 3 + [""]
    assert [row["wire_total"] for row in rounds] == ["212"] * 4


def test_late_news_change_the_rows_they_are_about(store):
    records = Records(store)
    for number in (1, 2, 3):
        play(store, number)
        records.update(max(number - 1, 1))
    store.add_traffic(traffic(1, board="00000000000000cc", status="late"))
    records.update(1)
    assert [row["wire_total"] for row in read(store, "rounds.csv")] == ["318", "212", "212"]
    play(store, 4)
    records.update(3)
    assert [row["round"] for row in read(store, "rounds.csv")] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("damage", [b"", b"half a li", b"bytes,of,another\nrun,1,2\n"])
def test_files_that_a_kill_left_in_any_state_are_repaired(store, damage):
    records = Records(store)
    for number in (1, 2):
        play(store, number)
    records.update(1)
    good = text(store, "bytes.csv"), text(store, "rounds.csv")
    for name in ("bytes.csv", "rounds.csv"):
        (store.directory / name).write_bytes(damage)
    (store.directory / "sessions.csv").unlink()
    Records(store)
    assert (text(store, "bytes.csv"), text(store, "rounds.csv")) == good
    assert read(store, "sessions.csv") == []


def test_totals():
    rows = [traffic(1), traffic(2), traffic(3, count=None, estimate_wire=None)]
    sums = totals(rows)
    assert (sums["wire_total"], sums["estimate_wire"], sums["estimate_exact"]) == (212, 212, True)
    assert not totals([*rows, traffic(4, estimate_wire=107)])["estimate_exact"]


def test_a_row_of_the_ledger_is_not_changed_by_writing_it():
    row = traffic(1)
    traffic_row(7, row)
    assert row == traffic(1)


def test_a_full_disk_has_a_code(store, tmp_path):
    records = Records(store)
    play(store, 1)
    (store.directory / "bytes.csv").unlink()
    (store.directory / "bytes.csv").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="E_DISK_FULL"):
        records.update(1)
    (tmp_path / "out.json.new").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="E_DISK_FULL"):
        write_json(tmp_path / "out.json", {"some": "thing"})


def test_json_appears_whole(tmp_path):
    write_json(tmp_path / "out.json", {"accuracy_final": 0.5})
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {"accuracy_final": 0.5}
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
