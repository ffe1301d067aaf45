"""Control messages: SPEC.md section 3.

Made by tools/message_table/generate.py from firmware/lib/bytefed/messages.toml: do not edit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from bytefed.protocol.body import Body

PROTOCOL_VERSION = 2
"""The protocol version that SPEC.md defines."""
VISIT = 0
"""The run of a HELLO that belongs to no run: nothing that follows it takes the board out of its run."""
HEADER_SIZE = 2
"""Bytes of a frame's header."""
MAX_FRAME = 250
"""Bytes of the longest frame, header included: COBS adds exactly one byte to it and its CRC-16."""
MIN_FRAME = 20
"""Bytes of the smallest frame limit, which is what an ATT MTU of 23 leaves."""
LARGEST_BODY = 18
"""Bytes of the longest body without its blob: with the header it fits the smallest frame."""
MAX_WINDOW = 32
"""Chunks of the largest window: one bit each in a 32-bit word."""
MAX_CHUNKS = 4095
"""Chunks of the longest transfer: their number is the index of a final ACK, which has 12 bits."""
PERSONAL = 128
"""The bit of CONFIG's codec_up that asks for personal heads."""
WHOLE = 128
"""The bit of NOISE's grid that asks for noise that hides whole boards."""
LABEL_NAME = 12
"""Bytes of a label's name at most, in UTF-8: with its message it fits the smallest frame."""
NO_LABEL = 255
"""The label of a window that is none of those that the board knows."""
RAM_UNIT = 16
"""Bytes in a unit of the ram in DETAILS."""


class Kind(IntEnum):
    """The first byte of a control frame."""

    HELLO = 0x01
    WELCOME = 0x41
    GREET = 0x0D
    WELCOMED = 0x4D
    INFO = 0x02
    BOARD = 0x42
    CONFIG = 0x03
    CONFIGURED = 0x43
    NEXT = 0x10
    BEGIN = 0x20
    ACCEPT = 0x44
    DONE = 0x50
    RESULT = 0x45
    GET = 0x05
    POLL = 0x06
    STORE = 0x07
    STORED = 0x47
    ADD = 0x08
    ADDED = 0x48
    CAPTURE = 0x09
    CAPTURED = 0x49
    DISCARD = 0x0F
    DISCARDED = 0x4F
    LABEL = 0x30
    LABELLED = 0x70
    CLASSIFY = 0x31
    CLASSIFIED = 0x71
    RECORD = 0x34
    RECORDED = 0x74
    LEVEL = 0x35
    LEVELLED = 0x75
    NOISE = 0x33
    NOISED = 0x73
    MASK = 0x32
    MASKED = 0x72
    PEERS = 0x3A
    PEERED = 0x7A
    UNMASK = 0x3B
    UNMASKED = 0x7B
    RELEASE = 0x0E
    RELEASED = 0x4E
    SAVE = 0x0A
    SAVED = 0x4A
    ABOUT = 0x0B
    DETAILS = 0x4B
    PAIR = 0x0C
    PAIRED = 0x4C
    ERROR = 0x7F


