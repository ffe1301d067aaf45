"""The closed forms of SPEC.md section 6: the bytes that an operation takes on the wire, cause by cause.

Nothing is encoded here: the sizes follow from the constants of message and frame alone, and the tests compare them
with what really crosses a link.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

from bytefed import codec as codecs
from bytefed.errors import ConfigError
from bytefed.head import parameters
from bytefed.ledger.count import (
    BLE_FRAMING,
    SERIAL_FRAMING,
    ByteCount,
    Framing,
    Sealing,
    Security,
    split_frame,
)
from bytefed.masks.form import KEY_SIZE, POINT_SIZE
from bytefed.masks.neighbours import degree
from bytefed.protocol.chunks import ChunkPlan
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import (
    HEADER_SIZE,
    MAX_CHUNKS,
    MAX_FRAME,
    MAX_WINDOW,
    MIN_FRAME,
    Accept,
    Add,
    Added,
    Begin,
    Board,
    Classified,
    Classify,
    Config,
    Details,
    Done,
    Error,
    Get,
    Greet,
    Hello,
    Label,
    Labelled,
    Mask,
    Next,
    Noise,
    Noised,
    Peers,
    Record,
    Recorded,
    Release,
    Result,
    Stored,
    Unmask,
    Welcome,
    Welcomed,
)
from bytefed.protocol.serial_frame import bare_wire_size, serial_wire_size
from bytefed.seal import BLOB_SEAL_SIZE, FRAME_SEAL_SIZE, HANDSHAKE_OVERHEAD

CODECS: dict[str, int] = {name: codec.number for name, codec in codecs.CODECS.items()}
BLUEFRUIT_WINDOW = 32
"""Chunks that a Bluefruit board takes in one burst: its receive FIFO has room for as many values."""

UID_SIZE = 8
"""Bytes of the uid behind LOCKED."""

STEP_SIZE = 4
"""Bytes of the step in a request that trains in a masked run."""
BOARDS_SIZE = 2
"""Bytes of the number of boards in an UNMASK, where they made shares of noise."""

_ATT_OVERHEAD = 3
MIN_SEALED_FRAME = 62
"""Bytes of the smallest frame limit that has room for a handshake."""
MIN_SEALED_MTU = MIN_SEALED_FRAME + _ATT_OVERHEAD
"""The ATT MTU with that frame limit."""
_CRC_SIZE = 4  # of a delta
_LARGEST_ADD = 65_535


@dataclass(frozen=True)
class LinkProfile:
    """The properties of a link that sizes depend on.

    Attributes:
        name: Name of the link, as in bytes.csv.
        frame_limit: The agreed frame limit, bytes.
        window_down, window_up: Chunks in a burst, down to a board and up from it.
        framing: The link's way of framing.
        sealed: Whether host and board share a key (SPEC.md section 10).
    """

    name: str
    frame_limit: int
    window_down: int
    window_up: int
    framing: Literal["serial", "ble"]
    sealed: bool = field(default=False, kw_only=True)

    @property
    def security(self) -> Security:
        """Whether strangers are kept out, in the words of bytes.csv."""
        return "sealed" if self.sealed else "OPEN"

    @property
    def overhead(self) -> Framing:
        """The bytes that the link adds to a frame."""
        return SERIAL_FRAMING if self.framing == "serial" else BLE_FRAMING

    def w(self, n: int) -> int:
        """Return the bytes on the wire for a frame of n bytes."""
        return serial_wire_size(n) if self.framing == "serial" else n

    def sealed_w(self, n: int) -> int:
        """Return the bytes on the wire for a sealed frame that had n bytes before."""
        n += FRAME_SEAL_SIZE
        return bare_wire_size(n) if self.framing == "serial" else n

    @property
    def proof(self) -> int:
        """Bytes of the seal of a blob that travels in chunks."""
        return BLOB_SEAL_SIZE if self.sealed else 0

    def plan(self, length: int, direction: Direction) -> ChunkPlan:
        """Return the division into chunks of a blob of `length` bytes on this link."""
        window = self.window_down if direction is Direction.DOWN else self.window_up
        return ChunkPlan(length, self.frame_limit - HEADER_SIZE, window)

    def inlines(self, body: int, blob: int) -> bool:
        """Return whether a blob fits into a message (inline) that has `body` other body bytes."""
        seal = FRAME_SEAL_SIZE if self.sealed else 0
        return HEADER_SIZE + body + blob + seal <= self.frame_limit

    @property
    def opens_at_once(self) -> bool:
        """Whether BOARD and STORED travel inside WELCOME or WELCOMED."""
        if self.sealed:
            whole = HEADER_SIZE + HANDSHAKE_OVERHEAD + Welcomed.size() + Board.size() + Stored.size()
            return whole <= self.frame_limit
        return self.inlines(Welcome.size() + Board.size(), Stored.size())

    def answer_size(self, *, statistics: bool) -> int:
        """Return the bytes of DONE's body, or RESULT's, without a delta; a sealed one has no CRC of it."""
        size = Result.size() if statistics else Done.size()
        return size - _CRC_SIZE if self.sealed else size

    def starts_by_next(self, blob: int, step: int = 0) -> bool:
        """Return whether a round starts by NEXT, with its blob of so many bytes inside; else by BEGIN.

        Args:
            blob: Bytes of the blob.
            step: Bytes of the step, in a masked run.
        """
        return self.inlines(Next.size() + step, blob)

    def shares_config(self, blob: int, step: int = 0) -> bool:
        """Return whether CONFIG travels inside the message that starts such a round."""
        if self.starts_by_next(blob, step):
            return self.inlines(Next.size() + step + Config.size(), blob)
        return self.inlines(Begin.size() + self.proof + step + Config.size(), 0)

    @property
    def points_per_peers(self) -> int:
        """Number of points that one PEERS brings."""
        seal = FRAME_SEAL_SIZE if self.sealed else 0
        return max(1, (self.frame_limit - HEADER_SIZE - Peers.size() - seal) // POINT_SIZE)


def serial_profile(window: int = MAX_WINDOW) -> LinkProfile:
    """Return the profile of a serial link: USB CDC, UART, pseudo-terminal, socket."""
    return LinkProfile("serial", MAX_FRAME, window, MAX_WINDOW, "serial")


def ble_profile(mtu: int, window_down: int = BLUEFRUIT_WINDOW, window_up: int = MAX_WINDOW) -> LinkProfile:
    """Return the profile of a BLE link with that ATT MTU, 23..517."""
    if not MIN_FRAME + _ATT_OVERHEAD <= mtu <= 517:
        raise ValueError(f"an ATT MTU is 23 to 517, not {mtu}")
    return LinkProfile("ble", min(MAX_FRAME, mtu - _ATT_OVERHEAD), window_down, window_up, "ble")


def sealed_profile(profile: LinkProfile) -> LinkProfile:
    """Return the profile of the same link, sealed.

    Raises:
        ConfigError: E_MTU_SMALL if its frames are too short for a handshake.
    """
    if profile.frame_limit < MIN_SEALED_FRAME:
        raise ConfigError(
            "E_MTU_SMALL",
            f"An ATT MTU of {profile.frame_limit + _ATT_OVERHEAD} has no room for the handshake of a sealed link.",
            f"Give an MTU of {MIN_SEALED_MTU} or more, or --open for a link without keys.",
        )
    return replace(profile, sealed=True)


def require_room_for_masks(profile: LinkProfile) -> None:
    """Refuse a link whose frames are too short for a neighbour's point; no sealed one is (SPEC.md section 11).

    Raises:
        ConfigError: E_MTU_SMALL.
    """
    if not profile.inlines(Peers.size(), POINT_SIZE):
        least = HEADER_SIZE + Peers.size() + POINT_SIZE + _ATT_OVERHEAD
        raise ConfigError(
            "E_MTU_SMALL",
            f"An ATT MTU of {profile.frame_limit + _ATT_OVERHEAD} has no room for the points of a secure sum.",
            f"Take links with an MTU of {least} or more, or leave out --secure-sum.",
        )


def blob_size(codec: str, features: int, classes: int) -> int:
    """Return the bytes of a head or delta under a codec of SPEC.md section 5."""
    if codec not in CODECS:
        raise ValueError(f"no codec {codec!r}; there are {', '.join(CODECS)}")
    return codecs.CODECS[codec].size(parameters(features, classes))


def _frame(
    profile: LinkProfile, direction: Direction, body: int, payload: int = 0, *, proof: int = 0
) -> ByteCount:
    """Return the bytes of a control frame; on a sealed link it is sealed."""
    length = HEADER_SIZE + body + proof + payload
    wire = profile.sealed_w(length) if profile.sealed else profile.w(length)
    sealing = Sealing(profile.sealed, proof)
    return split_frame(profile.overhead, direction, length, wire, payload=payload, sealing=sealing)


def _chunk(profile: LinkProfile, direction: Direction, payload: int) -> ByteCount:
    length = HEADER_SIZE + payload
    return split_frame(profile.overhead, direction, length, profile.w(length), payload=payload)


def _ack(profile: LinkProfile, direction: Direction) -> ByteCount:
    return split_frame(profile.overhead, direction, HEADER_SIZE, profile.w(HEADER_SIZE), ack=True)


def _final_ack(profile: LinkProfile, direction: Direction) -> ByteCount:
    length = HEADER_SIZE + 1
    wire = profile.sealed_w(length) if profile.sealed else profile.w(length)
    return split_frame(profile.overhead, direction, length, wire, ack=True, sealing=Sealing(profile.sealed))


def _exchange(profile: LinkProfile, request: int, answer: int, *, proof: int = 0) -> ByteCount:
    asked = _frame(profile, Direction.DOWN, request, proof=proof)
    return asked + _frame(profile, Direction.UP, answer)


def _handshake(profile: LinkProfile, direction: Direction, body: int) -> ByteCount:
    length = HEADER_SIZE + HANDSHAKE_OVERHEAD + body
    sealing = Sealing(handshake=HANDSHAKE_OVERHEAD)
    return split_frame(profile.overhead, direction, length, profile.w(length), sealing=sealing)


def _chunks(profile: LinkProfile, direction: Direction, blob: int) -> tuple[ByteCount, int]:
    """Return the data frames of a blob, and the number of windows."""
    plan = profile.plan(blob, direction)
    count = _chunk(profile, direction, plan.chunk) * (plan.count - 1)
    count += _chunk(profile, direction, plan.size_of(plan.count - 1))
    return count, -(-plan.count // plan.window)


@cache
def push_bytes(profile: LinkProfile, blob: int) -> ByteCount:
    """Return push(M) for a blob of that many bytes."""
    count, windows = _chunks(profile, Direction.DOWN, blob)
    return count + _ack(profile, Direction.UP) * (windows - 1) + _final_ack(profile, Direction.UP)


@cache
def pull_bytes(profile: LinkProfile, blob: int) -> ByteCount:
    """Return pull(M) for a blob of that many bytes, with GET."""
    count, windows = _chunks(profile, Direction.UP, blob)
    get = _frame(profile, Direction.DOWN, Get.size())
    return count + _ack(profile, Direction.DOWN) * (windows - 1) + get


@cache
def start_bytes(
    profile: LinkProfile, blob: int, *, configures: bool = False, noises: bool = False, masked: bool = False
) -> ByteCount:
    """Return the bytes it takes until a board has a round's head and trains.

    Args:
        profile: Profile of the link.
        blob: Bytes of the blob that leads to the head; 0 if the board holds the head already.
        configures: Whether CONFIG is due: inside the message that starts the round if it fits, else before it.
        noises: Whether NOISE goes before each CONFIG.
        masked: Whether the request brings a step, as it does to train in a masked run.

    Raises:
        ConfigError: E_TOO_LARGE for a blob that the link can't carry.
    """
    step = STEP_SIZE if masked else 0
    shared = Config.size() if configures and profile.shares_config(blob, step) else 0
    count = configuration_bytes(profile) if configures and not shared else ByteCount()
    if configures and noises:
        count += noise_bytes(profile)
    if profile.starts_by_next(blob, step):
        return count + _frame(profile, Direction.DOWN, Next.size() + step + shared, blob)
    begun = _exchange(profile, Begin.size() + step + shared, Accept.size(), proof=profile.proof)
    return count + begun + push_bytes(profile, blob)


def round_bytes(
    profile: LinkProfile,
    features: int,
    classes: int,
    codec_down: str = "float32",
    codec_up: str = "float32",
    *,
    train: bool = True,
    statistics: bool = False,
    configures: bool = False,
) -> ByteCount:
    """Return the bytes of a round of one board with a head on a loss-free link; see ``blobs_bytes``.

    With train=False they are those of an evaluation, which always brings statistics.
    """
    up = blob_size(codec_up, features, classes) if train else 0
    down = blob_size(codec_down, features, classes)
    return blobs_bytes(profile, down, up, statistics=statistics or not train, configures=configures)


@cache
def blobs_bytes(
    profile: LinkProfile,
    down: int,
    up: int,
    *,
    statistics: bool = False,
    configures: bool = False,
    noises: bool = False,
    masked: bool = False,
) -> ByteCount:
    """Return the bytes of a round of one board on a loss-free link, by the sizes of its blobs.

    Args:
        profile: Profile of the link.
        down: Bytes of the blob that leads to the head; 0 if the board holds it already.
        up: Bytes of the delta; 0 for none.
        statistics: Whether the board answers by RESULT, not by DONE.
        configures: Whether CONFIG is due.
        noises: Whether NOISE goes before each CONFIG.
        masked: Whether the delta is hidden for a secure sum; `up` is its size then.

    Raises:
        ConfigError: E_TOO_LARGE for a blob that the link can't carry.
    """
    count = start_bytes(profile, down, configures=configures, noises=noises, masked=masked)
    answer = profile.answer_size(statistics=statistics)
    if profile.inlines(answer, up):
        return count + _frame(profile, Direction.UP, answer, up)
    return count + _frame(profile, Direction.UP, answer, proof=profile.proof) + pull_bytes(profile, up)


@cache
def release_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of RELEASE and RELEASED."""
    return _exchange(profile, Release.size(), 0)


