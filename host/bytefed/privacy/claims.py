"""The words of what a run with noise claims, takes for granted, and leaves out, for each unit that it protects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Words:
    """The words about one unit.

    Attributes:
        unit: The unit.
        claim: The claim, with places for epsilon and delta.
        not_claimed: Things that it does not claim.
        assumptions: Assumptions of the claim.
    """

    unit: str
    claim: str
    not_claimed: tuple[str, ...]
    assumptions: tuple[str, ...]

    def entry(self, epsilon: float, delta: float) -> dict[str, Any]:
        """Return the words for summary.json and for pages."""
        return {
            "claim": self.claim.format(epsilon=epsilon, delta=delta),
            "assumptions": list(self.assumptions),
            "not_claimed": list(self.not_claimed),
        }


SAMPLE = Words(
    "one sample",
    "from its board's budget on, each sample's influence on everything that leaves the board in this run is bounded by "
    "epsilon {epsilon:g} and delta {delta:g}, whoever listens, if the board's source of randomness and its firmware "
    "are honest",
    (
        "what a board told before its budget, such as the checksum of its samples when the run connected",
        "privacy for a person with many samples",
        "privacy of numbers of samples, in all or by label, which are public",
        "anything across runs unless the board's budget goes on",
        "anything for epsilon above 10",
        "privacy for a whole board",
        "anything that durations tell",
    ),
    (
        "neighbours differ in one sample that is replaced by nothing; a sample that is replaced by another counts as "
        "two",
        "each sample is on one board alone",
        "settings were not chosen by looking at these samples",
    ),
)
BOARD = Words(
    "a whole board",
    "the influence of all that a board has learnt on the sums of this run, and on all that is made of them, is bounded "
    "by epsilon {epsilon:g} and delta {delta:g}, if the coordinator keeps to the rules of secure sums and three "
    "quarters of the boards make their noise honestly and keep their keys to themselves",
    (
        "protection from a coordinator that invents boards, or that lies about who is in a sum",
        "protection from neighbours that hand the keys of their masks to whoever reads the coordinator's memory",
        "privacy of numbers of samples, and of who took part",
        "anything across runs unless the board's budget goes on",
        "anything for epsilon above 10, or for fewer than 64 boards",
        "privacy for a person with samples on several boards",
        "anything that durations tell",
    ),
    (
        "neighbours differ in one board that takes part and learns nothing",
        "of the boards asked for each sum at least three quarters, and never fewer than 48, make their noise honestly; "
        "those that tell theirs count as lost",
        "of each sum, boards that keep their masks' keys to themselves are connected as neighbours and make the whole "
        "noise (ceil(3n/4) of them)",
        "settings were not chosen by looking at these samples",
    ),
)
