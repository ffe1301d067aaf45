"""The emulated chip, checked from inside by an image of our own (tests/emulator/metal) that knows it from its books."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from emulator_process import Chip
from numpy.typing import NDArray
from sounds import write_wav

# The groups of checks in main.cpp and boots.cpp, with the fewest checks that each makes.
GROUPS = {
    "power-on": 4, "soft-reset": 6, "nvic": 30, "masks": 15, "system-exceptions": 18, "systick": 8,
    "fp-context": 29, "faults": 40, "it-block": 32, "clock": 20, "timer": 180, "rtc": 130, "sleep": 15,
    "egu": 216, "ppi": 149, "fixed-ppi": 37, "rng": 5, "temp": 3, "ecb": 100, "ficr": 9, "nvmc": 17,
    "uicr": 7, "gpio": 48, "gpiote": 90, "pwm": 100, "twi": 24, "twim": 16, "sensor": 0, "pdm": 90, "uarte": 11,
    "watchdog": 7, "watchdog-after-soft-reset": 3, "watchdog-reset": 4, "lockup": 1,
}  # fmt: skip
SENSORS = ("lsm9ds1", "bmi270", "lsm6ds33", "lsm6ds3trc", "lis3dh")
_SENSOR_CHECKS = 3  # or more, of each

# What checks/sensor.cpp expects to feel: a row, then its negative, a tenth of a second each.
RECORDING = """\
# hertz: 10
ax,ay,az,gx,gy,gz
1.5,-2.5,9.5,0.5,-0.25,2.0
-1.5,2.5,-9.5,-0.5,0.25,-2.0
"""


# The sound that checks/pdm.cpp expects to hear: it rises by 8 from sample to sample, 2,000 times.
RISING = np.arange(-8000, 8000, 8, np.int16)


@pytest.fixture(scope="module")
def report(emulator: Path, metal: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that the image prints, to the end of its checks."""
    port = tmp_path_factory.mktemp("metal") / "port"
    with Chip(emulator, metal, port, "--faults", "handle") as chip:
        chip.wait_for("END of checks")
        return chip.printed()


@pytest.mark.parametrize("group", GROUPS)
def test_the_chip_does_what_its_book_says(report: list[str], group: str) -> None:
    place = [i for i, line in enumerate(report) if line.startswith(f"GROUP {group}: ")]
    assert len(place) == 1
    failed = [line for line in report[: place[0]] if line.startswith(("FAILED", "FATAL"))]
    done, wrong = map(int, re.findall(r"\d+", report[place[0]].split(":")[1]))
    assert wrong == 0, failed
    assert done >= GROUPS[group]


def test_every_group_of_checks_is_known(report: list[str]) -> None:
    groups = [line.split()[1].rstrip(":") for line in report if line.startswith("GROUP ")]
    assert sorted(groups) == sorted(GROUPS)


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_sensor_answers_as_its_datasheet_says(
    emulator: Path, metal: Path, tmp_path: Path, sensor: str
) -> None:
    recording = tmp_path / "recording.csv"
    recording.write_text(RECORDING)
    options = ("--faults", "handle", "--sensor", f"{sensor}:{recording}")
    with Chip(emulator, metal, tmp_path / "port", *options) as chip:
        chip.wait_for("GROUP sensor")
        assert "SENSORS 1" in chip.printed()
        [group] = [line for line in chip.printed() if line.startswith("GROUP sensor: ")]
        assert int(group.split()[2]) >= _SENSOR_CHECKS
        assert [line for line in chip.printed() if line.startswith("FAILED")] == []


def ear(emulator: Path, metal: Path, folder: Path, samples: NDArray[np.int16]) -> list[str]:
    """Return what the image says of its microphone, which hears these samples from power-on."""
    sound = write_wav(folder / "sound.wav", samples)
    with Chip(
        emulator, metal, folder / "port", "--faults", "handle", "--sensor", f"microphone:{sound}"
    ) as chip:
        chip.wait_for("GROUP pdm")
        return [line for line in chip.printed() if line.startswith(("FAILED", "MICROPHONE", "GROUP pdm"))]