@cache
def error_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of an ERROR, in the clear or sealed, whichever takes more."""
    clear = _frame(replace(profile, sealed=False), Direction.UP, Error.size())
    sealed = _frame(profile, Direction.UP, Error.size())
    return max(clear, sealed, key=lambda count: count.wire_total)


def _first_delimiter(profile: LinkProfile) -> ByteCount:
    """Return the bytes before a HELLO: on a serial link, the end of whatever a host that is gone had begun."""
    return ByteCount(padding=1, padding_down=1, wire_down=1) if profile.framing == "serial" else ByteCount()


@cache
def connection_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of opening a session: HELLO, and what the board says of itself, in one frame if it fits."""
    count = _first_delimiter(profile)
    inside = Board.size() + Stored.size() if profile.opens_at_once else 0
    if profile.sealed:
        count += _handshake(profile, Direction.DOWN, Greet.size())
        count += _handshake(profile, Direction.UP, Welcomed.size() + inside)
    else:
        count += _exchange(profile, Hello.size(), Welcome.size() + inside)
    return count if inside else count + _exchange(profile, 0, Board.size()) + store_bytes(profile)


@cache
def first_contact_bytes(profile: LinkProfile) -> ByteCount:
    """Return what a sealed connection takes besides where the host has to ask first which board is there."""
    clear = replace(profile, sealed=False)
    count = _first_delimiter(profile)
    return count + _exchange(clear, Hello.size(), Error.size() + UID_SIZE)


