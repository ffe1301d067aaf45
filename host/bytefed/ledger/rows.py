"""The rows of bytes.csv, sessions.csv and rounds.csv: the one list of their columns.

The database's ledger (runs/schema.py), the CSV files and their readers, and the tables of SPEC 8 are made from it
(`tools/tables.py`). A new column is a field here and a value where the row is filled; `make generated` writes SPEC 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bytefed.ledger.columns import Column, column, columns, computed
from bytefed.ledger.count import ByteCount, Security

Status = Literal["ok", "late", "rejected", "failed"]
"""The fate of a board's delta: counted, too late for its round, refused, or never arrived."""

Phase = Literal[
    "round", "connect", "label", "provision", "masks", "unmask", "evaluate", "release", "watch", "record"
]
"""The occasion on which bytes were exchanged: a round, one of the SESSION_PHASES, or use of a board beside runs."""

SESSION_PHASES: tuple[Phase, ...] = (
    "connect", "label", "provision", "masks", "unmask", "evaluate", "release",
)  # fmt: skip

_AIR = "computed for BLE (section 9), empty for other links"


@dataclass(frozen=True)
class Traffic:
    """The bytes of one board in one phase, and what came of them: a row of bytes.csv or sessions.csv.

    Each field's metadata says what it is. `count` is None where the process was killed before the bytes were stored,
    `estimate_wire` where nothing can be predicted.
    """

    round: int = field(metadata=column("round from 1; 0 for what came before the first"))
    board: str = field(metadata=column("board uid (16 hex digits)"))
    phase: Phase = field(
        metadata=column(
            "`connect`, `label`, `provision`, `masks`, `unmask`, `evaluate` or `release`; sessions.csv only"
        )
    )
    link: str = field(
        metadata=column(
            "scheme of the board's URI, such as `virtual`, `serial`, `ble`, `qemu`, `loopback`, `socket`"
        )
    )
    security: Security = field(
        metadata=column("`sealed`, or `OPEN`: strangers can read and change what the link carries")
    )
    codec: str = field(metadata=column("codec down/up, one name where both are the same"))
    status: Status = field(
        metadata=column(
            "`ok`, `late` (not counted; stored, but for secure sums), `failed`, `rejected`", merge="replace"
        )
    )
    count: ByteCount | None
    estimate_wcr: int = field(metadata=column("the classic W * C * R for this row: the uplink payload", "B"))
    estimate_wire: int | None = field(
        metadata=column(
            "section 6", "B", merge="add",
            then=(
                computed(
                    "estimate_error", float, "100 (wire_total - estimate_wire) / estimate_wire", "%", optional=True
                ),
                computed("estimate_difference", int, "wire_total - estimate_wire", "B", optional=True),
            ),
        )
    )  # fmt: skip
    seconds: float | None = field(metadata=column("from the request to the end", "s", digits=3, merge="add"))
    num_examples: int | None = field(
        default=None,
        metadata=column("samples that the board trained on; empty with `--secure-sum`", merge="replace"),
    )
    loss: float | None = field(
        default=None,
        metadata=column(
            "RESULT's loss; empty where no statistics were asked for, and with `--secure-sum`", merge="replace",
            then=(
                computed(
                    "accuracy", float, "correct / num_examples, likewise; empty with `--personal`", optional=True
                ),
            ),
        ),
    )  # fmt: skip
    correct: int | None = field(
        default=None,
        metadata=column("samples that the board classified correctly", merge="replace", shown=False),
    )
    air_bytes: int | None = field(default=None, metadata=column(_AIR, "B", merge="add"))
    air_seconds: float | None = field(default=None, metadata=column(_AIR, "s", digits=3, merge="add"))
    energy_mj: float | None = field(default=None, metadata=column(_AIR, "mJ", merge="add"))
    client: int | None = field(default=None, metadata=column("number of the board among the run's, from 0"))
    board_name: str | None = field(
        default=None,
        metadata=column(
            "name for people, as far as it takes no byte to know it: the make by its USB identity, the name that it "
            "advertises over BLE; `virtual` for boards that bytefed starts",
            merge="replace",
        ),
    )
    uri: str | None = field(
        default=None,
        metadata=column("URI by which the board was reached, as after `--boards`", merge="replace"),
    )

    @property
    def estimate_difference(self) -> int | None:
        """Bytes more than predicted; None where one of the two is not known."""
        if self.count is None or self.estimate_wire is None:
            return None
        return self.count.wire_total - self.estimate_wire

    @property
    def estimate_error(self) -> float | None:
        """The same in percent of the prediction; None where that is not known or 0."""
        difference = self.estimate_difference
        return (
            100 * difference / self.estimate_wire if difference is not None and self.estimate_wire else None
        )

    @property
    def accuracy(self) -> float | None:
        """Accuracy on the samples trained on, 0 to 1; None without training."""
        return self.correct / self.num_examples if self.num_examples and self.correct is not None else None


@dataclass(frozen=True)
class RoundSummary:
    """A row of rounds.csv: what is known of a closed round. Each field's metadata says what it is."""

    round: int = field(metadata=column("from 1"))
    participants: int = field(metadata=column("boards whose delta was counted"))
    accuracy_boards: float | None = field(
        metadata=column(
            "accuracy of the head *after* this round on the boards' own test samples, summed over the boards asked: "
            "those that take part in the next round if that brings statistics, all after the last one; empty if nobody "
            "was asked"
        )
    )
    accuracy_personal: float | None = field(
        metadata=column(
            "the same of these boards' personal heads (section 7.3): that head, trained further by each board on its "
            "own samples; empty without `--personal`"
        )
    )
    accuracy_global: float | None = field(
        metadata=column(
            "accuracy of the same head on the host's test set; empty with `--data boards`, where there is none"
        )
    )
    loss_global: float | None = field(metadata=column("its loss there, likewise"))
    accuracy_held: float | None = field(
        metadata=column(
            "accuracy there of the heads that the boards hold after this round, mean over all boards: of each the head "
            "that it last answered with, zeros before the first; of 100 boards drawn by the seed where they hold more "
            "than 100 different heads"
        )
    )
    wire_down: int = field(metadata=column("sums over the boards asked", "B"))
    wire_up: int = field(
        metadata=column(
            "sums over the boards asked",
            "B",
            then=(computed("wire_total", int, "sums over the boards asked", "B"),),
        )
    )
    estimate_wcr: int = field(metadata=column("sums over the boards asked", "B"))
    estimate_wire: int = field(metadata=column("sums over the boards asked", "B"))
    seconds: float = field(metadata=column("duration of the round", "s", digits=3))

    @property
    def wire_total(self) -> int:
        """Bytes of both directions."""
        return self.wire_down + self.wire_up


LEDGER_COLUMNS = columns(Traffic)
"""All columns of Traffic, in order: stored and computed ones, shown and hidden."""

_RUN = Column("run", str, "run number (8 hex digits, drawn so that no reader takes it for a number)")
_PHASE = next(each for each in LEDGER_COLUMNS if each.name == "phase")

BYTES_COLUMNS = (_RUN, *(each for each in LEDGER_COLUMNS if each.shown and each is not _PHASE))
"""The columns of bytes.csv."""

SESSIONS_COLUMNS = (*BYTES_COLUMNS, _PHASE)
"""The columns of sessions.csv, and of use.csv."""

ROUNDS_COLUMNS = (_RUN, *columns(RoundSummary))
"""The columns of rounds.csv."""
