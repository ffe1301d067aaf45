"""Amounts with their units, as people write them: 50kB, 16KiB, 10s, 250ms, 5mJ."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from bytefed.errors import ConfigError, did_you_mean

BYTES: Mapping[str, float] = {
    "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}  # fmt: skip
"""Bytes of each unit: a kB is 1,000 B, a KiB 1,024 B."""

SECONDS: Mapping[str, float] = {"s": 1, "ms": 1e-3, "min": 60, "h": 3600}
"""Seconds of each unit."""

MILLIJOULES: Mapping[str, float] = {"mJ": 1, "uJ": 1e-3, "J": 1e3}
"""Millijoules of each unit."""

_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})", re.ASCII)
_MOST_SHOWN = 40  # characters of a text that comes from the user
_LARGEST = 1e15


def amount(option: str, text: str, units: Mapping[str, float]) -> float:
    """Return the number that an amount is, in the unit whose factor is 1.

    Args:
        option: The option that it was given to, to name it in errors.
        text: A number and its unit, with or without a space between them.
        units: Name of each unit to its factor.

    Raises:
        ConfigError: E_CONFIG_AMOUNT for a text that is none, has no unit or another one, or is 0 or above 10^15.
    """
    example = f"50{next(iter(units))}" if "kB" not in units else "50kB"
    remedy = f"Write a number and one of {', '.join(units)}, such as {option} {example}."
    match = _AMOUNT.fullmatch(text.strip())
    shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    if match is None:
        raise ConfigError("E_CONFIG_AMOUNT", f"{option} {shown!r} is no amount.", remedy)
    number, unit = match.groups()
    if unit not in units:
        what = f"has no unit '{unit}'" if unit else "has no unit"
        raise ConfigError(
            "E_CONFIG_AMOUNT", f"{option} {shown!r} {what}.", f"{did_you_mean(unit, units)}{remedy}"
        )
    value = round(float(number) * units[unit], 9)
    if not 0 < value <= _LARGEST or not math.isfinite(value):
        raise ConfigError("E_CONFIG_AMOUNT", f"{option} {shown!r} is out of range.", remedy)
    return value


def bytes_text(count: float) -> str:
    """Return a number of bytes for people: 1,250 B."""
    return f"{count:,.0f} B"


def seconds_text(seconds: float) -> str:
    """Return seconds for people: 1.23 s."""
    return f"{seconds:,.4g} s"


def energy_text(millijoules: float) -> str:
    """Return an energy for people: 1.23 mJ."""
    return f"{millijoules:,.4g} mJ"
