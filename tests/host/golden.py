"""Reads the golden vectors in tests/vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"


def read(name: str) -> list[list[str]]:
    lines = (VECTORS / name).read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    assert rows, f"{name} has no vectors"
    return rows


def floats(words: list[str]) -> np.ndarray:
    return np.array([int(word) for word in words], np.uint32).view(np.float32)
