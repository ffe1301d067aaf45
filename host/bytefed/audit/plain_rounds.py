"""The attack of a coordinator that asks for rounds without a run's protection between those with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from bytefed.audit.boards import Ask, Boards
from bytefed.audit.finding import Finding, Read
from bytefed.audit.reading import (
    ALLOWED,
    Progress,
    held_by,
    joined,
    others,
    rounds_for,
    single_steps,
    solved,
    told,
)
from bytefed.audit.subject import Subject
from bytefed.data.task import Samples
from bytefed.errors import BoardError

_ANSWERS = {
    "E_BOARD_NO_NOISE": "a board with a privacy budget trains with noise alone",
    "E_BOARD_NO_MASKS": "a board of a masked run trains with masks alone",
}
_SECOND = 2  # round: the first is one as the run has it


def in_between(subject: Subject, clients: Sequence[int], tell: Progress) -> Finding:
    """Read the samples of boards from rounds without noise and without masks, after a round as the run has them.

    That round gives a board its privacy budget; the others are those of ``reading.weighted``, in a new session. Where
    deltas are hidden, asking for a point makes a board's run a masked one.

    Args:
        subject: The run.
        clients: Clients whose boards are attacked.
        tell: Is told of the progress.
    """
    whole = sum(rounds_for(len(each)) for client in clients for each in held_by(subject, [client]))
    truth: list[Samples] = []
    read: list[Samples] = []
    rounds = wire = 0
    refused = ""
    for client in clients:
        held = held_by(subject, [client])
        with Boards(subject, held) as lab:
            try:
                read.append(_read(subject, lab, client, held, partial(told, tell, rounds, whole)))
                truth += held
            except BoardError as error:
                if error.code not in _ANSWERS:
                    raise
                refused = f"{_ANSWERS[error.code]} ({error.code})"
            rounds, wire = rounds + lab.rounds, wire + lab.bytes
        if refused:
            break
    return Finding(
        "plain rounds in between",
        "malicious coordinator",
        "A board gets a budget or masks as in this run; then weighted gradients without noise and without masks.",
        rounds,
        wire,
        None if refused else Read.of(joined(truth), joined(read)),
        None if refused else Read.of(others(subject, len(joined(truth))), joined(read)),
        refused,
    )


def _read(
    subject: Subject, lab: Boards, client: int, held: Sequence[Samples], tell: Callable[[int], None]
) -> Samples:
    if subject.protection.sums:
        lab.mask()
    else:
        lab.round(1, subject.recorded.heads[0], [Ask(0, subject.training.plan(1, client))])
        lab.reconnect()  # as long as a session lasts, its NOISE is that of all its rounds
    plain = replace(single_steps(subject, client, ALLOWED), noise=None)
    return solved(subject, lab, held, [plain], tell, _SECOND)
