"""Builds the Arduino app on fake cores, once a session."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from fake_board import FakeBoard

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "arduino"


@pytest.fixture(scope="session")
def fake_boards() -> Path:
    """The folder with fake_nano.so, fake_bluefruit.so and so on: see CMakeLists.txt."""
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("SKIPPED: the Arduino app on fake cores needs cmake and a C++ compiler")
    configure = ["cmake", "-S", str(ROOT), "-B", str(BUILD), "-DBYTEFED_TESTS=ON", "-DCMAKE_BUILD_TYPE=Debug"]
    build = [
        "cmake",
        "--build",
        str(BUILD),
        "--parallel",
        "2",
        "--target",
        "fake_boards",
        "store_tests",
    ]
    for command in (configure, build):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return BUILD / "tests" / "arduino"


@pytest.fixture
def blank_flash(fake_boards: Path) -> None:
    """Flash outlives a board, but not a test."""
    FakeBoard(fake_boards / "fake_nano.so").erase_flash()
