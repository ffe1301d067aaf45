"""The bytes, time and energy that BLE values take in the air (SPEC.md section 9).

The radio can't be observed from the host, so all of this is computed: from the sizes of the ATT values that crossed
the port, and from a table of the settings of the link and the board.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bytefed.errors import ConfigError
from bytefed.ledger.wire_size import LinkProfile
from bytefed.protocol.direction import Direction
from bytefed.seal import FRAME_SEAL_SIZE
from bytefed.toml_file import read_toml

_HEADERS = 7  # bytes of ATT (3) and L2CAP (4) before a value
_FRAMING = 9  # access address 4, link-layer header 2, CRC 3
_MIC = 4
_SPACING = 300e-6  # seconds: two inter-frame spaces a pair
Values = Mapping[Direction, Mapping[int, int]]
"""The ATT values that crossed a port: of each direction, size to number of values."""
DEFAULT_TABLE = Path(__file__).with_name("ble.toml")


@dataclass(frozen=True)
class Radio:
    """The radio settings of a BLE link.

    Attributes:
        phy: 1 or 2 Mbit/s (LE 1M, LE 2M).
        data_length: L, the most bytes that a link-layer packet carries, 27..251.
        interval: Seconds between connection events, 0.0075..4.
        packets: The most data packets that the stacks send in an event, each direction.
        encrypted: Whether the link is encrypted.
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
        """Bytes of a packet without data, which acknowledges another packet."""
        return self.phy + _FRAMING  # a byte of preamble on 1M, two on 2M

    @property
    def overhead(self) -> int:
        """O: bytes of a packet in addition to its data."""
        return self.empty + (_MIC if self.encrypted else 0)

    def count(self, value: int) -> int:
        """Return the number of link-layer packets of an ATT value of that many bytes."""
        return math.ceil((value + _HEADERS) / self.data_length)

    def data(self, value: int) -> int:
        """Return the bytes of those packets."""
        return value + _HEADERS + self.count(value) * self.overhead

    def pair_time(self, data: int) -> float:
        """Return the seconds for a packet with `data` bytes of data, its acknowledgement, and the spaces after both."""
        return (data + self.overhead + self.empty) * self.byte_time + _SPACING

    @property
    def packets_per_event(self) -> int:
        """k: number of full packets that fit into an event."""
        return max(1, min(self.packets, math.floor(self.interval / self.pair_time(self.data_length))))


@dataclass(frozen=True)
class Currents:
    """The supply voltage of a board and the currents that it draws.

    Attributes:
        voltage: Supply voltage, V.
        transmit, receive: Current while the radio transmits and while it receives, mA.
        compute: Current while the processor trains, mA.
        idle: Current at all other times, mA.
    """

    voltage: float
    transmit: float
    receive: float
    compute: float
    idle: float


@dataclass(frozen=True)
class Airtime:
    """Link-layer packets with data, and their bytes, down to a board and up from it."""

    packets_down: int
    packets_up: int
    data_down: int
    data_up: int

    @classmethod
    def of(cls, radio: Radio, down: Mapping[int, int], up: Mapping[int, int]) -> Self:
        """Add up the values that crossed a port, given as value size to number of values."""

        def total(measure: Callable[[int], int], values: Mapping[int, int]) -> int:
            return sum(measure(size) * count for size, count in values.items())

        return cls(
            total(radio.count, down), total(radio.count, up), total(radio.data, down), total(radio.data, up)
        )

    def bytes(self, radio: Radio) -> int:
        """Return all bytes in the air, acknowledgements included."""
        return self.data_down + self.data_up + (self.packets_down + self.packets_up) * radio.empty

    def seconds(self, radio: Radio) -> float:
        """Return the least time that it takes: full connection events, one direction after the other."""
        k = radio.packets_per_event
        return (math.ceil(self.packets_down / k) + math.ceil(self.packets_up / k)) * radio.interval

    def energy(
        self, radio: Radio, currents: Currents, *, computing: float = 0.0, elapsed: float = 0.0
    ) -> float:
        """Return the board's energy, mJ: it transmits what goes up and acknowledges what comes down.

        Args:
            radio: The radio settings of the link.
            currents: The currents of the board.
            computing: Seconds for which the board trains.
            elapsed: Seconds that all of it takes; no less than `seconds` and `computing` together. The board is idle
                for what is left of them.
        """
        transmitting = (self.data_up + self.packets_down * radio.empty) * radio.byte_time
        receiving = (self.data_down + self.packets_up * radio.empty) * radio.byte_time
        idle = max(elapsed, self.seconds(radio) + computing) - transmitting - receiving - computing
        charge = (
            transmitting * currents.transmit
            + receiving * currents.receive
            + computing * currents.compute
            + idle * currents.idle
        )
        return charge * currents.voltage


@dataclass(frozen=True)
class _MeasuredProfile(LinkProfile):
    """A link profile whose frames count as `measure` says, so that the closed forms add that up."""

    measure: Callable[[int], int]

    def w(self, n: int) -> int:
        return self.measure(n)

    def sealed_w(self, n: int) -> int:
        return self.measure(n + FRAME_SEAL_SIZE)


def measured(profile: LinkProfile, measure: Callable[[int], int]) -> LinkProfile:
    """Return a profile for which wire_size adds up `measure` of each frame's size instead of its wire bytes."""
    return _MeasuredProfile(**vars(profile), measure=measure)


@dataclass(frozen=True)
class AirTable:
    """A table of radio settings and currents.

    Attributes:
        radio: Settings of the link.
        currents: The currents that the board draws.
        source: A sentence that says where the figures come from.
        mips: Million instructions of the core that the processor executes in a second.
    """

    radio: Radio
    currents: Currents
    source: str
    mips: float = 42.4

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a table; the one that comes with bytefed if no path is given.

        Raises:
            ConfigError: E_CONFIG_AIR for a file that holds no such table.
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
                    idle=_number({"idle_ma": 0, **current}, "idle_ma", 0, 1e4),
                ),
                str(table.get("source", "")),
                _number({"compute_mips": cls.mips, **current}, "compute_mips", 1e-3, 1e6),
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


def air_columns(
    values: Values | None, air: AirTable | None, computing: float, seconds: float
) -> dict[str, Any]:
    """Return the columns that rows of BLE links have beside their bytes (SPEC 8.1); none for other links.

    Args:
        values: The values that crossed the port; None where there are none.
        air: Settings of the link and the board; None for no columns.
        computing: Seconds for which the board trained.
        seconds: Seconds that all of it took.
    """
    if values is None or air is None:
        return {}
    airtime = Airtime.of(air.radio, values[Direction.DOWN], values[Direction.UP])
    return {
        "air_bytes": airtime.bytes(air.radio),
        "air_seconds": airtime.seconds(air.radio),
        "energy_mj": airtime.energy(air.radio, air.currents, computing=computing, elapsed=seconds),
    }
