"""Events that runs and simulations send to their listener in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bytefed.data.task import Task
from bytefed.events import RoundClosed, RunStarted
from bytefed.federation.held import HeldTask
from bytefed.federation.local_training import LocalTraining
from bytefed.ledger.count import PARTS
from bytefed.ledger.rows import RoundSummary, Traffic


def run_started(
    run: int,
    directory: object,
    task: Task | HeldTask,
    *,
    boards: int,
    rounds: int,
    before: Sequence[RoundSummary] = (),
    training: LocalTraining,
    faults: str = "",
) -> RunStarted:
    """Return the event of a run that is about to begin or to go on.

    Args:
        run: Its number.
        directory: The run directory.
        task: The task that is learnt.
        boards: Number of boards that take part.
        rounds: Number of the last round.
        before: The rounds that are closed already.
        training: The local training of all boards.
        faults: Faults that were put on every link; "" for none.
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
        learning_rate=training.told,
        local_epochs=training.told_epochs,
    )


def round_closed(
    row: RoundSummary,
    asked: int,
    before: tuple[float | None, float | None],
    rows: Sequence[Traffic],
) -> RoundClosed:
    """Return the event of a round that is over.

    Args:
        row: The round's sums.
        asked: Number of clients that were asked to train, and of those that would have been if they were not away.
        before: Accuracies on the clients of the head that the round began with, and of their personal heads; None
            where they are not known, as in the first round.
        rows: The bytes of each client in the round.
    """
    counts = [each.count for each in rows if each.count is not None]
    return RoundClosed(
        round=row.round,
        participants=row.participants,
        asked=asked,
        accuracy_boards=before[0],
        accuracy_global=row.accuracy_global,
        loss_global=row.loss_global,
        wire_total=row.wire_total,
        estimate_wire=row.estimate_wire,
        seconds=row.seconds,
        accuracy_personal=before[1],
        accuracy_held=row.accuracy_held,
        causes={part: sum(getattr(count, part) for count in counts) for part in PARTS},
        air_seconds=_sum(each.air_seconds for each in rows),
        energy_mj=_sum(each.energy_mj for each in rows),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
