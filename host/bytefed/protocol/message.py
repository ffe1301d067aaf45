"""Headers and control messages: SPEC.md sections 1 and 3.

Bodies are packed little-endian; their sizes never depend on data. Values are judged by who uses them, not here.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar, Self

from bytefed.errors import ProtocolError

PROTOCOL_VERSION = 1
VISIT = 0
"""The run of a HELLO that leaves the board's round as it is."""
HEADER_SIZE = 2
MAX_FRAME = 250
MIN_FRAME = 20
MAX_WINDOW = 32
MAX_CHUNKS = 4095


class Kind(IntEnum):
    """First byte of a control frame."""

    HELLO = 0x01
    INFO = 0x02
    CONFIG = 0x03
    BEGIN = 0x04
    GET = 0x05
    POLL = 0x06
    STORE = 0x07
    ADD = 0x08
    CAPTURE = 0x09
    SAVE = 0x0A
    ABOUT = 0x0B
    WELCOME = 0x41
    BOARD = 0x42
    CONFIGURED = 0x43
    ACCEPT = 0x44
    RESULT = 0x45
    STORED = 0x47
    ADDED = 0x48
    CAPTURED = 0x49
    SAVED = 0x4A
    DETAILS = 0x4B
    ERROR = 0x7F


class Status(IntEnum):
    """What a board says went wrong."""

    OK = 0
    LATE = 1
    BUSY = 16
    NO_SESSION = 17
    BAD_VERSION = 18
    BAD_LENGTH = 19
    BAD_CRC = 20
    BAD_VALUE = 21
    UNKNOWN_CODEC = 22
    STALE_ROUND = 23
    NO_SAMPLES = 24
    STORE_FULL = 25
    BAD_LABEL = 26
    TOO_LARGE = 27
    NOT_FINITE = 28
    UNKNOWN_KIND = 29
    NO_EXTRACTOR = 30
    NO_CONFIG = 31
    EXTRACTOR_FAILED = 32
    NO_SENSOR = 33
    NO_STORAGE = 34
    STORAGE_FAILED = 35


class State(IntEnum):
    """Where a board stands in its round."""

    IDLE = 0
    RECEIVING = 1
    TRAINING = 2
    READY = 3


class Capability(IntFlag):
    """What a board can do besides training."""

    EXTRACTOR = 1
    SENSOR = 2
    PERSISTENT = 4


class BeginFlag(IntFlag):
    """What a BEGIN asks for."""

    TRAIN = 1
    EVALUATE = 2
    UNCOUNTED = 4


class AddFlag(IntFlag):
    """What an ADD carries."""

    INPUTS = 1
    TEST = 2
    ANEW = 4


@dataclass(frozen=True)
class DataHeader:
    """Header of a chunk or an ACK: transfer 0..3, index 0..4095."""

    transfer: int
    poll: bool
    index: int

    def pack(self) -> bytes:
        """Return the two header bytes."""
        return struct.pack(">H", 0x8000 | self.transfer << 13 | self.poll << 12 | self.index)

    @classmethod
    def unpack(cls, frame: bytes) -> Self:
        """Read the header of a data frame of at least two bytes."""
        (bits,) = struct.unpack_from(">H", frame)
        return cls(transfer=bits >> 13 & 3, poll=bool(bits & 0x1000), index=bits & 0xFFF)


def is_data(frame: bytes) -> bool:
    """Whether a frame of at least one byte is a chunk or an ACK."""
    return bool(frame[0] & 0x80)


def control_frame(kind: Kind, sequence: int, body: bytes = b"") -> bytes:
    """Return a whole control frame."""
    return bytes((kind, sequence)) + body


class _Body:
    """Packs the fields of a dataclass in their order, by the struct format LAYOUT."""

    KIND: ClassVar[Kind]
    LAYOUT: ClassVar[struct.Struct]

    @classmethod
    def size(cls) -> int:
        """Bytes of the body, without an inline blob."""
        return cls.LAYOUT.size

    def pack(self) -> bytes:
        """Return the body's bytes."""
        return self.LAYOUT.pack(*astuple(self))  # type: ignore[call-overload]

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        """Read a body; further bytes are ignored.

        Raises:
            ProtocolError: E_SHORT_MESSAGE when there are too few bytes.
        """
        if len(body) < cls.LAYOUT.size:
            raise ProtocolError(
                "E_SHORT_MESSAGE",
                f"a {cls.KIND.name} of {len(body)} bytes; it has at least {cls.LAYOUT.size}",
                "The board's firmware does not follow SPEC.md; flash the version that fits this host.",
            )
        return cls(*cls.LAYOUT.unpack_from(body))


