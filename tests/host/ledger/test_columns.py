"""One list of columns: what is made from it agrees with it, and moves when it moves."""

from __future__ import annotations

import csv
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path

import pytest

from bytefed.ledger.columns import Column, column, columns, computed
from bytefed.ledger.count import CAUSES, COUNTS, PARTS, REPAIR, ByteCount
from bytefed.ledger.rows import (
    BYTES_COLUMNS,
    LEDGER_COLUMNS,
    ROUNDS_COLUMNS,
    SESSIONS_COLUMNS,
    RoundSummary,
    Traffic,
)
from bytefed.runs import schema
from bytefed.runs.csv_files import CsvFile, round_row, traffic_row

ROOT = Path(__file__).resolve().parents[3]
COUNT = ByteCount(**{part: 10**index for index, part in enumerate(PARTS)}, wire_down=1234, wire_up=4321)
FULL = Traffic(
    7,
    "0123456789abcdef",
    "round",
    "serial",
    "sealed",
    "int8/onebit",
    "ok",
    COUNT,
    100,
    5000,
    1.25,
    80,
    0.5,
    60,
    900,
    0.25,
    3.5,
    4,
    "Nano 33 BLE",
    "serial:/dev/ttyACM0",
)


@dataclass
class Inner:
    first: int = field(default=0, metadata=column("one", "B"))


@dataclass
class Outer:
    name: str = field(metadata=column("a name"))
    inner: Inner | None
    share: float | None = field(
        metadata=column(
            "a share", digits=3, then=(computed("percent", float, "the same", "%", optional=True),)
        )
    )


def test_columns_come_from_fields_in_order() -> None:
    assert columns(Outer) == (
        Column("name", str, "a name"),
        Column("first", int, "one", "B", optional=True),
        Column("share", float, "a share", optional=True, digits=3),
        Column("percent", float, "the same", "%", optional=True, stored=False),
    )
    assert [each.sql for each in columns(Outer)[:3]] == ["name TEXT NOT NULL", "first INTEGER", "share REAL"]


def test_files_keep_their_columns_and_their_order() -> None:
    """Scripts read columns: one may be added, but none may go or change its place among the others."""
    names = [
        "run", "round", "board", "link", "codec", "status", "payload_down", "payload_up", "header", "crc", "stuffing",
        "padding", "ack", "control", "retransmission", "probe", "junk", "wire_down", "wire_up", "wire_total",
        "estimate_wcr", "estimate_wire", "estimate_error", "estimate_difference", "seconds", "num_examples", "loss",
        "accuracy", "air_bytes", "air_seconds", "energy_mj", "phase",
    ]  # fmt: skip
    rounds = [
        "round", "participants", "accuracy_boards", "accuracy_global", "loss_global", "wire_down", "wire_up",
        "wire_total", "estimate_wcr", "estimate_wire", "seconds",
    ]  # fmt: skip
    assert [each.name for each in SESSIONS_COLUMNS if each.name in names] == names
    assert [each.name for each in BYTES_COLUMNS if each.name in names] == names[:-1]
    assert [each.name for each in ROUNDS_COLUMNS if each.name in rounds] == rounds


def test_every_column_is_described() -> None:
    for each in (*LEDGER_COLUMNS, *ROUNDS_COLUMNS):
        assert each.meaning
    assert len({each.name for each in LEDGER_COLUMNS}) == len(LEDGER_COLUMNS)


def test_rows_have_a_value_for_each_column() -> None:
    row = traffic_row(0xBEEF, FULL)
    assert {*row} == {each.name for each in SESSIONS_COLUMNS}
    for each in SESSIONS_COLUMNS:
        assert isinstance(row[each.name], each.kind) or (each.optional and row[each.name] is None), each.name
    assert row["estimate_difference"] == 5555 - 5000
    assert row["estimate_error"] == pytest.approx(100 * 555 / 5000)
    assert row["accuracy"] == 0.75
    summary = RoundSummary(1, 2, 0.5, 0.6, 0.75, 0.25, 0.7, 10, 20, 30, 40, 1.5)
    assert {name: type(value) for name, value in round_row(0xBEEF, summary).items()} == {
        each.name: each.kind for each in ROUNDS_COLUMNS
    }


def test_fields_are_written_with_their_digits(tmp_path: Path) -> None:
    file = CsvFile(tmp_path / "rows.csv", SESSIONS_COLUMNS)
    file.rewrite()
    file.append([traffic_row(1, FULL)])
    (row,) = csv.DictReader((tmp_path / "rows.csv").read_text().splitlines())
    for each in SESSIONS_COLUMNS:
        if each.kind is float and row[each.name]:
            assert len(row[each.name].partition(".")[2]) == each.digits


