"""A run as it is planned: all that decides its bytes, and those bytes as they are predicted."""

from __future__ import annotations

from dataclasses import dataclass, field

from bytefed.ledger.count import ByteCount
from bytefed.ledger.rates import rounds_between

CLASS_MEANS = "class_means"
FIRST_ROUNDS = ("usual", CLASS_MEANS)
"""The kinds of a first round: as all others, or one of class means (SPEC.md section 7.8)."""
STATISTICS_ROUNDS = 10
"""Boards are asked for statistics in each round with a multiple of this number, if nobody wants another."""


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """All of a run that decides its bytes on a link that loses nothing.

    Attributes:
        features: D of the head, 1 to 4096.
        classes: C of the head, 2 to 64.
        codecs: Names of the codecs of the downlink and of the uplink.
        clients: Number of boards, 1 to 10^7.
        rounds: Number of rounds, 1 to 65,535.
        fraction_train: Fraction of the boards that train in a round, 0 to 1.
        min_train_nodes: The least number of boards that train in a round.
        learning_rate_rounds: Number of rounds with the same learning rate; 0 if it never changes, None for those of the
            rate by rule, which with noise never changes.
        statistics_rounds: Each round with a multiple of this number brings the boards' statistics, but never with
            noise; 0 for none.
        seed: Seed of the selection of boards; see ``select``.
        from_head: Whether the run begins with another head than zeros, which the first round has to bring.
        dp: "sample" or "board" where boards train with noise, and get a NOISE before each CONFIG; "" for no noise.
        secure_sum: Whether boards hide their deltas.
        first_round: One of FIRST_ROUNDS; after one of class means boards get another CONFIG.
    """

    features: int
    classes: int
    codecs: tuple[str, str]
    clients: int
    rounds: int
    fraction_train: float = 1.0
    min_train_nodes: int = 1
    learning_rate_rounds: int | None = None
    statistics_rounds: int = STATISTICS_ROUNDS
    seed: int = 42
    from_head: bool = False
    dp: str = ""
    secure_sum: bool = False
    first_round: str = "usual"

    @property
    def rate_rounds(self) -> int:
        """Number of rounds with the same learning rate; 0 if it never changes."""
        if self.learning_rate_rounds is not None:
            return self.learning_rate_rounds
        return 0 if self.dp else rounds_between(self.rounds)

    def changes_plan(self, number: int) -> bool:
        """Return whether a round is the first with its learning rate or kind, so that boards need another CONFIG.

        Args:
            number: The round, counted from 1.
        """
        every = self.rate_rounds
        follows_means = number == 2 and self.first_round == CLASS_MEANS
        return number == 1 or follows_means or (every > 0 and number % every == 1 % every)

    def tells(self, number: int) -> bool:
        """Return whether a round brings statistics.

        Args:
            number: The round, counted from 1.
        """
        return not self.dp and has_statistics(number, self.statistics_rounds)


def has_statistics(number: int, every: int) -> bool:
    """Return whether a round's boards are asked for statistics.

    Args:
        number: The round, counted from 1.
        every: Each round with a multiple of this number is; 0 for none.
    """
    return every > 0 and number % every == 0


@dataclass(frozen=True)
class Prediction:
    """The bytes of a run on a loss-free link.

    Attributes:
        board_round: Bytes of one round of one board, without CONFIG and without statistics.
        rounds: Bytes of all rounds of all participants, with a CONFIG when a board first trains and whenever the
            learning rate changes.
        connect: Bytes of all connections.
        evaluate: Bytes of the evaluation on all boards after the last round; none with secure sums.
        participants: Number of boards that train in each round.
        masks: Bytes of the setup of masks on all boards, with secure sums.
        unmask: Bytes by which the boards of all rounds take masks off their sums, likewise.
        release: Bytes by which all boards let go of their last delta, likewise: elsewhere the evaluation does it.
    """

    board_round: ByteCount
    rounds: ByteCount
    connect: ByteCount
    evaluate: ByteCount
    participants: int
    masks: ByteCount = field(default_factory=ByteCount)
    unmask: ByteCount = field(default_factory=ByteCount)
    release: ByteCount = field(default_factory=ByteCount)

    @property
    def total(self) -> ByteCount:
        """Bytes of the whole run."""
        return self.rounds + self.connect + self.evaluate + self.masks + self.unmask + self.release
