"""The comparison of an exported classifier with boards: samples that get the same label, and those that do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 0.995
"""The fraction of the test samples on which an int8 head has to agree with boards."""
_MOST_SHOWN = 10


@dataclass(frozen=True)
class Other:
    """A sample that gets another label than from a board.

    Attributes:
        sample: Its number in the global test set, from 0.
        board: The label that a board gives it.
        exported: The label that it gets.
        margin: The board's logit of its label minus that of the other.
    """

    sample: int
    board: str
    exported: str
    margin: float


@dataclass(frozen=True)
class Agreement:
    """The comparison of a classifier with boards.

    Attributes:
        tested: Number of samples, at least 1.
        others: Those with another label, the widest margin first.
        what: The kind of the samples that were compared.
    """

    tested: int
    others: tuple[Other, ...]
    what: str = "test samples"

    @classmethod
    def of(
        cls,
        board: NDArray[np.floating],
        scores: NDArray[Any],
        labels: Sequence[str],
        what: str = "test samples",
    ) -> Agreement:
        """Compare; of equal scores the first counts, on boards and elsewhere.

        Args:
            board: float [n, C], the logits of a board.
            scores: [n, C], those of the classifier.
            labels: The names of the classes.
            what: The kind of the samples that were compared.
        """
        said, found = board.argmax(axis=1), scores.argmax(axis=1)
        others = [
            Other(
                int(row),
                labels[said[row]],
                labels[found[row]],
                float(board[row, said[row]] - board[row, found[row]]),
            )
            for row in np.flatnonzero(said != found)
        ]
        return cls(len(board), tuple(sorted(others, key=lambda other: -other.margin)), what)

    @property
    def fraction(self) -> float:
        """The fraction of the samples that get the board's label."""
        return 1 - len(self.others) / self.tested

    def share(self) -> str:
        """Say how many samples get the board's label."""
        same = self.tested - len(self.others)
        percent = math.floor(1000 * self.fraction) / 10  # never 100 % where one differs
        return f"{same:,} of {self.tested:,} {self.what} ({percent:.1f} %)"

    def sentence(self) -> str:
        """Say it to people, with the samples that differ."""
        text = f"{self.share()} get the label that boards give them"
        if not self.others:
            return text
        shown = [
            f"sample {other.sample}: {other.exported} instead of {other.board}, margin {other.margin:.3g}"
            for other in self.others[:_MOST_SHOWN]
        ]
        left = len(self.others) - len(shown)
        return f"{text}; the others by margin: {'; '.join(shown)}{f'; and {left:,} more' if left else ''}"

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "tested": self.tested,
            "what": self.what,
            "fraction": round(self.fraction, 6),
            "others": [vars(other) for other in self.others],
        }
