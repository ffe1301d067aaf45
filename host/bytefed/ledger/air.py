"""What BLE values take in the air: bytes, time and energy (SPEC.md section 9).

The radio can't be watched from the host, so all this is computed, from the sizes of the ATT values that crossed the
port and from a table of how the link and the board are set up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bytefed.errors import ConfigError
from bytefed.ledger.wire_size import LinkProfile
from bytefed.toml_file import read_toml

_HEADERS = 7  # bytes of ATT (3) and L2CAP (4) before a value
_FRAMING = 9  # access address 4, link-layer header 2, CRC 3
_MIC = 4
_SPACING = 300e-6  # seconds: two inter-frame spaces a pair
DEFAULT_TABLE = Path(__file__).with_name("ble.toml")


@dataclass(frozen=True)
class Radio:
    """How a link uses the air.

    Attributes:
        phy: 1 or 2 Mbit/s (LE 1M, LE 2M).
        data_length: L, bytes that a link-layer packet carries, 27..251.
        interval: Between connection events, seconds, 0.0075..4.
        packets: Data packets that the stacks send in an event, each direction, at most.
        encrypted: Whether the link is.
    """

    phy: int
    data_length: int
    interval: float
    packets: int
    encrypted: bool

    @property
    def byte_time(self) -> float:
        """Seconds a byte."""
        return 8e-6 / self.phy

    @property
    def empty(self) -> int:
        """Bytes of a packet without data: what acknowledges a packet."""
        return self.phy + _FRAMING  # a byte of preamble on 1M, two on 2M

    @property
    def overhead(self) -> int:
        """O: bytes of a packet beside its data."""
        return self.empty + (_MIC if self.encrypted else 0)

    def count(self, value: int) -> int:
        """Link-layer packets of an ATT value of that many bytes."""
        return math.ceil((value + _HEADERS) / self.data_length)

    def data(self, value: int) -> int:
        """Bytes of those packets."""
        return value + _HEADERS + self.count(value) * self.overhead

    def pair_time(self, data: int) -> float:
        """Seconds for a packet with that many bytes of data, its acknowledgement, and the spaces behind both."""
        return (data + self.overhead + self.empty) * self.byte_time + _SPACING

    @property
    def packets_per_event(self) -> int:
        """k: full packets that an event takes."""
        return max(1, min(self.packets, math.floor(self.interval / self.pair_time(self.data_length))))


@dataclass(frozen=True)
class Currents:
    """What a board draws.

    Attributes:
        voltage: V.
        transmit, receive: mA while the radio does.
        compute: mA while the processor trains.
    """

    voltage: float
    transmit: float
    receive: float
    compute: float


@dataclass(frozen=True)
class Airtime:
    """Link-layer packets with data, and their bytes, down to a board and up from it."""

    packets_down: int
    packets_up: int
    data_down: int
    data_up: int

    @classmethod
    def of(cls, radio: Radio, down: Mapping[int, int], up: Mapping[int, int]) -> Self:
        """Add up values that crossed a port: how many of each size."""

        def total(measure: Callable[[int], int], values: Mapping[int, int]) -> int:
            return sum(measure(size) * count for size, count in values.items())

        return cls(
            total(radio.count, down), total(radio.count, up), total(radio.data, down), total(radio.data, up)
        )

    def bytes(self, radio: Radio) -> int:
        """All bytes in the air, acknowledgements included."""
        return self.data_down + self.data_up + (self.packets_down + self.packets_up) * radio.empty

    def seconds(self, radio: Radio) -> float:
        """The least time: events filled with packets, one direction after the other."""
        k = radio.packets_per_event
        return (math.ceil(self.packets_down / k) + math.ceil(self.packets_up / k)) * radio.interval

    def energy(self, radio: Radio, currents: Currents, computing: float = 0.0) -> float:
        """What the board takes, mJ: it transmits what goes up and acknowledges what comes down.

        Args:
            radio: The link.
            currents: The board.
            computing: Seconds of training.
        """
        transmitting = (self.data_up + self.packets_down * radio.empty) * radio.byte_time
        receiving = (self.data_down + self.packets_up * radio.empty) * radio.byte_time
        charge = (
            transmitting * currents.transmit + receiving * currents.receive + computing * currents.compute
        )
        return charge * currents.voltage


@dataclass(frozen=True)
class _MeasuredProfile(LinkProfile):
    """A link on which a frame takes what `measure` says: the closed forms then add that up."""

    measure: Callable[[int], int]

    def w(self, n: int) -> int:
        return self.measure(n)


def measured(profile: LinkProfile, measure: Callable[[int], int]) -> LinkProfile:
    """Return a profile for which wire_size adds up `measure` of each frame's size instead of its wire bytes."""
    return _MeasuredProfile(**vars(profile), measure=measure)


@dataclass(frozen=True)
class AirTable:
    """A table of radio and currents; `source` says where the figures come from."""

    radio: Radio
    currents: Currents
    source: str

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a table; the one that comes with bytefed if no path is given.

        Raises:
            ConfigError: E_CONFIG_AIR for a file that is none.
        """
        path = path or DEFAULT_TABLE
        try:
            table = read_toml(path)
            radio, current = table["radio"], table["current"]
            return cls(
                Radio(
                    phy=_number(radio, "phy_mbit", 1, 2, whole=True),
                    data_length=_number(radio, "data_length", 27, 251, whole=True),
                    interval=_number(radio, "interval_ms", 7.5, 4000) / 1e3,
                    packets=_number(radio, "packets_per_event", 1, 1000, whole=True),
                    encrypted=bool(radio["encrypted"]),
                ),
                Currents(
                    voltage=_number(current, "voltage_v", 0, 20),
                    transmit=_number(current, "transmit_ma", 0, 1e4),
                    receive=_number(current, "receive_ma", 0, 1e4),
                    compute=_number(current, "compute_ma", 0, 1e4),
                ),
                str(table.get("source", "")),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                "E_CONFIG_AIR",
                f"{path} is no table of radio and currents: {error}.",
                f"Copy {DEFAULT_TABLE} and change its values.",
            ) from error


def _number(table: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False) -> Any:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ValueError(f"{name} is no {'whole ' if whole else ''}number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {low:g} to {high:g}")
    return value
