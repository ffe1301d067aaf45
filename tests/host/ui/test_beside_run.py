"""The page beside a run of the command line: what it shows, whom it answers, and when it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest
from browser import CHROMIUM, chromium
from synthetic import write_run

from bytefed.cli.main import main
from bytefed.report.live import Board
from bytefed.ui import beside_run
from bytefed.ui.serve import Service


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def service(board: Board, tmp_path: Path) -> Iterator[Service]:
    """The server of `bytefed run --live`, at any port, with no run yet."""
    with Service(0, tmp_path / "runs", board) as found:
        serving = threading.Thread(target=found.serve, daemon=True)
        serving.start()
        yield found
        found.stop()
        serving.join(30)
        assert not serving.is_alive()


@pytest.fixture
def browser() -> OpenerDirector:
    """A browser that keeps cookies."""
    return build_opener(HTTPCookieProcessor())


def asked(browser: OpenerDirector, address: str) -> tuple[int, str, str]:
    with browser.open(address, timeout=30) as answer:
        return answer.status, answer.headers.get("ETag", ""), answer.read().decode()


def test_the_report_changes_with_the_run(
    tmp_path: Path, service: Service, board: Board, browser: OpenerDirector
) -> None:
    assert "Waiting for boards" in asked(browser, service.url)[2]
    board.directory = write_run(tmp_path / "run", 3, 2)
    board.closing = True  # no rest between two drawings
    fragment = f"{service.url.partition('/?')[0]}/beside/fragment"
    status, version, text = asked(browser, fragment)
    assert (status, "2 boards · 3 rounds" in text) == (200, True)
    assert asked(browser, f"{fragment}?version={version}")[0] == 204
    write_run(tmp_path / "run", 4, 2)
    status, newer, text = asked(browser, f"{fragment}?version={version}")
    assert (status, newer != version, "2 boards · 4 rounds" in text) == (200, True, True)


def test_the_whole_page_is_there_too(service: Service, browser: OpenerDirector) -> None:
    asked(browser, service.url)
    assert "Capture" in asked(browser, f"{service.url.partition('?')[0]}")[2]


def test_nobody_else_gets_in(service: Service, browser: OpenerDirector) -> None:
    for address in ("/beside/", "/beside/fragment", "/"):
        with pytest.raises(OSError, match="401"):
            asked(browser, f"{service.url.partition('/?')[0]}{address}")


def test_the_server_ends_with_its_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bytefed.ui.beside_run", "0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    server = subprocess.Popen(command, cwd=tmp_path, text=True, **pipes)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("http://127.0.0.1:")
    _, errors = server.communicate(timeout=30)
    assert (server.returncode, errors) == (0, "")


def test_a_run_shows_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    words = ["run", "--boards", "virtual:2", "--rounds", "2", "--quiet", "--live", "--run-dir", str(run)]
    assert main(words) == 0
    assert "live: http://127.0.0.1:" in capsys.readouterr().err
    assert main(["report", str(run)]) == 0
    assert "complete" in (run / "report.html").read_text()


def test_a_port_that_is_taken(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--live", service.url.partition("/?")[0].rpartition(":")[2]]) == 2
    assert "E_LIVE_PORT" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run --live", "ui"])
def test_what_to_install_is_said_before_anything_begins(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(beside_run, "_NEEDED", ("a_package_that_nobody_has",))
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 2
    said = capsys.readouterr().err
    assert "E_EXTRA_MISSING" in said and "pip install starlette uvicorn" in said
    assert list(tmp_path.iterdir()) == []


class RunBeginsLater(Board):
    """Names the run's directory only after a browser has got the waiting page."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._later = directory
        self._calls = 0

    def body(self) -> tuple[str, str]:
        self._calls += 1
        if self._calls > 1:
            self.directory = self._later
        return super().body()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="SKIPPED: no chromium on this machine (apt install chromium)")
def test_the_page_updates_without_reload(tmp_path: Path) -> None:
    with Service(0, tmp_path, RunBeginsLater(write_run(tmp_path / "run", 7, 3))) as service:
        serving = threading.Thread(target=service.serve, daemon=True)
        serving.start()
        dom = chromium("--virtual-time-budget=4000", "--dump-dom", service.url)
        service.stop()
        serving.join(30)
    assert "Waiting for boards" not in dom
    assert "3 boards · 7 rounds" in dom
