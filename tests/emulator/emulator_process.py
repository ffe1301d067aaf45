"""Several emulated chips in one process: the program that `make emulator` builds, started and asked."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest

_PATIENCE = 60.0  # seconds of the wall clock for an answer


def hci_firmware() -> Path:
    """Return Zephyr's HCI-over-USB firmware for the nRF52840 DK, as its Python package has it; skip without."""
    package = pytest.importorskip(
        "zephyr_4_4_0_hci_usb_nrf52840dk_default",
        reason="no firmware of a controller: pip install 'bytefed[ble-sim]'",
    )
    return Path(package.__file__).with_name("firmware.hex")


class Emulator:
    """The running program.

    Args:
        program: Where it is.
        arguments: What follows its name on the command line.
    """

    def __init__(self, program: Path, arguments: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._answer()  # that it is ready

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=_PATIENCE)  # the end of its input ends it

    def ask(self, do: str, **parameters: Any) -> dict[str, Any]:
        """Give a command of the control channel and return its answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **parameters}) + "\n")
        answer = self._answer()
        assert answer["ok"], answer
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        assert ready, f"the emulator said nothing for {_PATIENCE:g} s"
        line = self._process.stdout.readline()
        assert line, f"the emulator ended with status {self._process.wait()}"
        return dict(json.loads(line))
