"""Readers of other makers read each value of the CSV files as what it is, pandas without an option."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bytefed
from bytefed.ledger.count import CAUSES, ByteCount
from bytefed.ledger.rows import BYTES_COLUMNS, ROUNDS_COLUMNS, SESSIONS_COLUMNS, Traffic
from bytefed.report.run_files import load
from bytefed.runs.columns import read_columns
from bytefed.runs.csv_files import Records
from bytefed.runs.dictionary import dictionary
from bytefed.runs.numbers import new_run, readable, reads_as_number
from bytefed.runs.store import Store

HEAD = np.zeros(4, np.float32)
UIDS = ("0123456789012345", "12e4567890123456")  # a number to a reader, and an infinite one
COLUMNS = {"bytes": BYTES_COLUMNS, "sessions": SESSIONS_COLUMNS, "rounds": ROUNDS_COLUMNS}
COUNT = ByteCount(payload_down=9, header=4, header_down=2, crc=3, wire_down=11, wire_up=5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs: in the first, accuracy is empty for the first hundred rows; the other alone has bytes in the air."""
    folder = tmp_path_factory.mktemp("runs")
    bytefed.run(boards=["loopback:12"], rounds=20, central=False, directory=folder / "boards")
    bytefed.simulate(clients=2, rounds=1, links=("ble",), central=False, directory=folder / "simulated")
    return [folder / "boards", folder / "simulated"]


@pytest.fixture(params=UIDS)
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A run of one board whose uid looks like a number."""
    with_run = Store.create(tmp_path / "run", readable(0x12E45678), HEAD, "", {})
    uid = request.param
    with_run.enrol([(uid, "serial", "sealed")])
    for phase, number in (("connect", 0), ("round", 1)):
        with_run.add_traffic(
            Traffic(
                number, uid, phase, "serial", "sealed", "float32", "ok", COUNT, 9, 16, 0.25, 10, 0.5, 9,
                client=0, board_name="Nano 33 BLE", uri="serial:/dev/ttyACM0",
            )
        )  # fmt: skip
    with_run.begin_round(1, [uid])
    with_run.close_round(1, HEAD, [uid], seconds=1.0, accuracy=0.75, loss=0.5)
    Records(with_run)
    with_run.close()
    return tmp_path / "run"


def rows(directory: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((directory / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def is_number(text: str) -> bool:
    """Whether Python, and so most readers, takes text for a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("number", [1, 0x12E45678, 0x12345678, 0xDEFDEF01, 0x1234567D, 2**32 - 1])
def test_no_run_is_a_number(number: int) -> None:
    assert not is_number(f"{readable(number):08x}")
    assert {*f"{readable(number):08x}"} & {*"abc"}
    assert 0 < readable(number) < 2**32


def test_most_numbers_of_runs_stay_as_they_are() -> None:
    assert readable(0xBADCAFE) == 0xBADCAFE
    assert not any(reads_as_number(f"{new_run():08x}") for _ in range(2000))


@pytest.mark.parametrize("name", COLUMNS)
def test_each_file_says_which_run_it_is_of(directory: Path, name: str) -> None:
    (row,) = rows(directory, name)
    assert row["run"] == "12e4567a"


@pytest.mark.parametrize("name", COLUMNS)
def test_text_is_no_number_and_a_number_is_one(directory: Path, name: str) -> None:
    (row,) = rows(directory, name)
    for column in COLUMNS[name]:
        if row[column.name]:
            assert is_number(row[column.name]) == (column.kind is not str), column.name


def test_causes_are_split_by_direction(directory: Path) -> None:
    (row,) = rows(directory, "bytes")
    assert (row["header"], row["header_down"], row["header_up"]) == ("4", "2", "2")
    assert (row["crc_down"], row["crc_up"]) == ("0", "3")
    for way in ("down", "up"):
        parts = [row[f"payload_{way}"], *(row[f"{cause}_{way}"] for cause in CAUSES)]
        assert sum(map(int, parts)) == int(row[f"wire_{way}"])
    assert (row["client"], row["board_name"], row["uri"]) == ("0", "Nano 33 BLE", "serial:/dev/ttyACM0")


