"""`bytefed doctor`: why a board can't be reached, and what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bytefed import _core
from bytefed.boards.catalog import BOARDS
from bytefed.boards.firmware import udev_rules
from bytefed.boards.registry import full_uri, package_missing
from bytefed.errors import BytefedError, ConfigError

if TYPE_CHECKING:  # what talks to boards is loaded when the doctor looks, not for its help
    from bytefed.boards.ports import Port
    from bytefed.device.device import Device

AUTO = "serial:auto"
_EPILOG = """\
examples:
  bytefed doctor                               this machine, and the boards on USB
  bytefed doctor --boards ble:bytefed-1a2b     a board in the air
"""
RULES = Path("/etc/udev/rules.d/60-bytefed.rules")


@dataclass(frozen=True)
class Facts:
    """The findings about this machine.

    Attributes:
        linux: Whether it runs Linux; the next three are looked for there alone.
        ports: Its serial ports; None where they can't be looked for, since pyserial is not installed.
        rules: Whether the udev rules are installed.
        modem_manager: Whether ModemManager runs.
        adapters: Whether each Bluetooth adapter is blocked.
        exact: Whether this machine's own core passes the self-test that boards take (SPEC 7.6).
    """

    linux: bool
    ports: tuple[Port, ...] | None
    rules: bool
    modem_manager: bool
    adapters: tuple[bool, ...]
    exact: bool = True


@dataclass(frozen=True)
class Finding:
    """A problem that keeps boards from being reached, and its remedy.

    Attributes:
        problem: The problem.
        remedy: A command or an advice.
        is_warning: Whether it stands in nobody's way who does not want what it is about.
    """

    problem: str
    remedy: str
    is_warning: bool = False


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        description="Look for what keeps boards from being reached, and say what to do; say which boards are sealed, "
        "and whether boards can be emulated here. Changes nothing.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--boards", nargs="+", default=[AUTO], metavar="URI", help=f"the boards to look for (default: {AUTO})"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print each problem and its remedy; return 1 if there is any that is no mere warning.

    Raises:
        ConfigError: E_CONFIG_BOARDS for a URI that is none.
    """
    console = Console(emoji=False, highlight=False)
    uris = [full_uri(uri) for uri in args.boards]
    facts = gather()
    findings = list(judge(facts, uris))
    sealed, unsealed = asyncio.run(links([*addresses(facts, uris)]))
    findings += unsealed
    problems = [finding for finding in findings if not finding.is_warning]
    if args.json:
        document = {"findings": [asdict(each) for each in findings], "sealed": sealed, "emulator": emulator()}
        print(json.dumps(document, indent=2))  # noqa: T201
        return 1 if problems else 0
    for line in sealed:
        console.print(line, markup=False, soft_wrap=True)
    for finding in findings:
        word = "warning" if finding.is_warning else "problem"
        console.print(f"{word}: {finding.problem}", markup=False, soft_wrap=True)
        console.print(f"  -> {finding.remedy}", markup=False, soft_wrap=True)
    if not problems:
        console.print("Nothing stands in the way. `bytefed devices` lists the boards.")
    console.print(emulator(), markup=False, soft_wrap=True)
    return 1 if problems else 0


def emulator() -> str:
    """Say whether exact images can be run on this machine, and which; not having that is no problem of a board."""
    from bytefed.boards.nrf52840.builds import built_environments

    try:
        from bytefed.boards.nrf52840.emulator import find_emulator

        program = find_emulator()
    except ModuleNotFoundError as error:
        missing = package_missing("It", error)
        return f"Emulated nRF52840: not there. {missing.message} {missing.remedy}"
    except ConfigError as missing:
        return f"Emulated nRF52840: not there. {missing.remedy}"
    built = (
        ", ".join(f"nrf52840:{name}" for name in built_environments())
        or "none yet; `pio run -e ENV` builds one"
    )
    return f"Emulated nRF52840: {program}. Images that PlatformIO has built: {built}"


def addresses(facts: Facts, uris: Sequence[str]) -> Iterator[str]:
    """Yield the URIs to visit: serial:auto as the ports of its boards; without those that this user may not open."""
    if facts.ports is None:
        yield from uris
        return
    shut = {f"serial:{port.name}" for port in facts.ports if not port.allowed}
    for uri in uris:
        found = [f"serial:{port.name}" for port in facts.ports if port.is_board] if uri == AUTO else [uri]
        yield from (each for each in found if each not in shut)


