"""What happens in a run, as the coordinator tells it; the command line shows it, in one of several ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Base of all events; the class name in snake_case is its name in JSON lines."""


@dataclass(frozen=True)
class Preparing(Event):
    """Something that may take a while is about to be done before the run starts.

    Attributes:
        phase: What, for people: "looking for boards", "loading digits".
    """

    phase: str


@dataclass(frozen=True)
class RunStarted(Event):
    """Boards are about to be given their samples.

    Attributes:
        run: Run number, 8 hexadecimal digits.
        directory: The run directory.
        task: Name of the task.
        boards: How many take part.
        features, classes: D and C of the head.
        first_round, rounds: The first round to come, and the last.
        faults: What was put on every link, with its seed; "" for nothing.
    """

    run: str
    directory: str
    task: str
    boards: int
    features: int
    classes: int
    first_round: int
    rounds: int
    faults: str = ""


@dataclass(frozen=True)
class DataRemark(Event):
    """Something about the data that the user should know, such as what was left out."""

    text: str


@dataclass(frozen=True)
class BoardJoined(Event):
    """A board is ready to train (also when it comes back)."""

    board: str
    client: int
    uri: str
    link: str


@dataclass(frozen=True)
class BoardTrouble(Event):
    """A board failed at something; the run goes on without it until it is back.

    Attributes:
        board: uid, or the URI while that is not known.
        round: In which it happened; 0 before the first.
        code, message, remedy: Of the error.
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
        board: uid.
        round: In which it happened; 0 before the first.
        code, message, remedy: What keeps it away.
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
        board: uid.
        round: In which it came back; 0 before the first.
        uri: Where it is now, as the user would type it.
    """

    board: str
    round: int
    uri: str


@dataclass(frozen=True)
class RoundClosed(Event):
    """A round is over and its head on disk.

    Attributes:
        round: Number, from 1.
        participants: Boards whose delta was applied.
        asked: Boards that were asked to train, and those that would have been if they were not away.
        accuracy_boards: Of the head that the round *began* with, on the boards; None in the first.
        accuracy_global, loss_global: Of the head that the round ended with, on the host's test set.
        wire_total, estimate_wire: Bytes of the round.
        seconds: Duration.
    """

    round: int
    participants: int
    asked: int
    accuracy_boards: float | None
    accuracy_global: float
    loss_global: float
    wire_total: int
    estimate_wire: int
    seconds: float


@dataclass(frozen=True)
class Stopping(Event):
    """Ctrl-C was pressed; the round under way is finished first."""

    round: int


@dataclass(frozen=True)
class RunEnded(Event):
    """The run is over or was interrupted; ``summary`` is what summary.json says."""

    directory: str
    complete: bool
    summary: Mapping[str, Any]


Listener = Callable[[Event], None]
