"""A budget for each board: what it is spent on, and how much of it an operation takes.

A budget is of bytes on the wire, of time in the air, or of energy. It pays for connecting, for rounds, and for the
evaluation of the last head; giving a board its samples is apart, since boards with a sensor need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, NamedTuple, Self

from bytefed.errors import ConfigError
from bytefed.ledger import amounts
from bytefed.ledger.air import AirTable, Airtime, measured
from bytefed.ledger.count import ByteCount
from bytefed.ledger.planned_run import CLASS_MEANS
from bytefed.ledger.rates import EPOCHS
from bytefed.ledger.wire_size import LinkProfile

Kind = Literal["bytes", "air", "energy"]

_UNITS: Mapping[Kind, tuple[str, Mapping[str, float], Callable[[float], str]]] = {
    "bytes": ("budget", amounts.BYTES, amounts.bytes_text),
    "air": ("budget_air", amounts.SECONDS, amounts.seconds_text),
    "energy": ("budget_energy", amounts.MILLIJOULES, amounts.energy_text),
}
KEYS = tuple(key for key, *_ in _UNITS.values())
"""Names of the keys that a budget is given by."""

RULE: Mapping[str, Any] = {"codec": "stc10", "learning_rate": 0.2, "fraction_train": 1.0}
"""The fixed rule: what a budget is spent on, where the user does not say otherwise (docs/budget.md)."""

PASSES, MOST_EPOCHS = 100, 20
"""Passes over a board's own samples in all its rounds, by the rule, and the most of them in one round: few rounds have
to make much of each, and in many of them heads would learn their boards' samples by heart. A round has one at least."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Budget:
    """The most that each board may spend.

    Attributes:
        kind: The limited quantity: bytes, time in the air, or energy.
        most: The limit: bytes, seconds or millijoules.
    """

    kind: Kind
    most: float

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Self | None:
        """Read the keys of a budget; None where none of them has a value.

        Args:
            texts: Key to text; "" for a key that was not given.

        Raises:
            ConfigError: E_CONFIG_AMOUNT; E_CONFIG_BUDGET for more than one.
        """
        given = [kind for kind, (key, *_) in _UNITS.items() if texts.get(key)]
        if len(given) > 1:
            names = " and ".join(_option(kind) for kind in given)
            raise ConfigError(
                "E_CONFIG_BUDGET", f"{names} are two budgets.", f"Give {_option(given[0])} alone."
            )
        if not given:
            return None
        [kind] = given
        key, units, _ = _UNITS[kind]
        value = amounts.amount(_option(kind), texts[key], units)
        return cls(kind, int(value) if kind == "bytes" else value)

    @property
    def option(self) -> str:
        """The option that it is given by."""
        return _option(self.kind)

    def epochs(self, turns: int, *, class_means: bool = False) -> int:
        """Return the local epochs by the rule, 1 to MOST_EPOCHS.

        With small blobs a round's bytes hardly depend on them, but its energy is theirs: a budget of energy takes those
        of a run without a budget.

        Args:
            turns: Rounds that a board takes part in, at least 1.
            class_means: Whether the first of them brings class means, and has an epoch of its own.
        """
        usual = max(1, turns - class_means)
        return EPOCHS if self.kind == "energy" else min(MOST_EPOCHS, ceil(PASSES / usual))

    @property
    def ceiling(self) -> float:
        """The limit for sums, which may be off by rounding where they are of seconds or energies."""
        return self.most if self.kind == "bytes" else self.most * (1 + _ROUNDING)

    def pays(self, value: float) -> bool:
        """Return whether it pays for that much."""
        return value <= self.ceiling

    def text(self, value: float) -> str:
        """Return a value in its unit, for people."""
        return _UNITS[self.kind][2](value)


def require_even_rounds(budget: Budget | None, first_round: str) -> None:
    """Refuse a budget of energy for a run whose first round trains less than the others: it prices all alike.

    Raises:
        ConfigError: E_CONFIG_FIRST_ROUND.
    """
    if budget is not None and budget.kind == "energy" and first_round == CLASS_MEANS:
        raise ConfigError(
            "E_CONFIG_FIRST_ROUND",
            f"{budget.option} prices the training of all rounds alike, and a first round of class means trains less.",
            "Give --budget or --budget-air instead, or leave out --first-round.",
        )


def _option(kind: Kind) -> str:
    return "--" + _UNITS[kind][0].replace("_", "-")


class Load(NamedTuple):
    """The traffic of a link in one direction.

    Attributes:
        wire: Bytes at the port.
        packets: Link-layer packets with data; 0 where there is no radio.
        data: Bytes of those packets.
    """

    wire: int = 0
    packets: int = 0
    data: int = 0

    def plus(self, other: Load) -> Load:
        """Return both together."""
        return Load(*(mine + its for mine, its in zip(self, other, strict=True)))

    def beyond(self, other: Load) -> Load:
        """Return what is left of it when another load has arrived; nothing is below 0."""
        return Load(*(max(mine - its, 0) for mine, its in zip(self, other, strict=True)))

    def most(self, other: Load) -> Load:
        """Return the larger of both, each quantity by itself."""
        return Load(*map(max, self, other))


class Loads(NamedTuple):
    """The loads of one operation, to a board and from it."""

    down: Load
    up: Load


@dataclass(frozen=True)
class Pricing:
    """How much of a budget loads take.

    Attributes:
        kind: The limited quantity.
        table: How BLE links and boards are set up.
    """

    kind: Kind
    table: AirTable

    def load(self, size: int) -> Load:
        """Return the load that a piece of so many bytes is."""
        if self.kind == "bytes":
            return Load(size)
        radio = self.table.radio
        return Load(size, radio.count(size), radio.data(size))

    def loads(self, profile: LinkProfile, operation: Callable[[LinkProfile], ByteCount]) -> Loads:
        """Return the loads of an operation that loses nothing.

        Args:
            profile: The link.
            operation: The closed form of its bytes on a link.

        Raises:
            ConfigError: E_BUDGET_LINK for a link without a radio, where the budget is about that.
        """
        if self.kind == "bytes":
            count = operation(profile)
            return Loads(Load(count.wire_down), Load(count.wire_up))
        self.require_radio(profile)
        radio = self.table.radio
        counts = [
            operation(each)
            for each in (profile, measured(profile, radio.count), measured(profile, radio.data))
        ]
        return Loads(Load(*(count.wire_down for count in counts)), Load(*(count.wire_up for count in counts)))

    def require_radio(self, profile: LinkProfile) -> None:
        """Refuse a link without a radio, where the budget is about that.

        Raises:
            ConfigError: E_BUDGET_LINK.
        """
        if self.kind != "bytes" and profile.framing != "ble":
            raise ConfigError(
                "E_BUDGET_LINK",
                f"A link over {profile.name} has no radio: {_option(self.kind)} limits what BLE links take.",
                "Give --budget, such as --budget 50kB: bytes are counted on every link.",
            )

    def price(self, loads: Loads, computing: float = 0.0) -> float:
        """Return how much of the budget loads take.

        Args:
            loads: The traffic of the link.
            computing: Seconds for which the board trains.
        """
        down, up = loads
        if self.kind == "bytes":
            return down.wire + up.wire
        air = Airtime(down.packets, up.packets, down.data, up.data)
        radio = self.table.radio
        if self.kind == "air":
            return air.seconds(radio)
        return air.energy(radio, self.table.currents, computing=computing)
