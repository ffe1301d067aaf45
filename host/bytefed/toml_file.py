"""TOML as people write it: read to the end or refused, whatever a file holds."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 16
"""The largest file read. tomllib's time grows with the square of a key's parts: at that size it is seconds."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file.

    Raises:
        OSError: It can't be read.
        ValueError: It is no TOML, or has more than MAX_BYTES.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    return parse_toml(data.decode("utf-8"))


def parse_toml(text: str) -> dict[str, Any]:
    """Read a text.

    Raises:
        ValueError: It is no TOML.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
