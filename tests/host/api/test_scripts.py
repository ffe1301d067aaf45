"""The scripts in docs/scripting.md and examples/ work as they stand, and type-check in a user's own project."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import bytefed

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/scripting.md"
EXAMPLE = ROOT / "examples/compare_codecs.py"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def script() -> str:
    """All of the page as one script: the cells of the notebook in a function at its end."""
    (cell,) = blocks("python notebook")
    body = textwrap.indent(cell, "    ")
    return "\n".join(
        [*blocks("python"), "import asyncio\n", "async def cell() -> None:", body, "asyncio.run(cell())"]
    )


def run(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(program), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path):
    pytest.importorskip("tflite_micro")
    (tmp_path / "page.py").write_text(script())
    done = run(tmp_path / "page.py", tmp_path)
    assert done.returncode == 0, done.stderr
    accuracy, exact, applied, *rest = done.stdout.splitlines()
    assert exact == "True"
    assert accuracy == applied  # the head scores what the run says
    assert "onebit 46 B an update" in rest
    assert "E_CONFIG_RANGE -> Give --rounds a value in that range." in rest
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_the_example_runs_and_goes_on(tmp_path):
    pytest.importorskip("tflite_micro")
    first, second = (run(EXAMPLE, tmp_path, "runs") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert second.stdout == first.stdout  # the second time it reads what is there
    assert first.stdout.count("as estimated: True") == 6


@pytest.mark.slow
@pytest.mark.parametrize("what", ["page", "example"])
def test_a_users_script_type_checks_strictly(what, tmp_path):
    """Without the configuration of this repository: a user's project sees the types that the package carries."""
    (tmp_path / "script.py").write_text(script() if what == "page" else EXAMPLE.read_text())
    assert check(tmp_path) == "Success: no issues found in 1 source file\n"


@pytest.mark.slow
def test_a_type_checker_finds_a_users_mistakes(tmp_path):
    """So that the test above can fail: it is the package's types that are seen, not Any."""
    (tmp_path / "script.py").write_text(
        "import bytefed\n"
        "config = bytefed.RunConfig(rounds='five')\n"
        "bytefed.run(strategy=object())\n"
        "bytefed.run().accuracy + 'x'\n"
        "bytefed.rnu()\n"
    )
    found = check(tmp_path)
    assert [f"script.py:{line}: error" in found for line in (2, 3, 4, 5)] == [True] * 4


def check(folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    cache = folder.parent / "mypy"  # all these tests share it: the package itself is checked once
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "script.py"]
    path = {
        **environment,
        "MYPYPATH": str(ROOT / "host"),
    }  # an editable install is found by an import hook alone
    done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True, check=False)
    return done.stdout


def test_the_page_names_what_there_is():
    text = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"\bbytefed\.(\w+)\(", text):
        assert name in bytefed.__all__
    for name in (
        "run",
        "run_async",
        "resume",
        "simulate",
        "estimate",
        "load_run",
        "load_task",
        "open_boards",
        "describe",
    ):
        assert f"bytefed.{name}(" in text
    assert inspect.iscoroutinefunction(bytefed.run_async)
    assert not asyncio.iscoroutinefunction(bytefed.run)
