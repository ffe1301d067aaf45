"""The imports of each command: slow packages are loaded only where they are needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from bytefed.cli.commands import COMMANDS
from bytefed.cli.main import main
from bytefed.cli.parser import build_parser

SLOW = {"bleak", "matplotlib", "numpy", "rich", "scipy", "serial", "sklearn", "tensorflow", "tflite_micro"}


def loaded(program: str) -> set[str]:
    """The top-level packages and the modules of bytefed that a program has loaded at its end."""
    report = (
        "import atexit, json, sys; atexit.register(lambda: sys.stderr.write(json.dumps([*sys.modules])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", report + program], capture_output=True, text=True, check=True
    )
    names = json.loads(done.stderr)
    return {name if name.startswith("bytefed") else name.partition(".")[0] for name in names}


def test_import_bytefed_loads_nothing_else():
    found = loaded("import bytefed; dir(bytefed)")
    assert not found & SLOW
    assert [name for name in found if name.startswith("bytefed.")] == []


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_no_command(option):
    found = loaded(f"from bytefed.cli.main import main; main([{option!r}])")
    assert not found & SLOW
    assert [name for name in found if re.match(r"bytefed\.cli\.commands\.\w", name)] == []


def test_a_command_that_shows_nothing_yet_loads_no_rich():
    found = loaded("from bytefed.cli.parser import build_parser; build_parser('run')")
    assert "bytefed.cli.commands.run" in found
    assert not found & (SLOW - {"numpy"})


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, line in COMMANDS.items():
        assert f" {name} {line}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_own_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: bytefed {name} ")


def test_an_unknown_command_is_refused_by_name(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rnu"])
    assert ended.value.code == 2
    assert "'rnu'" in capsys.readouterr().err


def test_the_command_that_is_chosen_knows_its_options():
    assert build_parser("estimate").parse_args(["estimate", "--clients", "3"]).clients == 3