def test_causes_are_the_fields_of_a_count() -> None:
    assert ("payload_down", "payload_up", *CAUSES) == PARTS
    assert (*PARTS, "wire_down", "wire_up", *(f"{cause}_down" for cause in CAUSES)) == COUNTS
    assert {*REPAIR} < {*CAUSES}
    assert COUNT.causes_total == sum(10**index for index in range(len(PARTS)))


# ---- The database


def test_the_database_has_each_stored_column() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(schema.SCHEMA)
    there = {
        name: (kind, bool(needed)) for _, name, kind, needed, _, _ in db.execute("PRAGMA table_info(ledger)")
    }
    kinds = {str: "TEXT", int: "INTEGER", float: "REAL"}
    assert {name: there[name] for name in there if name not in ("id", "run")} == {
        each.name: (kinds[each.kind], not each.optional) for each in schema.STORED
    }
    db.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("board TEXT NOT NULL", "board TEXT NOT NULL, antenna INTEGER"),
        ("loss REAL, correct INTEGER", "correct INTEGER, loss REAL"),
        ("seconds REAL", "seconds INTEGER"),
        ("junk INTEGER", "junk INTEGER NOT NULL"),
        ("WHERE phase = 'round'", ""),
    ],
)
def test_the_format_moves_with_the_tables(old: str, new: str) -> None:
    assert old in schema.SCHEMA
    assert schema.format_of(schema.SCHEMA.replace(old, new)) != schema.FORMAT


def test_the_format_is_blind_to_the_layout_of_the_text() -> None:
    assert schema.format_of(schema.SCHEMA.replace(" ", "\n  ")) == schema.FORMAT


def test_a_new_field_of_a_row_moves_the_format() -> None:
    antenna = ("antenna", int | None, field(default=None, metadata=column("which antenna")))
    more = make_dataclass("More", [antenna], bases=(Traffic,), frozen=True)
    (added,) = {*columns(more)} - {*LEDGER_COLUMNS}
    assert added == Column("antenna", int, "which antenna", optional=True)
    stored = ", ".join(each.sql for each in schema.STORED)
    widened = schema.SCHEMA.replace(stored, f"{stored}, {added.sql}")
    assert schema.format_of(widened) != schema.FORMAT


def test_databases_from_before_are_known_while_the_tables_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert schema.is_current(schema.FORMAT)
    assert schema.is_current("1") == (schema.FORMAT == "699a9dce")
    monkeypatch.setattr(schema, "FORMAT", "00000000")
    assert not schema.is_current("1")
    assert not schema.is_current("2")
    assert not schema.is_current("")


# ---- What is made from the lists


def tables(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "tools/tables.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_made_tables_are_up_to_date() -> None:
    done = tables("--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("SPEC.md", "| crc | CRC-16 of serial frames |", "| crc | CRC-32 |"),
        ("SPEC.md", "| seconds | number | s | from the", "| seconds | number | ms | from the"),
        ("SPEC.md", schema.FORMAT, "01234567"),
        ("docs/boards/README.md", "itsybitsy_nrf52840", "itsybitsy"),
        ("docs/security.md", "- privacy for a person with many samples\n", ""),
        ("tools/udev/60-bytefed.rules", "805a", "805b"),
    ],
)
def test_what_is_stale_is_named_and_made_anew(tmp_path: Path, name: str, old: str, new: str) -> None:
    for path in (
        "SPEC.md",
        "docs/boards/README.md",
        "docs/security.md",
        "tools/udev/60-bytefed.rules",
        "tools/tables.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text())
    right = (ROOT / name).read_text()
    assert old in right
    (tmp_path / name).write_text(right.replace(old, new))
    done = tables("--check", root=tmp_path)
    assert done.returncode == 1
    assert done.stdout == f"{name} is out of date: make generated\n"
    assert tables(root=tmp_path).returncode == 0
    assert (tmp_path / name).read_text() == right


def test_lost_marks_are_named(tmp_path: Path) -> None:
    for path in (
        "docs/boards/README.md",
        "docs/security.md",
        "tools/udev/60-bytefed.rules",
        "tools/tables.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text())
    (tmp_path / "SPEC.md").write_text((ROOT / "SPEC.md").read_text().replace("<!-- end of causes -->", ""))
    done = tables("--check", root=tmp_path)
    assert done.returncode == 1
    assert "SPEC.md" in done.stdout
