"""The emulator as a process: its control channel, what its chips print, and the serial port of a single chip."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest

_PATIENCE = 60.0  # seconds of the wall clock for an answer, and for the end


def hci_firmware() -> Path:
    """Return Zephyr's HCI-over-USB firmware for the nRF52840 DK, as its Python package has it; skip without."""
    package = pytest.importorskip(
        "zephyr_4_4_0_hci_usb_nrf52840dk_default",
        reason="no firmware of a controller: pip install '.[ble-sim]'",
    )
    return Path(package.__file__).with_name("firmware.hex")


class Emulator:
    """The program that `make emulator` builds, running until the end of a `with` block.

    Args:
        program: Its path.
        arguments: Its command line behind the name, which may describe several chips.

    Attributes:
        lines: The lines that it has written to standard error so far.
    """

    def __init__(self, program: Path, arguments: Sequence[str | Path]) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self._answer()  # that it is ready

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """End it by the end of its input. An error is one that hangs, and an image that went wrong."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._reader.join(_PATIENCE)
            self._process.stdout.close()
        assert error or self._process.returncode == 0, self._last_lines()

    def ask(self, do: str, **parameters: Any) -> dict[str, Any]:
        """Give a command of the control channel and return its answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **parameters}) + "\n")
        answer = self._answer()
        assert answer["ok"], answer
        return answer

    def wait_for(self, text: str, seconds: float = 120, count: int = 1) -> None:
        """Wait until so many lines with `text` have been written."""
        end = time.monotonic() + seconds
        while self.count(text) < count:
            assert self._process.poll() is None, self._last_lines()
            assert time.monotonic() < end, f"no {text!r} in\n{self._last_lines()}"
            time.sleep(0.01)

    def count(self, text: str) -> int:
        """Return in how many lines `text` is."""
        return sum(text in line for line in list(self.lines))

    def printed(self) -> list[str]:
        """Return what the images have printed by their UARTs."""
        return [line.split("UART: ", 1)[1] for line in self.lines if "UART: " in line]

    def _collect(self) -> None:
        assert self._process.stderr
        with self._process.stderr as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        assert ready, f"the emulator said nothing for {_PATIENCE:g} s\n{self._last_lines()}"
        line = self._process.stdout.readline()
        assert line, f"the emulator ended with status {self._process.wait()}\n{self._last_lines()}"
        return dict(json.loads(line))

    def _last_lines(self) -> str:
        return "\n".join(self.lines[-30:])


class Chip(Emulator):
    """A single chip as fast as it can, and the socket that is its serial port."""

    def __init__(self, program: Path, image: Path, port: Path, *options: str) -> None:
        self.port = port
        chip = ["--speed", "fast", "--verbose", "--image", image, "--usb", port]
        super().__init__(program, [*chip, *options])

    def connect(self) -> socket.socket:
        """Open the serial port."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(60)
        client.connect(str(self.port))
        return client
