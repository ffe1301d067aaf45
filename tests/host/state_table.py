"""SPEC 4.1 as tests read it: the cells of its table, and boards that stand in each of its states."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bytefed import _core
from bytefed.protocol.header import DataHeader, control_frame, is_data
from bytefed.protocol.message import (
    PROTOCOL_VERSION,
    VISIT,
    Add,
    AddFlag,
    Begin,
    Capture,
    Classify,
    ClassifyFlag,
    Config,
    Discard,
    DiscardFlag,
    Get,
    Hello,
    Kind,
    Label,
    Mask,
    Next,
    Noise,
    Pair,
    PairFlag,
    Peers,
    Record,
    Release,
    RoundFlag,
    Status,
    Unmask,
)
from bytefed.protocol.serial_frame import SerialDecoder, encode_serial_frame

SPEC = Path(__file__).parents[2] / "SPEC.md"
RUN, ROUND, LIMIT = 7, 5, 24
CHUNK = LIMIT - 2
_D, _C, _ADDED = 5, 2, 8
SCALE, ZERO_POINT = 0.5, -2
HEAD = np.arange(_D * _C + _C, dtype=np.float32).tobytes()
RECORDS = b"".join(bytes((i % _C, i, 1, 2, 3, 4)) for i in range(_ADDED))
CONFIG = Config(0, 0, 255, 1, 0.01, 9, 0.0)
TRAIN = int(RoundFlag.TRAIN)
BEGIN = Begin(ROUND, zlib.crc32(HEAD), 0)
_NEVER = 250  # a sequence number that no request of a test has
HOLD = 10_000  # milliseconds of silence after which another link may take a session
NOW = 2**32 - 5_000  # where the board's clock stands: it wraps around soon
LABEL = Label(_C - 1, _C).pack() + b"walk"
MORE = Capture(1, 200, 0, int(AddFlag.TEST))


@dataclass(frozen=True)
class Cell:
    """One cell: what is received in which state, the answers in their order, and the state afterwards."""

    state: str
    event: str
    answers: tuple[str, ...]
    after: str

    def __str__(self) -> str:
        return f"{self.state}: {self.event}"


def cells(spec: str | None = None) -> list[Cell]:
    """Return every cell of SPEC 4.1."""
    text = spec if spec is not None else SPEC.read_text(encoding="utf-8")
    section = text.partition("### 4.1 ")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in section.splitlines()
        if line.startswith("| ")
    ]
    at = next(i for i, row in enumerate(rows) if row[0] == "received")
    states = rows[at][1:]
    found = []
    for event, *contents in rows[at + 2 :]:
        for state, content in zip(states, contents, strict=True):
            answer, _, after = content.partition(" → ")
            answers = () if answer == "-" else tuple(answer.split(" + "))
            found.append(Cell(state, event, answers, after or state))
    return found


class StatedBoard:
    """A board of the core that is brought into a state; frames are handed over whole, as BLE does."""

    def __init__(self, state: str) -> None:
        self.core = _core.VirtualBoard(
            features=_D, classes=_C, uid=1, capacity=250, max_batch=4, input_size=_D, scale=SCALE,
            zero_point=ZERO_POINT, extract=lambda inputs: inputs, sense=lambda label: bytes(_D), sense_time=1,
            window=2, frame_limit=200, save=lambda: True, most_classes=_C + 1,
        )  # fmt: skip
        self.core.set_millis(NOW)
        self.sequence = 40
        self.begun = self.pulled = 0
        self.has_head = False
        self.added = _NEVER
        self.add = Add(0, _ADDED, int(AddFlag.ANEW), zlib.crc32(RECORDS), SCALE, ZERO_POINT)
        self.capture = Capture(0, 1, 1, int(AddFlag.TEST))
        if state != "closed":
            self._open()
            getattr(self, f"_be_{state}")()
        self.core.take_frames()

    # ---- The way into a state

    def ask(self, kind: Kind, body: bytes = b"", slices: int = 1, flags: int = 0) -> list[bytes]:
        """Send the next request, let the board work, and return what it sent."""
        self.sequence += 1
        return self.give(control_frame(kind, self.sequence, body, flags), slices)

    def give(self, frame: bytes, slices: int = 1) -> list[bytes]:
        """Hand a frame over, let the board work, and return what it sent."""
        self.core.feed_frame(frame)
        self.core.poll(slices)
        return self.core.take_frames()

    def _open(self) -> None:
        """All that each state needs: a session, labels, samples, a CAPTURE that is over."""
        self.ask(Kind.HELLO, hello())
        self.ask(Kind.CONFIG, CONFIG.pack())
        self.ask(Kind.LABEL, LABEL)
        self.ask(Kind.CAPTURE, self.capture.pack(), slices=100)
        self.add = Add(0, _ADDED, 0, zlib.crc32(RECORDS), SCALE, ZERO_POINT)
        self._start_add()
        self._push(RECORDS)
        self.core.poll(1000)

    def _start_add(self) -> None:
        self.ask(Kind.ADD, self.add.pack())
        self.added = self.sequence

    def _push(self, blob: bytes) -> None:
        for index in range(3):
            self.give(self.chunk(blob, index))

    def _be_receiving(self) -> None:
        self.ask(Kind.BEGIN, BEGIN.pack(), flags=TRAIN)
        self.begun = self.sequence

    def _be_training(self) -> None:
        self._be_receiving()
        self._push(HEAD)
        self.has_head = True

    def _be_ready(self) -> None:
        self._be_training()
        self.core.poll(1_000_000)
        self.ask(Kind.GET, Get(0, 2).pack())
        self.pulled = self.sequence

    def _be_idle(self) -> None:
        self._be_ready()
        self.ask(Kind.RELEASE, Release(ROUND, 1).pack())

    def _be_adding(self) -> None:
        self._be_idle()
        self.add = Add(_ADDED, _ADDED, 0, zlib.crc32(RECORDS), SCALE, ZERO_POINT)
        self._start_add()

    def _be_extracting(self) -> None:
        self._be_adding()
        self._push(RECORDS)

    def _be_stored(self) -> None:
        self._be_extracting()
        self.core.poll(1000)

    def _be_capturing(self) -> None:
        self._be_idle()
        self.capture = MORE
        self.ask(Kind.CAPTURE, MORE.pack())

    # ---- Frames

    def data(self, request: int, index: int, content: bytes = b"", poll: bool = False) -> bytes:
        """A data frame of the transfer that the request opened."""
        return DataHeader(request % 4, poll, index).pack() + content

    def chunk(self, blob: bytes, index: int, damage: int = 0, other: int = 0) -> bytes:
        """A chunk for the last BEGIN or ADD, with its last byte changed and of another transfer if asked for."""
        content = bytearray(blob[index * CHUNK : (index + 1) * CHUNK])
        content[-1] ^= damage
        return self.data(self.pushing() + other, index, bytes(content), poll=True)

    def held(self) -> int:
        """The CRC of the head that the board holds: it takes the one that is pushed with the last chunk."""
        return zlib.crc32(HEAD if self.has_head else bytes(len(HEAD)))

    def pushing(self) -> int:
        """The sequence number of the BEGIN or ADD whose chunks are due."""
        return self.added if self.begun < self.added < _NEVER else self.begun

    def state(self) -> str:
        """Which state the board is in, by what it says and by what it answers to harmless requests."""
        if _said(self.ask(Kind.INFO)) == ["ERROR NO_SESSION"]:
            return "closed"
        of_add = _said(self.give(control_frame(Kind.POLL, self.added)))
        match self.core.state:
            case 1:
                return "adding" if of_add == ["ACK"] else "receiving"
            case 2:  # an ADD under way is taken up, one that is stored already is over
                (added,) = self.ask(Kind.ADD, self.add.pack())
                return "extracting" if added[2] == 1 else "training"
            case 3:
                return "ready"
        # A label that can't be: refused for that by a board that would take samples.
        refusal = _said(self.ask(Kind.CAPTURE, Capture(0, 1, 255, 0).pack()))
        if refusal == ["ERROR BUSY"]:
            return "capturing"
        return "stored" if of_add == ["final ACK"] else "idle"


def hello(run: int = RUN, limit: int = LIMIT, version: int = PROTOCOL_VERSION) -> bytes:
    """Return HELLO's body."""
    return Hello(version, version, run, 99, limit).pack()