@cache
def labels_bytes(profile: LinkProfile, told: tuple[int, ...], given: tuple[int, ...]) -> ByteCount:
    """Return the bytes of asking a board for its labels, and of giving it others.

    Args:
        profile: Profile of the link.
        told: Bytes of the name of each label that it tells.
        given: Bytes of each name that it is given; what the board is and holds is asked for again then.
    """
    count = ByteCount()
    for name in told:
        count += _exchange(profile, Label.size(), Labelled.size() + name)
    for name in given:
        count += _exchange(profile, Label.size() + name, Labelled.size() + name)
    return count + _exchange(profile, 0, Board.size()) + store_bytes(profile) if given else count


@cache
def configuration_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of a CONFIG on its own, where the message that starts a round has no room for it."""
    return _exchange(profile, Config.size(), 0)


@cache
def noise_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of NOISE and NOISED."""
    return _exchange(profile, Noise.size(), Noised.size())


@cache
def mask_bytes(profile: LinkProfile, *, noises: bool = False) -> ByteCount:
    """Return the bytes by which one board of a secure sum draws its secret.

    Args:
        profile: Profile of the link.
        noises: Whether NOISE goes before that.
    """
    count = _exchange(profile, Mask.size(), POINT_SIZE)
    return count + noise_bytes(profile) if noises else count