class Status(IntEnum):
    """The result of a request or of a round."""

    OK = 0
    OTHER_SAMPLES = 1  # in DONE, and in a masked RESULT: trained, on others than the last STORED told of
    BUSY = 16  # not possible in this state
    NO_SESSION = 17  # HELLO must come first (a board also answers this after a reset)
    BAD_VERSION = 18  # no common protocol version
    BAD_LENGTH = 19  # body too short, or too long for its kind
    BAD_CRC = 20  # the blob, or the head that it makes, is not the one announced
    BAD_VALUE = 21  # a field is out of its range
    UNKNOWN_CODEC = 22
    STALE_ROUND = 23  # a later round has begun
    NO_SAMPLES = 24  # nothing to train on
    STORE_FULL = 25
    BAD_LABEL = 26  # a label is not below C
    TOO_LARGE = 27  # the transfer does not fit the board's buffer
    NOT_FINITE = 28  # the received head, or the trained one, has a NaN or an infinity
    UNKNOWN_KIND = 29
    NO_EXTRACTOR = 30  # the board takes features only
    NO_CONFIG = 31  # CONFIG must come first, or with it
    EXTRACTOR_FAILED = 32
    NO_SENSOR = 33  # no sensor, or an extractor whose input is not a window of readings
    NO_STORAGE = 34  # the board has no memory that survives a loss of power
    STORAGE_FAILED = 35  # writing to flash failed; the last saved state is still there
    NOT_RECEIVED = 36  # POLL asks about a request that has not arrived in this session
    LOCKED = 37  # the board has a key, and the request is not sealed with it; the board's uid (u64) follows
    UNPAIRED = 38  # the board has no key
    NO_ENTROPY = 39  # the board's source of randomness fails: it takes no key and opens no sealed session
    UNTRAINED = 40  # the head that was asked for holds nothing but zeros, or is not there
    BUDGET_SPENT = (
        41  # what is left of the board's privacy budget does not pay for the round, or for noise of that kind
    )
    NO_NOISE = 42  # the board has a privacy budget, so it trains with noise alone: NOISE must come first
    WITHHELD = 43  # it has a privacy budget, or tells sums alone, and the answer would tell of its samples
    NO_MASKS = (
        46  # the run's deltas leave only masked, and the board has no masks: MASK and PEERS must come first
    )
    TOO_FEW = 47  # fewer boards would be left in the sum than `min_sum`, or than make its noise whole
    MASKS_USED = (
        48  # the round's masks have hidden a delta, or were told for other survivors: the round is over
    )
    NO_RADIO = 51  # the board has no radio by which phones could read what it says, or keeps it off
    INEXACT = 52  # the board's float arithmetic is not that of section 7: it failed the self-test


class State(IntEnum):
    """The state of a board in its round."""

    IDLE = 0
    RECEIVING = 1
    TRAINING = 2
    READY = 3


class Model(IntEnum):
    """The make of a board."""

    UNKNOWN = 0
    NANO_33_BLE = 1
    FEATHER = 2  # Feather nRF52840
    FEATHER_SENSE = 3  # Feather nRF52840 Sense
    ITSY_BITSY = 4  # ItsyBitsy nRF52840
    CIRCUIT_PLAYGROUND = 5  # Circuit Playground Bluefruit


class SensorChip(IntEnum):
    """The sensor of a board."""

    NONE = 0
    LSM9DS1 = 1
    BMI270 = 2
    LSM6DS33 = 3
    LSM6DS3TRC = 4  # LSM6DS3TR-C
    LIS3DH = 5
    REPLAY = 6  # replayed data
    MICROPHONE = 7  # PDM microphone


class ResetCause(IntEnum):
    """The cause of a board's last start."""

    POWER = 0
    WATCHDOG = 1
    SOFTWARE = 2
    PIN = 3  # reset button
    OTHER = 4


class Capability(IntFlag):
    """The abilities of a board besides training."""

    EXTRACTOR = 1  # feature extractor
    SENSOR = 2
    PERSISTENT = 4  # keeps its state over power loss
    OPEN = 8  # built to use its radio without a key
    LABELLED = 16  # somebody has set its labels
    SENSED = 32  # its samples came from its sensor, or some of them
    NOISED = 64  # it keeps a privacy budget for its samples, and trains with noise alone
    MASKED = 128  # it has masks for the run that it knows, so that no one delta of it can be read
    SHOWN = 256  # a host has opened it to phones: everybody near can read what it classifies, now
    INEXACT = 512  # it failed the self-test of section 7.6, and takes no round
    HEARS = 1024  # its sensor is a microphone


class RoundFlag(IntFlag):
    """The tasks of a NEXT or a BEGIN, in the low bits of its kind."""

    TRAIN = 1
    STATISTICS = (
        2  # evaluate the received head on the test samples first, and answer by RESULT instead of DONE
    )
    UNCOUNTED = 4  # the board's last delta was not counted
    CONFIGURE = 8  # a CONFIG's body follows the fields


