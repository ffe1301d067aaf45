"""The wheel, in an environment where nothing else is: it holds what runs need, and runs in an empty folder.

`make wheel-test` builds one and checks it; so does the workflow that builds those of all platforms. Building takes a
minute, so other runs say SKIPPED unless BYTEFED_WHEEL names a wheel. BYTEFED_PYTHON names another Python to install
it in than the one that runs the tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHEEL = os.environ.get("BYTEFED_WHEEL", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WHEEL, reason="BYTEFED_WHEEL names no wheel: make wheel-test"),
]
MOST_BYTES = 1_750_000  # Python code 0.74 MB, the pages that errors name 0.11 MB
MOST_INSTALLED = 150_000_000  # 303 MB with scikit-learn and scipy
NEEDED = (
    "bytefed/py.typed",
    "bytefed/data/digits.npz",
    "bytefed/models/digits/digits.tflite",
    "bytefed/project/platformio.ini",
    "bytefed/project/pyproject.toml",
    "bytefed/project/firmware/monocypher.txt",
    "bytefed/project/firmware/lib/bytefed/src/bytefed/session/session.cpp",
    "bytefed/project/firmware/src/arduino/main.cpp",
    "bytefed/project/tools/pio_model.py",
    "bytefed/project/tools/arduino_library.py",
    "bytefed/project/tools/udev/60-bytefed.rules",
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and what it asks for, alone."""
    folder = tmp_path_factory.mktemp("environment")
    run(os.environ.get("BYTEFED_PYTHON", sys.executable), "-m", "venv", folder, cwd=folder)
    binary = folder / ("Scripts" if os.name == "nt" else "bin")
    run(binary / "python", "-m", "pip", "install", "--quiet", WHEEL, cwd=folder)
    return binary


def named_by_errors() -> set[str]:
    """The paths in the wheel of the files that remedies name by `checkout.shipped`."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "host/bytefed").rglob("*.py"))
    names = {
        name for source in sources for name in re.findall(r"shipped\(f?['\"]([^'\"{}]+\.\w+)['\"]\)", source)
    }
    return {f"bytefed/{name}" if name.startswith("models/") else f"bytefed/project/{name}" for name in names}


def run(*words: object, cwd: Path, status: int = 0, **environment: str) -> str:
    """Run a program, which must end with a status; return what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr if status else done.stdout


def test_the_wheel_holds_what_is_needed_and_is_small() -> None:
    assert Path(WHEEL).stat().st_size < MOST_BYTES
    names = set(zipfile.ZipFile(WHEEL).namelist())
    assert {*NEEDED} <= names
    assert named_by_errors() and not [name for name in named_by_errors() if name not in names]
    assert not [
        name for name in names if ("/emulator/" in name and "project" in name) or "__pycache__" in name
    ]


def test_an_error_and_a_help_name_pages_that_are_there(installed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    said = run(installed / "bytefed", "run", "--data", empty, "--model", "digits", cwd=tmp_path, status=1)
    (page,) = re.findall(r"\S*[/\\]docs[/\\]your-data\.md", said)
    assert Path(page).is_file()
    (folder,) = re.findall(
        r"^docs/: (.*)$", run(installed / "bytefed", "run", "--help", cwd=tmp_path), re.MULTILINE
    )
    assert (Path(folder) / "privacy.md").is_file()


def test_the_arduino_library_is_written_without_a_checkout(installed: Path, tmp_path: Path) -> None:
    folder = run(
        installed / "python", "-c", "import bytefed; print(bytefed.__path__[0])", cwd=tmp_path
    ).strip()
    tool = Path(folder) / "project/tools/arduino_library.py"
    run(
        installed / "python",
        tool,
        tmp_path / "libraries",
        "--model",
        Path(folder) / "models/digits",
        cwd=tmp_path,
    )
    made = {str(path.relative_to(tmp_path / "libraries")) for path in tmp_path.rglob("libraries/**/*")}
    assert {
        "bytefed/library.properties",
        "bytefed/src/monocypher.c",
        "tflm_features/src/bytefed_model.h",
    } <= made


def test_a_run_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    said = run(
        installed / "bytefed", "run", "--boards", "loopback:4", "--rounds", "2", "--quiet", cwd=tmp_path
    )
    assert "= estimate" in said
    packages = run(installed / "python", "-m", "pip", "list", "--format=freeze", cwd=tmp_path).lower()
    assert "scikit-learn" not in packages and "scipy" not in packages
    size = (
        "import bytefed, pathlib; place = pathlib.Path(bytefed.__file__).parents[1]; "
        "print(sum(path.stat().st_size for path in place.rglob('*')))"
    )
    assert int(run(installed / "python", "-c", size, cwd=tmp_path)) < MOST_INSTALLED


def test_the_rules_and_the_sources_are_there(installed: Path, tmp_path: Path) -> None:
    program = (
        "from bytefed.boards.firmware import prepared_project, udev_rules; from bytefed.cli.commands import flash; "
        "print(udev_rules().is_file(), prepared_project()); flash.build('nano33ble', 'digits')"
    )
    pio = tmp_path / "pio"
    pio.write_text(f'#!/bin/sh\necho "$BYTEFED_MODEL $@" > {tmp_path}/said\n')
    pio.chmod(0o755)
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    there, folder = run(
        installed / "python", "-c", program, cwd=tmp_path, BYTEFED_CACHE=str(tmp_path / "cache"), PATH=path
    ).split()
    assert there == "True"
    said = (tmp_path / "said").read_text().split()
    assert said[1:] == ["run", "-d", folder, "-e", "nano33ble"]
    # PlatformIO's script makes the model's headers of what it is given.
    made = [sys.executable, Path(folder) / "tools/model_to_c.py", said[0], tmp_path / "headers"]
    run(*made, cwd=tmp_path)
    assert any((tmp_path / "headers").iterdir())
