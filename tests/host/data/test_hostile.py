"""Hostile files: each is refused by a code and a remedy, in little time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile
import pytest

from bytefed.extractor.manifest import model_folder

pytest.importorskip("resource", reason="limits of memory and time need a POSIX system")

MODEL = (model_folder("digits") / "digits.tflite").read_bytes()


def read_all(folder: Path) -> dict[str, list]:
    """Return the result of each file, read in a process with limits."""
    done = subprocess.run(
        [sys.executable, hostile.__file__, str(folder)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)


def write(folder: Path, suffix: str, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / f"{name}{suffix}").write_bytes(content)


def check(outcomes: dict[str, list], codes: set[str]) -> None:
    for name, (code, remedy, seconds) in outcomes.items():
        assert code in codes, (name, code, remedy)
        assert remedy, name
        assert seconds < 20, name


def test_hostile_models_are_refused(tmp_path):
    write(tmp_path, ".tflite", hostile.models(MODEL))
    check(read_all(tmp_path), {"E_MODEL_CORRUPT", "E_MODEL_UNSUPPORTED"})


def test_hostile_configurations_are_refused(tmp_path):
    write(tmp_path, ".toml", hostile.configurations())
    codes = {"E_CONFIG_FILE", "E_CONFIG_KEY", "E_CONFIG_TYPE", "E_CONFIG_RANGE", "E_CONFIG_CHOICE"}
    check(read_all(tmp_path), codes)


def test_hostile_air_tables_are_refused(tmp_path):
    write(tmp_path, ".air", hostile.configurations())
    check(read_all(tmp_path), {"E_CONFIG_AIR"})