class AddFlag(IntFlag):
    """The content of an ADD and its destination."""

    INPUTS = 1  # records hold inputs for the board's extractor, not features
    TEST = 2  # test split
    ANEW = 4  # forget all samples first


class CaptureFlag(IntFlag):
    """The destination of captured samples, and when a window begins."""

    TEST = 2  # test split
    ON_SOUND = 4  # each window begins where sound starts (section 7.7)


class DiscardFlag(IntFlag):
    """The samples that a DISCARD is about."""

    LABEL = 1  # all samples of one label, of both splits, instead of the last samples of one split
    TEST = 2  # test split


class ClassifyFlag(IntFlag):
    """The way in which a board classifies."""

    PERSONAL = 1  # by the personal head, not by the global one
    ALONE = 2  # goes on when no host asks any more
    STOP = 4  # stop; the answer comes at once
    SHOW = 8  # open to phones: everybody near can read the label and its confidence (section 1.2: PHONES)


class PairFlag(IntFlag):
    """The way in which a PAIR is taken."""

    ERASE = 1  # erase samples, head, residual and delta first


@dataclass(frozen=True)
class Hello(Body):
    """Opens a session.

    Attributes:
        version_min: Lowest protocol version that the host speaks.
        version_max: Highest protocol version that the host speaks.
        run: The run's number; 0 for a visit.
        nonce: Comes back in WELCOME; the host drops everything that arrives before.
        frame_limit: Largest frame that the host takes on this link, header included.
    """

    KIND = Kind.HELLO
    LAYOUT = struct.Struct("<BBIHB")
    version_min: int
    version_max: int
    run: int
    nonce: int
    frame_limit: int


@dataclass(frozen=True)
class Welcome(Body):
    """Answers HELLO.

    Attributes:
        version: The version to speak: the highest that both know.
        state: 0 idle, 1 receiving, 2 training, 3 ready.
        boot: A new value at each start of the board: when it has changed, a partial transfer is void.
        round: The last round begun in the run of the HELLO, at a visit in the board's own; 0 for none.
        nonce: The nonce of the HELLO.
        frame_limit: F: the smaller of the host's and the board's.
        window: W: chunks that the board takes in one burst, 1 to 32.
    """

    KIND = Kind.WELCOME
    LAYOUT = struct.Struct("<BBHHHBB")
    version: int
    state: int
    boot: int
    round: int
    nonce: int
    frame_limit: int
    window: int


@dataclass(frozen=True)
class Greet(Body):
    """Opens a sealed session; the fields are the payload of the handshake's first message, which is the body.

    Attributes:
        version_min: As in HELLO.
        version_max: As in HELLO.
        run: As in HELLO.
        frame_limit: As in HELLO.
    """

    KIND = Kind.GREET
    LAYOUT = struct.Struct("<BBIB")
    version_min: int
    version_max: int
    run: int
    frame_limit: int


@dataclass(frozen=True)
class Welcomed(Body):
    """Answers GREET; the fields are the payload of the handshake's second message, which is the body.

    Attributes:
        version: As in WELCOME.
        state: As in WELCOME.
        boot: As in WELCOME.
        round: As in WELCOME.
        frame_limit: As in WELCOME.
        window: As in WELCOME.
    """

    KIND = Kind.WELCOMED
    LAYOUT = struct.Struct("<BBHHBB")
    version: int
    state: int
    boot: int
    round: int
    frame_limit: int
    window: int


@dataclass(frozen=True)
class Board(Body):
    """Answers INFO.

    Attributes:
        uid: The board's identity, from its chip (nRF52840: FICR DEVICEID); it is the same at every port and
            address.
        capabilities: Bit 0: feature extractor; bit 1: sensor; bit 2: keeps its state over power loss; bit 3:
            built to use its radio without a key; bit 4: somebody has set its labels; bit 5: its samples came
            from its sensor, or some of them; bit 6: it keeps a privacy budget for its samples, and trains
            with noise alone; bit 7: it has masks for the run that it knows, so that no one delta of it can be
            read; bit 8: a host has opened it to phones: everybody near can read what it classifies, now; bit
            9: it failed the self-test of section 7.6, and takes no round; bit 10: its sensor is a microphone.
        features: D: features of a sample.
        classes: C: classes.
        model: CRC-32 of the extractor's .tflite file, 0 for none.
    """

    KIND = Kind.BOARD
    LAYOUT = struct.Struct("<QHHBI")
    uid: int
    capabilities: int
    features: int
    classes: int
    model: int


