"""The form of a hidden delta: words and lanes, and how many bytes they take (SPEC.md section 11.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bytefed import _core
from bytefed.errors import ConfigError, counted

CODECS = {"float32": 0, "int8": 255, "onebit": 1, "twobit": 3}
"""The codecs of deltas that can be summed hidden, and their levels; 0 for numbers of 32 bits."""
MIN_SUM = 3
"""Boards that a sum has at least: of two, each would know the other's delta."""
KEY_SIZE = 16
"""Bytes of the key of a mask."""
POINT_SIZE = 32
"""Bytes of a board's point."""
WIDEST = 14
"""Most bits of the lanes of a lossy codec that every board has memory for; one that keeps room for more labels has more
(port.h: sum_blob_floats)."""
_MOST_BOARDS = 65_535  # MASK counts no further
_MOST_SAMPLES = 65_535
SEED = 0
"""CONFIG.seed as all boards of a sum take it for the uplink's codec, so that they rotate alike."""
_WORDS, _STATISTICS = 2, 3  # examples and size; loss, correct and test_correct
_WORD_SIZE = 4
_COLUMN = 32

Numbers = NDArray[np.uint64]


def most_boards(codec: str) -> int:
    """Return how many boards a sum can have, if each has memory for its head alone.

    Args:
        codec: A key of CODECS.
    """
    return min(_MOST_BOARDS, (2**WIDEST - 1) // CODECS[codec]) if CODECS[codec] else _MOST_BOARDS


def require_room(codec: str, boards: int) -> None:
    """Refuse a sum of more boards than their memories have room for.

    Args:
        codec: A key of CODECS.
        boards: Boards in the sum.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM.
    """
    if boards > (most := most_boards(codec)):
        every = ", ".join(f"{name} {most_boards(name):,}" for name in CODECS)
        raise ConfigError(
            "E_CONFIG_SECURE_SUM",
            f"With --secure-sum, {codec} has no room in a board's memory for the sum of {counted(boards, 'board')}: "
            f"at most {most:,}.",
            f"Take {most:,} or fewer, or another uplink: of {every}.",
        )


def reference_of(samples: Sequence[int]) -> int:
    """Return the training samples of a board whose delta counts once: the mean over the boards, as MASK says it."""
    return min(max(round(sum(samples) / len(samples)), 1), _MOST_SAMPLES)


@dataclass(frozen=True)
class Form:
    """The form of the hidden deltas of a round.

    Attributes:
        codec: A key of CODECS.
        parameters: Parameters of the head, at least 1.
        boards: Boards in the sum, as MASK says it.
        statistics: Whether they bring statistics.
        shares: Whether each board adds a share of noise: lanes are whole numbers then, below 0, too (section 11.5).
    """

    codec: str
    parameters: int
    boards: int
    statistics: bool
    shares: bool = False

    @property
    def levels(self) -> int:
        """Levels of a lane, less one; 0 with float32."""
        return CODECS[self.codec]

    @property
    def words(self) -> int:
        """Number of words."""
        return _WORDS + _STATISTICS * self.statistics

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return -(-self.parameters // _COLUMN) * _COLUMN if self.levels else self.parameters

    @property
    def bits(self) -> int:
        """Bits of a lane: enough for the sum over all boards."""
        return (self.levels * self.boards).bit_length() if self.levels else 32

    @property
    def size(self) -> int:
        """Bytes of a hidden delta."""
        return _WORD_SIZE * self.words + -(-self.bits * self.lanes // 8)

    def read(self, blob: bytes) -> Hidden:
        """Take a blob of ``size`` bytes apart."""
        head = _WORD_SIZE * self.words
        words = np.frombuffer(blob[:head], "<u4").astype(np.uint64)
        bits = np.unpackbits(np.frombuffer(blob[head:], np.uint8), bitorder="little")
        rows = bits[: self.bits * self.lanes].reshape(self.lanes, self.bits).astype(np.uint64)
        return Hidden(self, words, rows @ (np.uint64(1) << np.arange(self.bits, dtype=np.uint64)))

    def mask(self, key: bytes) -> Hidden:
        """Return the mask that a key of 16 bytes stands for."""
        return self.read(_core.chacha20(2 * key, 0, 0, bytes(self.size)))


@dataclass(frozen=True, eq=False)
class Hidden:
    """Words and lanes, of one delta or of a sum, hidden or not.

    Attributes:
        form: Their form.
        words: uint64 [words], below 2^32.
        lanes: uint64 [lanes], below 2^bits.
    """

    form: Form
    words: Numbers
    lanes: Numbers

    @classmethod
    def nothing(cls, form: Form) -> Self:
        """Return the sum of no deltas."""
        return cls(form, np.zeros(form.words, np.uint64), np.zeros(form.lanes, np.uint64))

    def plus(self, other: Hidden) -> Hidden:
        """Return the sum, modulo 2^32 and 2^bits."""
        return self._reduced(self.words + other.words, self.lanes + other.lanes)

    def minus(self, other: Hidden) -> Hidden:
        """Return the difference, likewise."""
        return self._reduced(self.words - other.words, self.lanes - other.lanes)

    def _reduced(self, words: Numbers, lanes: Numbers) -> Hidden:
        # uint64 wraps around at 2^64, which both moduli divide.
        return Hidden(
            self.form,
            words & np.uint64(2**32 - 1),
            lanes & np.uint64(2**self.form.bits - 1),
        )
