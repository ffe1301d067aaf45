"""Images and bootloaders are found where PlatformIO leaves them; what no emulated chip could run is refused."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from small_images import CORTEX_M33, XTENSA, write_bootloader, write_elf, write_hex

from bytefed.boards.catalog import BOARDS
from bytefed.boards.nrf52840 import builds
from bytefed.boards.nrf52840.builds import board_of, find_build
from bytefed.boards.nrf52840.image import read_image, read_softdevice
from bytefed.errors import ConfigError

FEATHER_HEX = "packages/framework-arduinoadafruitnrf52/bootloader/feather_nrf52840_express"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which PlatformIO has built two images; its folder."""
    write_elf(tmp_path / ".pio/build/feather_nrf52840/firmware.elf")
    write_elf(tmp_path / ".pio/build/nano33ble/firmware.elf", 0x10000)
    write_bootloader(tmp_path / FEATHER_HEX / "feather_bootloader-0.9.1_s140_6.1.1.hex")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builds, "project", lambda: tmp_path)
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path))
    for name in ("BYTEFED_BOOTLOADER", "PLATFORMIO_BUILD_DIR", "PLATFORMIO_PACKAGES_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def refused(what: str, code: str, *words: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        find_build(what)
    assert caught.value.code == code and caught.value.remedy
    assert all(word in str(caught.value) for word in words), caught.value
    return caught.value


def test_a_build_of_each_family_is_found(machine: Path) -> None:
    nano, feather = find_build("nano33ble"), find_build("feather_nrf52840")
    assert (nano.bootloader, nano.image.start, nano.image.size) == (None, 0x10000, 64)
    assert feather.bootloader == machine / FEATHER_HEX / "feather_bootloader-0.9.1_s140_6.1.1.hex"
    assert (feather.image.softdevice, nano.image.softdevice) == ("S140 6", "")
    assert [build.board.environment for build in (nano, feather)] == ["nano33ble", "feather_nrf52840"]


def test_a_file_by_its_path(machine: Path) -> None:
    build = find_build(".pio/build/feather_nrf52840/firmware.elf")
    assert build.name == "firmware.elf" and build.board.environment == "feather_nrf52840" and build.bootloader
    alone = write_elf(machine / "my.elf")
    assert find_build(str(alone)).board is None
    assert find_build(str(alone)).bootloader  # any of the core's, as long as its SoftDevice fits


def test_a_hex_needs_the_elf_of_its_build(machine: Path) -> None:
    path = write_hex(machine / "a.hex")
    refused(str(path), "E_IMAGE_SYMBOLS", "no a.elf beside it")
    write_elf(machine / "a.elf")
    assert find_build(str(path)).image.symbols == machine / "a.elf"
    write_hex(path, code=b"\1" * 64)
    refused(str(path), "E_IMAGE_SYMBOLS", "of another build")


def test_the_bootloader_that_fits_is_taken(machine: Path) -> None:
    newer = write_bootloader(
        machine / FEATHER_HEX / "feather_bootloader-9_s140_7.3.0.hex", 0x27000, 7_003_000
    )
    assert find_build("feather_nrf52840").bootloader.name.endswith("6.1.1.hex")
    write_elf(machine / ".pio/build/feather_nrf52840/firmware.elf", 0x27000)
    assert find_build("feather_nrf52840").bootloader == newer
    assert read_softdevice(newer).name == "S140 7.3.0"


def test_a_bootloader_can_be_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = write_bootloader(machine / "mine.hex")
    assert find_build("feather_nrf52840", mine).bootloader == mine
    monkeypatch.setenv("BYTEFED_BOOTLOADER", str(mine))
    assert find_build("feather_nrf52840").bootloader == mine
    assert find_build("nano33ble").bootloader is None


def test_a_softdevice_of_another_version(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = write_bootloader(machine / "other.hex", 0x27000, 7_003_000)
    monkeypatch.setenv("BYTEFED_BOOTLOADER", str(other))
    refused("feather_nrf52840", "E_IMAGE_SOFTDEVICE", "S140 7.3.0", "0x26000", "0x27000")
    write_bootloader(other, number=132)  # an nRF52832's, which ends at the same address
    refused("feather_nrf52840", "E_IMAGE_SOFTDEVICE", "S132 6.1.1")
    write_bootloader(other, magic=0)
    refused("feather_nrf52840", "E_IMAGE_BOOTLOADER", "no SoftDevice")


def test_no_bootloader(machine: Path) -> None:
    next((machine / FEATHER_HEX).iterdir()).unlink()
    refused(
        "feather_nrf52840", "E_IMAGE_BOOTLOADER", "BYTEFED_BOOTLOADER", "bootloader/feather_nrf52840_express/"
    )


def test_no_build(machine: Path) -> None:
    refused(
        "itsybitsy_nrf52840",
        "E_IMAGE_BUILD",
        "`pio run -e itsybitsy_nrf52840`",
        "feather_nrf52840, nano33ble",
    )


def test_no_build_of_a_model(machine: Path) -> None:
    """The remedy builds that model; without its name platformio.ini's would be built."""
    (machine / "manifest.json").touch()
    for model, value in (("keywords", "keywords"), (str(machine), shlex.quote(str(machine.resolve())))):
        with pytest.raises(ConfigError) as refused:
            find_build("itsybitsy_nrf52840", model=model)
        assert f"`BYTEFED_MODEL={value} pio run -e itsybitsy_nrf52840`" in refused.value.remedy


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"machine": XTENSA}, "it is for"),
        ({"core": CORTEX_M33}, "newer core"),
        ({"start": 0x08000000}, "it lies at 0x8000000"),
        ({"start": 0x000FFFF0}, "it lies at 0xffff0"),
        ({"start": 0, "stack": 0x20400000}, "its stack would begin at 0x20400000"),
        ({"start": 0, "stack": 0}, "its stack would begin at 0x00000000"),
        ({"start": 0, "entry": 0x08000101}, "its code at 0x08000101"),
    ],
)
def test_an_image_for_another_chip(machine: Path, options: dict[str, int], why: str) -> None:
    refused(str(write_elf(machine / "x.elf", **options)), "E_IMAGE_CHIP", why)


