"""The values that pass between a coordinator and a device: how to train, on what samples, the plan, the reply."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bytefed import codec as codecs
from bytefed.codec.downlink import Offer
from bytefed.ledger import wire_size
from bytefed.masks.form import Form
from bytefed.masks.total import Hide
from bytefed.protocol.message import PERSONAL, Config, Noise, Result, RoundFlag


@dataclass(frozen=True)
class TrainingPlan:
    """How a board is to train.

    Attributes:
        codec_down: Codec of the global head, a key of wire_size.CODECS. With a lossy one it goes as the difference to
            what the board holds; whole, as float32, to a board that holds something unknown.
        codec_up: Codec of the delta.
        epochs: Local epochs, 1..255.
        batch: Batch size, 1..the board's max_batch.
        rate: Learning rate, finite and not negative.
        seed: Seeds the shuffling and the uplink's codec, 32 bits.
        proximal_mu: Strength of FedProx's pull towards the global head, finite and not negative; 0 for none.
        personal: Whether statistics tell of the board's personal head (SPEC.md section 7.3).
        noise: The noise that rounds are trained with (SPEC.md section 7.4); None for none.
        hide: How deltas are hidden for a secure sum (SPEC.md section 11); None where they come as they are.
    """

    codec_down: str
    codec_up: str
    epochs: int
    batch: int
    rate: float
    seed: int
    proximal_mu: float = 0.0
    personal: bool = False
    noise: Noise | None = None
    hide: Hide | None = None

    def message(self) -> Config:
        """Return the CONFIG that says so."""
        down, up = (
            wire_size.CODECS[self.codec_down],
            wire_size.CODECS[self.codec_up] | PERSONAL * self.personal,
        )
        return Config(down, up, self.epochs, self.batch, self.rate, self.seed, self.proximal_mu)


@dataclass(frozen=True)
class Samples:
    """The samples that a board is given to learn from.

    Attributes:
        kind: "features" (int8 [n, D]) or "inputs" (int8 [n, ...]) for the board's own extractor.
        train_x, train_y: The training split: values int8 [n, ...] and labels uint8 [n].
        test_x, test_y: The board's own test split, likewise.
        scale, zero_point: A feature's real value is scale * (q - zero_point).
    """

    kind: Literal["features", "inputs"]
    train_x: NDArray[np.int8]
    train_y: NDArray[np.uint8]
    test_x: NDArray[np.int8]
    test_y: NDArray[np.uint8]
    scale: float
    zero_point: int

    @property
    def record_size(self) -> int:
        """Bytes of a sample on the link: its label and its values."""
        return 1 + math.prod(self.train_x.shape[1:])

    def records(self, test: bool) -> NDArray[np.uint8]:
        """Return the records of a split as they go over the link: uint8 [n, 1 + values]."""
        x, y = (self.test_x, self.test_y) if test else (self.train_x, self.train_y)
        flat = np.ascontiguousarray(x, dtype=np.int8).reshape(len(x), math.prod(x.shape[1:])).view(np.uint8)
        return np.hstack([y.astype(np.uint8)[:, None], flat])

    def store_crc(self) -> int:
        """Return the CRC-32 that a board's store has with these samples, if they are features."""
        meaning = struct.pack("<fb", self.scale, self.zero_point)
        return zlib.crc32(self.records(False).tobytes() + self.records(True).tobytes() + meaning)


@dataclass(frozen=True, eq=False)
class PlannedRound:
    """A round of one board before anything of it is sent: all that its bytes on a good link follow from.

    Attributes:
        number: Round, 1..65535.
        head: The global head, float32 [P].
        training: How to train.
        flags: RoundFlag bits, without CONFIGURE.
        offer: What brings the board to the head, from what it holds now.
        configures: Whether CONFIG is due.
        samples: Number of training samples and of test samples that the board holds.
    """

    number: int
    head: NDArray[np.float32]
    training: TrainingPlan
    flags: int
    offer: Offer
    configures: bool
    samples: tuple[int, int]

    @property
    def trains(self) -> bool:
        """Whether the board is to train: it then keeps a delta until it is released."""
        return bool(self.flags & RoundFlag.TRAIN)

    @property
    def statistics(self) -> bool:
        """Whether the board is to tell its loss and accuracies."""
        return bool(self.flags & RoundFlag.STATISTICS)

    @property
    def noise(self) -> Noise | None:
        """The NOISE that goes before a CONFIG; None for none."""
        return self.training.noise if self.trains else None

    @property
    def hide(self) -> Hide | None:
        """How the delta is hidden; None where it comes as it is, or there is none."""
        return self.training.hide if self.trains else None

    @property
    def form(self) -> Form | None:
        """The form of the hidden delta; None where ``hide`` is None."""
        if self.hide is None:
            return None
        return Form(
            self.training.codec_up, len(self.head), self.hide.boards, self.statistics, self.hide.shares
        )

    @property
    def judges_personal(self) -> bool:
        """Whether the board is to train, delta or not, and to judge the head that comes of it."""
        return self.statistics and self.training.personal

    @property
    def blobs(self) -> tuple[int, int]:
        """Bytes of the offered blob and of the delta."""
        if form := self.form:
            return len(self.offer.blob), form.size
        codec = codecs.CODECS[self.training.codec_up]
        return len(self.offer.blob), codec.size(len(self.head)) if self.trains else 0

    @property
    def seconds(self) -> float:
        """How long the work takes a board of 64 MHz, roughly: a dozen instructions a parameter and sample."""
        train, test = self.samples
        personal = self.judges_personal
        samples = self.training.epochs * train * (self.trains or personal) + test * (
            self.statistics + personal
        )
        return samples * len(self.head) * 12 / 64e6


@dataclass(frozen=True)
class RoundReply:
    """The answer of a board to a round.

    Attributes:
        num_examples: Samples that the board trained on; 0 after an evaluation.
        statistics: RESULT, if statistics were asked for.
        delta: float32 [P], None after an evaluation and where it is hidden.
        hidden: The hidden delta; None where there is none.
        head: float32 [P], the head that the board started from and holds.
        seconds: From the request until all was here.
        computing: Seconds of work on the board: as RESULT says it, else from the request until DONE.
        personal: Number of its own test samples that the board's personal head classifies correctly; None where that
            was not asked, or the board has nothing to train on.
    """

    num_examples: int
    statistics: Result | None
    delta: NDArray[np.float32] | None
    head: NDArray[np.float32]
    seconds: float
    computing: float
    personal: int | None = None
    hidden: bytes | None = None

    @property
    def correct(self) -> int | None:
        """Training samples classified correctly in the last epoch; None without statistics, or with a personal head."""
        return self.statistics.correct if self.statistics and self.personal is None else None
