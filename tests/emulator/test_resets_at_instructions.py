"""A reset at any instruction: also in the middle of code that the emulator has translated as one block before."""

from __future__ import annotations

import struct
from pathlib import Path

from emulator_process import Chip

_NOP, _BACK = 0xBF00, 0xE7FE  # the latter is a jump to itself
_START = 0x100  # where the code is
_RESETS = 24


def _hex(address: int, data: bytes) -> str:
    """Return an Intel hex record."""
    record = bytes((len(data), address >> 8, address & 0xFF, 0)) + data
    return f":{record.hex()}{-sum(record) & 0xFF:02x}\n"


def _image(path: Path, code: list[int]) -> Path:
    """Write an image that does nothing but run `code`, in halfwords."""
    data = struct.pack(f"<{len(code)}H", *code)
    table = struct.pack("<2I", 0x20040000, _START | 1)
    lines = [_hex(_START + at, data[at : at + 16]) for at in range(0, len(data), 16)]
    path.write_text("".join([_hex(0, table), *lines, ":00000001ff\n"]))
    return path


def _places(chip: Chip) -> list[int]:
    return [int(line.split("cut off at ")[1], 16) for line in chip.lines if "cut off at " in line]


def _reset_often(emulator: Path, image: Path, port: Path) -> list[int]:
    """Reset a chip at several instructions; return where it was each time."""
    with Chip(emulator, image, port) as chip:
        for number in range(_RESETS):
            chip.ask("reset", kind="pin", at_instruction=5000 + number)
            chip.wait_for("cut off at ", count=number + 1, seconds=20)
        return _places(chip)


def test_it_strikes_between_any_two_instructions_of_a_block(emulator: Path, tmp_path: Path) -> None:
    size = 40
    back = 0xE000 | ((-size - 2) & 0x7FF)  # to the first of the instructions
    places = _reset_often(emulator, _image(tmp_path / "loop.hex", [_NOP] * size + [back]), tmp_path / "port")
    assert all(_START <= place <= _START + 2 * size for place in places)
    assert len({place for place in places if place != _START}) > _RESETS // 4


def test_it_strikes_in_code_that_waits_for_ever(emulator: Path, tmp_path: Path) -> None:
    code = [_NOP] * 8 + [_BACK]
    assert set(_reset_often(emulator, _image(tmp_path / "spin.hex", code), tmp_path / "port")) == {
        _START + 16
    }
