"""Two rooms of virtual boards behind gateways, joined by a real Flower deployment on loopback."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")
pytest.importorskip("flwr", reason="needs Flower: make test-flower")

pytestmark = pytest.mark.slow

APP = Path(__file__).parents[2] / "examples" / "flower"
BIN = Path(sys.executable).parent
BOARDS = 50
PLAN = ["--data", "digits", "--partition", "iid", "--local-epochs", "1", "--norm-bound", "0", "--seed", "5"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Federation:
    """A SuperLink, and for each room a gateway and a SuperNode: processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.gateways: list[subprocess.Popen[bytes]] = []
        self.superlink = free_port()
        home = folder / "flwr"
        home.mkdir()
        (home / "config.toml").write_text(
            '[superlink]\ndefault = "here"\n\n[superlink.here]\n'
            f'address = "127.0.0.1:{self.superlink}"\ninsecure = true\n'
        )
        self.environment = {
            **os.environ,
            "FLWR_HOME": str(home),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        }

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def gateway(self, room: int, wide_port: int) -> None:
        command = [sys.executable, "-m", "bytefed", "gateway", "--socket", f"{room}.sock", *PLAN]
        command += [
            "--boards",
            f"virtual:{BOARDS}",
            "--clients",
            str(2 * BOARDS),
            "--first",
            str(room * BOARDS),
        ]
        command += [
            "--run-dir",
            f"room{room}",
            "--superlink",
            f"127.0.0.1:{self.superlink}",
            "--wide-port",
            str(wide_port),
        ]
        process = self.start(f"gateway{room}", *command)
        self.gateways.append(process)
        until = time.monotonic() + 60
        while f"serving {room}.sock" not in (self.folder / f"gateway{room}.log").read_text():
            assert process.poll() is None, (self.folder / f"gateway{room}.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.1)

    def __enter__(self) -> Federation:
        self.start(
            "superlink", str(BIN / "flower-superlink"), "--insecure", "--disable-runtime-dependency-installation",
            "--host", "127.0.0.1", "--port", str(self.superlink),
        )  # fmt: skip
        self.ports = [free_port(), free_port()]
        for room in range(2):
            self.gateway(room, self.ports[room])
            self.start(
                f"supernode{room}", str(BIN / "flower-supernode"), "--insecure",
                "--superlink", f"127.0.0.1:{self.ports[room]}",
                "--host", "127.0.0.1", "--port", str(free_port()),
                "--node-config", f'socket="{self.folder / f"{room}.sock"}"',
            )  # fmt: skip
        return self

    def __exit__(self, *_) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, rounds: int, timeout: float = 120.0) -> Path:
        """Ask for a run; the file that will have its figures. `flwr run` exits 0 whatever happens."""
        output = self.folder / "rooms.json"
        settings = f'rounds={rounds} rooms=2 data="digits" timeout={timeout} output="{output}"'
        done = subprocess.run(
            [str(BIN / "flwr"), "run", str(APP), "here", "--run-config", settings],
            env=self.environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        (self.folder / "flwr-run.log").write_text(done.stdout + done.stderr)
        return output

    def logs(self) -> str:
        return "\n".join(
            f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log"))
        )


def wait_for(output: Path, federation: Federation, seconds: float) -> dict:
    until = time.monotonic() + seconds
    while not output.exists():
        assert time.monotonic() < until, federation.logs()
        time.sleep(0.5)
    time.sleep(0.2)
    return json.loads(output.read_text())["rounds"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rooms_equal_one_flat_run(tmp_path):
    from bytefed.cli.main import main

    flat = ["run", "--boards", f"virtual:{2 * BOARDS}", "--rounds", "4", "--no-central", "--quiet", *PLAN]
    assert main([*flat, "--run-dir", str(tmp_path / "flat")]) == 0
    with Federation(tmp_path) as federation:
        found = wait_for(federation.run(4), federation, 180)
    expected = rows(tmp_path / "flat" / "rounds.csv")
    wide = []
    for row in expected:
        room = found[row["round"]]
        assert room["accuracy"] == pytest.approx(float(row["accuracy_global"]), abs=1e-6)
        assert room["link_bytes"] == int(row["wire_total"]) == room["link_estimate"]
        assert (room["rooms"], room["participants"], room["boards"]) == (2, 100, 100)
        wide.append((room["wide_down"] + room["wide_up"]) / 2)
    for number in range(2):
        [ledger] = (tmp_path / f"room{number}").glob("*/bytes.csv")
        assert len(rows(ledger)) == 4 * BOARDS
    assert min(wide[1:]) > 2 * 1320  # a head comes, a mean goes
    figures = ", ".join(f"{one:,.0f}" for one in wide)
    sys.stdout.write(f"wide-area bytes of a round and gateway: {figures}\n")


def test_killing_a_gateway_costs_a_round_at_most(tmp_path):
    with Federation(tmp_path) as federation:
        output = federation.run(6, timeout=30.0)
        ledger = tmp_path / "room1"
        until = time.monotonic() + 120
        while not any(len(rows(path)) >= 2 for path in ledger.glob("*/rounds.csv")):
            assert time.monotonic() < until, federation.logs()
            time.sleep(0.1)
        os.killpg(federation.gateways[1].pid, signal.SIGKILL)
        federation.gateways[1].wait()
        (tmp_path / "gateway1.log").unlink()
        federation.gateway(1, federation.ports[1])
        found = wait_for(output, federation, 240)
    taken = [found[str(number)].get("rooms", 0) for number in range(1, 7)]
    assert taken.count(2) >= 5, (taken, federation.logs())
    assert all(found[str(number)].get("rooms", 0) >= 1 for number in range(1, 7))
