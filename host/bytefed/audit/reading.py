"""Attacks that read samples out of what boards send."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from bytefed import _core
from bytefed.audit.boards import Ask, Boards
from bytefed.audit.finding import Finding, Read
from bytefed.audit.gradients import Layer, Values
from bytefed.audit.subject import Subject
from bytefed.data.task import Samples
from bytefed.device.plan import TrainingPlan
from bytefed.errors import BoardError

Progress = Callable[[int, int], None]
"""Is told how many steps of an attack are done, and of how many."""

WHOLE, ALLOWED = 1.0, 0.01
"""Pulls (rate * proximal_mu) of a head back to the global one: the whole way, and the most that boards accept."""

MOST = 400
"""Most samples that boards hold in one system of equations: more take more rounds, and no other attack."""

_RATE = 2.0**-20
"""A step size so small that all gradients of a round are those at the head that was sent."""

_SPENT = "E_BOARD_BUDGET_SPENT"  # boards that add noise answer only so often
_REFUSALS = ("E_BOARD_BAD_VALUE", _SPENT)
_MORE = 1.25  # rounds a sample: so many equations that rounding errors do not grow
_SINGLES = 32


def weighted(subject: Subject, boards: Sequence[int], pull: float, tell: Progress) -> Finding:
    """Read the samples of boards from gradients that the pull of FedProx weighs by their place in the round.

    With batch 1 and a tiny rate, a delta is the sum of all samples' gradients, each times (1 - pull)^k for the k steps
    after it. The coordinator knows the order, since it gave the seed; each round has another. So each round is one
    equation more about the same gradients, and a linear system has the rest. With a pull of 1 all weights but the last
    are 0: each round is one sample's gradient.

    Args:
        subject: The run.
        boards: Clients whose boards are attacked.
        pull: rate * proximal_mu.
        tell: Is told of the progress.
    """
    groups = [list(boards)] if subject.protection.sums else [[client] for client in boards]
    held = [held_by(subject, group) for group in groups]
    whole = sum(rounds_for(sum(map(len, each))) for each in held)
    truth: list[Samples] = []
    read: list[Samples] = []
    rounds = wire = done = 0
    refused = ""
    for group, each in zip(groups, held, strict=True):
        truth.extend(each)
        with Boards(subject, each) as lab:
            try:
                plans = [single_steps(subject, client, pull) for client in group]
                read.append(solved(subject, lab, each, plans, partial(told, tell, done, whole)))
            except BoardError as error:
                if error.code not in _REFUSALS:
                    raise
                refused = f"boards refuse this CONFIG ({error.code})"
            rounds, wire, done = rounds + lab.rounds, wire + lab.bytes, done + lab.rounds
        if refused:
            break
    all_of = joined(truth)
    return Finding(
        "single-sample gradients" if pull == WHOLE else "weighted gradients",
        "malicious coordinator",
        f"CONFIG with batch 1 and rate * proximal_mu = {pull:g}; a system of linear equations over the rounds.",
        rounds,
        wire,
        None if refused else Read.of(all_of, joined(read)),
        None if refused else Read.of(others(subject, len(all_of)), joined(read)),
        refused,
    )


def told(tell: Progress, before: int, whole: int, step: int) -> None:
    """Tell of a step beside those before it; never of more than the whole."""
    tell(min(before + step, whole), whole)


def held_by(subject: Subject, group: Sequence[int]) -> list[Samples]:
    """Return the samples of each of a group of boards, as many as one system of equations takes."""
    most = max(1, MOST // len(group))
    held = [subject.samples(client) for client in group]
    return [each.take(np.arange(min(len(each), most))) for each in held]


def rounds_for(samples: int) -> int:
    """Return the rounds that make equations enough for so many samples."""
    return math.ceil(_MORE * samples) + 8


def solved(
    subject: Subject,
    lab: Boards,
    held: Sequence[Samples],
    plans: Sequence[TrainingPlan],
    tell: Callable[[int], None],
    first: int = 1,
) -> Samples:
    """Return what the samples of boards are taken for, whose deltas are seen together.

    Args:
        subject: The run.
        lab: The boards.
        held: The samples of each.
        plans: Plans in steps of one sample, one for each board.
        tell: Is told of each round.
        first: The first round of the attack.

    Raises:
        BoardError: A board refuses to take part.
    """
    head = np.zeros(subject.layer.parameters, np.float32)
    asks = [Ask(place, plan) for place, plan in enumerate(plans)]
    equations: list[Values] = []
    sums: list[Values] = []
    for number in range(first, first + rounds_for(sum(map(len, held)))):
        try:
            seen = lab.round(number, head, asks)
        except BoardError as error:
            if error.code != _SPENT or not sums:
                raise
            break  # what was heard so far has to do
        sums += [each.delta / _RATE for each in seen]
        equations += [
            np.concatenate([_weights(plans[place], number, len(held[place])) for place in each.boards])
            for each in seen
        ]
        tell(number)
    return _read(subject.layer, np.array(equations), np.array(sums))


def _read(layer: Layer, equations: Values, sums: Values) -> Samples:
    """Return the samples whose weighted gradients add up to the sums, all at a head of zeros.

    First the labels, from the biases: one unknown for each sample and class. A head of zeros takes all classes for
    equally likely, so with the label the error is known by which a sample went into each class's weights; then the
    samples themselves are the only unknowns. The second step also parts boards of which only the sum is known.

    Args:
        layer: The form of heads.
        equations: float64 [r, n], how much of each sample's gradient is in each sum.
        sums: float64 [r, P].
    """
    weights, bias = layer.parts(sums)
    told, *_ = np.linalg.lstsq(equations, bias, rcond=None)
    labels = told.argmax(axis=1)
    errors = np.eye(layer.classes)[labels] - 1 / layer.classes
    by_class = np.einsum("rn,nc->rcn", equations, errors).reshape(-1, len(labels))
    real, *_ = np.linalg.lstsq(by_class, weights.transpose(0, 2, 1).reshape(-1, layer.features), rcond=None)
    return layer.coded(real, labels)


def single_steps(subject: Subject, client: int, pull: float) -> TrainingPlan:
    """Return a plan of one pass in steps of one sample, each of which begins with a pull to the global head."""
    plan = subject.training.plan(1, client)
    return replace(
        plan,
        codec_down="float32",
        codec_up="float32",
        epochs=1,
        batch=1,
        rate=_RATE,
        proximal_mu=float(np.float32(pull) / np.float32(_RATE)),
        personal=False,
    )


def _weights(plan: TrainingPlan, number: int, count: int) -> Values:
    """Return how much of each sample's gradient is left in the delta of a round, float64 [count]."""
    pull = float(np.float32(plan.rate) * np.float32(plan.proximal_mu))
    weights = np.empty(count)
    weights[_core.shuffled(plan.seed, number, 0, count)] = (1.0 - pull) ** np.arange(count - 1, -1, -1)
    return weights