@cache
def peers_bytes(profile: LinkProfile, neighbours: int) -> ByteCount:
    """Return the bytes by which one board of a secure sum gets the points of so many neighbours."""
    count = ByteCount()
    for first in range(0, neighbours, profile.points_per_peers):
        points = min(profile.points_per_peers, neighbours - first)
        count += _exchange(profile, Peers.size() + POINT_SIZE * points, 0)
    return count


@cache
def setup_bytes(profile: LinkProfile, boards: int, *, noises: bool = False) -> ByteCount:
    """Return the bytes by which masks are set up on one board of a secure sum of so many, as of ``mask_bytes``."""
    return mask_bytes(profile, noises=noises) + peers_bytes(profile, degree(boards))


@cache
def unmask_bytes(profile: LinkProfile, lost: int, *, shares: bool = False) -> ByteCount:
    """Return the bytes by which one board takes the masks off a sum.

    Args:
        profile: Profile of the link.
        lost: Number of its neighbours that are lost.
        shares: Whether it made a share of the sum's noise, and is told how many boards are in the sum.
    """
    return _exchange(profile, Unmask.size() + BOARDS_SIZE * shares, KEY_SIZE * (1 + lost))


@cache
def add_bytes(profile: LinkProfile, payload: int) -> ByteCount:
    """Return the bytes of one ADD with that many bytes of records."""
    asked = _exchange(profile, Add.size(), Added.size(), proof=profile.proof)
    return asked + push_bytes(profile, payload)


