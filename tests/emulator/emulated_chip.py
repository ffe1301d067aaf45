"""One emulated chip as a process: its control channel, what it prints, and a socket that is its serial port."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Chip:
    """A running emulator; `lines` is what it wrote to standard error so far."""

    def __init__(self, program: Path, image: Path, port: Path, *options: str) -> None:
        self.port = port
        self._process = subprocess.Popen(
            [
                program, "--speed", "fast", "--verbose", "--image", image,
                "--usb", port, *options,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        assert self._process.stdout is not None
        self.first = self._process.stdout.readline()

    def _collect(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        """Send one command and return its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "\n".join(self.lines[-30:])
        return json.loads(answer)

    def wait_for(self, text: str, seconds: float = 120, count: int = 1) -> None:
        """Wait until so many lines with `text` have been written."""
        end = time.monotonic() + seconds
        while self.count(text) < count:
            assert self._process.poll() is None, "\n".join(self.lines[-30:])
            assert time.monotonic() < end, f"no {text!r} in\n" + "\n".join(self.lines[-30:])
            time.sleep(0.01)

    def count(self, text: str) -> int:
        """Return in how many lines `text` is."""
        return sum(text in line for line in list(self.lines))

    def printed(self) -> list[str]:
        """Return what the image has printed by its UART."""
        return [line.split("UART: ", 1)[1] for line in self.lines if "UART: " in line]

    def connect(self) -> socket.socket:
        """Open the serial port."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(60)
        client.connect(str(self.port))
        return client

    def end(self) -> int:
        """End the emulator and return its exit status."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            status = self._process.wait(30)
        except subprocess.TimeoutExpired:  # it hangs in an image, or in itself
            self._process.kill()
            status = self._process.wait()
        self._reader.join(30)
        self._process.stdout.close()
        return status


@contextmanager
def running(program: Path, image: Path, port: Path, *options: str) -> Iterator[Chip]:
    """Run a chip, and end it."""
    chip = Chip(program, image, port, *options)
    try:
        yield chip
    finally:
        chip.end()
