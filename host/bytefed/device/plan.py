"""The values that pass between a coordinator and a device: how to train, on what samples, and the reply."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bytefed.ledger import wire_size
from bytefed.protocol.message import (
    Config,
    Result,
)


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
        seed: Of the shuffling and of the uplink's codec, 32 bits.
        proximal_mu: Of FedProx, finite and not negative; 0 for none.
    """

    codec_down: str
    codec_up: str
    epochs: int
    batch: int
    rate: float
    seed: int
    proximal_mu: float = 0.0

    def message(self) -> Config:
        """Return the CONFIG that says so."""
        number = wire_size.CODECS[self.codec_up]
        return Config(number, self.epochs, self.batch, self.rate, self.seed, self.proximal_mu)


@dataclass(frozen=True)
class Samples:
    """What a board is given to learn from.

    Attributes:
        kind: "features" (int8 [n, D]) or "inputs" (int8 [n, ...]) for the board's own extractor.
        train_x, train_y: Values int8 and labels uint8 [n] of the training split.
        test_x, test_y: The same of the board's own test split.
        scale, zero_point: A feature's real value is scale * (q - zero_point).
    """

    kind: Literal["features", "inputs"]
    train_x: NDArray[np.int8]
    train_y: NDArray[np.uint8]
    test_x: NDArray[np.int8]
    test_y: NDArray[np.uint8]
    scale: float
    zero_point: int

    def records(self, test: bool) -> NDArray[np.uint8]:
        """Return the records of a split as they go over the link: uint8 [n, 1 + values]."""
        x, y = (self.test_x, self.test_y) if test else (self.train_x, self.train_y)
        flat = np.ascontiguousarray(x, dtype=np.int8).reshape(len(x), math.prod(x.shape[1:])).view(np.uint8)
        return np.hstack([y.astype(np.uint8)[:, None], flat])

    def store_crc(self) -> int:
        """Return the CRC-32 that a board's store has with these samples, when they are features."""
        meaning = struct.pack("<fb", self.scale, self.zero_point)
        return zlib.crc32(self.records(False).tobytes() + self.records(True).tobytes() + meaning)


@dataclass(frozen=True)
class RoundReply:
    """What a board brought back.

    Attributes:
        result: RESULT as it came.
        delta: float32 [P], None after an evaluation.
        head: float32 [P], the head that the board started from and holds.
        seconds: From BEGIN until all was here.
    """

    result: Result
    delta: NDArray[np.float32] | None
    head: NDArray[np.float32]
    seconds: float
