"""The exact estimate: the bytes of a whole run on a link that loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bytefed.ledger.count import ByteCount
from bytefed.ledger.wire_size import (
    LinkProfile,
    configuration_bytes,
    connection_bytes,
    round_bytes,
)
from bytefed.seeds import select

if TYPE_CHECKING:
    pass

LEFT_OUT = (
    "one direction only: the global model has to reach the clients, too",
    "all clients in all rounds: with partial participation fewer take part",
    "payload only: no frames, acknowledgements, control messages or connections",
)
"""What W x C x R does not count."""


@dataclass(frozen=True)
class Prediction:
    """What a run takes on a loss-free link, bytes.

    Attributes:
        board_round: One round of one board.
        rounds: All rounds of all participants, with CONFIG when a board trains first, and with another learning rate.
        connect: All connections.
        evaluate: The evaluation on all boards after the last round.
        participants: Boards a round.
    """

    board_round: ByteCount
    rounds: ByteCount
    connect: ByteCount
    evaluate: ByteCount
    participants: int

    @property
    def total(self) -> ByteCount:
        """All of it."""
        return self.rounds + self.connect + self.evaluate


def classic(update_bytes: int, clients: int, rounds: int) -> int:
    """W x C x R, bytes.

    Args:
        update_bytes: W, of one update.
        clients: C.
        rounds: R.
    """
    return update_bytes * clients * rounds


def predict(
    profile: LinkProfile,
    features: int,
    classes: int,
    codecs: tuple[str, str],
    *,
    clients: int,
    rounds: int,
    fraction_train: float = 1.0,
    min_train_nodes: int = 1,
    learning_rate_rounds: int = 0,
    seed: int = 42,
) -> Prediction:
    """What `bytefed run` will count if no byte is lost: equal, not about.

    Args:
        profile: The link, the same for all.
        features: D of the head.
        classes: C of the head.
        codecs: Downlink and uplink.
        clients: Boards.
        rounds: Rounds.
        fraction_train: Fraction of the boards that train in a round.
        min_train_nodes: At least so many do.
        learning_rate_rounds: Rounds with the same learning rate; 0 for all of them.
        seed: Decides who; see ``select``.
    """
    participants = min(max(int(fraction_train * clients), min_train_nodes), clients)
    board_round = round_bytes(profile, features, classes, *codecs)
    step = learning_rate_rounds or rounds
    configured = sum(
        _ever_drawn(seed, clients, range(first, min(first + step, rounds + 1)), participants)
        for first in range(1, rounds + 1, step)
    )
    evaluation = round_bytes(profile, features, classes, *codecs, train=False)
    return Prediction(
        board_round=board_round,
        rounds=board_round * (participants * rounds) + configuration_bytes(profile) * configured,
        connect=connection_bytes(profile) * clients,
        evaluate=evaluation * clients,
        participants=participants,
    )


def _ever_drawn(seed: int, clients: int, rounds: range, participants: int) -> int:
    """How many clients take part at least once in these rounds."""
    if participants == clients:
        return clients
    drawn: set[int] = set()
    for number in rounds:
        drawn.update(select(seed, number, range(clients), participants))
        if len(drawn) == clients:
            break
    return len(drawn)
