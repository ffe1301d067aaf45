"""`bytefed flash` and `bytefed doctor`, on machines that are not there."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fake_board import FakeBoard

from bytefed.boards import firmware
from bytefed.boards.catalog import UsbId
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.ports import Port
from bytefed.boards.self_check import check_model
from bytefed.cli.commands import doctor, flash
from bytefed.cli.commands.doctor import Facts
from bytefed.device.device import Device
from bytefed.errors import BoardError, ConfigError, LinkError
from bytefed.extractor.manifest import Manifest, model_folder

NANO = Port("/dev/ttyACM0", UsbId(0x2341, 0x805A), True)
WELL = Facts(True, (NANO,), True, True, (False,))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(True, (), True, False, (False,)), ["Plug one in"]),
        (
            Facts(True, (Port("/dev/ttyACM0", UsbId(0x2341, 0x805A), False),), True, False, (False,)),
            ["udevadm"],
        ),
        (Facts(True, (NANO,), False, True, (False,)), ["60-bytefed.rules"]),
        (
            Facts(True, (Port("/dev/ttyACM0", UsbId(0x2341, 0x005A), True),), True, False, (False,)),
            ["bytefed flash nano33ble"],
        ),
        (
            Facts(True, (Port("/dev/ttyACM0", UsbId(0x2341, 0x0043), True),), True, False, (False,)),
            ["bytefed flash BOARD"],
        ),
        (replace(WELL, exact=False), ["CXXFLAGS"]),
        (Facts(True, (NANO,), True, False, ()), ["plug one in"]),
        (Facts(True, (NANO,), True, False, (True,)), ["rfkill unblock bluetooth"]),
    ],
)
def test_doctor_names_the_remedy(facts: Facts, words: list[str]) -> None:
    findings = list(doctor.judge(facts))
    assert len(findings) == len(words)
    for finding, word in zip(findings, words, strict=True):
        assert word in finding.remedy


def test_without_bluetooth_who_uses_usb_is_warned_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_port = Port("/dev/ttyACM0", UsbId(0x2341, 0x805A), False)  # so that nobody is visited
    for adapters in ((), (True,)):
        facts = (
            Facts(False, (no_port,), True, False, adapters)
            if adapters
            else Facts(True, (NANO,), True, False, ())
        )
        (finding,) = doctor.judge(facts)
        assert finding.is_warning
    monkeypatch.setattr(doctor, "gather", lambda: Facts(False, (no_port,), True, False, (True,)))
    assert doctor.run(argparse.Namespace(json=False, boards=["serial:auto"])) == 0
    assert "warning: Bluetooth is switched off." in capsys.readouterr().out
    monkeypatch.setattr(doctor, "gather", lambda: Facts(True, (), True, False, ()))
    assert doctor.run(argparse.Namespace(json=False, boards=["serial:auto"])) == 1


def test_only_what_concerns_the_boards_that_are_named_is_a_problem() -> None:
    bare = Facts(True, (), True, False, ())
    (wired,) = doctor.judge(bare, ["serial:/dev/ttyACM0"])
    assert wired.is_warning and "Bluetooth" in wired.problem
    (radio,) = doctor.judge(bare, ["ble:auto"])
    assert not radio.is_warning and "Bluetooth" in radio.problem
    shut = replace(NANO, allowed=False)
    other = replace(shut, name="/dev/ttyACM1")
    facts = Facts(True, (shut, other), True, False, (False,))
    (finding,) = doctor.judge(facts, ["serial:/dev/ttyACM1"])
    assert "/dev/ttyACM1" in finding.problem and "udevadm" in finding.remedy
    assert [*doctor.addresses(facts, ["serial:/dev/ttyACM1", "ble:x"])] == ["ble:x"]
    assert [*doctor.addresses(replace(WELL, ports=(NANO, other)), ["serial:auto"])] == ["serial:/dev/ttyACM0"]


def test_the_rules_are_named_by_a_path_that_is_there() -> None:
    (finding,) = doctor.judge(Facts(True, (NANO,), False, True, (False,)))
    assert Path(shlex.split(finding.remedy)[2]).is_file()


def test_doctor_is_silent_where_all_is_well() -> None:
    assert not list(doctor.judge(WELL))
    doctor.gather()


def test_flash_waits_for_the_port() -> None:
    answers = iter([[], [], ["/dev/ttyACM1"]])
    assert flash.wait_for_port("/dev/ttyACM0", lambda: next(answers)) == "/dev/ttyACM1"
    with pytest.raises(LinkError, match="reset button"):
        flash.wait_for_port(None, list, 0.0)
    with pytest.raises(LinkError, match="--port"):
        flash.wait_for_port(None, lambda: ["a", "b"], 0.0)


def test_flash_runs_platformio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ConfigError, match="pip install platformio"):
        flash.build("nano33ble", "digits")
    said = tmp_path / "said"
    pio = tmp_path / "pio"
    pio.write_text(f'#!/bin/sh\necho "$BYTEFED_MODEL $@" > {said}\nexit ${{FAIL:-0}}\n')
    pio.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(pio))
    flash.build("nano33ble", "motion", "-t", "upload", "--upload-port", "/dev/x")
    words = said.read_text().split()
    assert words[0] == "motion"
    assert words[-6:] == ["-e", "nano33ble", "-t", "upload", "--upload-port", "/dev/x"]
    monkeypatch.setenv("BYTEFED_MODELS", str(tmp_path / "own"))
    shutil.copytree(model_folder("motion"), tmp_path / "own" / "gait")
    flash.build("nano33ble", "gait")
    assert said.read_text().split()[0] == str(tmp_path / "own" / "gait")
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(LinkError, match="bootloader"):
        flash.build("nano33ble", "motion", "-t", "upload")


def test_flash_builds_a_copy_of_the_sources_that_a_wheel_carries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package's own folder may be read-only, and is not for building."""
    sources = tmp_path / "package"
    (sources / "firmware").mkdir(parents=True)
    for name in ("platformio.ini", "firmware/main.cpp"):
        (sources / name).write_text("text")
    monkeypatch.setenv("BYTEFED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(firmware, "is_checkout", lambda: False)
    monkeypatch.setattr(firmware, "firmware_sources", lambda: sources)
    folder = firmware.prepared_project()
    assert folder.parent == tmp_path / "cache" and (folder / "firmware/main.cpp").read_text() == "text"
    first = (folder / "firmware/main.cpp").stat().st_mtime_ns
    assert firmware.prepared_project() == firmware.project() == folder
    assert (folder / "firmware/main.cpp").stat().st_mtime_ns == first  # nothing is compiled again
    monkeypatch.setattr(firmware, "firmware_sources", lambda: None)
    with pytest.raises(ConfigError, match="E_CONFIG_PIO"):
        firmware.prepared_project()
    monkeypatch.setattr(firmware, "firmware_sources", lambda: sources)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BYTEFED_CACHE", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"E_CONFIG_PIO.*BYTEFED_CACHE"):
        firmware.prepared_project()


def test_flash_asks_the_board(fake_boards: Path) -> None:
    motion = Manifest.load(model_folder("motion")).model_hash

    def device() -> Device:
        return Device(LoopbackTransport(FakeBoard(fake_boards / "fake_nano.so")))  # type: ignore[arg-type]

    assert asyncio.run(check_model(device(), motion)) == "0123456789abcdef"
    with pytest.raises(BoardError, match="E_BOARD_MODEL"):
        asyncio.run(check_model(device(), motion + 1))
