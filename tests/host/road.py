"""A user's home in which commands are typed, one process each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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

    @contextmanager
    def boards(self, model: str, replay: str) -> Iterator[list[str]]:
        """Let three boards live that replay recordings, and return their ports."""
        command = [*BYTEFED, "board", "--model", model, "--replay", replay, "--count", "3", "--json"]
        with subprocess.Popen(
            command, env=self.environment, cwd=self.home, stdout=subprocess.PIPE, text=True
        ) as boards:
            assert boards.stdout is not None
            try:
                yield [json.loads(boards.stdout.readline())["port"] for _ in range(3)]
            finally:
                boards.terminate()
