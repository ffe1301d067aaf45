"""Reads the golden vectors in tests/vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"


def read(name: str) -> list[list[str]]:
    lines = (VECTORS / name).read_text(encoding="ascii").splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


def floats(words: list[str]) -> np.ndarray:
    return np.array([int(word) for word in words], np.uint32).view(np.float32)