async def links(uris: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Visit the boards that some URIs name, and say which are sealed.

    Returns:
        A line for each board that is, and for each that another program uses; and what is amiss with others, with URIs
        whose boards can't be looked for, and with the file of keys.

    Raises:
        ConfigError: E_CONFIG_BOARDS for a URI that is none.
    """
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind
    from bytefed.keys import KeyRing

    said: list[str] = []
    findings: list[Finding] = []
    try:
        KeyRing(open_links=True)
    except BytefedError as error:
        return said, [Finding(error.message, error.remedy)]
    for uri in uris:
        try:
            async with open_devices([uri], VirtualOptions(BoardKind(1, 2)), open_links=True) as devices:
                for device in devices:
                    await _visit(device, said, findings)
        except BytefedError as error:
            if error.code == "E_CONFIG_BOARDS":
                raise
            findings.append(Finding(error.message, error.remedy))
    return said, findings


async def _visit(device: Device, said: list[str], findings: list[Finding]) -> None:
    """Visit a board, and add what is to be said of it."""
    from bytefed.device.refusals import require_exact
    from bytefed.protocol.message import VISIT

    try:
        await device.connect(VISIT)
        require_exact(device.uri, device.board)
    except BytefedError as error:
        if error.code in ("E_PORT_BUSY", "E_BOARD_TAKEN"):
            said.append(f"{device.uri}: another program uses it.")
        else:
            findings.append(Finding(error.message, error.remedy))
    else:
        if device.profile.sealed:
            said.append(f"{device.uri}: board {device.name}, sealed.")
        else:
            findings.append(_open(device))


def _open(device: Device) -> Finding:
    at_cable = device.uri if device.uri.startswith("serial:") else AUTO
    return Finding(
        f"{device.uri}: board {device.name} has no key, so that what it says and hears can be read and changed on the"
        " way.",
        f"Give it one: bytefed pair {at_cable}",
    )


def gather() -> Facts:
    """Look at this machine."""
    linux = sys.platform == "linux"
    blocked = [
        path.read_text().strip() != "1" for path in Path("/sys/class/bluetooth").glob("hci*/rfkill*/state")
    ]
    modem_manager = linux and _runs("ModemManager")
    return Facts(linux, _ports(), RULES.is_file(), modem_manager, tuple(blocked), _core.arithmetic_is_exact())


def _ports() -> tuple[Port, ...] | None:
    try:
        from bytefed.boards.ports import all_ports
    except ModuleNotFoundError:
        return None
    return tuple(all_ports())


def _runs(name: str) -> bool:
    try:
        return subprocess.run(["pgrep", "-x", name], capture_output=True).returncode == 0
    except OSError:
        return False


def _not_running(port: Port) -> Finding | None:
    """Return the problem of a port by a maker of boards behind which bytefed's firmware does not run."""
    if port.usb is None or not port.is_other:
        return None
    waiting = next((board for board in BOARDS if board.bootloader == port.usb), None)
    if waiting is None:
        identity = f"{port.usb.vendor:04x}:{port.usb.product:04x}"
        return Finding(
            f"{port.name} ({identity}) runs other firmware, or is no board that bytefed knows.",
            f"If it is one of these, run `bytefed flash BOARD`: {', '.join(board.name for board in BOARDS)}.",
        )
    return Finding(
        f"{port.name} is a {waiting.name} in its bootloader.",
        f"Press its reset button once. If it stays so: bytefed flash {waiting.environment}",
    )


def _install_rules() -> str:
    """Return the commands that install the udev rules, wherever they are called."""
    copy = shlex.join(["sudo", "cp", str(udev_rules()), str(RULES.parent)])
    return f"{copy} && sudo udevadm control --reload && sudo udevadm trigger"


def judge(facts: Facts, uris: Sequence[str] = (AUTO,)) -> Iterator[Finding]:
    """Yield the problems that keep the boards of some URIs from being reached, or from being taught."""
    if not facts.exact:
        yield Finding(
            "This machine's own core fails the self-test of its arithmetic: it computes other bits than boards.",
            "Install bytefed anew, without compiler flags of your own (CXXFLAGS, LDFLAGS) such as -Ofast.",
        )
    is_auto = AUTO in uris
    ports = facts.ports or ()
    boards = [port for port in ports if (port.is_board and is_auto) or f"serial:{port.name}" in uris]
    others = [finding for port in ports if is_auto and (finding := _not_running(port))]
    yield from others
    if is_auto and facts.ports is not None and not boards and not others:
        yield Finding("No board is on USB.", "Plug one in with a cable that carries data; many only charge.")
    for port in boards:
        if facts.linux and not port.allowed:
            yield Finding(f"{port.name} may not be opened by this user.", _install_rules())
    if facts.modem_manager and not facts.rules:
        yield Finding("ModemManager runs and talks to new serial ports.", _install_rules())
    needs_no_radio = (bool(boards) or not is_auto) and not any(uri.startswith("ble:") for uri in uris)
    if facts.linux and not facts.adapters:
        yield Finding(
            "There is no Bluetooth adapter.",
            "Boards on USB don't need one; for ble: plug one in.",
            is_warning=needs_no_radio,
        )
    if facts.adapters and all(facts.adapters):
        yield Finding(
            "Bluetooth is switched off.",
            "rfkill unblock bluetooth && bluetoothctl power on",
            is_warning=needs_no_radio,
        )