def test_the_dictionary_describes_every_column(directory: Path) -> None:
    document = json.loads((directory / "datapackage.json").read_text(encoding="utf-8"))
    assert document == dictionary(0x12E4567A)
    assert document["name"] == "bytefed-12e4567a"
    for resource in document["resources"]:
        fields = resource["schema"]["fields"]
        with (directory / resource["path"]).open(encoding="utf-8") as file:
            assert file.readline().strip().split(",") == [field["name"] for field in fields]
        assert all(
            field["description"] and field["type"] in ("string", "integer", "number") for field in fields
        )
        units = {field["name"]: field.get("unit") for field in fields}
        assert (units["wire_total"], units["seconds"], units["run"]) == ("B", "s", None)


def test_bytefed_reads_a_uid_as_it_is(directory: Path) -> None:
    (uid,) = read_columns(directory / "bytes.csv")["board"]
    assert uid in UIDS
    assert load(directory).boards == [uid]


def test_frictionless_finds_nothing_wrong(directory: Path) -> None:
    frictionless = pytest.importorskip("frictionless", reason="pip install frictionless")
    report = frictionless.validate(str(directory / "datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])
    assert report.stats["tasks"] == len(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_pandas_reads_without_options(directory: Path, name: str) -> None:
    pandas = pytest.importorskip("pandas", reason="pip install pandas")
    check_types(name, *of_frame(pandas.read_csv(directory / f"{name}.csv")))


@pytest.mark.parametrize("name", COLUMNS)
def test_pandas_reads_long_runs_without_options(runs: list[Path], name: str) -> None:
    pandas = pytest.importorskip("pandas", reason="pip install pandas")
    for run in runs:
        check_all_values(name, pandas.read_csv(run / f"{name}.csv"))


@pytest.mark.parametrize("name", COLUMNS)
def test_polars_reads_by_the_dictionary(directory: Path, runs: list[Path], name: str) -> None:
    polars = pytest.importorskip("polars", reason="pip install polars")
    read_table = recipe()
    check_types(name, *of_frame(read_table(directory, f"{name}.csv")))
    both = polars.concat([read_table(run, f"{name}.csv") for run in runs])
    check_all_values(name, both)
    assert len(both["run"].unique()) == 2


def test_polars_finds_the_types_of_columns_that_begin_empty_if_it_reads_all_rows(runs: list[Path]) -> None:
    polars = pytest.importorskip("polars", reason="pip install polars")
    table = polars.read_csv(runs[0] / "bytes.csv", infer_schema_length=None)
    assert table["accuracy"].dtype == polars.Float64


def recipe():
    """The function that docs/scripting.md shows."""
    page = Path(__file__).parents[3] / "docs/scripting.md"
    (block,) = re.findall(r"^```python polars\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102
    return names["read_table"]


def check_all_values(name: str, frame) -> None:
    """Each value that is there has its column's type; a whole number may be a float where others are empty."""
    for column in COLUMNS[name]:
        found = {
            type(value) for value in frame[column.name].to_list() if value is not None and value == value
        }
        assert found <= {column.kind, float if column.kind is int else column.kind}, column.name


def of_frame(frame) -> tuple[list[str], dict[str, object]]:
    """The columns of a frame, and the first value of each."""
    return list(frame.columns), {name: frame[name].to_list()[0] for name in frame.columns}


def check_types(name: str, header: list[str], values: dict[str, object]) -> None:
    assert header == [column.name for column in COLUMNS[name]]
    for column in COLUMNS[name]:
        value = values[column.name]
        if value is not None and value == value:  # neither empty nor NaN
            assert isinstance(value, column.kind), (column.name, value)
    assert values["run"] == "12e4567a"
