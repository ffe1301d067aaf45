"""Reads TOML that people wrote: a file with any content is either read to the end or refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 16
"""The largest file that is read: tomllib's time grows with the square of a key's parts, and here it takes seconds."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file.

    Raises:
        OSError: The file can't be read.
        ValueError: The file is no TOML, or has more than MAX_BYTES.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    return parse_toml(data.decode("utf-8"))


def parse_toml(text: str) -> dict[str, Any]:
    """Read a text.

    Raises:
        ValueError: The text is no TOML.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
