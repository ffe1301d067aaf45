"""The boards that bytefed knows, one row each: numbers on the wire, USB identities, PlatformIO environments."""

from __future__ import annotations

BOARDS = {
    1: "Nano 33 BLE", 2: "Feather nRF52840", 3: "Feather nRF52840 Sense", 4: "ItsyBitsy nRF52840",
    5: "Circuit Playground Bluefruit",
}  # fmt: skip


SENSORS = {1: "LSM9DS1", 2: "BMI270", 3: "LSM6DS33", 4: "LSM6DS3TR-C", 5: "LIS3DH", 6: "replayed data"}


# USB vendor and product of the five boards (their board files).
USB_IDS: dict[tuple[int, int], str] = {
    (0x2341, 0x805A): "Arduino Nano 33 BLE",
    (0x239A, 0x8029): "Adafruit Feather nRF52840",
    (0x239A, 0x8087): "Adafruit Feather nRF52840 Sense",
    (0x239A, 0x8051): "Adafruit ItsyBitsy nRF52840",
    (0x239A, 0x8045): "Adafruit Circuit Playground Bluefruit",
}


ENVIRONMENTS = (
    "nano33ble", "feather_nrf52840", "feather_nrf52840_sense", "itsybitsy_nrf52840", "circuitplayground_bluefruit",
)  # fmt: skip
