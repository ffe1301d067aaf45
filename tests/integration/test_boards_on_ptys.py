"""Virtual boards behind pseudo-terminals: pyserial and the coordinator can't tell them from real ones."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bytefed.cli.main import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system")


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEFED_KEYS", str(tmp_path / "keys.toml"))


@contextmanager
def boards(*options: str):
    """`bytefed board`, as a user starts it, and each paired; gives what it announces."""
    command = [sys.executable, "-m", "bytefed", "board", "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    count = int(options[options.index("--count") + 1])
    try:
        announced = [json.loads(process.stdout.readline()) for _ in range(count)]
        assert all(main(["pair", board["port"]]) == 0 for board in announced)
        yield announced
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors


def write_data(path: Path) -> None:
    rng = np.random.default_rng(3)
    y = np.arange(120) % 4
    x = rng.integers(-60, 60, (4, 16))[y] + rng.integers(-40, 40, (120, 16))
    np.savez(path, X=x.astype(np.int8), y=y, test=np.arange(120) >= 80)


def run(folder: Path, *uris: str, rounds: int = 3) -> tuple[dict, list[dict[str, str]]]:
    command = [sys.executable, "-m", "bytefed", "run", "--boards", *uris, "--data", str(folder / "data.npz")]
    command += ["--partition", "iid", "--rounds", str(rounds), "--run-dir", str(folder / "run"), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    with (folder / "run" / "bytes.csv").open(newline="") as file:
        return json.loads((folder / "run" / "summary.json").read_text()), list(csv.DictReader(file))


def test_serial_ports_by_name(tmp_path):
    write_data(tmp_path / "data.npz")
    with boards("--count", "2", "--shape", "16x4") as announced:
        summary, rows = run(tmp_path, *(f"serial:{board['port']}" for board in announced))
    assert {row["board"] for row in rows} == {board["uid"] for board in announced}
    assert {row["link"] for row in rows} == {"serial"}
    assert summary["estimate_exact"] and len(rows) == 6


def test_causes_of_every_row_add_up_to_what_the_port_counted(tmp_path):
    write_data(tmp_path / "data.npz")
    _, rows = run(tmp_path, "virtual:3", "loopback:1")
    causes = [
        "payload_down",
        "payload_up",
        "header",
        "crc",
        "stuffing",
        "padding",
        "ack",
        "control",
        "seal",
        "handshake",
        "retransmission",
        "probe",
        "junk",
    ]
    assert len(rows) == 12
    for row in rows:
        assert sum(int(row[cause]) for cause in causes) == int(row["wire_total"]) == int(row["estimate_wire"])
        assert int(row["wire_down"]) + int(row["wire_up"]) == int(row["wire_total"])


@pytest.mark.slow
def test_a_paced_line_takes_the_time_that_a_uart_would(tmp_path):
    write_data(tmp_path / "data.npz")
    rate = 19_200
    with boards("--count", "1", "--shape", "16x4", "--line-rate", str(rate)) as (board,):
        summary, rows = run(tmp_path, f"serial:{board['port']}", rounds=2)
    least = 10 * int(rows[0]["wire_total"]) / rate  # ten bits a byte; the two directions take turns
    assert float(rows[0]["seconds"]) > 0.8 * least
    assert summary["accuracy_final"] > 0.5


@pytest.mark.slow
def test_sixty_four_boards_on_one_coordinator(tmp_path):
    rng = np.random.default_rng(4)
    count = 64 * 12 + 100
    y = np.arange(count) % 4
    x = rng.integers(-60, 60, (4, 16))[y] + rng.integers(-40, 40, (count, 16))
    np.savez(tmp_path / "data.npz", X=x.astype(np.int8), y=y, test=np.arange(count) >= 64 * 12)
    summary, rows = run(tmp_path, "virtual:64", rounds=50)
    assert summary["failed"] == 0 and summary["estimate_exact"] and len(rows) == 64 * 50


def test_bad_options_are_coded_errors():
    for options in (["--shape", "16"], ["--count", "0"], ["--line-rate", "1"], ["--model", "nonesuch"]):
        command = [sys.executable, "-m", "bytefed", "board", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode != 0
        assert "error[E_" in done.stderr, done.stderr
