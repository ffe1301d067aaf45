"""A run directory of any size, with faults, made from a seed: what `bytefed run` would leave after hours."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

from bytefed.ledger.columns import Column
from bytefed.ledger.rows import BYTES_COLUMNS, ROUNDS_COLUMNS, SESSIONS_COLUMNS

_CLEAN = {
    "payload_down": 1320, "payload_up": 1320, "header": 32, "crc": 36, "stuffing": 36, "padding": 0,
    "seal": 0, "handshake": 0,
    "ack": 6, "control": 34, "retransmission": 0, "probe": 0, "junk": 0,
}  # fmt: skip


def write_run(directory: Path, rounds: int, boards: int, *, seed: int = 7, faults: float = 0.1) -> Path:
    """Write bytes.csv, rounds.csv, sessions.csv and summary.json.

    Args:
        directory: Is made.
        rounds, boards: Numbers of rounds and of boards.
        seed: Decides the faults.
        faults: Share of the boards' rounds in which bytes are sent again; a tenth of these fail.
    """
    directory.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)
    uids = [f"{draw.getrandbits(64):016x}" for _ in range(boards)]
    rows = [_row(number, uid, draw, faults) for number in range(1, rounds + 1) for uid in uids]
    sessions = [_row(0, uid, draw, 0.0) | {"phase": "connect"} for uid in uids]
    _write(directory / "bytes.csv", BYTES_COLUMNS, rows)
    _write(directory / "sessions.csv", SESSIONS_COLUMNS, sessions)
    _write(
        directory / "rounds.csv",
        ROUNDS_COLUMNS,
        [_round(number, rows, boards) for number in range(1, rounds + 1)],
    )
    summary = {
        "run": "0badcafe",
        "complete": True,
        "task": "synthetic",
        "accuracy_central": 0.97,
        "config": {"codec": "float32", "rounds": rounds, "seed": seed},
        "seeds": {"run": seed, "boards": {uid: draw.getrandbits(32) for uid in uids}},
        "versions": {"bytefed": "test"},
    }
    (directory / "summary.json").write_text(json.dumps(summary))
    return directory


def _row(number: int, uid: str, draw: random.Random, faults: float) -> dict[str, object]:
    parts = dict(_CLEAN)
    clean = sum(parts.values())
    status = "ok"
    if draw.random() < faults:
        parts["retransmission"] = draw.randrange(100, 900)
        parts["probe"] = 8
        status = draw.choice(("failed", "late", "rejected")) if draw.random() < 0.1 else "ok"
    wire = sum(parts.values())
    return {
        "run": "0badcafe", "round": number, "board": uid, "link": "serial", "codec": "float32", "status": status,
        **parts, "wire_down": wire // 2, "wire_up": wire - wire // 2, "wire_total": wire, "estimate_wcr": 1320,
        "estimate_wire": clean, "seconds": f"{draw.uniform(0.2, 0.9):.3f}", "num_examples": 80,
        "loss": "0.5", "accuracy": f"{draw.uniform(0.9, 1.0):.6f}",
    }  # fmt: skip


def _round(number: int, rows: list[dict[str, object]], boards: int) -> dict[str, object]:
    mine = rows[(number - 1) * boards : number * boards]
    accuracy = _accuracy(number)
    return {
        "run": "0badcafe",
        "round": number,
        "participants": sum(row["status"] == "ok" for row in mine),
        "accuracy_boards": f"{accuracy - 0.01:.6f}",
        "accuracy_global": f"{accuracy:.6f}",
        "loss_global": "0.4",
        "accuracy_held": f"{0.1 if number == 1 else _accuracy(number - 1):.6f}",
        **{
            name: sum(int(str(row[name])) for row in mine)
            for name in ("wire_down", "wire_up", "wire_total", "estimate_wcr", "estimate_wire")
        },
        "seconds": "1.5",
    }


def _accuracy(number: int) -> float:
    return 0.96 - 0.7 * math.exp(-number / 12) + 0.004 * math.sin(number)


def _write(path: Path, columns: Sequence[Column], rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in columns], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
