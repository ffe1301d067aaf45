"""The Arduino IDE's compiler commands for our boards: it takes no flags from a library, so these are all there are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "firmware/lib/bytefed/src"
COMPILER = "arm-none-eabi-g++"
_CHIP = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-ffunction-sections", "-fdata-sections", "-fno-rtti",
         "-fno-exceptions")  # fmt: skip
FLAGS = {
    # ArduinoCore-mbed 4.6.0: variants/ARDUINO_NANO33BLE/cxxflags.txt
    "nano": (*_CHIP, "-mfloat-abi=softfp", "-std=gnu++14", "-Os", "-funsigned-char", "-fomit-frame-pointer"),
    # Adafruit_nRF52_Arduino 1.7.0: platform.txt
    "bluefruit": (*_CHIP, "-mfloat-abi=hard", "-std=gnu++11", "-Ofast", "-fno-threadsafe-statics", "--param",
                  "max-inline-insns-single=500"),
}  # fmt: skip
"""What decides about code, by the fakes' names for the cores; the rest of a command is paths and macros."""


def compiled(sources: Iterable[Path], flags: Iterable[str | Path], folder: Path) -> list[Path]:
    """Compile sources to objects in a folder, two at a time.

    Raises:
        AssertionError: One of them does not compile.
    """
    if shutil.which(COMPILER) is None:
        pytest.skip(
            f"SKIPPED: {COMPILER} is not installed: apt-get install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"
        )

    def compile_one(source: Path) -> Path:
        made = folder / f"{source.parent.name}-{source.stem}.o"
        command = [COMPILER, *flags, "-x", "c++", "-c", source, "-o", made]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]
        return made

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, sources))
