"""-v, --log-file, --trace: what happens is logged, and the trace has every byte that the ledger has, by its cause."""

from __future__ import annotations

import argparse
import csv
import json
import logging
from collections import Counter
from pathlib import Path

import pytest

from bytefed.cli.commands import COMMANDS
from bytefed.cli.main import main
from bytefed.cli.parser import EXIT_STATUS, build_parser, last_parsers
from bytefed.ledger.count import CAUSES

RUN = ["run", "--rounds", "2", "--quiet", "--no-central", "--run-dir", "it"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def of_ledger() -> Counter[tuple[str, str, str]]:
    """Bytes by board, direction and cause, of all rows of a run."""
    found: Counter[tuple[str, str, str]] = Counter()
    for name in ("bytes.csv", "sessions.csv"):
        for row in csv.DictReader(Path("it", name).read_text().splitlines()):
            for way in ("down", "up"):
                for cause in ("payload", *CAUSES):
                    found[row["uri"], way, cause] += int(row[f"{cause}_{way}"])
    return +found


def of_trace(lines: list[dict[str, object]]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        for name, count in line.items():
            if name not in ("time", "board", "direction", "frame", "wire"):
                cause = name.removesuffix("_down").removesuffix("_up")
                found[str(line["board"]), str(line["direction"]), cause] += int(str(count))
    return found


@pytest.mark.parametrize(
    "boards",
    [
        ["--boards", "loopback:2"],
        ["--boards", "loopback:2", "--open"],
        ["--boards", "loopback:2", "--faults", "drop=0.05,garbage=0.05,duplicate=0.05,seed=3"],
    ],
    ids=["sealed", "open", "faults"],
)
def test_the_trace_has_every_byte_of_the_ledger_by_its_cause(boards: list[str]) -> None:
    assert main([*RUN, *boards, "--trace", "frames.jsonl"]) == 0
    lines = [json.loads(line) for line in Path("frames.jsonl").read_text().splitlines()]
    assert of_trace(lines) == of_ledger()
    for line in lines:
        assert {"time", "board", "direction", "frame", "wire"} <= {*line}
        assert (
            sum(count for name, count in line.items() if name not in ("time", "wire") and type(count) is int)
            == line["wire"]
        )
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert {"GREET" if "--open" not in boards else "HELLO", "BEGIN", "delimiter"} <= {
        line["frame"] for line in lines
    }


def test_without_the_options_nothing_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--boards", "loopback:1"]) == 0
    assert capsys.readouterr().err == ""
    assert not logging.getLogger("bytefed.frames").isEnabledFor(logging.DEBUG)


def test_the_log_says_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--boards", "loopback:1", "-v", "--log-file", "log.txt"]) == 0
    shown, kept = capsys.readouterr().err, Path("log.txt").read_text()
    for text in (shown, kept):
        assert "INFO bytefed: bytefed run --rounds 2" in text
        assert "RoundClosed(round=2" in text
    assert main(["devices", "loopback:1", "--log-file", "log.txt"]) == 0
    assert Path("log.txt").read_text().startswith(kept)
    assert not logging.getLogger().handlers or all(
        getattr(handler, "baseFilename", "") != str(Path("log.txt").absolute())
        for handler in logging.getLogger().handlers
    )


def test_a_terminal_gets_long_lines_cut_and_the_file_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--boards", "loopback:1", "-v", "--log-file", "log.txt"]) == 0
    shown, kept = capsys.readouterr().err.splitlines(), Path("log.txt").read_text().splitlines()
    (long,) = [line for line in kept if "RunEnded(" in line]
    assert long.endswith(")") and "estimate_wire" in long
    (short,) = [line for line in shown if "RunEnded(" in line]
    assert len(short) == 300 and short.endswith("...") and long.startswith(short[:-3])
    assert sum("RoundClosed(round=2" in line for line in shown) == 1
    assert all(line.endswith("...") for line in shown if len(line) >= 300)


def test_the_log_tells_of_what_was_said_again_in_detail(capsys: pytest.CaptureFixture[str]) -> None:
    faults = "cut_at=900,drop=0.1,seed=1"
    assert main([*RUN, "--boards", "loopback:1", "-vv", "--faults", faults]) == 0
    said = capsys.readouterr().err
    assert "DEBUG bytefed.device.link: loopback:0: no answer to " in said
    assert said.count("DEBUG bytefed.device.session: loopback:0: its port is open") > 1
    assert "DEBUG bytefed.device.session: loopback:0: begins again after [E_LINK_LOST]" in said


@pytest.mark.parametrize("option", ["--log-file", "--trace"])
def test_a_file_that_can_not_be_written_has_a_code(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--boards", "loopback:1", option, "nowhere/file"]) == 1
    assert "E_OUTPUT" in capsys.readouterr().err
    assert not Path("it").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_offers_them(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    action = {"keys": ["list"], "model": ["list"], "labels": ["list"]}.get(command, [])
    with pytest.raises(SystemExit):
        build_parser(command).parse_args([command, *action, "--help"])
    said = capsys.readouterr().out
    assert "--verbose" in said and "--log-file" in said and "--trace" in said


def test_options_are_taken_in_full_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--round", "2"])
    assert ended.value.code == 2
    assert "there is no option --round. Did you mean --rounds?" in capsys.readouterr().err


def test_every_help_says_the_exit_statuses() -> None:
    for command in COMMANDS:
        parser = build_parser(command)
        (inner,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        own = inner.choices[command]
        for each in (own, *last_parsers(own)):
            assert each.format_help().count("130 interrupted") == 1, each.prog
            end = each.format_help().rpartition("\n\ndocs/: ")[0] or each.format_help()
            assert end.rstrip().endswith(EXIT_STATUS.rstrip())


def test_help_says_the_exit_statuses_and_v_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["-V"]):
        with pytest.raises(SystemExit):
            main(words)
    said = capsys.readouterr().out
    assert "130 interrupted" in said and "\nbytefed " in said
