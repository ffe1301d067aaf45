"""Events: the coordinator reports what happens in a run, and the command line shows it in one of several ways."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Base of all events; the class name in snake_case is its name in JSON lines."""


@dataclass(frozen=True)
class Preparing(Event):
    """Something that may take a while is about to be done before the run starts.

    Attributes:
        phase: The work in words, such as "looking for boards" or "loading digits".
    """

    phase: str


@dataclass(frozen=True)
class RunStarted(Event):
    """Boards are about to be given their samples.

    Attributes:
        run: Run number, 8 hexadecimal digits.
        directory: The run directory.
        task: Name of the task.
        boards: Number of boards that take part.
        features, classes: D and C of the head.
        first_round, rounds: Number of the first round to come, and of the last.
        wire_before, estimate_before: Bytes of the rounds before the first one to come, of a run that goes on.
        faults: Faults that were put on every link, with their seed; "" for none.
        learning_rate, local_epochs: Step sizes and epochs in words; "" where others than this run decide them.
    """

    run: str
    directory: str
    task: str
    boards: int
    features: int
    classes: int
    first_round: int
    rounds: int
    wire_before: int = 0
    estimate_before: int = 0
    faults: str = ""
    learning_rate: str = ""
    local_epochs: str = ""


@dataclass(frozen=True)
class BudgetPlanned(Event):
    """The plan of a run with a budget, and its price for a board, said before the first round.

    Attributes:
        budget: The most that each board may spend, with its unit.
        codec, local_epochs, learning_rate, first_round: The keys of the same names.
        boards: Number of boards.
        participants: Boards that train in a round.
        rounds: Rounds that the budget pays, if no byte is lost.
        connect, board_round, evaluate: The price of connecting, of a usual round and of evaluating the last head, with
            units.
        worst, left: The spending of the board that spends most, and the rest of its budget.
    """

    budget: str
    codec: str
    local_epochs: int
    learning_rate: float
    first_round: str
    boards: int
    participants: int
    rounds: int
    connect: str
    board_round: str
    evaluate: str
    worst: str
    left: str


@dataclass(frozen=True)
class BudgetSpent(Event):
    """The boards can't pay for another round: the run ends with what it has learnt.

    Attributes:
        round: The round that is not begun any more.
        rounds: Rounds that were planned.
    """

    round: int
    rounds: int


@dataclass(frozen=True)
class AlreadyComplete(Event):
    """The run that was to go on is complete: no board is touched, and ``RunEnded`` with its result comes next.

    Attributes:
        run: Run number, 8 hexadecimal digits.
        directory: The run directory.
        rounds: Number of its rounds.
    """

    run: str
    directory: str
    rounds: int


@dataclass(frozen=True)
class DataRemark(Event):
    """Something about the data that the user should know, such as what was left out."""

    text: str


@dataclass(frozen=True)
class RoundVoid(Event):
    """A round counts for nothing: the sum of its hidden deltas can't be read (docs/secure_sum.md).

    Attributes:
        round: Number of the round.
        reason: The reason, a sentence without its end.
    """

    round: int
    reason: str


@dataclass(frozen=True)
class BoardJoined(Event):
    """A board is ready to train, for the first time or again after it was away.

    Attributes:
        board: The board's uid.
        client: Number of the client that it is.
        uri: Its URI, as the user would type it.
        link: Name of its link, as in bytes.csv.
        security: "sealed", or "OPEN" for a link that lets strangers in.
    """

    board: str
    client: int
    uri: str
    link: str
    security: str


@dataclass(frozen=True)
class BoardTrouble(Event):
    """A board failed at something; the run goes on without it until it is back.

    Attributes:
        board: The board's uid, or its URI while the uid is not known; empty in a simulation, whose message counts them.
        round: The round in which it happened; 0 before the first.
        code, message, remedy: Parts of the error, as in ``BytefedError``.
    """

    board: str
    round: int
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class BoardAway(Event):
    """A board was reset or unplugged, and the work under way waits for it, for some 30 seconds.

    Attributes:
        board: The board's uid.
        round: The round in which it happened; 0 before the first.
        code, message, remedy: Parts of the error that keeps it away.
    """

    board: str
    round: int
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class BoardBack(Event):
    """A board that was away is back, and its work goes on.

    Attributes:
        board: The board's uid.
        round: The round in which it came back; 0 before the first.
        uri: Its present URI, as the user would type it.
    """

    board: str
    round: int
    uri: str


@dataclass(frozen=True)
class RoundClosed(Event):
    """A round is over and its head is on disk.

    Attributes:
        round: Number, from 1.
        participants: Boards whose delta was applied.
        asked: Boards that were asked to train, and those that would have been if they were not away.
        accuracy_boards: Accuracy on the boards of the head that the round *began* with, 0 to 1; None in the first.
        accuracy_global, loss_global: Accuracy (0 to 1) and loss of the new head on the host's test set; None where
            there is none.
        wire_total, estimate_wire: Bytes that the round took, and the bytes that were estimated for it.
        seconds: Duration of the round.
        accuracy_personal: Accuracy of personal heads, as `accuracy_boards`; None without them.
        accuracy_held: Accuracy on the host's test set of the heads that the boards hold now, their mean.
        causes: Bytes of `wire_total` by their cause, the columns of bytes.csv.
        air_seconds, energy_mj: Seconds in the air and mJ of all boards; None where no link is BLE.
    """

    round: int
    participants: int
    asked: int
    accuracy_boards: float | None
    accuracy_global: float | None
    loss_global: float | None
    wire_total: int
    estimate_wire: int
    seconds: float
    accuracy_personal: float | None = None
    accuracy_held: float | None = None
    causes: Mapping[str, int] = field(default_factory=dict)
    air_seconds: float | None = None
    energy_mj: float | None = None


@dataclass(frozen=True)
class TrackerLost(Event):
    """A tracker failed and is left out from now on; the run goes on.

    Attributes:
        tracker: Its name, as `--track` takes it.
        message: The failure in words.
    """

    tracker: str
    message: str


@dataclass(frozen=True)
class Stopping(Event):
    """Ctrl-C was pressed; the round under way is finished first."""

    round: int


@dataclass(frozen=True)
class RunEnded(Event):
    """The run is over or was interrupted; ``summary`` has the content of summary.json."""

    directory: str
    complete: bool
    summary: Mapping[str, Any]


Listener = Callable[[Event], None]

_LOG = logging.getLogger("bytefed.events")
_TROUBLES = (BoardTrouble, BoardAway, RoundVoid, TrackerLost)

# Events have their listener: who has set up no log gets none, not even the warnings that Python would print in the end.
_LOG.addHandler(logging.NullHandler())


def logged(listener: Listener) -> Listener:
    """Return a listener that also writes each event into the log `bytefed.events`: INFO, a trouble WARNING."""

    def both(event: Event) -> None:
        _LOG.log(logging.WARNING if isinstance(event, _TROUBLES) else logging.INFO, "%s", event)
        listener(event)

    return both
