"""examples/minimal: the host trains with a board of forty lines, over a pseudo-terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "firmware/lib/bytefed/src"
MONOCYPHER = ROOT / "build/monocypher"
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals on this system"),
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler"),
]


def test_a_run_with_the_board_of_forty_lines(tmp_path):
    sources = [ROOT / "examples/minimal/board.cpp", *sorted(CORE.rglob("*.cpp"))]
    subprocess.run([sys.executable, ROOT / "tools/monocypher.py", MONOCYPHER], check=True)
    sources.append(MONOCYPHER / "monocypher.c")
    flags = ["-std=c++14", "-O1", "-ffp-contract=off", f"-I{CORE}", f"-I{MONOCYPHER}"]
    subprocess.run(["c++", *flags, *sources, "-o", tmp_path / "board"], check=True)
    rng = np.random.default_rng(3)
    y = np.arange(120) % 10
    x = rng.integers(-60, 60, (10, 64))[y] + rng.integers(-20, 20, (120, 64))
    np.savez(tmp_path / "data.npz", X=x.astype(np.int8), y=y, test=np.arange(120) >= 80)

    import tty

    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with subprocess.Popen([tmp_path / "board"], stdin=ours, stdout=ours) as board:
        try:
            command = [sys.executable, "-m", "bytefed", "run", "--boards", f"serial:{os.ttyname(theirs)}"]
            command += [
                "--open",
                "--data",
                tmp_path / "data.npz",
                "--partition",
                "iid",
                "--rounds",
                "2",
                "--quiet",
            ]
            done = subprocess.run(
                [*command, "--run-dir", tmp_path / "run"],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            board.kill()
    assert done.returncode == 0, done.stderr
    assert "0000000000001234" in (tmp_path / "run/bytes.csv").read_text()


def test_the_library_shows_the_whole_program():
    text = (ROOT / "firmware/lib/bytefed/README.md").read_text(encoding="utf-8")
    assert (ROOT / "examples/minimal/board.cpp").read_text(encoding="utf-8") in text
