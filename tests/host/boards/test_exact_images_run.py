"""Emulated boards as the host sees them: started, connected, asked, reset, and what is said when they fail."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import fake_emulator
import pytest
from small_images import write_bootloader, write_elf

from bytefed.boards.describe import describe
from bytefed.boards.nrf52840 import builds, emulator, watermarks
from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import EmulatedTransport, Emulator, find_emulator
from bytefed.boards.nrf52840.scheme import fitted, parse
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.self_check import check_features, check_reset, check_round
from bytefed.boards.virtual import BoardKind, board_uid
from bytefed.device.device import Device
from bytefed.errors import BoardError, BytefedError, ConfigError, LinkError
from bytefed.ledger.count import ByteCount
from bytefed.protocol.message import VISIT, Board, Capability
from bytefed.runs.numbers import new_run

OPTIONS = VirtualOptions(BoardKind(16, 4))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two builds and an emulator that stands in for the real one."""
    write_elf(tmp_path / ".pio/build/feather_nrf52840/firmware.elf")
    write_elf(tmp_path / ".pio/build/nano33ble/firmware.elf", 0x10000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builds, "project", lambda: tmp_path)
    monkeypatch.setenv("BYTEFED_BOOTLOADER", str(write_bootloader(tmp_path / "bootloader.hex")))
    monkeypatch.setenv("BYTEFED_EMULATOR", str(fake_emulator.wrapper(tmp_path)))
    for name in ("FAKE_EMULATOR", "FAKE_MODEL", "BYTEFED_EMULATED_STATE", "PLATFORMIO_BUILD_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def with_boards(action: Callable[[list[Device]], Awaitable[object]], *uris: str) -> object:
    async def main() -> object:
        async with open_devices(uris or ["nrf52840:nano33ble"], OPTIONS) as devices:
            return await action(devices)

    result = asyncio.run(main())
    gc.collect()  # a transport of a process that is left open says so now
    return result


def failure(action: Callable[[list[Device]], Awaitable[object]], *uris: str) -> BytefedError:
    with pytest.raises(BytefedError) as caught:
        with_boards(action, *uris)
    assert caught.value.remedy
    return caught.value


def emulator_of(device: Device) -> Emulator:
    assert isinstance(device.transport, EmulatedTransport)
    return device.transport.emulator


async def nothing(_devices: list[Device]) -> None:
    pass


async def connect(devices: list[Device]) -> list[str]:
    for device in devices:
        await device.connect(VISIT)
    return [device.name for device in devices]


def test_they_are_boards_like_any_other(machine: Path) -> None:
    async def action(devices: list[Device]) -> list[str]:
        assert [device.uri for device in devices] == [
            "nrf52840:nano33ble#0", "nrf52840:nano33ble#1", "nrf52840:feather_nrf52840#2", "loopback:3"
        ]  # fmt: skip
        names = await connect(devices)
        assert {device.profile.name for device in devices} == {"nrf52840", "loopback"}
        return names

    names = with_boards(action, "nrf52840:nano33ble*2", "nrf52840:feather_nrf52840", "loopback:1")
    assert names == [f"{board_uid(0, number):016x}" for number in range(4)]


def test_a_board_says_what_it_used(machine: Path) -> None:
    facts = with_boards(lambda devices: describe(devices[0]))
    assert isinstance(facts, dict)
    assert (facts["stack app"], facts["stack idle"]) == ("1,092 of 8,192 B", "88 of 512 B")
    assert facts["heap used"] == "12,000 of 150,472 B"
    assert facts["flash"] == "16 erases, 9,216 words" and facts["emulated"] == "2.5 s, asleep for 98%"


def test_its_reset_button_is_pressed(machine: Path) -> None:
    async def action(devices: list[Device]) -> str:
        await devices[0].connect(new_run())
        return await check_reset(devices[0], emulator_of(devices[0]).press_reset)

    assert with_boards(action) == "starts anew, and its samples are there"

    async def no_press(devices: list[Device]) -> None:
        async def pretend() -> None:
            pass

        await devices[0].connect(new_run())
        await check_reset(devices[0], pretend)

    assert failure(no_press).code == "E_BOARD_RESET"


def test_samples_that_a_reset_loses_are_missed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", "forgetful")
    unpack = Board.unpack
    says_that_it_keeps = lambda body: replace(unpack(body), capabilities=Capability.PERSISTENT)  # noqa: E731
    monkeypatch.setattr(Board, "unpack", says_that_it_keeps)

    async def action(devices: list[Device]) -> None:
        await check_round(devices[0])
        await check_reset(devices[0], emulator_of(devices[0]).press_reset)

    error = failure(action)
    assert error.code == "E_BOARD_RESET" and "lost the samples" in error.message


@pytest.mark.parametrize("faults", ["", "wrong-bits"])
def test_the_self_check(machine: Path, monkeypatch: pytest.MonkeyPatch, faults: str) -> None:
    monkeypatch.setenv("FAKE_MODEL", "digits")
    monkeypatch.setenv("FAKE_EMULATOR", faults)

    async def action(devices: list[Device]) -> None:
        assert "B as estimated" in await check_round(devices[0])
        if faults:
            with pytest.raises(BoardError, match="E_BOARD_FEATURES"):
                await check_features(devices[0])
        else:
            assert "golden inputs of model digits" in await check_features(devices[0])

    with_boards(action)


def test_bytes_that_are_not_as_estimated_are_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bytefed.boards.self_check.planned_round", lambda *_, **__: ByteCount())
    said = with_boards(lambda devices: check_round(devices[0]))
    assert isinstance(said, str) and said.endswith("B where 0 B were estimated; 0 B of it are repair")


def test_a_delta_with_another_bit_is_found(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = emulator_train()

    def other(head, *what, **options):
        honest(head, *what, **options)
        head[3] += 1e-6

    monkeypatch.setattr("bytefed.boards.self_check._core.train", other)
    error = failure(lambda devices: check_round(devices[0]))
    assert error.code == "E_BOARD_BITS" and "1 of 68" in error.message


def emulator_train():
    from bytefed import _core

    return _core.train


# ---- Faults


def test_an_image_that_never_enumerates(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", "silent")
    monkeypatch.setenv("BYTEFED_BOOT_PATIENCE", "0.5")
    error = failure(nothing)
    assert error.code == "E_EMULATED_USB" and "within 0.5 s" in error.message
    monkeypatch.setenv("BYTEFED_BOOT_PATIENCE", "soon")
    assert failure(nothing).code == "E_CONFIG_RANGE"


# pyserial leaves a socket whose other end is gone to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("when", ["faulty", "late"])
def test_an_image_that_goes_wrong(
    machine: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", when)

    async def again(devices: list[Device]) -> None:
        with pytest.raises(LinkError):
            await devices[0].connect(VISIT)
        await emulator_of(devices[0]).end()
        await devices[0].connect(VISIT)

    error = failure(again)
    assert error.code == "E_EMULATED_FAULT"
    for word in (
        "loop()+1e",
        "1.25 s",
        "read of a place where nothing is",
        "from 00027000 main+10, from 00030000",
    ):
        assert word in error.message, word
    assert "nano33ble#0: The image went wrong.\n  r0 e0000000" in caplog.text


def test_an_emulator_that_ends(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", "no-library")
    assert failure(nothing).code == "E_EMULATOR_UNICORN"
    program = machine / "emulator"
    program.write_text("#!/bin/sh\necho 'no memory for a chip' >&2\nexit 1\n")
    error = failure(nothing)
    assert error.code == "E_EMULATOR" and "no memory for a chip" in error.message
    program.write_text("#!/bin/sh\nexit 9\n")
    assert "exit status 9" in failure(nothing).message
    program.write_text("no program")
    assert failure(nothing).code == "E_EMULATOR_MISSING"


@pytest.mark.parametrize("fault", ["strange", "deaf"])
def test_an_emulator_of_another_version(machine: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", fault)
    monkeypatch.setattr(emulator, "_ANSWER_PATIENCE", 0.3)

    async def action(devices: list[Device]) -> None:
        with pytest.raises(LinkError, match="E_EMULATOR"):
            await emulator_of(devices[0]).press_reset()
        await emulator_of(devices[0]).watermarks()

    error = failure(action)
    assert error.code == "E_EMULATOR" and "make emulator" in error.remedy


def test_no_emulator(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEFED_EMULATOR", str(machine / "nothing"))
    error = failure(nothing)
    assert error.code == "E_EMULATOR_MISSING" and "BYTEFED_EMULATOR" in error.message
    monkeypatch.delenv("BYTEFED_EMULATOR")
    monkeypatch.setattr(emulator, "CHECKOUT", machine)
    monkeypatch.setattr(emulator, "find_spec", lambda _: object())
    assert "make emulator" in failure(nothing).remedy
    monkeypatch.setattr(emulator, "find_spec", lambda _: None)
    error = failure(nothing)
    assert error.code == "E_EMULATOR_UNICORN" and "unicorn" in error.remedy
    (machine / "build/emulator").mkdir(parents=True)
    built = (machine / "emulator").rename(machine / "build/emulator/bytefed-nrf52840")
    assert find_emulator() == built


@pytest.mark.parametrize(
    "uri", ["nrf52840:", "nrf52840:*2", "nrf52840:x*0", "nrf52840:x*two", "nrf52840:x*1025"]
)
def test_uris_that_name_nothing(uri: str) -> None:
    with pytest.raises(ConfigError, match="E_CONFIG_BOARDS"):
        parse(uri)


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("nrf52840:nano33ble", ("nano33ble", 1)),
        ("nrf52840:nano33ble*12", ("nano33ble", 12)),
        ("nrf52840:/a/b.elf*2", ("/a/b.elf", 2)),
    ],
)
def test_uris_name_an_image_and_a_number(uri: str, what: tuple[str, int]) -> None:
    assert parse(uri) == what


def test_state_is_kept_where_it_is_asked_for(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_boards(connect)
    assert not list(machine.rglob("*.flash"))
    monkeypatch.setenv("BYTEFED_EMULATED_STATE", str(machine / "kept"))
    with_boards(connect)
    assert [path.name for path in (machine / "kept").iterdir()] == [f"{board_uid(0, 0):016x}.flash"]
    (machine / "file").write_text("")
    monkeypatch.setenv("BYTEFED_EMULATED_STATE", str(machine / "file" / "x"))
    assert failure(nothing).code == "E_CONFIG_STATE"


def test_a_board_has_the_sensor_of_its_make(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nano, feather = find_build("nano33ble"), find_build("feather_nrf52840")
    assert (fitted(nano, 1).sensor, fitted(feather, 1).sensor) == ("lsm9ds1", "")
    assert fitted(nano, 1, sensor="none").sensor == ""
    (machine / "walk.csv").write_text("")
    monkeypatch.setenv("BYTEFED_EMULATED_SENSOR", "lsm6ds3trc:walk.csv")
    assert fitted(feather, 1).sensor == "lsm6ds3trc:walk.csv"
    assert fitted(feather, 1, sensor="bmi270").sensor == "bmi270"
    (machine / "word.wav").write_text("")
    assert fitted(feather, 1, sensor="microphone:word.wav").sensor == "microphone:word.wav"


@pytest.mark.parametrize("named", ["nose", "bmi270:nothing.csv", "microphone:nothing.wav", ":x"])
def test_sensors_that_there_are_not(machine: Path, named: str) -> None:
    with pytest.raises(ConfigError, match="E_CONFIG_SENSOR"):
        fitted(find_build("nano33ble"), 1, sensor=named)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("stack", "app"),
        ("_main_stack", "main"),
        ("os_timer_thread_stack", "timer"),
        ("uxIdleTaskStack", "idle"),
    ],
)
def test_a_stack_is_called_by_whose_it_is(name: str, owner: str) -> None:
    assert watermarks._owner(name) == owner
