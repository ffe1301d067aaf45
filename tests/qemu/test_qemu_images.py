"""The images' promises besides their arithmetic: no fused operations, no heap, and faults that are reported."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from emulated import RunImage

BOARDS = ("board-32x10", "board-64x10", "board-64x4")
_FUSED = re.compile(r"\tvfn?m[as]\.")


@pytest.mark.parametrize("name", [*BOARDS, "same-bits", "mcu-counts"])
def test_no_fused_operation(images: Path, name: str) -> None:
    listing = _objdump(images / f"{name}.elf")
    assert "\tvmul.f32\t" in listing  # it is a listing, and of an FPU's code
    assert _FUSED.findall(listing) == []


def test_a_fused_operation_would_be_found(images: Path, tmp_path: Path) -> None:
    source, program = tmp_path / "fused.cpp", tmp_path / "fused.o"
    source.write_text("float f(float a, float b, float c) { return a * b + c; }\n")
    flags = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O2"]
    subprocess.run(["arm-none-eabi-g++", *flags, "-c", source, "-o", program], check=True)
    assert len(_FUSED.findall(_objdump(program))) == 1


def _objdump(program: Path) -> str:
    done = subprocess.run(
        ["arm-none-eabi-objdump", "-d", program], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("name", BOARDS)
def test_no_heap_and_no_printf(images: Path, name: str) -> None:
    done = subprocess.run(
        ["arm-none-eabi-nm", images / f"{name}.elf"], capture_output=True, text=True, check=True
    )
    names = {line.split()[-1] for line in done.stdout.splitlines()}
    assert "main" in names
    assert not {n for n in names if re.fullmatch(r"_?(malloc|free|sbrk|printf|vfprintf)(_r)?", n)}
    assert not {n for n in names if n.startswith(("_Znw", "_Zna", "__cxa_throw"))}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("stack", r"fatal: stack overflow at sp 0x1fff"),
        ("bus", r"fatal: fault at pc 0x0000\w{4}, .* BFAR 0x60000000"),
        ("flash", r"fatal: fault at pc 0x0000\w{4}, .* MMFAR 0x00000004"),
        ("unaligned", r"fatal: fault at pc 0x0000\w{4}"),
        ("interrupt", r"fatal: unexpected interrupt"),
    ],
)
def test_a_fault_is_reported(run_image: RunImage, fault: str, message: str) -> None:
    done = run_image("faults", fault)
    assert done.returncode == 1
    assert re.fullmatch(message + r".*\n", done.stderr)


def test_a_normal_end_is_no_fault(run_image: RunImage) -> None:
    done = run_image("faults", "none")
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize(
    "arguments", [(), ("12",), ("12", ""), ("xyz", "1"), ("12", "12345"), ("1" * 17, "1")]
)
def test_a_board_without_identity_does_not_start(run_image: RunImage, arguments: tuple[str, ...]) -> None:
    done = run_image("board-32x10", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("fatal: start with -semihosting-config")