@pytest.mark.parametrize("symbols", [0, 1])
def test_an_elf_without_symbols(machine: Path, symbols: int) -> None:
    refused(str(write_elf(machine / "x.elf", symbols=symbols)), "E_IMAGE_SYMBOLS", "stripped")


def test_files_that_are_no_images(machine: Path) -> None:
    refused("./nothing.elf", "E_IMAGE_FILE", "nothing.elf")
    for content in (b"", b"hello", b":00\n", b"\xff\xfe" * 8, b"\x7fELF", b"\x7fELF" + bytes(60)):
        (machine / "x.elf").write_bytes(content)
        refused("./x.elf", "E_IMAGE_FILE")


def test_every_cut_of_an_elf_is_refused_or_read(machine: Path) -> None:
    whole = write_elf(machine / "x.elf").read_bytes()
    for length in range(len(whole)):
        (machine / "x.elf").write_bytes(whole[:length])
        with pytest.raises(ConfigError):
            read_image(machine / "x.elf")


@pytest.mark.parametrize(
    ("environment", "board"),
    [
        ("feather_nrf52840", "feather_nrf52840"),
        ("feather_nrf52840_debug", "feather_nrf52840"),
        ("feather_nrf52840_sense", "feather_nrf52840_sense"),
        ("nano33ble_debug", "nano33ble"),
        ("uno", None),
    ],
)
def test_the_board_of_an_environment(environment: str, board: str | None) -> None:
    found = board_of(environment)
    assert (found.environment if found else None) == board


def test_every_bluefruit_board_has_its_bootloader() -> None:
    assert {board.environment for board in BOARDS if not board.bootloader_folder} == {"nano33ble"}
