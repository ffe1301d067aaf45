"""The limit of a port, which a host keeps before it sends anything.

An answer can't be taken back, so the host counts an answer when it asks for it. The answers of an operation
that loses nothing are promised when it begins; every frame beyond those, a POLL or a retransmission, promises the
largest answer that it can bring. A promise that is not kept, since the answer was lost, stays: it may only be late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bytefed.errors import BoardError
from bytefed.ledger.budget import Load, Loads, Pricing
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import Kind


@dataclass(frozen=True)
class Loan:
    """The most that one operation may take.

    Attributes:
        pricing: How much of the budget loads take.
        most: The most that may cross the port since the last ledger row, in the budget's unit.
        answers: The board's answers, if nothing is lost; one frame beyond those brings no more either.
        hello: The most that a board sends to open a session in the clear.
        greet: The most that it sends to open a sealed one.
        computing: Seconds for which the board trains.
    """

    pricing: Pricing
    most: float
    answers: Load
    hello: Load
    greet: Load
    computing: float = 0.0


class Allowance:
    """The limit of one port."""

    def __init__(self) -> None:
        self._loan: Loan | None = None
        self._promised = Load()
        self._before = Load()  # what was promised before the operation
        self._repaired = False  # whether the operation sent more than planned

    def lend(self, loan: Loan | None) -> None:
        """Allow an operation so much; None for all that it takes."""
        self._loan = loan
        if loan is not None:
            self._before, self._repaired = self._promised, False
            self._promised = self._promised.plus(loan.answers)

    def loads(self, sent: int, received: int, values: Mapping[Direction, Mapping[int, int]]) -> Loads:
        """Return the loads of so many bytes to a board and from it, and of the ATT values that they came in."""
        return Loads(self._load(sent, values[Direction.DOWN]), self._load(received, values[Direction.UP]))

    def _load(self, wire: int, values: Mapping[int, int]) -> Load:
        """Return the load of ATT values, given as size to number; of so many bytes where only bytes count."""
        if self._loan is None or self._loan.pricing.kind == "bytes":
            return Load(wire)
        radio = self._loan.pricing.table.radio
        sizes = values.items()
        return Load(
            wire,
            sum(radio.count(size) * count for size, count in sizes),
            sum(radio.data(size) * count for size, count in sizes),
        )

    def require(
        self, uri: str, crossed: Loads, wires: Iterable[int], *, extra: bool, kind: int | None = None
    ) -> None:
        """Refuse to send what the budget does not pay, its answers included.

        Args:
            uri: The board, to name it.
            crossed: The loads that crossed the port since the last ledger row.
            wires: Bytes of each frame that is to be sent.
            extra: Whether they are beyond the operation as planned, so that another answer may come.
            kind: Kind of the message, if it is one frame.

        Raises:
            BoardError: E_BUDGET_SPENT.
        """
        loan = self._loan
        if loan is None:
            return
        down, promised = crossed.down, self._promised
        for wire in wires:
            down = down.plus(loan.pricing.load(wire))
        openings: Mapping[int | None, Load] = {Kind.HELLO: loan.hello, Kind.GREET: loan.greet}
        opened = openings.get(kind)
        if extra:
            self._repaired = True
            promised = promised.plus(opened or loan.answers)
        elif opened:
            promised = promised.most(crossed.up.plus(opened))
        if loan.pricing.price(Loads(down, crossed.up.most(promised)), loan.computing) > loan.most:
            raise BoardError(
                "E_BUDGET_SPENT",
                f"{uri}: what is left of this board's budget does not pay for what comes next.",
                "It takes no part any more. Give the next run a larger budget, or the board a better link.",
            )
        self._promised = promised

    def answered(self, received: Load) -> None:
        """End an operation that has all its answers: if nothing was asked twice, nothing more will come of it.

        Args:
            received: The load that has come since the last ledger row.
        """
        if self._loan is not None and not self._repaired:
            self._promised = self._before.plus(received)

    def settle(self, received: Load) -> None:
        """Begin another ledger row: what has arrived is not promised any more."""
        if self._loan is not None:
            self._promised = self._promised.beyond(received)
        self._loan = None

    @property
    def promised(self) -> Load:
        """The most that the board may still answer to requests."""
        return self._promised
