"""All attacks on a run, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bytefed.audit import canaries, membership, plain_rounds, reading
from bytefed.audit.finding import Finding
from bytefed.audit.protection import Protection
from bytefed.audit.reading import ALLOWED, WHOLE, Progress
from bytefed.audit.replay import Replay, replay
from bytefed.audit.subject import Subject

Watcher = Callable[[str, int, int], None]
"""Is told of the attack under way, how many of its steps are done, and of how many."""


@dataclass(frozen=True)
class Effort:
    """The size of an audit.

    Attributes:
        boards: Most boards that are attacked: the first of the run.
        canaries: Most canaries.
        seed: Seed of all that is drawn.
    """

    boards: int = 8
    canaries: int = 400
    seed: int = 1


@dataclass
class Audit:
    """An audit, as far as it went.

    Attributes:
        subject: The run.
        effort: Its size.
        findings: The results of the attacks, in their order.
        replayed: The run's rounds once more; None before they were played.
        complete: Whether all attacks were played to their end.
    """

    subject: Subject
    effort: Effort
    findings: list[Finding] = field(default_factory=list)
    replayed: Replay | None = None
    complete: bool = False

    @property
    def clients(self) -> range:
        """The clients whose boards are attacked."""
        return range(min(self.effort.boards, len(self.subject.partition)))

    @property
    def holds(self) -> bool:
        """Whether no attack has shown more than the run's settings promise."""
        return self.subject.protection.verdict(self.findings)[0]

    @property
    def verdict(self) -> str:
        """The result in words."""
        return self.subject.protection.verdict(self.findings)[1]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how far the audit can be trusted."""
        subject, effort = self.subject, self.effort
        attacked, all_of = len(self.clients), len(subject.partition)
        found = [
            f"{attacked} of {all_of} boards, {subject.rounds} of {subject.recorded.rounds} rounds, seed {effort.seed}."
        ]
        largest = max(len(subject.partition.train(client)) for client in self.clients)
        if largest > reading.MOST:
            found.append(
                f"Boards hold up to {largest:,} samples; {reading.MOST} of each were to be read, more take more rounds."
            )
        if self.replayed is not None and self.replayed.compared and subject.protection.epsilon is None:
            equal, compared = self.replayed.equal, self.replayed.compared
            found.append(
                f"{equal:,} of {compared:,} deltas of the audit's boards have the bits that run.db holds."
            )
            if not equal:
                found.append(
                    "None is equal: the run's boards had other samples than its settings say, or another core; what"
                    " follows is true of the audit's boards alone."
                )
        if not self.complete:
            found.append("Not complete: ended before all attacks were played.")
        return tuple(found)

    def document(self) -> dict[str, Any]:
        """Return the audit for programs."""
        subject, replayed = self.subject, self.replayed
        return {
            "run": f"{subject.recorded.run:08x}",
            "directory": str(subject.directory),
            "task": subject.task.name,
            "boards": len(self.clients),
            "boards_in_run": len(subject.partition),
            "rounds": subject.rounds,
            "rounds_in_run": subject.recorded.rounds,
            "seed": self.effort.seed,
            "promise": subject.protection.document(),
            "replayed": replayed and {"deltas": replayed.compared, "equal": replayed.equal},
            "findings": [finding.document() for finding in self.findings],
            "holds": self.holds,
            "verdict": self.verdict,
            "complete": self.complete,
        }


def play(subject: Subject, effort: Effort, watch: Watcher, found: Callable[[Finding], None]) -> Audit:
    """Play all attacks; Ctrl-C ends the audit with what was found so far.

    Args:
        subject: The run.
        effort: The size of the audit.
        watch: Is told of the progress.
        found: Is told of each finding at once.
    """
    audit = Audit(subject, effort)
    try:
        for name, attack in _attacks(audit):
            watch(name, 0, 1)
            audit.findings.append(attack(partial(watch, name)))
            found(audit.findings[-1])
        audit.complete = True
    except KeyboardInterrupt:
        pass
    return audit


def _attacks(audit: Audit) -> Iterator[tuple[str, Callable[[Progress], Finding]]]:
    subject, effort, clients = audit.subject, audit.effort, audit.clients
    planted = canaries.Planted.plant(subject, clients, effort.canaries, effort.seed)
    yield "reading single samples", partial(reading.weighted, subject, clients, WHOLE)
    yield "reading weighted gradients", partial(reading.weighted, subject, clients, ALLOWED)
    if subject.protection != Protection():
        yield "reading plain rounds in between", partial(plain_rounds.in_between, subject, clients)
    yield "reading boards with one sample", partial(reading.singles, subject, effort.seed)
    yield "asking the head who was there", lambda _: membership.by_loss(subject)
    yield "asking the deltas who was there", partial(_by_deltas, audit)
    yield "looking for canaries in this run's rounds", partial(canaries.honest, subject, planted)
    yield "looking for canaries by other rounds", partial(canaries.malicious, subject, planted, effort.seed)


def _by_deltas(audit: Audit, tell: Progress) -> Finding:
    subject = audit.subject
    audit.replayed = replay(
        subject, audit.clients, [subject.samples(client) for client in audit.clients], tell
    )
    return membership.by_deltas(subject, audit.replayed)