def test_a_microphone_hears_every_sample_once_and_at_its_gain(
    emulator: Path, metal: Path, tmp_path: Path
) -> None:
    said = ear(emulator, metal, tmp_path, np.tile(RISING, 600))
    assert said[0] == "MICROPHONE heard"
    assert re.fullmatch(r"GROUP pdm: 1\d\d checks, 0 failed", said[1])


def test_behind_its_recording_a_microphone_hears_silence(emulator: Path, metal: Path, tmp_path: Path) -> None:
    assert ear(emulator, metal, tmp_path, RISING[:8])[0] == "MICROPHONE silent"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "one channel of whole numbers of 16 bits is wanted"),
        (None, "it can't be read"),
    ],
)
def test_a_recording_that_is_none_is_refused(
    emulator: Path, metal: Path, tmp_path: Path, content: bytes | None, why: str
) -> None:
    sound = tmp_path / "sound.wav"
    if content is not None:
        sound.write_bytes(content)
    command = [emulator, "--image", metal, "--sensor", f"microphone:{sound}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert why in done.stderr


@pytest.mark.parametrize(("channels", "width", "rate"), [(2, 2, 16_000), (1, 1, 16_000), (1, 2, 3_999)])
def test_a_recording_of_another_kind_is_refused(
    emulator: Path, metal: Path, tmp_path: Path, channels: int, width: int, rate: int
) -> None:
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(bytes(800))
    command = [emulator, "--image", metal, "--sensor", f"microphone:{sound}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "wanted" in done.stderr


@pytest.fixture(scope="module")
def echo(emulator: Path, metal: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    """A chip whose checks are done: its serial port gives back what it is given."""
    port = tmp_path_factory.mktemp("echo") / "port"
    with Chip(emulator, metal, port, "--faults", "handle") as chip:
        chip.wait_for("USB configured")
        yield chip


def test_bytes_through_usb_come_back_as_they_went(echo: Chip) -> None:
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    source = random.Random(seed)
    with echo.connect() as port:
        for size in (1, 63, 64, 65, 128, 1000, 20000):
            sent = source.randbytes(size)
            port.sendall(sent)
            got = b""
            while len(got) < size:
                got += port.recv(65536)
            assert got == sent


def test_opening_and_closing_the_port_is_told_to_the_image(echo: Chip) -> None:
    for _ in range(3):
        opened, closed = echo.count("USB opened"), echo.count("USB closed")
        with echo.connect() as port:
            echo.wait_for("USB opened", count=opened + 1)
            port.sendall(b"hello")
            assert port.recv(5, socket.MSG_WAITALL) == b"hello"
        echo.wait_for("USB closed", count=closed + 1)


def test_a_stack_is_measured_by_what_was_never_pushed(echo: Chip) -> None:
    said = echo.ask("statistics")
    assert {"name": "measured_stack", "used": 80, "size": 240} in said["stacks"]
    assert said["heap"] is None


@pytest.mark.parametrize("kind", ["pin", "software", "watchdog"])
def test_a_reset_from_outside_enumerates_anew(echo: Chip, kind: str) -> None:
    before = echo.count("USB configured")
    assert echo.ask("reset", kind=kind) == {"ok": True}
    echo.wait_for("USB configured", count=before + 1)
    with echo.connect() as port:
        port.sendall(b"again")
        assert port.recv(5, socket.MSG_WAITALL) == b"again"


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("power-cut", {}),
        ("power-cut", {"at_instruction": 3001}),
        ("reset", {"kind": "pin", "at_instruction": 3002}),
    ],
)
def test_a_chip_that_is_cut_off_in_its_work_comes_back(
    emulator: Path, metal: Path, tmp_path: Path, what: str, more: dict[str, object]
) -> None:
    with Chip(emulator, metal, tmp_path / "port", "--faults", "handle") as chip:
        chip.wait_for("USB configured")
        resets = chip.ask("statistics")["resets"]
        with chip.connect() as port, suppress(ConnectionError):
            assert chip.ask(what, **more) == {"ok": True}
            port.sendall(bytes(2000))  # work, in the middle of which it happens
            while port.recv(4096):
                pass  # until the port is gone with its board
        chip.wait_for("USB configured", count=2)
        assert chip.ask("statistics")["resets"] > resets
