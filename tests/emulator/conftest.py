"""The emulator and the image that checks it, built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_PACKAGES = {"cmake": "cmake", "ninja": "ninja-build", "g++": "g++"}
_CROSS = {"arm-none-eabi-g++": "gcc-arm-none-eabi"}


@pytest.fixture(scope="session")
def emulator() -> Path:
    """The program, as `make emulator` builds it."""
    _need(_PACKAGES)
    unicorn = find_spec("unicorn")
    if unicorn is None or unicorn.origin is None:
        pytest.skip("unicorn is not installed: pip install '.[emulator]', or make emulator")
    folder = ROOT / "build" / "emulator"
    _build("firmware/emulator", folder, f"-DUNICORN_DIR={Path(unicorn.origin).parent}")
    return folder / "bytefed-nrf52840"


@pytest.fixture(scope="session")
def metal() -> Path:
    """The image of tests/emulator/metal."""
    _need(_PACKAGES | _CROSS)
    folder = ROOT / "build" / "metal"
    _build("tests/emulator/metal", folder, f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'cmake/arm-none-eabi.cmake'}")
    return folder / "metal.elf"


def _need(tools: dict[str, str]) -> None:
    for tool, package in tools.items():
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install {package}")


def _build(source: str, folder: Path, *options: str) -> None:
    configure = ["cmake", "-S", str(ROOT / source), "-B", str(folder), "-G", "Ninja", *options]
    for step in (configure, ["cmake", "--build", str(folder)]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("emulator", "ble", "boards", "faults")]