def _round(kind: Kind, number: int, head: int) -> bytes:
    """Return the body of a request that starts a round, whose blob is not inside."""
    return Next(number, head).pack() if kind is Kind.NEXT else Begin(number, head, 0).pack()


def _said(frames: list[bytes]) -> list[str]:
    """Name frames as the table does; a run of chunks is one entry."""
    names: list[str] = []
    for frame in frames:
        if not is_data(frame):
            kind = Kind(frame[0])
            names.append(f"ERROR {Status(frame[2]).name}" if kind is Kind.ERROR else kind.name)
        elif len(frame) > 3:
            names += ["chunks"] if names[-1:] != ["chunks"] else []
        elif len(frame) == 3 and DataHeader.unpack(frame).index == 3:
            names.append("final ACK" if frame[2] == Status.OK else f"final ACK {Status(frame[2]).name}")
        else:
            names.append("ACK")
    return names


# The requests: kind and body, for a board in its state, with the flags of a round where they are not none.
REQUESTS: dict[str, Callable[[StatedBoard], tuple[Kind, bytes] | tuple[Kind, bytes, int]]] = {
    "HELLO": lambda board: (Kind.HELLO, hello()),
    "HELLO of another run": lambda board: (Kind.HELLO, hello(RUN + 1)),
    "HELLO of a visit": lambda board: (Kind.HELLO, hello(VISIT)),
    "HELLO with another frame limit": lambda board: (Kind.HELLO, hello(limit=LIMIT + 1)),
    "HELLO of an unknown version": lambda board: (Kind.HELLO, hello(version=PROTOCOL_VERSION + 1)),
    "INFO": lambda board: (Kind.INFO, b""),
    "ABOUT": lambda board: (Kind.ABOUT, b""),
    "LEVEL": lambda board: (Kind.LEVEL, b""),
    "STORE": lambda board: (Kind.STORE, b""),
    "SAVE": lambda board: (Kind.SAVE, b""),
    "CONFIG": lambda board: (Kind.CONFIG, CONFIG.pack()),
    "CONFIG cut short": lambda board: (Kind.CONFIG, CONFIG.pack()[:-1]),
    "NEXT of the last round again": lambda board: (Kind.NEXT, _round(Kind.NEXT, ROUND, board.held()), TRAIN),
    "NEXT of the next round": lambda board: (Kind.NEXT, _round(Kind.NEXT, ROUND + 1, board.held()), TRAIN),
    "NEXT of a head that the board does not hold": lambda board: (
        Kind.NEXT,
        _round(Kind.NEXT, ROUND + 1, 0x1234),
        TRAIN,
    ),
    "NEXT of an earlier round": lambda board: (
        Kind.NEXT,
        _round(Kind.NEXT, ROUND - 1, board.held()),
        TRAIN,
    ),
    "NEXT with a bad CONFIG inside": lambda board: (
        Kind.NEXT,
        _round(Kind.NEXT, ROUND + 1, board.held()) + replace(CONFIG, epochs=0).pack(),
        TRAIN | RoundFlag.CONFIGURE,
    ),
    "BEGIN of the last round again": lambda board: (Kind.BEGIN, BEGIN.pack(), TRAIN),
    "BEGIN of the next round": lambda board: (Kind.BEGIN, _round(Kind.BEGIN, ROUND + 1, BEGIN.head), TRAIN),
    "BEGIN of an earlier round": lambda board: (
        Kind.BEGIN,
        _round(Kind.BEGIN, ROUND - 1, BEGIN.head),
        TRAIN,
    ),
    "NOISE that asks": lambda board: (Kind.NOISE, Noise(0.0, 0, 0, 0).pack()),
    "MASK": lambda board: (Kind.MASK, Mask(1, 3, 1, 3).pack()),
    "PEERS before MASK": lambda board: (Kind.PEERS, Peers(0).pack() + bytes(32)),
    "UNMASK before MASK": lambda board: (Kind.UNMASK, Unmask(ROUND, 3).pack()),
    "NOISE of a first budget": lambda board: (Kind.NOISE, Noise(1.0, 1_000_000, 16, 3_000_000).pack()),
    "RELEASE of the last round": lambda board: (Kind.RELEASE, Release(ROUND, 1).pack()),
    "RELEASE of another round": lambda board: (Kind.RELEASE, Release(ROUND + 1, 1).pack()),
    "RELEASE of round 0": lambda board: (Kind.RELEASE, Release(0, 0).pack()),
    "GET": lambda board: (Kind.GET, Get(0, 2).pack()),
    "ADD, the last one again": lambda board: (Kind.ADD, board.add.pack()),
    "ADD of more": lambda board: (
        Kind.ADD,
        Add(board.core.samples(), 1, 0, zlib.crc32(RECORDS[:6]), SCALE, ZERO_POINT).pack(),
    ),
    "CAPTURE, the last one again": lambda board: (Kind.CAPTURE, board.capture.pack()),
    "CAPTURE of more": lambda board: (
        Kind.CAPTURE,
        Capture(board.core.samples(test=True), 9, 1, int(AddFlag.TEST)).pack(),
    ),
    "CAPTURE of 0 windows": lambda board: (Kind.CAPTURE, Capture(0, 0, 0, 0).pack()),
    "DISCARD of a label without samples": lambda board: (
        Kind.DISCARD,
        Discard(int(DiscardFlag.LABEL), _C, 0).pack(),
    ),
    "LABEL that asks": lambda board: (Kind.LABEL, Label(0, 0).pack()),
    "LABEL that changes nothing": lambda board: (Kind.LABEL, LABEL),
    "LABEL of one class more": lambda board: (Kind.LABEL, Label(_C, _C + 1).pack() + b"run"),
    "CLASSIFY": lambda board: (Kind.CLASSIFY, Classify(0, 0, 0).pack()),
    "CLASSIFY to stop": lambda board: (Kind.CLASSIFY, Classify(0, int(ClassifyFlag.STOP), 0).pack()),
    "RECORD": lambda board: (Kind.RECORD, Record(0, 0).pack()),
}