@dataclass(frozen=True)
class Config(Body):
    """Gives the training plan, for the whole session; travels inside NEXT or BEGIN where it fits.

    Attributes:
        codec_down: Codec of the blob in NEXT, where it is not a whole head.
        codec_up: Codec of the delta in bits 0 to 6; bit 7: each RESULT also tells of the board's personal
            head.
        epochs: Local epochs, 1 to 255.
        batch: Batch size, 1 to the board's max_batch.
        rate: Learning rate, finite, not negative.
        seed: Seed for the shuffling and for the uplink's codec; mixed with round and epoch.
        proximal_mu: FedProx's factor mu (section 7), finite, not negative, rate * mu at most 0.01; 0 for
            none.
    """

    KIND = Kind.CONFIG
    LAYOUT = struct.Struct("<BBBBfIf")
    codec_down: int
    codec_up: int
    epochs: int
    batch: int
    rate: float
    seed: int
    proximal_mu: float = 0.0


@dataclass(frozen=True)
class Next(Body):
    """Starts a round; the blob that leads to its head is inside.

    Attributes:
        round: 1 to 65,535.
        head: CRC-32 of the float32 global head that the board holds once the blob is decoded.
    """

    KIND = Kind.NEXT
    LAYOUT = struct.Struct("<HI")
    round: int
    head: int


@dataclass(frozen=True)
class Begin(Body):
    """Starts a round; the blob that leads to its head follows in chunks.

    Attributes:
        round: 1 to 65,535.
        head: CRC-32 of the float32 global head that the board holds once the blob is decoded.
        codec: Codec of the blob.
    """

    KIND = Kind.BEGIN
    LAYOUT = struct.Struct("<HIB")
    round: int
    head: int
    codec: int


@dataclass(frozen=True)
class Accept(Body):
    """Answers BEGIN at once, and a POLL while the board is at work.

    Attributes:
        state: 1 receiving: send chunks; 2 training: wait; 3 ready: DONE or RESULT follows.
        index: First chunk still missing (state 1), else 0.
        wait: Time until DONE or RESULT, estimated by the board, in units of 10 ms; 65,535 for more; 0 if it
            is not known yet.
    """

    KIND = Kind.ACCEPT
    LAYOUT = struct.Struct("<BHH")
    state: int
    index: int
    wait: int


@dataclass(frozen=True)
class Done(Body):
    """Answers NEXT or BEGIN once the work is done.

    Attributes:
        status: 0 or OTHER_SAMPLES, or the error that training ended with (then there is no blob).
        crc: CRC-32 of the delta blob, 0 for none.
    """

    KIND = Kind.DONE
    LAYOUT = struct.Struct("<BI")
    status: int
    crc: int


@dataclass(frozen=True)
class Result(Body):
    """Answers in place of DONE where statistics were asked for.

    Attributes:
        status: As in DONE.
        crc: CRC-32 of the delta blob, 0 for none.
        num_examples: Training samples used, 0 without training.
        loss: Mean cross-entropy over the last local epoch, each sample before its step.
        correct: Samples classified correctly in that epoch; with bit 7 of CONFIG's codec_up the test samples
            that the trained head classifies correctly.
        test_correct: Test samples that the received head classifies correctly.
        duration: Time since the blob was complete, in units of 10 ms, at most 65,535.
    """

    KIND = Kind.RESULT
    LAYOUT = struct.Struct("<BIHfHHH")
    status: int
    crc: int
    num_examples: int
    loss: float
    correct: int
    test_correct: int
    duration: int


@dataclass(frozen=True)
class Get(Body):
    """Opens the transfer of a delta.

    Attributes:
        index: First chunk wanted.
        window: W for this transfer, 1 to 32.
    """

    KIND = Kind.GET
    LAYOUT = struct.Struct("<HB")
    index: int
    window: int


