"""The README tells the truth: its commands run, and its figures are what they print."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bytefed.cli.options import given_options
from bytefed.cli.parser import build_parser
from bytefed.federation.config import RunConfig
from bytefed.federation.handed_over import refuse_unnamed

README = Path(__file__).parents[2] / "README.md"
NEEDS_HARDWARE = ("serial:auto", "serial:/dev", "ble:", "pio ", "bytefed flash ")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def all_commands() -> list[str]:
    lines = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("bytefed ")]


def commands() -> list[str]:
    return [line for line in all_commands() if not any(n in line for n in NEEDS_HARDWARE)]


def bytefed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "bytefed", *shlex.split(line)[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_commands_for_real_boards_are_refused_nowhere():
    """As far as that goes without a board: their options, their configuration, and whom samples are given to."""
    runs = []
    for line in all_commands():
        _, command, *rest = shlex.split(line)
        if "--help" in rest:  # which argparse answers by leaving
            continue
        args = build_parser(command).parse_args([command, *rest])
        if command == "run" and not args.resume:
            runs.append(RunConfig.resolve(args.config, given_options(args)))
            refuse_unnamed(runs[-1])
    assert any(config.boards == ("ble:auto",) for config in runs)


@pytest.mark.slow
def test_commands_run_in_order(tmp_path):
    pytest.importorskip("tflite_micro")
    found = commands()
    assert len(found) >= 6
    for line in found:
        done = bytefed(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_demo_prints_what_the_first_screen_shows(tmp_path):
    pytest.importorskip("tflite_micro")
    makefile = (README.parent / "Makefile").read_text()
    (demo,) = re.findall(r"^demo:.*\n\t\$\(BIN\)/(bytefed run .*)", makefile, re.MULTILINE)
    printed = {line.strip() for line in bytefed(demo, tmp_path).stdout.splitlines()}
    (shown,) = [block for block in blocks("console") if "make demo" in block]
    varies = ("$ make", "...", "run ", "rounds  ")  # run number and seconds
    expected = [line.strip() for line in shown.splitlines() if line.strip() and not line.startswith(varies)]
    assert len(expected) >= 13
    assert [line for line in expected if line not in printed] == []


@pytest.mark.slow
def test_the_five_lines_of_python_print_what_they_say(tmp_path):
    pytest.importorskip("tflite_micro")
    (program,) = blocks("python")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    said = re.findall(r"^print.*# ([^\s:]+)", program, re.MULTILINE)
    assert len(said) == 2
    assert [line.split()[0] for line in done.stdout.splitlines()] == said, done.stderr
    assert (tmp_path / "report.html").exists()


def test_table_of_sizes_is_what_the_closed_forms_say():
    from bytefed.ledger.wire_size import ble_profile, round_bytes, sealed_profile, serial_profile

    opened = [serial_profile(), ble_profile(247)]
    profiles = [*map(sealed_profile, [*opened, ble_profile(65)]), *opened]
    for features in (64, 256):
        counts = [round_bytes(profile, features, 10) for profile in profiles]
        payload = counts[0].payload_down + counts[0].payload_up
        cells = [
            f"{count.wire_total:,} B (+{100 * (count.wire_total / payload - 1):.1f} %)" for count in counts
        ]
        assert f"| D={features}, C=10 | {payload:,} B | {' | '.join(cells)} |" in README.read_text()