@dataclass(frozen=True)
class Hello(_Body):
    """Opens a session."""

    KIND = Kind.HELLO
    LAYOUT = struct.Struct("<BBIIB")
    version_min: int
    version_max: int
    run: int
    nonce: int
    frame_limit: int


@dataclass(frozen=True)
class Welcome(_Body):
    """Answers HELLO."""

    KIND = Kind.WELCOME
    LAYOUT = struct.Struct("<BBHIHIBB")
    version: int
    state: int
    boot: int
    run: int
    round: int
    nonce: int
    frame_limit: int
    window: int


@dataclass(frozen=True)
class Board(_Body):
    """Answers INFO: who the board is and what it holds."""

    KIND = Kind.BOARD
    LAYOUT = struct.Struct("<QHHBI")
    uid: int
    capabilities: int
    features: int
    classes: int
    model: int


@dataclass(frozen=True)
class Config(_Body):
    """How to train, for the session."""

    KIND = Kind.CONFIG
    LAYOUT = struct.Struct("<BBBfIf")
    codec: int
    epochs: int
    batch: int
    rate: float
    seed: int
    proximal_mu: float = 0.0


@dataclass(frozen=True)
class Begin(_Body):
    """Starts a round."""

    KIND = Kind.BEGIN
    LAYOUT = struct.Struct("<HBBI")
    round: int
    codec: int
    flags: int
    head: int


@dataclass(frozen=True)
class Accept(_Body):
    """Answers BEGIN; wait is in units of 10 ms."""

    KIND = Kind.ACCEPT
    LAYOUT = struct.Struct("<BHH")
    state: int
    index: int
    wait: int


@dataclass(frozen=True)
class Result(_Body):
    """Answers BEGIN once training is over; duration is in units of 10 ms."""

    KIND = Kind.RESULT
    LAYOUT = struct.Struct("<BHfHHHI")
    status: int
    num_examples: int
    loss: float
    correct: int
    test_correct: int
    duration: int
    crc: int


@dataclass(frozen=True)
class Get(_Body):
    """Opens the transfer of a delta."""

    KIND = Kind.GET
    LAYOUT = struct.Struct("<HB")
    index: int
    window: int


@dataclass(frozen=True)
class Stored(_Body):
    """Answers STORE: what the board's sample store holds, and which head the board does (its CRC-32)."""

    KIND = Kind.STORED
    LAYOUT = struct.Struct("<HHHIBHI")
    capacity: int
    train: int
    test: int
    crc: int
    max_batch: int
    buffer: int
    head: int


@dataclass(frozen=True)
class Add(_Body):
    """Appends samples."""

    KIND = Kind.ADD
    LAYOUT = struct.Struct("<HHBIfb")
    first: int
    count: int
    kind: int
    crc: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Added(_Body):
    """Answers ADD: state 0 when the samples are stored already, 1 when chunks are wanted."""

    KIND = Kind.ADDED
    LAYOUT = struct.Struct("<BH")
    state: int
    index: int


@dataclass(frozen=True)
class Capture(_Body):
    """Takes samples from the board's sensor; count 0 stops."""

    KIND = Kind.CAPTURE
    LAYOUT = struct.Struct("<HHBB")
    first: int
    count: int
    label: int
    kind: int


@dataclass(frozen=True)
class Captured(_Body):
    """Answers CAPTURE: state 1 while it goes on, 0 when it is over; samples so far."""

    KIND = Kind.CAPTURED
    LAYOUT = struct.Struct("<BH")
    state: int
    count: int


RAM_UNIT = 16
"""Bytes in a unit of DETAILS' ram."""


@dataclass(frozen=True)
class Details(_Body):
    """Answers ABOUT: what the board is made of. ram in RAM_UNIT, window in 10 ms, uptime in seconds."""

    KIND = Kind.DETAILS
    LAYOUT = struct.Struct("<BBBBHHBBHIH")
    board: int
    major: int
    minor: int
    patch: int
    ram: int
    heap: int
    reset: int
    sensor: int
    window: int
    uptime: int
    saves: int


@dataclass(frozen=True)
class Error(_Body):
    """Answers any request that can't be met."""

    KIND = Kind.ERROR
    LAYOUT = struct.Struct("<B")
    status: int


MESSAGES: tuple[type[_Body], ...] = (
    Hello, Welcome, Board, Config, Begin, Accept, Result, Get, Stored, Add, Added, Capture, Captured, Details,
    Error,
)  # fmt: skip
