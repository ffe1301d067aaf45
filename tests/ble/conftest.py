"""The BLE beds that this machine has."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "faults"))  # virtual_time


@pytest.fixture
def dbus() -> None:
    """Skip where no private D-Bus bus can be started."""
    if sys.platform != "linux":
        pytest.skip("BlueZ, and so its fake, is on Linux only")
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon: apt install dbus")
