"""Bytes to an accuracy: the one figure by which sweeps, reports and their pages compare runs.

A run is measured by a reference with the same seed: the target is a share of the accuracy that the reference ends with,
and the figure is the number of bytes that a board had sent and received when the target was reached. Connecting is
included; samples and the evaluation after the last round are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

LAST = 5
"""Rounds whose mean is the accuracy that a run ends with; the last fifth of a run of less than 25 rounds."""

IN_A_ROW = 3
"""Number of successive rounds that have to reach a target, so that one lucky round does not count."""

SHARES = (0.95, 0.99)
"""Shares of the reference's final accuracy that are targets."""


def final_accuracy(accuracy: Sequence[float | None]) -> float | None:
    """Return the accuracy that a run ends with, the mean of its last rounds; None where none is known.

    Args:
        accuracy: Accuracy of each round, 0 to 1; None where it is not known.
    """
    last = min(LAST, max(1, len(accuracy) // 5))
    known = [value for value in accuracy[-last:] if value is not None]
    return fmean(known) if known else None


def bytes_to(target: float, accuracy: Sequence[float | None], wire: Sequence[float]) -> float | None:
    """Return the bytes until an accuracy reaches a target and stays there for IN_A_ROW rounds; None for never.

    Args:
        target: Accuracy, 0 to 1.
        accuracy: Accuracy of each round; None where it is not known, which reaches no target.
        wire: Bytes up to the end of each round, equally many.
    """
    in_a_row = 0
    for index, value in enumerate(accuracy):
        in_a_row = in_a_row + 1 if value is not None and value >= target else 0
        if in_a_row == IN_A_ROW:
            return wire[index - IN_A_ROW + 1]
    return None