def _blob(board: StatedBoard) -> bytes:
    return RECORDS if board.pushing() == board.added else HEAD


def _last_chunk(board: StatedBoard, damage: int) -> list[bytes]:
    for index in (0, 1):
        board.give(board.chunk(_blob(board), index))
    return board.give(board.chunk(_blob(board), 2, damage))


def _work(board: StatedBoard) -> list[bytes]:
    board.core.poll(1_000_000)
    return board.core.take_frames()


def _hello_elsewhere(board: StatedBoard, run: int, silent: int = 0) -> list[bytes]:
    """HELLO on the board's serial link, when its other one has been silent for so many milliseconds."""
    board.core.set_millis((NOW + silent) % 2**32)
    board.core.feed(encode_serial_frame(control_frame(Kind.HELLO, 41, hello(run, 250))))
    board.core.poll(0)
    return [frame for frame, *_ in SerialDecoder().push(board.core.take())]


def _pair(flags: int = 0) -> bytes:
    """Return the body of a PAIR."""
    return Pair(flags).pack() + bytes(range(32))


def _pair_by_cable(board: StatedBoard, flags: int = 0, cut: int = 0) -> list[bytes]:
    """PAIR on the board's serial link, without its last `cut` bytes."""
    body = _pair(flags)
    board.core.feed(encode_serial_frame(control_frame(Kind.PAIR, 41, body[: len(body) - cut])))
    board.core.poll(0)
    return [frame for frame, *_ in SerialDecoder().push(board.core.take())]