@dataclass(frozen=True)
class Stored(Body):
    """Answers STORE.

    Attributes:
        capacity: Samples that fit into the store.
        train: Training samples in the store.
        test: Test samples in the store.
        crc: CRC-32 over all records, training samples first, then the scale (f32) and zero point (i8) of
            their features.
        max_batch: Largest batch size.
        head: CRC-32 of the float32 global head that the board holds; P zeros before the first.
    """

    KIND = Kind.STORED
    LAYOUT = struct.Struct("<HHHIBI")
    capacity: int
    train: int
    test: int
    crc: int
    max_batch: int
    head: int


@dataclass(frozen=True)
class Add(Body):
    """Appends samples.

    Attributes:
        first: Samples that the split has so far (0 with bit 2 of kind), so that no ADD can be stored twice.
        count: Records, at least 1.
        kind: Bit 0: records hold inputs for the board's extractor, not features; bit 1: test split; bit 2:
            forget all samples first.
        crc: CRC-32 of the transfer.
        scale: Real value of a feature: scale * (q - zero_point); ignored for inputs.
        zero_point: The q that stands for 0; ignored for inputs.
    """

    KIND = Kind.ADD
    LAYOUT = struct.Struct("<HHBIfb")
    first: int
    count: int
    kind: int
    crc: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Added(Body):
    """Answers ADD.

    Attributes:
        state: 0: these records are stored already, 1: send chunks.
        index: First chunk missing; N while the board's extractor works on them.
    """

    KIND = Kind.ADDED
    LAYOUT = struct.Struct("<BH")
    state: int
    index: int


@dataclass(frozen=True)
class Capture(Body):
    """Takes samples from the board's own sensor.

    Attributes:
        first: Samples that the split has so far.
        count: Windows to take; 0 stops the capture under way and keeps the samples taken so far.
        label: Label of all samples.
        kind: Bit 1: test split; bit 2: each window begins where sound starts (section 7.7).
    """

    KIND = Kind.CAPTURE
    LAYOUT = struct.Struct("<HHBB")
    first: int
    count: int
    label: int
    kind: int


@dataclass(frozen=True)
class Captured(Body):
    """Answers CAPTURE.

    Attributes:
        state: 1 under way, 0 over.
        count: Samples stored so far; fewer than asked for if the capture was stopped, waited for sound in
            vain, or the extractor failed.
    """

    KIND = Kind.CAPTURED
    LAYOUT = struct.Struct("<BH")
    state: int
    count: int


@dataclass(frozen=True)
class Discard(Body):
    """Forgets samples: the last of a split, or those of a label.

    Attributes:
        kind: Bit 0: all samples of one label, of both splits, instead of the last samples of one split; bit
            1: test split.
        label: The label whose samples go, with bit 0 of kind.
        keep: Samples that the split keeps, the oldest, without bit 0 of kind.
    """

    KIND = Kind.DISCARD
    LAYOUT = struct.Struct("<BBH")
    kind: int
    label: int
    keep: int


@dataclass(frozen=True)
class Discarded(Body):
    """Answers DISCARD.

    Attributes:
        train: Training samples that are left.
        test: Test samples that are left.
    """

    KIND = Kind.DISCARDED
    LAYOUT = struct.Struct("<HH")
    train: int
    test: int


@dataclass(frozen=True)
class Label(Body):
    """Asks for a label, or sets it and the number of labels.

    Attributes:
        index: The label: below count, or below C where count is 0.
        count: The number of labels that the head is to have, 2 to the board's most; 0 changes nothing and
            asks.
    """

    KIND = Kind.LABEL
    LAYOUT = struct.Struct("<BB")
    index: int
    count: int


@dataclass(frozen=True)
class Labelled(Body):
    """Answers LABEL.

    Attributes:
        count: C: labels of the head.
        most: Labels that the board's memory has room for.
        train: Training samples of this label.
        test: Test samples of this label.
    """

    KIND = Kind.LABELLED
    LAYOUT = struct.Struct("<BBHH")
    count: int
    most: int
    train: int
    test: int


