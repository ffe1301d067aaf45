"""Rows of use.csv: what a board at use took in one phase, beside what was predicted."""

from __future__ import annotations

from dataclasses import dataclass, field

from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.ledger.air import AirTable, Values, air_columns
from bytefed.ledger.count import ByteCount
from bytefed.ledger.rows import Phase, Status, Traffic


@dataclass(frozen=True)
class Used:
    """The traffic of a board since it was looked at last.

    Attributes:
        count: Its bytes.
        values: Its ATT values; None on a link that has none.
        seconds: How long it took.
    """

    count: ByteCount = field(default_factory=ByteCount)
    values: Values | None = None
    seconds: float = 0.0


class Meter:
    """Takes what crosses a board's port, phase by phase.

    Args:
        device: The board.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._began = now()

    def take(self) -> Used:
        """Return what crossed since the last call, and how long it took."""
        used = Used(self._device.take_bytes(), self._device.take_values(), now() - self._began)
        self._began = now()
        return used


def use_row(device: Device, phase: Phase, used: Used, estimate: ByteCount, status: Status = "ok") -> Traffic:
    """Return the row of a phase.

    Args:
        device: The board, which was connected.
        phase: `connect`, `watch` or `record`.
        used: The traffic.
        estimate: The traffic that was predicted.
        status: `failed` if an error ended it.
    """
    profile = device.profile
    return Traffic(
        round=0, board=device.name, phase=phase, link=profile.name, security=profile.security, codec="",
        status=status, count=used.count, estimate_wcr=0, estimate_wire=estimate.wire_total, seconds=used.seconds,
        **air_columns(used.values, AirTable.load(), 0.0, used.seconds),
    )  # fmt: skip