@cache
def store_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of a request for the state of the sample store, and of its answer."""
    return _exchange(profile, 0, Stored.size())


@cache
def about_bytes(profile: LinkProfile) -> ByteCount:
    """Return the bytes of the question what a board is made of, and of its answer."""
    return _exchange(profile, 0, Details.size())


def watch_bytes(profile: LinkProfile, predictions: int, *, unanswered: int = 0, stops: int = 0) -> ByteCount:
    """Return the bytes of watching what a board classifies.

    Args:
        profile: Profile of the link.
        predictions: CLASSIFYs that the board answered.
        unanswered: CLASSIFYs that were given up before there was another window.
        stops: CLASSIFYs that stopped the board.
    """
    asked = _frame(profile, Direction.DOWN, Classify.size())
    return asked * unanswered + _exchange(profile, Classify.size(), Classified.size()) * (predictions + stops)


def recorded_bytes(profile: LinkProfile, values: int, pieces: int) -> ByteCount:
    """Return the bytes of fetching so many pieces of windows, each of so many int8 values, in as few parts as fit."""
    seal = FRAME_SEAL_SIZE if profile.sealed else 0
    room = profile.frame_limit - HEADER_SIZE - Recorded.size() - seal
    one = ByteCount()
    for start in range(0, values, room):
        part = min(room, values - start)
        asked = _frame(profile, Direction.DOWN, Record.size())
        one += asked + _frame(profile, Direction.UP, Recorded.size(), part)
    return one * pieces


def add_buffer(features: int, classes: int) -> int:
    """Return the bytes that one ADD may carry: the records arrive where the head's local copy is."""
    return min(4 * parameters(features, classes), _LARGEST_ADD)


def samples_per_add(profile: LinkProfile, record_size: int, buffer: int) -> int:
    """Return the number of records in one ADD: as many as fit into the board's buffer."""
    return min(buffer, (profile.frame_limit - HEADER_SIZE) * MAX_CHUNKS) // record_size


def provision_bytes(profile: LinkProfile, record_size: int, train: int, test: int, buffer: int) -> ByteCount:
    """Return the bytes it takes to give a board its samples (record_size: label and values, bytes).

    That is nothing where not even one record fits into the buffer: a run then sends none, and the board's features go
    in place of its extractor's inputs.
    """
    most = samples_per_add(profile, record_size, buffer)
    if most == 0:
        return ByteCount()
    total = store_bytes(profile)
    for samples in (train, test):
        full, rest = divmod(samples, most)
        total += add_bytes(profile, most * record_size) * full
        if rest:
            total += add_bytes(profile, rest * record_size)
    return total
