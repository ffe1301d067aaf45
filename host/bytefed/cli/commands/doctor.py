"""`bytefed doctor`: why a board can't be reached, and what to do."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from serial.tools import list_ports

RULES = Path("/etc/udev/rules.d/60-bytefed.rules")
_VENDORS = (0x2341, 0x239A)
_INSTALL_RULES = " && ".join(
    (
        "sudo cp tools/udev/60-bytefed.rules /etc/udev/rules.d/",
        "sudo udevadm control --reload",
        "sudo udevadm trigger",
    )
)


@dataclass(frozen=True)
class Port:
    """A serial port: its name, USB vendor and product, and whether it may be read and written."""

    name: str
    vid: int | None
    pid: int | None
    allowed: bool


@dataclass(frozen=True)
class Facts:
    """What was found on this machine; `adapters` says of each Bluetooth adapter whether it is blocked."""

    linux: bool
    ports: tuple[Port, ...]
    rules: bool
    modem_manager: bool
    adapters: tuple[bool, ...]


@dataclass(frozen=True)
class Finding:
    """Something that stands in the way, and the remedy."""

    problem: str
    remedy: str


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        description="Look for what keeps boards from being reached, and say what to do. Changes nothing.",
        epilog="example:\n  bytefed doctor",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print what was found; 1 if anything was."""
    console = Console(highlight=False)
    findings = list(judge(gather()))
    for finding in findings:
        console.print(f"problem: {finding.problem}", markup=False, soft_wrap=True)
        console.print(f"  -> {finding.remedy}", markup=False, soft_wrap=True)
    if not findings:
        console.print("Nothing stands in the way. `bytefed devices` lists the boards.")
    return 1 if findings else 0


def gather() -> Facts:
    """Look at this machine."""
    linux = sys.platform == "linux"
    ports = tuple(
        Port(p.device, p.vid, p.pid, os.access(p.device, os.R_OK | os.W_OK)) for p in list_ports.comports()
    )
    blocked = [
        path.read_text().strip() != "1" for path in Path("/sys/class/bluetooth").glob("hci*/rfkill*/state")
    ]
    return Facts(linux, ports, RULES.is_file(), linux and _runs("ModemManager"), tuple(blocked))


def _runs(name: str) -> bool:
    try:
        return subprocess.run(["pgrep", "-x", name], capture_output=True).returncode == 0
    except OSError:
        return False


def judge(facts: Facts) -> Iterator[Finding]:
    """Yield what stands in the way of the boards."""
    from bytefed.boards.catalog import USB_IDS

    boards = [port for port in facts.ports if (port.vid, port.pid) in USB_IDS]
    others = [port for port in facts.ports if port.vid in _VENDORS and port not in boards]
    for port in others:
        yield Finding(
            f"{port.name} ({port.vid:04x}:{port.pid:04x}) is a board in its bootloader, or an unknown one.",
            "Press its reset button once. If it stays so: bytefed flash BOARD",
        )
    if not boards and not others:
        yield Finding("No board is on USB.", "Plug one in with a cable that carries data; many only charge.")
    for port in boards:
        if facts.linux and not port.allowed:
            yield Finding(f"{port.name} may not be opened by this user.", _INSTALL_RULES)
    if facts.modem_manager and not facts.rules:
        yield Finding("ModemManager runs and talks to new serial ports.", _INSTALL_RULES)
    if facts.linux and not facts.adapters:
        yield Finding("There is no Bluetooth adapter.", "Boards on USB don't need one; for ble: plug one in.")
    if facts.adapters and all(facts.adapters):
        yield Finding("Bluetooth is switched off.", "rfkill unblock bluetooth && bluetoothctl power on")
