"""Emulated boards on the command line: `board --image`, `flash --emulated`, `devices`, `run`, `doctor`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fake_emulator
import pytest
from small_images import write_bootloader, write_elf

from bytefed.boards.registry import emulation
from bytefed.boards.virtual import board_uid
from bytefed.cli.commands import doctor
from bytefed.cli.live import emulated_boards

BYTEFED = [sys.executable, "-m", "bytefed"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two builds, and a stand-in for the emulator whose boards have the digits' model."""
    write_elf(tmp_path / ".pio/build/feather_nrf52840/firmware.elf")
    write_elf(tmp_path / ".pio/build/nano33ble/firmware.elf", 0x10000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORMIO_BUILD_DIR", str(tmp_path / ".pio/build"))
    monkeypatch.setenv("BYTEFED_BOOTLOADER", str(write_bootloader(tmp_path / "bootloader.hex")))
    monkeypatch.setenv("BYTEFED_EMULATOR", str(fake_emulator.wrapper(tmp_path)))
    monkeypatch.setenv("FAKE_MODEL", "digits")
    monkeypatch.setenv("PATH", str(tmp_path))  # no PlatformIO
    monkeypatch.delenv("FAKE_EMULATOR", raising=False)
    return tmp_path


def bytefed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BYTEFED, *words], capture_output=True, text=True, timeout=120, check=False)


def test_flash_emulated_says_what_it_found_and_what_it_did_not_prove(machine: Path) -> None:
    done = bytefed("flash", "--emulated", "feather_nrf52840")
    assert done.returncode == 0, done.stderr
    for words in (
        "S140 6: bootloader.hex", f"uid {board_uid(0, 0):016x}", "model           digits",
        "golden inputs of model digits",
        "values of the delta with this host's bits", "B as estimated", "starts anew", "1,092 of 8,192 B",
        "ran in emulation; no board was touched", "Not proved: the radio",
    ):  # fmt: skip
        assert words in done.stdout, words


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        ("itsybitsy_nrf52840", "E_IMAGE_BUILD", 2),
        ("itsybitsy_nrf52840 --model motion", "`BYTEFED_MODEL=motion pio run -e itsybitsy_nrf52840`", 2),
        ("nano33ble --image none.elf", "E_IMAGE_FILE", 2),
        ("nano33ble --model motion", "E_BOARD_MODEL", 1),
        ("feather_nrf52840 --bootloader none.hex", "E_IMAGE_FILE", 2),
    ],
)
def test_flash_emulated_refuses(machine: Path, words: str, code: str, status: int) -> None:
    done = bytefed("flash", "--emulated", *words.split())
    assert (done.returncode, code in done.stderr) == (status, True), done.stderr
    assert "ran in emulation" not in done.stdout and "Traceback" not in done.stderr


def test_an_image_that_goes_wrong_fails_the_trial(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", "faulty")
    done = bytefed("flash", "--emulated", "nano33ble")
    assert done.returncode == 1 and "E_EMULATED_FAULT" in done.stderr
    assert "called from 00027000 main+10" in done.stderr and "  r0 e0000000\n" in done.stderr


def test_flash_to_a_board_takes_no_image() -> None:
    done = bytefed("flash", "nano33ble", "--image", "x.elf")
    assert done.returncode == 2 and "Add --emulated" in done.stderr


@pytest.fixture
def served(machine: Path) -> Iterator[list[dict[str, str]]]:
    """Two boards that `bytefed board --image` serves."""
    command = [*BYTEFED, "board", "--image", "nano33ble", "--count", "2", "--json", "--state", "kept"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_boards_with_an_image_are_served_by_sockets(served: list[dict[str, str]], machine: Path) -> None:
    done = bytefed("devices", *(board["port"] for board in served))
    assert done.returncode == 0, done.stderr + done.stdout
    for board in served:
        assert board["port"].startswith("socket://127.0.0.1:") and board["uid"] in done.stdout
        assert (machine / "kept" / f"{board['uid']}.flash").is_file()


@pytest.mark.parametrize(
    "words", ["--model digits", "--shape 3x4", "--replay motion", "--line-rate 9600", "--count 0"]
)
def test_what_does_not_go_with_an_image(machine: Path, words: str) -> None:
    done = bytefed("board", "--image", "nano33ble", *words.split())
    assert done.returncode == 2 and words.split()[0] in done.stderr


def test_served_boards_that_fail_say_why(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EMULATOR", "faulty")
    done = bytefed("board", "--image", "nano33ble")
    assert done.returncode == 1 and "E_EMULATED_FAULT" in done.stderr
    assert json.loads(bytefed("board", "--image", "nano33ble", "--json").stdout)["code"] == "E_EMULATED_FAULT"


def test_a_run_says_that_boards_were_emulated(machine: Path) -> None:
    done = bytefed(
        "run", "--boards", "nrf52840:nano33ble*2", "virtual:1", "--rounds", "1", "--run-dir", "runs/a"
    )
    assert done.returncode == 0, done.stderr
    assert (
        "Emulated: 2 of 3 boards, each the exact image on an emulated nRF52840; no hardware." in done.stdout
    )
    assert bytefed("report", "runs/a").returncode == 0
    page = (machine / "runs/a/report.html").read_text()
    assert "nrf52840: the exact image on an emulated nRF52840, no hardware" in page


def test_only_emulated_links_are_said_to_be_emulated() -> None:
    assert [link for link in ("virtual", "serial", "ble", "socket", "nrf52840", "qemu", "x") if emulation(link)] == [
        "nrf52840", "qemu"
    ]  # fmt: skip
    assert emulated_boards(["virtual", "ble"]) == []
    assert len(emulated_boards(["qemu", "nrf52840", "qemu"])) == 2


def test_the_doctor_says_whether_the_emulator_is_there(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nrf52840:feather_nrf52840, nrf52840:nano33ble" in doctor.emulator()
    monkeypatch.setenv("BYTEFED_EMULATOR", str(machine / "nothing"))
    assert "not there" in doctor.emulator() and "make emulator" in doctor.emulator()