@dataclass(frozen=True)
class Classify(Body):
    """Asks what the sensor's next window is.

    Attributes:
        after: Number of the last window that the host knows; 0 for none.
        mode: Bit 0: by the personal head, not by the global one; bit 1: goes on when no host asks any more;
            bit 2: stop; the answer comes at once; bit 3: open to phones: everybody near can read the label
            and its confidence (section 1.2: PHONES).
        unknown: Per cent of the board's own samples that may be taken for none of its labels, 0 to 50.
    """

    KIND = Kind.CLASSIFY
    LAYOUT = struct.Struct("<HBB")
    after: int
    mode: int
    unknown: int


@dataclass(frozen=True)
class Classified(Body):
    """Answers CLASSIFY, once there is a later window.

    Attributes:
        window: Number of the window: 1 for the first after its start, after 65,535 comes 1.
        label: The label, or 255 for none of them.
        likeliest: The label that comes nearest.
        confidence: Its probability by the head, in units of 1/255.
        threshold: The confidence below which label is 255.
    """

    KIND = Kind.CLASSIFIED
    LAYOUT = struct.Struct("<HBBBB")
    window: int
    label: int
    likeliest: int
    confidence: int
    threshold: int


@dataclass(frozen=True)
class Record(Body):
    """Asks for a raw window of the sensor, by cable or in a sealed session.

    Attributes:
        after: Number of the last window that the host has whole; 0 for none.
        offset: The first byte wanted of the window.
    """

    KIND = Kind.RECORD
    LAYOUT = struct.Struct("<HH")
    after: int
    offset: int


@dataclass(frozen=True)
class Recorded(Body):
    """Answers RECORD, once there is a later window.

    Attributes:
        window: Number of the window, as in CLASSIFIED.
        total: Bytes of a whole window.
        offset: The first byte's place in it.
    """

    KIND = Kind.RECORDED
    LAYOUT = struct.Struct("<HHH")
    window: int
    total: int
    offset: int


@dataclass(frozen=True)
class Levelled(Body):
    """Answers LEVEL.

    Attributes:
        peak: Largest sample of the last moments, without its sign, 0 to 32,768.
        clipped: Samples at an end of the range since the level began anew, as it does with each capture;
            65,535 for more.
    """

    KIND = Kind.LEVELLED
    LAYOUT = struct.Struct("<HH")
    peak: int
    clipped: int


@dataclass(frozen=True)
class Noise(Body):
    """Gives the noise that the session's rounds are trained with, or asks for the privacy budget.

    Attributes:
        clip: Largest norm of one sample's gradient, 2^-20 to 2^20, or of a board's delta; 0 asks for the
            budget, and changes nothing.
        cost: Price of a round, taken from the budget, in units of 2^-28, at least 1: it decides how much
            noise there is.
        grid: 8 to 18: clip is 2^grid steps of the integers that the noise is added to; bit 7: noise for whole
            boards, 6 to 18 without it (section 11.5).
        budget: Budget of a board that has none yet, in the same units; 0 for none.
    """

    KIND = Kind.NOISE
    LAYOUT = struct.Struct("<fIBI")
    clip: float
    cost: int
    grid: int
    budget: int


@dataclass(frozen=True)
class Noised(Body):
    """Answers NOISE.

    Attributes:
        budget: The board's privacy budget, in units of 2^-28; 0 for none.
        spent: The part of it that has been spent.
    """

    KIND = Kind.NOISED
    LAYOUT = struct.Struct("<II")
    budget: int
    spent: int


@dataclass(frozen=True)
class Mask(Body):
    """Asks for the board's point of a secure sum; from then on the run's deltas leave the board only masked.

    Attributes:
        setup: Number of the setup: with another one, or with other values, the board begins anew.
        boards: Boards in the sum, at least 3.
        reference: Training samples of a board whose delta counts once, at least 1.
        min_sum: Boards that a sum must have at least, 3 to 255, and no more than the board and its
            neighbours.
    """

    KIND = Kind.MASK
    LAYOUT = struct.Struct("<BHHB")
    setup: int
    boards: int
    reference: int
    min_sum: int


