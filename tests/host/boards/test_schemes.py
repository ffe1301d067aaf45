"""Boards by URI: bytefed's own schemes, those of installed packages, and what each of them loads."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bytefed.boards import ports, registry, scheme
from bytefed.boards.catalog import BOARDS, UsbId
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.ports import Port
from bytefed.boards.registry import FORMS, SCHEMES, full_uri, look_for, scheme_of
from bytefed.boards.virtual import BoardKind
from bytefed.cli.parser import build_parser
from bytefed.errors import ConfigError, LinkError
from bytefed.federation.config import KEYS

OPTIONS = VirtualOptions(BoardKind(4, 3))


def opened(*uris: str) -> list[str]:
    """Return the URIs of the devices that these name."""

    async def action() -> list[str]:
        async with open_devices(uris, OPTIONS) as devices:
            return [device.uri for device in devices]

    return asyncio.run(action())


def refused(*uris: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        asyncio.run(look_for(uris))
    return caught.value


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("/dev/ttyACM0", "serial:/dev/ttyACM0"),
        ("/dev/cu.usbmodem1101", "serial:/dev/cu.usbmodem1101"),
        (
            "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0",
            "serial:/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0",
        ),
        ("ttyACM0", "serial:/dev/ttyACM0"),
        ("COM3", "serial:COM3"),
        ("com12", "serial:com12"),
        (r"\\.\COM12", r"serial:\\.\COM12"),
    ],
)
def test_a_port_by_itself_is_a_serial_one(typed: str, full: str) -> None:
    assert full_uri(typed) == full
    assert opened(typed) == [full]


@pytest.mark.parametrize(
    "uri", ["serial:COM3", "ble:COM3", "virtual:8", "socket://host:1", "COMPASS", "COM", "tty"]
)
def test_other_uris_stay_what_they_are(uri: str) -> None:
    assert full_uri(uri) == uri


@pytest.mark.parametrize("uri", ["", "serial", "COMPASS", "carrier-pigeon:auto", "Virtual:2", ":", "virtual"])
def test_what_is_no_uri_is_refused_with_all_forms(uri: str) -> None:
    error = refused(uri)
    assert error.code == "E_CONFIG_BOARDS"
    assert all(form in error.remedy for form in FORMS)


@pytest.mark.parametrize("count", ["", "0", "-1", "1025", "many", "1e3", "٣", "99999999999999999999"])
@pytest.mark.parametrize("name", ["virtual", "virtual-ble", "loopback", "qemu"])
def test_a_count_is_checked_before_anything_starts(name: str, count: str) -> None:
    assert refused(f"{name}:{count}").code == "E_CONFIG_BOARDS"


@pytest.mark.parametrize("uri", ["serial:", "ble:", "socket:"])
def test_which_board_must_be_said(uri: str) -> None:
    assert refused(uri).code == "E_CONFIG_BOARDS"


@pytest.mark.skipif(sys.platform != "linux", reason="virtual-ble works on Linux only")
@pytest.mark.parametrize(
    "uris", [("virtual-ble:1", "ble:auto"), ("virtual-ble:1", "loopback:1", "virtual-ble:2")]
)
def test_a_process_has_one_adapter(uris: tuple[str, ...]) -> None:
    assert "Bluetooth adapter" in refused(*uris).message


def test_boards_are_numbered_through() -> None:
    assert opened("loopback:2", "loopback:1") == ["loopback:0", "loopback:1", "loopback:2"]


def test_every_scheme_names_itself_in_its_forms() -> None:
    for name, each in SCHEMES.items():
        assert each.name == name
        assert each.forms
        assert all(form.startswith(f"{name}:") and what for form, what in each.forms.items())


def test_help_comes_from_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(form in KEYS["boards"].help for form in FORMS)
    with pytest.raises(SystemExit):
        build_parser("devices").parse_args(["devices", "--help"])
    text = capsys.readouterr().out
    assert all(what in text for each in SCHEMES.values() for what in each.forms.values())


# ---- serial:auto


def test_auto_takes_the_ports_with_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Port("/dev/a", BOARDS[0].application, True), Port("/dev/b", BOARDS[0].bootloader, True),
             Port("/dev/c", None, True), Port("/dev/d", BOARDS[3].application, True)]  # fmt: skip
    monkeypatch.setattr(ports, "all_ports", lambda: found)
    assert opened("serial:auto") == ["serial:/dev/a", "serial:/dev/d"]
    monkeypatch.setattr(ports, "all_ports", lambda: found[1:3])
    with pytest.raises(LinkError) as caught:
        opened("serial:auto")
    assert caught.value.code == "E_NO_BOARDS"


def test_the_ports_of_this_machine_are_described(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Told:
        def __init__(self, device: str, vid: int | None, pid: int | None) -> None:
            self.device, self.vid, self.pid = device, vid, pid

    mine = tmp_path / "tty"
    mine.touch()
    told = [Told(str(mine), 0x2341, 0x805A), Told("/dev/none", 0x239A, 1), Told("/dev/aaa", None, None)]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: told)
    assert ports.all_ports() == [
        Port("/dev/aaa", None, False),
        Port("/dev/none", UsbId(0x239A, 1), False),
        Port(str(mine), UsbId(0x2341, 0x805A), True),
    ]
    assert [port.is_board for port in ports.all_ports()] == [False, False, True]
    assert [port.is_other for port in ports.all_ports()] == [False, True, False]


# ---- Packages that add a scheme

PACKAGE = '''
"""A transport by somebody else: a loopback with another name."""

from contextlib import asynccontextmanager

from bytefed.boards.scheme import Found, Scheme, count_of


async def find(uri):
    count = count_of(uri)

    @asynccontextmanager
    async def start(first, options):
        from bytefed.boards.loopback import LoopbackTransport
        from bytefed.boards.started import boards

        transports = []
        for number, (board, key) in enumerate(boards(count, first, options), first):
            transport = LoopbackTransport(board, key=key)
            transport.uri = f"telepathy:{number}"
            transports.append(transport)
        yield transports

    return Found(uri, start)


SCHEME = Scheme("telepathy", {"telepathy:N": "N boards by thought"}, find)
NOT_A_SCHEME = "telepathy"
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, points: str) -> None:
    """Put a distribution with entry points where Python finds it."""
    (folder / "telepathy_for_tests.py").write_text(PACKAGE)
    described = folder / "telepathy_for_tests-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: telepathy-for-tests\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{points}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "telepathy_for_tests", raising=False)


def test_an_installed_package_adds_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("telepathy:2").code == "E_CONFIG_BOARDS"
    install(tmp_path, monkeypatch, "telepathy = telepathy_for_tests:SCHEME")
    assert opened("loopback:1", "telepathy:2") == ["loopback:0", "telepathy:1", "telepathy:2"]
    assert "telepathy:" in refused("carrier-pigeon:1").remedy
    assert refused("telepathy:0").code == "E_CONFIG_BOARDS"


def test_a_package_does_not_take_the_place_of_a_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "loopback = telepathy_for_tests:SCHEME")
    assert scheme_of("loopback:1") is SCHEMES["loopback"]
    assert registry.installed_names() == []


@pytest.mark.parametrize(
    "point",
    [
        "telepathy = telepathy_for_tests:NOT_A_SCHEME",
        "telepathy = not_there:SCHEME",
        "other = telepathy_for_tests:SCHEME",
    ],
)
def test_a_package_that_is_broken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    install(tmp_path, monkeypatch, point)
    name, _, value = point.partition(" = ")
    error = refused(f"{name}:1")
    assert error.code == "E_CONFIG_BOARDS"
    assert value in error.message


def test_a_scheme_is_found_before_others_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URI that is none is refused before a radio scans for seconds."""

    async def never(_uri: str) -> scheme.Found:
        raise AssertionError

    monkeypatch.setitem(SCHEMES, "ble", scheme.Scheme("ble", {}, never))
    assert refused("ble:auto", "carrier-pigeon:1").code == "E_CONFIG_BOARDS"


