"""The findings of an audit: what an attack got, in words and numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from bytefed.audit.epsilon import CONFIDENCE, Guesses
from bytefed.data.task import Samples


class Outcome(Protocol):
    """The outcome of an attack."""

    @property
    def words(self) -> str:
        """The outcome for people."""

    @property
    def short(self) -> str:
        """The same in a cell of a table."""

    def document(self) -> dict[str, Any]:
        """Return the outcome for programs."""


@dataclass(frozen=True)
class Read:
    """The samples that were read.

    Attributes:
        samples: Number of samples that the attacked boards hold.
        exact: Those of which every feature and the label were read without an error.
        labels: Those of which the label was read.
        likeness: Mean correlation of the features read with the true ones, -1 to 1; 0 where nothing was read.
    """

    samples: int
    exact: int
    labels: int
    likeness: float

    @classmethod
    def of(cls, truth: Samples, read: Samples) -> Read:
        """Compare samples with those that were read, each with its own.

        Args:
            truth: n samples.
            read: Samples that the attacker took for them, in the same order.
        """
        labels = truth.labels == read.labels
        exact = labels & (truth.features == read.features).all(axis=1)
        return cls(len(truth), int(exact.sum()), int(labels.sum()), _likeness(truth, read))

    @property
    def words(self) -> str:
        """The outcome for people."""
        return (
            f"{self.exact:,} of {self.samples:,} samples read exactly, {self.labels:,} labels, "
            f"likeness {self.likeness:.2f}"
        )

    @property
    def short(self) -> str:
        """The same in a cell of a table."""
        return f"{self.exact:,} of {self.samples:,}, {self.labels:,} labels"

    def document(self) -> dict[str, Any]:
        """Return the outcome for programs."""
        return {"kind": "samples", **asdict(self)}


def _likeness(truth: Samples, read: Samples) -> float:
    a, b = (part.features.astype(np.float64) for part in (truth, read))
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (a, b))
    norms = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return float(np.divide((a * b).sum(axis=1), norms, out=np.zeros(len(a)), where=norms > 0).mean())


@dataclass(frozen=True)
class Told:
    """How well members of the data were told from others.

    Attributes:
        members, others: Numbers of samples of each kind.
        auc: Probability that a member looks more like one than another sample does; 0.5 by chance.
        error: Half of the interval that holds auc with a probability of 95 %.
        found: Fraction of the members that are found while 1 % of the others are taken for members, at most.
    """

    members: int
    others: int
    auc: float
    error: float
    found: float

    @property
    def words(self) -> str:
        """The outcome for people."""
        return f"AUC {self.auc:.3f} ± {self.error:.3f}, finds {100 * self.found:.1f} % at 1 % false alarms"

    @property
    def short(self) -> str:
        """The same in a cell of a table."""
        return f"AUC {self.auc:.3f} ± {self.error:.3f}"

    def document(self) -> dict[str, Any]:
        """Return the outcome for programs."""
        return {"kind": "membership", **asdict(self)}


@dataclass(frozen=True)
class Bound:
    """A lower bound of epsilon.

    Attributes:
        epsilon: The bound; it holds with a probability of 95 %.
        guesses: The guesses that it follows from.
        most: The bound that so many canaries can give at most.
    """

    epsilon: float
    guesses: Guesses
    most: float

    @property
    def words(self) -> str:
        """The outcome for people."""
        made = f"{self.guesses.right:,} of {self.guesses.made:,} guesses right"
        shown = f"of {self.most:.2f} that can be shown, {100 * CONFIDENCE:.0f} % sure"
        return f"epsilon at least {self.epsilon:.2f} ({shown}): {made}"

    @property
    def short(self) -> str:
        """The same in a cell of a table."""
        return f"epsilon >= {self.epsilon:.2f}"

    def document(self) -> dict[str, Any]:
        """Return the outcome for programs."""
        known = {"epsilon": self.epsilon, "most": self.most, "confidence": CONFIDENCE}
        return {"kind": "epsilon", **known, **asdict(self.guesses)}


@dataclass(frozen=True)
class Finding:
    """The result of one attack.

    Attributes:
        name: The attack.
        attacker: The kind of attacker that can play it.
        how: The attack in one or two sentences.
        rounds: Rounds that it took.
        bytes: Bytes of these rounds on the wire, both ways, all boards.
        outcome: The outcome; None where boards refused.
        control: The outcome of the same attack where there is nothing to get.
        refused: The boards' answer, where they refused to take part.
    """

    name: str
    attacker: str
    how: str
    rounds: int
    bytes: int
    outcome: Outcome | None
    control: Outcome | None = None
    refused: str = ""

    @property
    def words(self) -> str:
        """The outcome for people."""
        return self.outcome.words if self.outcome else f"nothing: {self.refused}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The finding as a row of a table: see HEADINGS."""
        got = self.outcome.short if self.outcome else "refused"
        control = self.control.short if self.control else "-"
        return self.name, self.attacker, f"{self.rounds:,}", f"{self.bytes:,}", got, control

    def document(self) -> dict[str, Any]:
        """Return the finding for programs."""
        return {
            "attack": self.name,
            "attacker": self.attacker,
            "rounds": self.rounds,
            "bytes": self.bytes,
            "refused": self.refused or None,
            "outcome": self.outcome and self.outcome.document(),
            "control": self.control and self.control.document(),
        }


HEADINGS = ("attack", "attacker", "rounds", "bytes", "got", "control")
"""The titles of ``Finding.cells``."""

ATTACKERS = (
    "Malicious coordinator: chooses CONFIG and heads. Curious coordinator: plays by the rules and looks at what it "
    "gets, as whoever has run.db can. Control: what the same attack gets where there is nothing to get."
)
"""The words of ``Finding.cells``."""
