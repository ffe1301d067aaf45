"""Links without keys are for measuring: all that shows such a run says OPEN, and nothing that shows a sealed one."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bytefed
from bytefed.boards.started import board_command
from bytefed.boards.virtual import BoardKind, VirtualOptions
from bytefed.cli.main import main
from bytefed.transport.base import key_of

MARK = "OPEN"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 0
    found = capsys.readouterr()
    return found.out + found.err


@pytest.mark.parametrize("is_open", [False, True], ids=["sealed", "open"])
def test_a_run_says_it_everywhere(is_open: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory, word = tmp_path / "run", ["--open"] if is_open else []
    command = [
        "run",
        "--boards",
        "loopback:2",
        "--rounds",
        "2",
        "--no-central",
        "--run-dir",
        str(directory),
        *word,
    ]
    told = said(capsys, *command)
    assert ("OPEN boards, loopback:0 among them: strangers can read and change" in told) == is_open
    assert ("OPEN boards" in told.rpartition("W x C x R")[0].rpartition("accuracy")[2]) == is_open
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["open_boards"] == (2 if is_open else 0)
    assert summary["config"]["open"] == is_open
    for name in ("bytes.csv", "sessions.csv"):
        with (directory / name).open(newline="", encoding="utf-8") as file:
            assert {row["security"] for row in csv.DictReader(file)} == {MARK if is_open else "sealed"}
    said(capsys, "report", str(directory), "--output", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert ("OPEN boards" in page) == is_open
    assert ("loopback OPEN" in page) == is_open
    again = said(capsys, "run", "--resume", str(directory), "--rounds", "3", "--quiet")
    assert ("OPEN: 2 boards" in again) == is_open


def test_estimates_and_simulations_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "over sealed serial (USB)" in said(capsys, "estimate")
    assert "over OPEN serial (USB)" in said(capsys, "estimate", "--open")
    for name, word in (("sealed", []), ("open", ["--open"])):
        simulate = ["simulate", "--data", "synthetic", "--clients", "5", "--rounds", "2", *word]
        assert ("OPEN boards" in said(capsys, *simulate, "--run-dir", str(tmp_path / name))) == bool(word)
        sweep = ["sweep", "--codec", "onebit", "--seeds", "1", "--clients", "4", "--rounds", "2", *word]
        assert ("OPEN boards" in said(capsys, *sweep, "--sweep-dir", str(tmp_path / "sweep"))) == bool(word)
    trials = (tmp_path / "sweep" / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"]["link"] for line in trials] == 2 * ["ble/247 sealed"] + 2 * [
        "ble/247 OPEN"
    ]


def test_programs_say_it() -> None:
    assert bytefed.estimate().rounds.seal > 0
    assert bytefed.estimate(open=True).rounds.seal == 0

    async def sealed(is_open: bool) -> list[bool]:
        async with bytefed.open_boards("loopback:2", shape=(4, 2), open=is_open) as boards:
            for board in boards:
                await board.connect(3)
            assert [board.profile.sealed for board in boards] == [not is_open] * 2
            return [key_of(board.transport) is not None for board in boards]

    assert asyncio.run(sealed(False)) == [True, True]
    assert asyncio.run(sealed(True)) == [False, False]


@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals")
@pytest.mark.parametrize("sealed", [False, True])
def test_boards_behind_pseudo_terminals_say_it(sealed: bool) -> None:
    command = board_command(1, 0, VirtualOptions(BoardKind(4, 2), sealed=sealed))
    assert command[0] == sys.executable
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(bytes(32).hex() + "\n" if sealed else "")
        process.stdin.close()
        assert json.loads(process.stdout.readline())["security"] == ("sealed" if sealed else MARK)
        process.terminate()