def _hang_up(board: StatedBoard) -> list[bytes]:
    board.core.disconnect()
    board.core.poll(1)
    return board.core.take_frames()


# All other events, each with what the board sends then.
EVENTS = {
    "PAIR": lambda board: board.give(control_frame(Kind.PAIR, 41, _pair())),
    "an unknown kind": lambda board: board.give(bytes((0x3F, 41))),
    "POLL of the last round": lambda board: board.give(control_frame(Kind.POLL, board.begun)),
    "POLL of the last ADD": lambda board: board.give(control_frame(Kind.POLL, board.added)),
    "POLL of another request": lambda board: board.give(control_frame(Kind.POLL, 200)),
    "a chunk with the poll bit": lambda board: board.give(board.chunk(_blob(board), 0)),
    "the last missing chunk": lambda board: _last_chunk(board, damage=0),
    "the last missing chunk, damaged": lambda board: _last_chunk(board, damage=1),
    "a chunk of another transfer": lambda board: board.give(board.chunk(_blob(board), 0, other=2)),
    "ACK": lambda board: board.give(board.data(board.pulled, 2)),
    "final ACK": lambda board: board.give(board.data(board.pulled, 3, bytes((Status.OK,)))),
    "the work is done": _work,
    "HELLO on another link": lambda board: _hello_elsewhere(board, RUN, HOLD - 1),
    "HELLO on another link, 10 s later": lambda board: _hello_elsewhere(board, RUN, HOLD),
    "a visit on another link, 10 s later": lambda board: _hello_elsewhere(board, VISIT, HOLD),
    "PAIR by cable": lambda board: _pair_by_cable(board),
    "PAIR by cable, with erase": lambda board: _pair_by_cable(board, PairFlag.ERASE),
    "PAIR by cable, cut short": lambda board: _pair_by_cable(board, cut=1),
    "the connection ends": _hang_up,
}


def happens(board: StatedBoard, event: str) -> list[str]:
    """Let an event happen to a board; returns what it answered."""
    if event in EVENTS:
        return _said(EVENTS[event](board))
    kind, body, *flags = REQUESTS[event](board)
    frames = board.ask(kind, body, flags=sum(flags))
    if kind is Kind.ADD and frames[0][0] == Kind.ADDED and frames[0][2] == 1:  # its chunks are due
        board.added = board.sequence
    return _said(frames)
