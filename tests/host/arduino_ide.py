"""The Arduino IDE's compiler commands for our boards: it takes no flags from a library, so these are all there are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
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


def compiled(
    sources: Iterable[Path],
    flags: Iterable[str | Path],
    folder: Path,
    compiler: Sequence[str | Path] = (COMPILER,),
) -> list[Path]:
    """Compile sources to objects in a folder, two at a time.

    Args:
        sources: C++ files.
        flags: The command's words behind the compiler.
        folder: Where objects go.
        compiler: The beginning of a command, for another compiler than a board's.

    Raises:
        AssertionError: One of them does not compile.
    """
    if shutil.which(COMPILER) is None:
        pytest.skip(
            f"SKIPPED: {COMPILER} is not installed: apt-get install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"
        )

    def compile_one(source: Path) -> Path:
        made = folder / f"{source.parent.name}-{source.stem}.o"
        command = [*compiler, *flags, "-x", "c++", "-c", source, "-o", made]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]
        return made

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, sources))


def clang(flags: Sequence[str]) -> list[str | Path]:
    """Return the beginning of clang's command for a Cortex-M4F, with the libraries of the board's compiler.

    Args:
        flags: The board's, which choose among those libraries.
    """
    if shutil.which("clang++") is None or shutil.which(COMPILER) is None:
        pytest.skip(
            f"SKIPPED: clang++ and {COMPILER} are not both installed: apt-get install clang gcc-arm-none-eabi"
        )
    command = [COMPILER, *flags, "-E", "-v", "-x", "c++", "/dev/null"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    listed = said.split("#include <...> search starts here:")[1].split("End of search list.")[0]
    folders = [Path(line.strip()).resolve() for line in listed.strip().splitlines()]
    libraries = [folder for folder in folders if "gcc" not in folder.parts]  # GCC's own are not for clang
    # Enumerations as short as GCC makes them for this chip.
    return ["clang++", "--target=arm-none-eabi", "-fshort-enums", "-nostdinc++"] + [
        word for folder in libraries for word in ("-isystem", folder)
    ]
