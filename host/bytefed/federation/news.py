"""Events that runs and simulations send to their listener in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from bytefed.data.task import Task
from bytefed.events import RoundClosed, RunStarted
from bytefed.federation.held import HeldTask
from bytefed.ledger.rows import RoundSummary


def run_started(
    run: int,
    directory: object,
    task: Task | HeldTask,
    *,
    boards: int,
    rounds: int,
    before: Sequence[RoundSummary] = (),
    faults: str = "",
    learning_rate: str = "",
) -> RunStarted:
    """Return the event of a run that is about to begin or to go on.

    Args:
        run: Its number.
        directory: The run directory.
        task: The task that is learnt.
        boards: Number of boards that take part.
        rounds: Number of the last round.
        before: The rounds that are closed already.
        faults: Faults that were put on every link; "" for none.
        learning_rate: The step sizes in words.
    """
    return RunStarted(
        run=f"{run:08x}",
        directory=str(directory),
        task=task.name,
        boards=boards,
        features=task.D,
        classes=task.num_classes,
        first_round=len(before) + 1,
        rounds=rounds,
        wire_before=sum(row.wire_total for row in before),
        estimate_before=sum(row.estimate_wire for row in before),
        faults=faults,
        learning_rate=learning_rate,
    )


def round_closed(row: RoundSummary, asked: int, accuracy_boards: float | None) -> RoundClosed:
    """Return the event of a round that is over.

    Args:
        row: The round's sums.
        asked: Number of clients that were asked to train, and of those that would have been if they were not away.
        accuracy_boards: Accuracy on the clients of the head that the round began with; None in the first.
    """
    return RoundClosed(
        round=row.round,
        participants=row.participants,
        asked=asked,
        accuracy_boards=accuracy_boards,
        accuracy_global=row.accuracy_global,
        loss_global=row.loss_global,
        wire_total=row.wire_total,
        estimate_wire=row.estimate_wire,
        seconds=row.seconds,
    )
