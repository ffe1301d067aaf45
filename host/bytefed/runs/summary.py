"""summary.json: the results of a run, in the same words for boards and simulations."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bytefed.ledger.rows import SESSION_PHASES, Phase, RoundSummary
from bytefed.runs.json_file import write_json
from bytefed.runs.store import Store

Summary = Mapping[str, Any]

SUMMARY = "summary.json"

LAST_ROUND = "last round"
"""The round with which a run ended that its budget ended, as the store keeps it."""


@dataclass(frozen=True)
class Subject:
    """The subject of a run, known before it has any results.

    Attributes:
        run: The run's number.
        task: Name of the task.
        features, classes: D and C of the head.
        class_names: The name of each class; empty where the data know them by number alone.
        boards: Number of clients.
        config: The resolved configuration, key to value.
        seeds: The run's seed and what was drawn from it.
        versions: Versions of bytefed and of the packages that results depend on.
        commands: The command line that the run began with, and those that went on with it; none for this process's.
    """

    run: int
    task: str
    features: int
    classes: int
    class_names: Sequence[str]
    boards: int
    config: Mapping[str, Any]
    seeds: Mapping[str, Any]
    versions: Mapping[str, str]
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """The results of a run.

    Attributes:
        complete: Whether all rounds were run.
        rounds: The closed rounds, in order.
        participants: Deltas that were applied, over all rounds.
        late: Deltas that came after their round was closed.
        failed: Clients that were asked and delivered no usable delta, over all rounds.
        away: The boards that were not there at the end, by name.
        open_boards: Number of boards with a link that was OPEN at any time.
        accuracy_boards: Accuracy of the last head on the clients' own test samples, 0 to 1; None if not known.
        accuracy_personal: Accuracy there of the clients' personal heads, 0 to 1; None if not known.
        accuracy_central: Accuracy of the central reference, 0 to 1; None if it was not trained.
        sums: The sums over the ledger rows of each phase (``csv_files.totals``).
        seconds_wall: Duration of the run, seconds.
    """

    complete: bool
    rounds: Sequence[RoundSummary]
    participants: int
    late: int
    failed: int
    away: Sequence[str]
    open_boards: int
    accuracy_boards: float | None
    accuracy_personal: float | None
    accuracy_central: float | None
    sums: Mapping[Phase, Mapping[str, Any]]
    seconds_wall: float


def command_line() -> str:
    """Return the command line of this process."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def complete_summary(store: Store, rounds: int) -> Summary | None:
    """Return the summary of a run that is complete; None where anything is left to do.

    Args:
        store: The run.
        rounds: Number of rounds that it is to have.
    """
    done, _ = store.head()
    if done < min(rounds, int(store.meta(LAST_ROUND) or rounds)):
        return None
    try:
        summary = json.loads((store.directory / SUMMARY).read_text(encoding="utf-8"))
        known = (summary["run"], summary["complete"], summary["rounds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is written anew
    return cast(Summary, summary) if known == (f"{store.run:08x}", True, done) else None


def write_summary(directory: Path, subject: Subject, result: Result, extra: Summary | None = None) -> Summary:
    """Write summary.json (SPEC.md section 8).

    Args:
        directory: The run directory.
        subject: The subject of the run.
        result: The results of the run.
        extra: Entries that only a run of this kind has.

    Returns:
        The content of the file.

    Raises:
        StoreError: The directory can't be written to.
    """
    last = result.rounds[-1] if result.rounds else None
    summary = {
        "run": f"{subject.run:08x}",
        "complete": result.complete,
        "task": subject.task,
        "features": subject.features,
        "classes": subject.classes,
        "class_names": list(subject.class_names),
        "boards": subject.boards,
        "rounds": len(result.rounds),
        "participants": result.participants,
        "late": result.late,
        "failed": result.failed,
        "away": list(result.away),
        "open_boards": result.open_boards,
        "accuracy_final": last.accuracy_global if last else None,
        "loss_final": last.loss_global if last else None,
        "accuracy_central": result.accuracy_central,
        "accuracy_boards_final": result.accuracy_boards,
        "accuracy_personal_final": result.accuracy_personal,
        **result.sums["round"],
        "estimate_exact": all(sums["estimate_exact"] for sums in result.sums.values()),
        "sessions": {phase: result.sums[phase] for phase in SESSION_PHASES},
        **(extra or {}),
        "seconds_rounds": round(sum(row.seconds for row in result.rounds), 3),
        "config": subject.config,
        "seeds": subject.seeds,
        "versions": subject.versions,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": subject.commands[0] if subject.commands else command_line(),
        "resumed": list(subject.commands[1:]),
        "seconds_wall": round(result.seconds_wall, 3),
    }
    write_json(directory / SUMMARY, summary)
    return summary
