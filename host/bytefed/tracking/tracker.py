"""The interface of trackers, and the subject that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Key = bool | int | float | str


@dataclass(frozen=True)
class Subject:
    """The run that is tracked.

    Attributes:
        number: Run number, 8 hexadecimal digits: the same when a run is resumed.
        directory: The run directory.
        keys: The keys of its configuration, the hyperparameters; lists as words with spaces between.
    """

    number: str
    directory: Path
    keys: Mapping[str, Key]

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.directory.resolve().name


class Tracker(Protocol):
    """Writes a run's figures elsewhere. It may raise whatever it likes: it is then left out for the rest of the run."""

    def begin(self, subject: Subject) -> None:
        """Begin with a run, or go on with one that was tracked before."""

    def scalars(self, step: int, values: Mapping[str, float], at: float) -> None:
        """Write figures.

        Args:
            step: The round that they are about.
            values: Figure by name.
            at: The moment at which they were known, seconds since 1970.
        """

    def end(self, *, complete: bool) -> None:
        """Write what is not written yet, and close.

        Args:
            complete: Whether the run reached its end.
        """
