"""`bytefed capture`, `watch` and `record` as their user meets them, over pseudo-terminals and virtual Bluetooth."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from boards_that_live import Living, living_boards
from sensing_board import LENGTH, MOTION, a_head

from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.replay import SPEED, Beat
from bytefed.boards.virtual import BoardKind
from bytefed.cli.capturing import sparklines
from bytefed.cli.main import main
from bytefed.data import folder as folder_loader
from bytefed.data.windows import Cut
from bytefed.device.plan import TrainingPlan
from bytefed.ledger.count import PARTS, REPAIR

PLAN = TrainingPlan("float32", "float32", epochs=1, batch=8, rate=0.05, seed=1)


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardKind:
    monkeypatch.setenv(SPEED, "20")
    monkeypatch.setenv("BYTEFED_KEYS", str(tmp_path / "keys.toml"))
    windows = np.random.default_rng(5).integers(-128, 128, (8, LENGTH, 1, 6)).astype(np.int8)
    np.savez(tmp_path / "r.npz", X=windows, y=(np.arange(8) % MOTION.C).astype(np.uint8))
    return BoardKind(MOTION.D, MOTION.C, "motion", 40, replay=str(tmp_path / "r.npz"))


@pytest.fixture
def pair(kind: BoardKind) -> Iterator[list[Living]]:
    with living_boards(2, kind) as boards:
        yield boards


@pytest.fixture
def unhurried(kind: BoardKind, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Living]]:
    """Boards whose sensors give three windows in a second and a half, and then rest.

    A busy machine misses none of these, and none comes when the watch has just ended: its bytes would be nobody's.
    """
    monkeypatch.setenv(SPEED, "5")
    struck, given = Beat.struck, Counter[Beat]()

    def thrice(beat: Beat) -> bool:
        found = given[beat] < 3 and struck(beat)
        given[beat] += found
        return found

    monkeypatch.setattr(Beat, "struck", thrice)
    with living_boards(2, kind) as boards:
        yield boards


def give_heads(boards: list[Living]) -> None:
    async def action() -> None:
        options = VirtualOptions(BoardKind(MOTION.D, MOTION.C), sealed=False)
        async with open_devices([each.uri for each in boards], options) as devices:
            for device in devices:
                await device.connect(1)
                await device.train(device.plan_round(1, a_head(), PLAN, train=False))

    asyncio.run(action())


def words(capsys: pytest.CaptureFixture[str]) -> str:
    return "".join(capsys.readouterr())


def test_captures_of_several_labels_and_boards_and_the_way_back(
    pair: list[Living], capsys: pytest.CaptureFixture[str]
) -> None:
    uris = [each.uri for each in pair]
    assert main(["labels", "set", "walk", "run", "rest", "--open", "--boards", *uris]) == 0
    words(capsys)
    captures = ["capture", "--open", "--boards", *uris]
    assert main([*captures, "--labels", "walk", "rest", "--seconds", "10", "--rounds", "2"]) == 0
    said = words(capsys)
    assert "Round 2 of 2" in said and said.count("4 of 4 samples with label walk") == 4
    for uri in uris:
        assert f"{uri}: walk 8, run 0, rest 8" in said
    assert [each.board.samples() for each in pair] == [16, 16]

    assert main([*captures, "--labels", "run", "--seconds", "70"]) == 1  # 28 windows, and 24 fit
    assert f"{uris[0]}: 24 windows still fit, 60 s; asked for are 28, 70 s." in words(capsys)
    assert [each.board.samples() for each in pair] == [16, 16]

    assert main([*captures, "--undo", "3"]) == 2  # nobody is there to say yes
    assert "E_CONFIG_CONFIRM" in words(capsys)
    assert main(["capture", "--open", "--boards", uris[0], "--undo", "3", "--yes"]) == 0
    assert "walk 8, run 0, rest 5" in words(capsys)
    assert main(["capture", "--open", "--boards", uris[0], "--delete", "walk", "--yes"]) == 0
    assert "walk 0, run 0, rest 5" in words(capsys)
    assert main(["capture", "--open", "--boards", uris[1], "--erase", "--yes"]) == 0
    assert [each.board.samples() for each in pair] == [5, 0]

    assert main([*captures, "--labels", "jump"]) == 2
    assert "Name one of walk, run, rest, or a number from 0 to 2" in words(capsys)
    assert main(captures) == 2


def test_a_watch_of_two_boards(
    unhurried: list[Living], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uris = [each.uri for each in unhurried]
    watch = ["watch", "--open", "--boards", *uris]
    assert main([*watch, "--seconds", "5"]) == 1
    assert "E_BOARD_UNTRAINED" in words(capsys)
    give_heads(unhurried)
    path = tmp_path / "p.csv"
    assert main([*watch, "--seconds", "5", "--smooth", "3", "--csv", str(path)]) == 0
    said = words(capsys)
    assert said.count("(exact)") == 2
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for living in unhurried:
        numbers = [int(row["window"]) for row in rows if row["board"] == living.uid]
        assert numbers == [1, 2, 3]
        assert f"{living.uri}  3 " in said
    assert {row["label"] for row in rows} <= {"Standing", "Running", "Walking", "Badminton"}
    assert not any(each.board.senses for each in unhurried)
    assert main([*watch, "--seconds", "0.6", "--alone"]) == 0
    assert all(each.board.senses for each in unhurried)
    assert main([*watch, "--stop"]) == 0
    assert not any(each.board.senses for each in unhurried)
    assert main(["capture", "--open", "--boards", *uris, "--label", "Walking", "--seconds", "5"]) == 0
    assert [each.board.samples() for each in unhurried] == [2, 2]


def used(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's use.csv; of each, the causes add up to the bytes at the port."""
    with (folder / "use.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert sum(int(row[part]) for part in PARTS) == int(row["wire_total"])
    return rows


def predicted(capsys: pytest.CaptureFixture[str], windows: int, *options: str) -> dict[str, int]:
    """Return the bytes of each phase as `bytefed estimate --watch` predicts them, for a window a second."""
    words(capsys)
    assert (
        main(["estimate", "--watch", str(windows), "--window", "1", "--classes", "4", "--json", *options])
        == 0
    )
    found = json.loads(words(capsys))
    assert found["windows"] == windows
    return {name: found[name]["wire_total"] for name in ("opening", "watch", "total")}


def test_every_byte_of_a_watch_is_logged_beside_its_estimate(
    pair: list[Living], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give_heads(pair)
    watch = ["watch", "--open", "--boards", *(each.uri for each in pair), "--seconds", "1.2"]
    folder = tmp_path / "log"
    for sessions in (1, 2):  # rows of the first stay
        assert main([*watch, "--csv", str(tmp_path / "p.csv"), "--log", str(folder)]) == 0
        windows = (tmp_path / "p.csv").read_text()
        rows = used(folder)
        assert [row["phase"] for row in rows] == ["connect", "watch"] * 2 * sessions
        for row in rows[-4:]:
            expected = predicted(capsys, windows.count(row["board"]), "--open")
            assert int(row["estimate_wire"]) == expected["opening" if row["phase"] == "connect" else "watch"]
            late = sum(int(row[cause]) for cause in REPAIR)  # a window that came when nobody waited any more
            assert int(row["estimate_difference"]) == late <= 12 * (row["phase"] == "watch")
            assert (row["security"], row["link"], row["status"]) == ("OPEN", "serial", "ok")
    (folder / "use.csv").write_text("run,board\n")
    assert main([*watch, "--log", str(folder)]) == 1
    assert "E_LOG_OTHER" in words(capsys)


def test_a_watch_that_fails_is_logged_as_failed(
    pair: list[Living], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "--open", "--boards", pair[0].uri, "--log", str(tmp_path)]) == 1
    assert [(row["phase"], row["status"]) for row in used(tmp_path)] == [
        ("connect", "ok"),
        ("watch", "failed"),
    ]
    assert "E_BOARD_UNTRAINED" in words(capsys)


def test_a_watch_that_phones_may_read_says_open_wherever_it_is_told(
    pair: list[Living], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give_heads(pair)
    path = tmp_path / "p.csv"
    watch = ["watch", "--open", "--boards", pair[0].uri, "--seconds", "1", "--csv", str(path)]
    assert main([*watch, "--open-to-phones"]) == 1
    assert "E_BOARD_NO_RADIO" in words(capsys)
    pair[0].board.radio = True
    for options, mark in (([], ""), (["--open-to-phones", "--alone"], "OPEN")):
        assert main([*watch, *options]) == 0
        said = words(capsys)
        assert ("OPEN to phones: everybody near can read" in said) == bool(mark)
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows and {row["phones"] for row in rows} == {mark}
        assert said.count("  OPEN\n") == len(rows) * bool(mark)
        assert bool(pair[0].board.shown) == bool(mark)
    assert main(["devices", pair[0].uri]) == 0
    assert "OPEN to all near" in words(capsys)
    assert main([*watch, "--stop"]) == 0
    assert pair[0].board.shown == b""
    assert main(["devices", pair[0].uri]) == 0
    assert "OPEN" not in words(capsys)


def test_ctrl_c_ends_a_watch_and_stops_the_board(pair: list[Living]) -> None:
    give_heads(pair)
    line = [sys.executable, "-u", "-m", "bytefed", "watch", "--open", "--boards", pair[0].uri]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        stuck = threading.Timer(60, process.kill)
        stuck.start()
        assert process.stdout is not None
        first = process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        rest, _ = process.communicate()
        stuck.cancel()
    assert "window 1" in first and "(exact)" in rest
    assert process.returncode == 0
    assert not pair[0].board.senses


@pytest.mark.parametrize("uri", ["loopback:1", "virtual:1", "virtual-ble:1"])
def test_what_is_recorded_is_data(
    kind: BoardKind,
    uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bytefed.boards.virtual.BoardKind", lambda *_args, **_options: kind)
    out = tmp_path / "mine"
    labels = ["walk", "rest"] if uri == "loopback:1" else ["walk"]
    for label in labels:
        for _ in range(2):
            record = ["record", "--board", uri, "--label", label, "--seconds", "6", "--out", str(out)]
            assert main([*record, "--log", str(tmp_path / "log")]) == 0
    said = words(capsys)
    assert "of raw windows" in said
    rows = used(tmp_path / "log")
    assert [row["phase"] for row in rows] == ["connect", "record"] * (len(rows) // 2)
    assert {row["security"] for row in rows} == {"sealed"}
    exact = all(row["wire_total"] == row["estimate_wire"] for row in rows)
    assert exact or "lost: each gap begins a file" in said  # the estimate is of a link that keeps up
    raw = [int(row["payload_up"]) for row in rows]
    assert set(raw[::2]) == {0} and all(f"with {each:,} B of raw windows" in said for each in raw[1::2])
    files = sorted(out.glob("*/*.csv"))
    readings = [len(path.read_text().splitlines()) - 1 for path in files]
    assert min(readings) >= LENGTH and all((n - LENGTH) % 25 == 0 for n in readings)
    if uri == "loopback:1":
        assert "--window 50 --hop 25" in said
        task = folder_loader.load(out, Cut(LENGTH, LENGTH // 2))
        assert task.classes == ("rest", "walk") and len(task.test.labels)


def test_an_open_radio_link_records_nothing(
    kind: BoardKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bytefed.boards.virtual.BoardKind", lambda *_args, **_options: kind)
    record = [
        "record",
        "--board",
        "virtual-ble:1",
        "--open",
        "--label",
        "walk",
        "--out",
        str(tmp_path / "mine"),
    ]
    assert main(record) == 1
    assert "E_BOARD_UNPAIRED" in words(capsys)
    assert main(["capture", "--board", "virtual-ble:1", "--open", "--show"]) == 1
    assert "E_BOARD_UNPAIRED" in words(capsys)
    assert not list(tmp_path.glob("mine/*/*.csv"))


def test_sparklines() -> None:
    readings = np.array([[0.0, 1.0], [7.0, 1.0], [3.5, 1.0]], np.float32)
    assert sparklines(readings) == ["  1  ▁█▅  0 to 7", "  2  ▁▁▁  1 to 1"]
