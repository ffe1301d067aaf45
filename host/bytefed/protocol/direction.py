"""The two directions of a link."""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """Down is to the board."""

    DOWN = "down"
    UP = "up"
