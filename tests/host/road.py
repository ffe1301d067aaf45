"""A user's home in which commands are typed, one process each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BYTEFED = [sys.executable, "-m", "bytefed"]


class Road:
    """A user's home, where commands are typed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        places = {name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
        self.environment = {**os.environ, **places, "BYTEFED_REPLAY_SPEED": "50"}

    def type(self, *words: str) -> str:
        done = subprocess.run(
            [*BYTEFED, *words], env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr
