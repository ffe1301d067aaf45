"""The rows of bytes.csv, sessions.csv and rounds.csv."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bytefed.ledger.count import ByteCount

Status = Literal["ok", "late", "rejected", "failed"]


Phase = Literal["round", "connect", "provision", "evaluate"]


@dataclass(frozen=True)
class Traffic:
    """The bytes of one board in one phase, and what came of them: a row of bytes.csv or sessions.csv.

    Attributes:
        round: From 1; 0 before the first.
        board: uid, 16 hexadecimal digits.
        phase: ``round`` for bytes.csv, else the phase of sessions.csv.
        link: ``serial``, ``loopback``, ``ble``.
        codec: ``down/up``, or one name where both are the same.
        status: What became of the delta; of other phases ``ok`` or ``failed``.
        count: Counted at the port; None where the process was killed before it could be written down.
        estimate_wcr: Payload bytes of one update, one direction; 0 outside rounds.
        estimate_wire: The closed form for the same operations, bytes; None where nothing can be said.
        seconds: Duration.
        num_examples, loss, correct: Of local training; None without.
        air_bytes, air_seconds, energy_mj: Computed for BLE, see bytefed.ledger.air; None on other links.
    """

    round: int
    board: str
    phase: Phase
    link: str
    codec: str
    status: Status
    count: ByteCount | None
    estimate_wcr: int
    estimate_wire: int | None
    seconds: float | None
    num_examples: int | None = None
    loss: float | None = None
    correct: int | None = None
    air_bytes: int | None = None
    air_seconds: float | None = None
    energy_mj: float | None = None


@dataclass(frozen=True)
class RoundSummary:
    """A row of rounds.csv: what is known of a closed round.

    Attributes:
        round: From 1.
        participants: Boards whose delta was applied.
        accuracy_boards: Of the head after the round on the boards' own test samples; None until they were asked.
        accuracy_global, loss_global: Of the same head on the host's test set.
        wire_down, wire_up, estimate_wcr, estimate_wire: Bytes, summed over the boards asked.
        seconds: Duration.
    """

    round: int
    participants: int
    accuracy_boards: float | None
    accuracy_global: float
    loss_global: float
    wire_down: int
    wire_up: int
    estimate_wcr: int
    estimate_wire: int
    seconds: float

    @property
    def wire_total(self) -> int:
        """Bytes of both directions."""
        return self.wire_down + self.wire_up