@dataclass(frozen=True)
class Peers(Body):
    """Gives the points of a board's neighbours in a secure sum.

    Attributes:
        first: The place of the first of them among the board's neighbours, from 0.
    """

    KIND = Kind.PEERS
    LAYOUT = struct.Struct("<B")
    first: int


@dataclass(frozen=True)
class Unmask(Body):
    """Asks a board whose delta is in the sum for what its neighbours can't cancel.

    Attributes:
        round: The round of the sum.
        survivors: Bit i: the delta of neighbour i is in the sum, too.
    """

    KIND = Kind.UNMASK
    LAYOUT = struct.Struct("<HH")
    round: int
    survivors: int


@dataclass(frozen=True)
class Release(Body):
    """Lets the board forget a delta, where no further round will.

    Attributes:
        round: The round of the delta; 0 for round, delta and residual of the whole run.
        counted: 1 if the delta was counted, else 0.
    """

    KIND = Kind.RELEASE
    LAYOUT = struct.Struct("<HB")
    round: int
    counted: int


@dataclass(frozen=True)
class Details(Body):
    """Answers ABOUT.

    Attributes:
        board: 0 unknown, 1 Nano 33 BLE, 2 Feather nRF52840, 3 Feather nRF52840 Sense, 4 ItsyBitsy nRF52840, 5
            Circuit Playground Bluefruit.
        version_major: The firmware's version, major.
        version_minor: The firmware's version, minor.
        version_patch: The firmware's version, patch.
        ram: Memory that neither heap nor stacks have used so far, in units of 16 bytes; 0 if it is not known.
        heap: Pieces of heap memory that the running app has asked for: anything but 0 is a defect; 65,535 for
            more.
        reset: Cause of the last start: 0 power, 1 watchdog, 2 software, 3 reset button, 4 other.
        sensor: 0 none, 1 LSM9DS1, 2 BMI270, 3 LSM6DS33, 4 LSM6DS3TR-C, 5 LIS3DH, 6 replayed data, 7 PDM
            microphone.
        window: Time from one captured window to the next, in units of 10 ms; 0 without a sensor.
        uptime: Seconds since it started.
        saves: Images that were written to flash, modulo 65,536.
    """

    KIND = Kind.DETAILS
    LAYOUT = struct.Struct("<BBBBHHBBHIH")
    board: int
    version_major: int
    version_minor: int
    version_patch: int
    ram: int
    heap: int
    reset: int
    sensor: int
    window: int
    uptime: int
    saves: int


@dataclass(frozen=True)
class Pair(Body):
    """Gives the board a key, by cable.

    Attributes:
        flags: Bit 0: erase samples, head, residual and delta first.
    """

    KIND = Kind.PAIR
    LAYOUT = struct.Struct("<B")
    flags: int


@dataclass(frozen=True)
class Paired(Body):
    """Answers PAIR.

    Attributes:
        uid: As in BOARD.
        check: First 4 bytes of keyed BLAKE2b, digest of 8 bytes, key: the board's, over bytefed key.
    """

    KIND = Kind.PAIRED
    LAYOUT = struct.Struct("<QI")
    uid: int
    check: int


@dataclass(frozen=True)
class Error(Body):
    """Answers any request that can't be met.

    Attributes:
        status: Why not.
    """

    KIND = Kind.ERROR
    LAYOUT = struct.Struct("<B")
    status: int


MESSAGES: tuple[type[Body], ...] = (
    Hello,
    Welcome,
    Greet,
    Welcomed,
    Board,
    Config,
    Next,
    Begin,
    Accept,
    Done,
    Result,
    Get,
    Stored,
    Add,
    Added,
    Capture,
    Captured,
    Discard,
    Discarded,
    Label,
    Labelled,
    Classify,
    Classified,
    Record,
    Recorded,
    Levelled,
    Noise,
    Noised,
    Mask,
    Peers,
    Unmask,
    Release,
    Details,
    Pair,
    Paired,
    Error,
)
"""Every message that has a body."""
