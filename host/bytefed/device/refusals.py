"""Turns the status of an ERROR frame into an error with a code and a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bytefed.errors import BoardError, LinkError
from bytefed.ledger.wire_size import UID_SIZE
from bytefed.protocol.message import Board, Capability, Error, State, Status, Welcome

_REMEDIES = {
    Status.BUSY: "It works, or holds a delta: wait, or go on with its run (`bytefed run --resume DIR`).",
    Status.NO_SESSION: "The board was reset; the coordinator says HELLO again by itself.",
    Status.BAD_VERSION: "Flash the firmware that fits this host, or install the host that fits the firmware.",
    Status.BAD_VALUE: "Check batch size (the board's limit is in `bytefed devices`), epochs and learning rate.",
    Status.NO_SAMPLES: "Let a run give the board samples, or capture some: `bytefed capture --help`.",
    Status.STORE_FULL: "Give each board fewer samples, or build the firmware with a larger store.",
    Status.BAD_LABEL: "The data has more classes than the board's head.",
    Status.TOO_LARGE: "Build the firmware for this head.",
    Status.NOT_FINITE: "Training diverged: give a smaller `--learning-rate` in a run.",
    Status.NO_EXTRACTOR: "This board takes ready features, not inputs: `bytefed run --data FILE.npz`.",
    Status.NO_SENSOR: "Flash a model of windows on a board with a sensor, or let a run give it samples.",
    Status.NO_STORAGE: "This board keeps nothing without power: give it its samples anew when it starts.",
    Status.UNPAIRED: "It has no key, and this host expects one: somebody may have changed board or firmware.",
    Status.BUDGET_SPENT: "Other samples alone bring another budget: erase the board's (`bytefed capture --erase`).",
    Status.NO_NOISE: (
        "Train with noise (`bytefed run --dp sample --epsilon 4 --delta 1e-4`), or let the board forget its samples "
        "first (`bytefed capture --erase`)."
    ),
    Status.WITHHELD: "Leave that out (`bytefed watch --unknown 0`): it tells noisy or summed deltas alone.",
    Status.NO_MASKS: "It has lost its masks, by a reset perhaps; a run with secure sums sets up all boards again.",
    Status.TOO_FEW: "Too many boards of the sum are lost: that round tells nothing, and the next goes on without them.",
    Status.MASKS_USED: "Its part in this round is over; the next round counts it again.",
    Status.UNTRAINED: "Let a run train it first: `bytefed run --help`.",
    Status.NO_RADIO: (
        "A board without a key keeps its radio off: give it one (`bytefed pair BOARD`). Of virtual boards those of "
        "`virtual-ble:N` have a radio. Or watch it without opening it to phones."
    ),
    Status.NO_ENTROPY: "Press its reset button; if it goes on, the chip is broken: use another board.",
    Status.STORAGE_FAILED: "Save again; what was saved last is still there. If it goes on, flash the firmware anew.",
}
_DISAGREE = (
    "Host and board disagree: press its reset button; if it goes on, flash the firmware of this version."
)


class LockedError(BoardError):
    """A board has a key, and the request was not sealed with it.

    Attributes:
        uid: The board's identity; None where the answer doesn't say.
    """

    def __init__(self, name: str, uid: int | None) -> None:
        super().__init__(
            "E_BOARD_LOCKED",
            f"{name}: {'the board' if uid is None else f'board {uid:016x}'} answered LOCKED: it has a key that this "
            "host does not know.",
            "Take the key over from the host that has it (`bytefed keys --help`). If that is lost, give the board a "
            "new one by cable, which erases its samples: `bytefed pair BOARD --erase`.",
        )
        self.uid = uid


def lost_key(name: str, uid: int) -> BoardError:
    """Return the error for a board without a key, though this host has given it one."""
    return BoardError(
        "E_BOARD_UNPAIRED",
        f"{name}: board {uid:016x} has lost its key, or somebody has changed the board or its firmware.",
        "If you know why, give it a new key by cable: `bytefed pair BOARD`. If not, look at the board before you trust "
        "it.",
    )


def other_board(name: str, there: int, expected: int) -> BoardError:
    """Return the error for a board that answers in another's place."""
    return BoardError(
        "E_OTHER_BOARD",
        f"{name}: board {there:016x} answers where {expected:016x} was",
        "Don't swap boards during a run; go on with it: `bytefed run --resume DIR`.",
    )


