"""The run's rounds once more on virtual boards: the deltas that a coordinator had of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bytefed.audit.boards import Ask, Boards, Seen
from bytefed.audit.reading import Progress
from bytefed.audit.subject import Subject
from bytefed.data.task import Samples


@dataclass(frozen=True, eq=False)
class Replay:
    """The rounds of a run, played again by boards of the audit's own from the heads that the run gave out.

    Attributes:
        seen: Round and what the coordinator has of it.
        rounds: Number of rounds.
        bytes: Bytes of these on the wire.
        compared: Number of deltas of which the run's database has one to compare with.
        equal: Those with the same bits.
    """

    seen: Sequence[tuple[int, Seen]]
    rounds: int
    bytes: int
    compared: int
    equal: int


def replay(subject: Subject, clients: Sequence[int], holdings: Sequence[Samples], tell: Progress) -> Replay:
    """Let boards train as the run had its boards train.

    Args:
        subject: The run.
        clients: Clients whose boards are played.
        holdings: The samples that each of them trains on.
        tell: Is told of the progress.
    """
    recorded = subject.recorded
    seen: list[tuple[int, Seen]] = []
    compared = equal = 0
    with Boards(subject, holdings) as boards:
        for number, asked in enumerate(recorded.asked, 1):
            asks = [
                Ask(
                    place,
                    subject.training.plan(number, client),
                    uncounted=_uncounted(subject, number, client),
                )
                for place, client in enumerate(clients)
                if client in asked
            ]
            for each in boards.round(number, recorded.heads[number - 1], asks):
                seen.append((number, each))
                known = recorded.deltas.get((number, clients[each.boards[0]]))
                if len(each.boards) == 1 and known is not None:
                    compared += 1
                    equal += each.delta.astype("<f4").tobytes() == known[0].astype("<f4").tobytes()
            tell(number, subject.rounds)
        return Replay(seen, boards.rounds, boards.bytes, compared, equal)


def _uncounted(subject: Subject, number: int, client: int) -> bool:
    """Return whether the client's last delta before a round did not count."""
    deltas = subject.recorded.deltas
    before = [each for each in range(1, number) if client in subject.recorded.asked[each - 1]]
    return bool(before and deltas) and not deltas.get((before[-1], client), (None, False))[1]
