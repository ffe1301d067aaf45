"""The promise that a run's settings make about its samples, and what they let a coordinator see of its boards.

An audit asks nothing else of a run's settings: a new means of protection has its line in ``Protection.of``, and
attacks follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bytefed.audit.finding import Bound, Finding, Read
from bytefed.federation.secure_sum import CLAIM, NOT_CLAIMED
from bytefed.privacy.claims import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bytefed.federation.config import RunConfig

SEALING = "Sealing keeps strangers out; it does not keep the coordinator from your samples."


@dataclass(frozen=True)
class Protection:
    """The promise of a run's settings.

    Attributes:
        epsilon, delta: Bounds of each sample's influence on all that leaves a board in the run; None and 0.0 where
            boards add no noise.
        sums: Whether a coordinator sees sums over all boards of a round alone, and no board's own delta.
    """

    epsilon: float | None = None
    delta: float = 0.0
    sums: bool = False

    @classmethod
    def of(cls, config: RunConfig) -> Protection:
        """Return what a run's settings promise: keys that a version does not have promise nothing."""
        keys = vars(config)
        sums = bool(keys.get("secure_sum"))
        return cls(keys["epsilon"], keys["delta"], sums) if keys.get("dp") == "sample" else cls(sums=sums)

    @property
    def words(self) -> str:
        """The promise for people."""
        noise = (
            f"epsilon {self.epsilon:g} at delta {self.delta:g} a sample" if self.epsilon is not None else ""
        )
        sums = "sums of boards alone" if self.sums else ""
        return " and ".join(filter(None, (noise, sums))) or "nothing (no noise, no secure sum)"

    @property
    def claims(self) -> dict[str, dict[str, Any]]:
        """The words of its claims, by their titles, as summary.json has them."""
        found = {}
        if self.epsilon is not None:
            found["Privacy of samples"] = SAMPLE.entry(self.epsilon, self.delta)
        if self.sums:
            found["Secure sums"] = {"claim": CLAIM, "not_claimed": list(NOT_CLAIMED)}
        return found

    def document(self) -> dict[str, Any]:
        """Return the promise for programs."""
        return {"epsilon": self.epsilon, "delta": self.delta, "sums": self.sums}

    def verdict(self, findings: Sequence[Finding]) -> tuple[bool, str]:
        """Return whether the promise held, and the result in a sentence or two.

        No noise that hides a sample lets it be read to the last bit: an attack that reads more samples than chance does
        breaks a promise of noise, as a bound above its epsilon does.

        Args:
            findings: All that attacks got.
        """
        if self.epsilon is None:
            if self.sums:
                return True, "This run has sums of boards alone, and no noise, so epsilon has no upper bound."
            return True, f"This run has no noise and no secure sum, so epsilon has no upper bound. {SEALING}"
        bounds = [each.outcome.epsilon for each in findings if isinstance(each.outcome, Bound)]
        found = max(bounds, default=0.0)
        shown = [text for each in findings if (text := _read(each))]
        if found > self.epsilon:
            shown.append(f"canaries show an epsilon of at least {found:.2f}")
        if shown:
            said = f"the run says epsilon {self.epsilon:g} at delta {self.delta:g}"
            return False, f"The promise does not hold: {said}, and {'; '.join(shown)}."
        return True, (
            f"The run says epsilon {self.epsilon:g} at delta {self.delta:g}; no attack here reads more samples than "
            f"chance does, and canaries show no more than {found:.2f}. An attack that finds little proves nothing; the "
            "promise rests on the arithmetic behind it."
        )


def _read(finding: Finding) -> str:
    """Return the words for samples that an attack read beyond chance; none where it read no more than that."""
    read, control = finding.outcome, finding.control
    if not isinstance(read, Read):
        return ""
    chance = control.exact if isinstance(control, Read) else 0
    if read.exact <= chance:
        return ""
    return f"{finding.name} reads {read.exact:,} of {read.samples:,} samples exactly ({chance:,} by chance)"
