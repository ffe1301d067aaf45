"""The page on personal heads says what its benchmark prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_rows_of_the_tasks_that_come_with_bytefed_are_what_the_benchmark_prints():
    command = [sys.executable, "benchmarks/personal.py", "--data", "digits04", "digits"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [line for line in done.stdout.splitlines() if "Dir(" in line]
    assert len(rows) == 4
    page = (ROOT / "docs/personal.md").read_text(encoding="utf-8").splitlines()
    assert [row for row in rows if row not in page] == []