def unpaired(name: str, uid: int) -> BoardError:
    """Return the error for a board that nobody has given a key."""
    return BoardError(
        "E_BOARD_UNPAIRED",
        f"{name}: board {uid:016x} has no key, so that what is said to it can be read and changed on the way.",
        "Give it one by cable: `bytefed pair BOARD`. To measure without: `bytefed run --open`.",
    )


def no_delta(name: str) -> BoardError:
    """Return the error for a board that says it has trained, and brings no delta of the kind that was asked for."""
    return BoardError("E_NO_DELTA", f"Board {name} trained and brought no delta.", "Update its firmware.")


def require_exact(name: str, board: Board) -> None:
    """Refuse a board that has failed its self-test (SPEC 7.6): its rounds would be others than this host's.

    Raises:
        BoardError: E_BOARD_INEXACT.
    """
    if board.capabilities & Capability.INEXACT:
        raise _inexact(name)


def _inexact(name: str) -> BoardError:
    return BoardError(
        "E_BOARD_INEXACT",
        f"{name}: the board says INEXACT: it has failed the self-test of its arithmetic, and takes no rounds. Its "
        "firmware was compiled to other float instructions than bytefed's.",
        "Flash the firmware that bytefed builds: `bytefed flash BOARD`. In a sketch of your own, compile the library "
        "with GCC, and leave its exact_arithmetic.h as it is.",
    )


def refusal(name: str, body: bytes) -> BoardError:
    """Return the error for the body of an ERROR that a board sent."""
    status = Error.unpack(body).status
    if status == Status.LOCKED:
        uid = body[Error.size() :]
        return LockedError(name, int.from_bytes(uid[:UID_SIZE], "little") if len(uid) >= UID_SIZE else None)
    return board_error(name, status)


def without_masks(name: str) -> BoardError:
    """Return the error for a board that was reset in a run with secure sums."""
    return BoardError(
        "E_BOARD_NO_MASKS", f"{name}: the board was reset and has lost its masks", _REMEDIES[Status.NO_MASKS]
    )


def board_error(name: str, status: int) -> BoardError:
    """Return the error for a status that a board sent."""
    if status == Status.LOCKED:
        return LockedError(name, None)
    if status == Status.INEXACT:
        return _inexact(name)
    known = Status(status) if status in Status.__members__.values() else None
    label = known.name if known else f"STATUS_{status}"
    remedy = (
        _REMEDIES.get(known, _DISAGREE) if known else "The firmware is newer than this host: update bytefed."
    )
    return BoardError(f"E_BOARD_{label}", f"{name}: the board answered {label}", remedy)


@contextmanager
def taken_told(name: str) -> Iterator[None]:
    """Say what BUSY means where HELLO was asked: another link has the board's session (SPEC 3).

    Raises:
        LinkError: E_BOARD_TAKEN. The board is as far away as one whose link is lost, and comes back like it.
    """
    try:
        yield
    except BoardError as error:
        if error.code != "E_BOARD_BUSY":
            raise
        raise LinkError(
            "E_BOARD_TAKEN",
            f"{name}: the board is in use over its other link, cable or Bluetooth.",
            "End the program that uses it there, or break that link. A run gets in 10 seconds after that link has "
            "fallen silent, a visit once it has ended.",
        ) from error


def busy(name: str, welcome: Welcome) -> BoardError:
    """Return the error for a board that can't do what a visitor asks, by what it said when it was greeted."""
    where = f"round {welcome.round} of its run"
    does, remedy = {
        State.IDLE: ("takes samples from its sensor already", "Wait until it is done: it stops by itself."),
        State.RECEIVING: (f"receives what {where} needs", "Wait until that run has ended."),
        State.TRAINING: (f"works on {where}", "Wait until that run has ended."),
        State.READY: (
            f"holds its delta of {where}, and was not told that the run has ended",
            "Go on with that run, which takes it: `bytefed run --resume DIR`, or `bytefed run --resume DIR --rounds N` "
            "if it is complete. A new run on this board gives it up.",
        ),
    }[State(welcome.state)]
    return BoardError("E_BOARD_BUSY", f"{name}: the board {does}.", remedy)