# ---- What is loaded

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("serial", "bleak", "bleak_retry_connector", "dbus_fast"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from bytefed.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
FEATURES = """
import numpy as np
y = np.arange(240) % 3
X = np.random.default_rng(0).normal(size=(240, 4)) + y[:, None]
np.savez("features.npz", X=X.astype(np.float32), y=y)
"""


def without_packages(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    subprocess.run([sys.executable, "-c", FEATURES], cwd=tmp_path, check=True)
    return tmp_path / "features.npz"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("run", "--boards", "loopback:2", "--rounds", "2", "--quiet"),
        ("simulate", "--clients", "2", "--rounds", "2"),
    ],
    ids=lambda command: command[0],
)
def test_neither_pyserial_nor_bleak_is_needed(features: Path, command: tuple[str, ...]) -> None:
    done = without_packages(
        *command, "--data", str(features), "--partition", "iid", "--run-dir", "out", folder=features.parent
    )
    assert done.returncode == 0, done.stderr
    assert (features.parent / "out" / "bytes.csv").read_text().count("\n") == 5


@pytest.mark.parametrize(("uri", "package"), [("serial:/dev/null", "pyserial"), ("ble:auto", "bleak")])
def test_a_missing_package_is_named(tmp_path: Path, uri: str, package: str) -> None:
    done = without_packages("devices", uri, folder=tmp_path)
    assert done.returncode == 2
    assert "E_CONFIG_EXTRA" in done.stderr
    assert f"pip install {package}" in done.stderr


def test_the_doctor_names_each_missing_package_and_looks_for_the_other_boards(tmp_path: Path) -> None:
    uris = ["serial:auto", "ble:auto", "serial:/dev/null", "loopback:1"]
    done = without_packages("doctor", "--json", "--boards", *uris, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert [line.partition(":")[0] for line in said["sealed"]] == ["loopback"]
    missing = [each for each in said["findings"] if "not installed" in each["problem"]]
    assert [(each["problem"].split()[1], each["remedy"]) for each in missing] == [
        ("serial:auto", "Run: pip install pyserial"),
        ("ble:auto", "Run: pip install bleak"),
        ("serial:/dev/null", "Run: pip install pyserial"),
    ]
    assert not any("No board is on USB" in each["problem"] for each in said["findings"])
    assert not any(each["is_warning"] for each in missing)
    assert "pip install pyserial" in said["emulator"]


def test_the_doctor_refuses_what_names_no_board_whatever_is_missing(tmp_path: Path) -> None:
    done = without_packages("doctor", "--boards", "serial:auto", "vrtual:1", folder=tmp_path)
    assert done.returncode == 2
    assert "E_CONFIG_BOARDS" in done.stderr
