"""`bytefed gateway` at its beginning and its end: what it opened is closed, whatever ends it."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from bytefed.cli.main import main
from bytefed.gateway.wide_area import WideArea

pytestmark = pytest.mark.skipif(os.name != "posix", reason="local sockets")


@pytest.fixture
def closed(monkeypatch):
    """The forwarders that were closed."""
    found, close = [], WideArea.close

    async def closing(self):
        found.append(self)
        await close(self)

    monkeypatch.setattr(WideArea, "close", closing)
    return found


def gateway(*words):
    return main(["gateway", "--socket", "s", "--superlink", "localhost:9", *words])


def test_boards_that_are_not_there_leave_no_port_open(closed, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gateway("--boards", "virtal:1") == 2
    assert "E_CONFIG_BOARDS" in capsys.readouterr().err
    assert len(closed) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_in_order(closed, tmp_path, monkeypatch, number):
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("ignored where the tests run, as by `nohup`")
    monkeypatch.chdir(tmp_path)

    def stop_once_it_serves():
        while not (tmp_path / "s").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    stopping = threading.Thread(target=stop_once_it_serves)
    stopping.start()
    assert gateway("--boards", "loopback:1") == 0
    stopping.join()
    assert len(closed) == 1
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("address", ["nowhere", ":9092", "host:", "host:0", "host:70000"])
def test_an_address_that_is_none(address, capsys):
    assert main(["gateway", "--socket", "s", "--superlink", address, "--boards", "loopback:1"]) == 2
    assert "E_CONFIG_SUPERLINK" in capsys.readouterr().err
