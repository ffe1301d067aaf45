"""The images for an emulated Cortex-M4F, built once, and a way to run them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from emulated import ROOT, RunImage

from bytefed.boards.qemu import MACHINE, QEMU

_PACKAGES = {
    "cmake": "cmake",
    "ninja": "ninja-build",
    "arm-none-eabi-g++": "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib",
    QEMU: "qemu-system-arm",
}


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder of the images, as `make qemu` builds them."""
    for tool, packages in _PACKAGES.items():
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install {packages}")
    for step in (["cmake", "--preset", "qemu"], ["cmake", "--build", "--preset", "qemu"]):
        done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "qemu"


@pytest.fixture(scope="session")
def run_image(images: Path) -> RunImage:
    """Run an image to its end; what it printed is in `stderr`."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        semihosting = ",".join(["enable=on,target=native", *(f"arg={word}" for word in arguments)])
        return subprocess.run(
            [
                QEMU, *MACHINE, "-monitor", "none", "-serial", "null", "-semihosting-config", semihosting,
                "-kernel", str(images / f"{name}.elf"),
            ],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run
