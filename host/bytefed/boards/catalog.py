"""The boards that bytefed knows, one row each; everything that names a board reads its row here.

tests/host/boards/test_catalog.py holds the rows to platformio.ini, the firmware and SPEC 3, and the two files that are
made from them (`tools/tables.py`): the udev rules and the list in docs/boards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bytefed.errors import ConfigError
from bytefed.protocol.message import Model, SensorChip


class UsbId(NamedTuple):
    """USB vendor and product, 16 bits each."""

    vendor: int
    product: int


class Sensor(NamedTuple):
    """A sensor's number in DETAILS (SPEC 3) and its name."""

    number: SensorChip
    name: str


LSM9DS1 = Sensor(SensorChip.LSM9DS1, "LSM9DS1")
BMI270 = Sensor(SensorChip.BMI270, "BMI270")
LSM6DS33 = Sensor(SensorChip.LSM6DS33, "LSM6DS33")
LSM6DS3TRC = Sensor(SensorChip.LSM6DS3TRC, "LSM6DS3TR-C")
LIS3DH = Sensor(SensorChip.LIS3DH, "LIS3DH")
MICROPHONE = Sensor(SensorChip.MICROPHONE, "PDM microphone")
REPLAYED = Sensor(SensorChip.REPLAY, "replayed data")  # what a virtual board has


@dataclass(frozen=True)
class BoardType:
    """A make of board.

    Attributes:
        number: Its number in DETAILS (SPEC 3).
        name: Its short name, in SPEC 3 and `bytefed devices`.
        full_name: The maker's name for it, which covers all its variants.
        environment: Its environment in platformio.ini, by which `bytefed flash` knows it.
        application: USB identity while the firmware runs.
        bootloader: USB identity while the bootloader waits for an upload.
        sensors: The sensors of motion that it may have: the first that answers is used.
        microphone: Whether it has one, or a variant of it.
        bootloader_folder: Folder of its bootloader in Adafruit's core; "" for a board of another core.
        note: A remark about the sensors for docs/boards; "" for none.
    """

    number: Model
    name: str
    full_name: str
    environment: str
    application: UsbId
    bootloader: UsbId
    sensors: tuple[Sensor, ...] = ()
    microphone: bool = False
    bootloader_folder: str = ""
    note: str = ""


BOARDS = (
    BoardType(
        Model.NANO_33_BLE, "Nano 33 BLE", "Arduino Nano 33 BLE, Nano 33 BLE Sense (rev 1, rev 2)", "nano33ble",
        UsbId(0x2341, 0x805A), UsbId(0x2341, 0x005A), (LSM9DS1, BMI270), microphone=True,
        note="the Sense has a PDM microphone",
    ),
    BoardType(
        Model.FEATHER, "Feather nRF52840", "Adafruit Feather nRF52840 Express", "feather_nrf52840",
        UsbId(0x239A, 0x8029), UsbId(0x239A, 0x0029), bootloader_folder="feather_nrf52840_express",
    ),
    BoardType(
        Model.FEATHER_SENSE, "Feather nRF52840 Sense", "Adafruit Feather nRF52840 Sense", "feather_nrf52840_sense",
        UsbId(0x239A, 0x8087), UsbId(0x239A, 0x0087), (LSM6DS33, LSM6DS3TRC), microphone=True,
        bootloader_folder="feather_nrf52840_sense", note="a PDM microphone",
    ),
    BoardType(
        Model.ITSY_BITSY, "ItsyBitsy nRF52840", "Adafruit ItsyBitsy nRF52840 Express", "itsybitsy_nrf52840",
        UsbId(0x239A, 0x8051), UsbId(0x239A, 0x0051), bootloader_folder="itsybitsy_nrf52840_express",
    ),
    BoardType(
        Model.CIRCUIT_PLAYGROUND, "Circuit Playground Bluefruit", "Adafruit Circuit Playground Bluefruit",
        "circuitplayground_bluefruit",
        UsbId(0x239A, 0x8045), UsbId(0x239A, 0x0045), (LIS3DH,), microphone=True,
        bootloader_folder="circuitplayground_nrf52840", note="no gyroscope; a PDM microphone",
    ),
)  # fmt: skip
"""Every make of board, in the order of their numbers."""


def refuse_deaf(environment: str, model: str) -> None:
    """Refuse to build an image with a model of sound for a board that has no microphone.

    Args:
        environment: The board's environment in platformio.ini, or one that is derived from it.
        model: The model's name.

    Raises:
        ConfigError: E_CONFIG_DEAF.
    """
    plain = environment.removesuffix("_open").removesuffix("_debug")
    if all(board.microphone for board in BOARDS if board.environment == plain):
        return  # what is no board at all, PlatformIO refuses
    having = ", ".join(board.environment for board in BOARDS if board.microphone)
    raise ConfigError(
        "E_CONFIG_DEAF",
        f"Model {model} takes sound, and a board of {environment} has no microphone.",
        f"Take a board that has one: {having} (of the Nanos, the Sense).",
    )


def board_name(number: int) -> str:
    """Return the name of the board that has a number in DETAILS; 0 is what a virtual board says."""
    return next((board.name for board in BOARDS if board.number == number), "") or (
        f"board {number}" if number else "virtual"
    )


def sensor_name(number: int) -> str:
    """Return the name of the sensor that has a number in DETAILS; "none" for 0 and for unknown ones."""
    sensors = [REPLAYED, MICROPHONE, *(sensor for board in BOARDS for sensor in board.sensors)]
    return next((sensor.name for sensor in sensors if sensor.number == number), "none")