def singles(subject: Subject, seed: int, tell: Progress) -> Finding:
    """Read the sample of boards that hold a single one, from rounds as the run has them.

    Each step's gradient is a multiple of (x, 1), so their sum is, too, whatever the epochs; a lossy codec makes up for
    its errors in later rounds, so what was decoded in all rounds adds up to it as well.
    """
    pool = subject.members()
    chosen = np.sort(np.random.default_rng(seed).permutation(len(pool))[:_SINGLES])
    held = [pool.take(chosen[place : place + 1]) for place in range(len(chosen))]
    rounds = 1 if subject.training.codec_up == "float32" else subject.rounds
    total = np.zeros((len(held), subject.layer.parameters))
    with Boards(subject, held) as lab:
        for number in range(1, rounds + 1):
            plans = [subject.training.plan(number, place) for place in range(len(held))]
            asks = [Ask(place, plan) for place, plan in enumerate(plans)]
            for each in lab.round(number, subject.recorded.heads[number - 1], asks):
                total[list(each.boards)] += each.delta
            tell(number, rounds)
        read = subject.layer.read(total)
        truth = joined(held)
        return Finding(
            "boards with one sample",
            "curious coordinator",
            f"Rounds as this run has them ({subject.training.codec_up}), if a board had one sample to train on.",
            lab.rounds,
            lab.bytes,
            Read.of(truth, read),
            Read.of(others(subject, len(truth)), read),
        )


def joined(parts: Sequence[Samples]) -> Samples:
    """Return samples in one."""
    return Samples(
        np.concatenate([part.features for part in parts]), np.concatenate([part.labels for part in parts])
    )


def others(subject: Subject, count: int) -> Samples:
    """Return samples of the global test set, which no board ever had, repeated where there are too few."""
    return subject.task.test.take(np.arange(count) % len(subject.task.test))
