"""The one table of boards agrees with what else names a board: PlatformIO, the firmware, SPEC 3."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest

from bytefed.boards.catalog import BOARDS, MICROPHONE, REPLAYED, board_name, refuse_deaf, sensor_name
from bytefed.errors import ConfigError
from bytefed.protocol.message import Model, SensorChip

ROOT = Path(__file__).resolve().parents[3]
FIRMWARE = ROOT / "firmware"


def spec_values(field: str) -> dict[int, str]:
    """The numbers and names of a field of DETAILS, as SPEC 3 lists them."""
    (line,) = re.findall(
        rf"^\| {field} \| u8 \| 0 \w+, (.*) \|$", (ROOT / "SPEC.md").read_text(), re.MULTILINE
    )
    return {int(number): name for number, name in (each.split(" ", 1) for each in line.split(", "))}


def message_values(enum: str) -> dict[int, str]:
    """The numbers and meanings of an enum in the table of messages."""
    table = tomllib.loads((FIRMWARE / "lib/bytefed/messages.toml").read_text())
    values = next(each for each in table["enum"] if each["name"] == enum)["values"]
    return {number: meaning for _, number, meaning in values if number}


def test_every_number_on_the_wire_has_its_row() -> None:
    rows = {int(board.number): board.name for board in BOARDS}
    assert rows == spec_values("board") == message_values("Model")
    assert [board.number for board in BOARDS] == [model for model in Model if model]


def test_every_sensor_has_its_name() -> None:
    sensors = {REPLAYED, MICROPHONE, *(sensor for board in BOARDS for sensor in board.sensors)}
    rows = {int(sensor.number): sensor.name for sensor in sensors}
    assert rows == spec_values("sensor") == message_values("SensorChip")
    assert {*rows} == {*SensorChip} - {0}


def test_platformio_has_an_environment_for_each() -> None:
    parser = configparser.ConfigParser(inline_comment_prefixes=None, interpolation=None, strict=False)
    parser.read(ROOT / "platformio.ini")
    environments = {name.removeprefix("env:") for name in parser.sections() if name.startswith("env:")}
    ours = {board.environment for board in BOARDS}
    assert {name.removesuffix("_debug").removesuffix("_open") for name in environments} == ours
    assert environments >= ours | {f"{name}_open" for name in ours}


def test_platformio_knows_the_microphones() -> None:
    parser = configparser.ConfigParser(inline_comment_prefixes=None, interpolation=None, strict=False)
    parser.read(ROOT / "platformio.ini")
    hearing = {
        name for name in parser.sections() if parser.get(name, "custom_microphone", fallback="") == "yes"
    }
    assert hearing == {f"env:{board.environment}" for board in BOARDS if board.microphone}
    for board in BOARDS:
        for ending in ("", "_open", "_debug"):
            if board.microphone:
                refuse_deaf(board.environment + ending, "keywords")
                continue
            with pytest.raises(ConfigError, match="E_CONFIG_DEAF"):
                refuse_deaf(board.environment + ending, "keywords")


def test_the_firmware_says_each_number() -> None:
    said = re.findall(r"bytefed::Model::k(\w+);", (FIRMWARE / "src/arduino/chip.h").read_text())
    assert sorted(name.upper() for name in said) == sorted(
        board.number.name.replace("_", "") for board in BOARDS
    )


def test_usb_identities_are_each_boards_own() -> None:
    ids = [each for board in BOARDS for each in (board.application, board.bootloader)]
    assert len({*ids}) == len(ids)
    assert all(0 < part < 0x10000 for each in ids for part in each)
    assert all(board.application.vendor == board.bootloader.vendor for board in BOARDS)


@pytest.mark.parametrize(("number", "name"), [(0, "virtual"), (1, "Nano 33 BLE"), (200, "board 200")])
def test_a_board_is_named(number: int, name: str) -> None:
    assert board_name(number) == name


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "none"), (5, "LIS3DH"), (6, "replayed data"), (7, "PDM microphone"), (200, "none")],
)
def test_a_sensor_is_named(number: int, name: str) -> None:
    assert sensor_name(number) == name
