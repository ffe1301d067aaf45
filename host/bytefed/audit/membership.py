"""Attacks that tell whether a sample was in the data (membership inference)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bytefed.audit.boards import Seen, by_boards
from bytefed.audit.finding import Finding, Told
from bytefed.audit.gradients import Values
from bytefed.audit.replay import Replay
from bytefed.audit.subject import Subject
from bytefed.data.task import Samples

_FALSE_ALARMS, _RIDGE = 0.01, 0.01


def told(members: Values, others: Values) -> Told:
    """Return how well scores tell members of the data from others.

    Args:
        members: float64 [n], the scores of members, high where a sample looks like one.
        others: float64 [m], those of other samples.
    """
    ranks = np.sort(others)
    below, upto = (np.searchsorted(ranks, members, side=side) for side in ("left", "right"))
    auc = float((below + upto).sum() / 2 / len(members) / len(others))
    allowed = math.floor(_FALSE_ALARMS * len(others))
    threshold = ranks[len(ranks) - 1 - allowed]
    found = float((members > threshold).mean())
    return Told(len(members), len(others), auc, 1.96 * _deviation(auc, len(members), len(others)), found)


def _deviation(auc: float, members: int, others: int) -> float:
    """Return the standard error of an AUC: Hanley and McNeil, Radiology 143 (1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (members - 1) * (q1 - auc * auc) + (others - 1) * (q2 - auc * auc)
    return math.sqrt(max(variance, 0.0) / (members * others))


def by_loss(subject: Subject) -> Finding:
    """Tell the samples of boards from those of the global test set by the loss of the head that the run made.

    Yeom et al., "Privacy Risk in Machine Learning" (CSF 2018). The head is what everybody gets who gets the model.
    """
    layer, head = subject.layer, subject.recorded.last
    members, others = (-layer.losses(head, samples) for samples in (subject.members(), subject.task.test))
    return Finding(
        "membership by loss",
        "who has the head",
        "Samples on which the run's last head has a small loss are taken for members.",
        0,
        0,
        told(members, others),
        told(others[::2], others[1::2]),
    )


def by_deltas(subject: Subject, replay: Replay) -> Finding:
    """Tell a board's samples from those of the global test set by its deltas.

    After Nasr, Shokri and Houmansadr, "Comprehensive Privacy Analysis of Deep Learning" (S&P 2019): the deltas of a
    board go where its samples' gradients go. Here gradients are whitened first, by Kronecker factors (Martens and
    Grosse, "K-FAC", ICML 2015), so that what is common to all samples counts little. Scores are compared within a
    class: else it would be the board's mix of classes that is found, and not its samples.
    """
    pairs = [_scores(subject, boards, seen) for boards, seen in by_boards(replay.seen).items()]
    members, others = (np.concatenate(each) for each in zip(*pairs, strict=True))
    return Finding(
        "membership by deltas",
        "curious coordinator",
        "Samples whose gradients a board's deltas go along with are taken for members of its data; within a class.",
        replay.rounds,
        replay.bytes,
        told(members, others),
        told(others[::2], others[1::2]),
    )


def _scores(
    subject: Subject, boards: tuple[int, ...], seen: Sequence[tuple[int, Seen]]
) -> tuple[Values, Values]:
    """Return the scores of the samples of boards, whose deltas are seen together, and of samples of nobody."""
    test = subject.task.test
    members = subject.task.federated.take(
        np.concatenate([subject.partition.train(client) for client in boards])
    )
    ours, theirs = (_along(subject, samples, seen) for samples in (members, test))
    for label in range(subject.layer.classes):
        same = theirs[test.labels == label]
        known = same if len(same) > 1 else theirs
        mean, deviation = known.mean(), known.std() or 1.0
        for scores, labels in ((ours, members.labels), (theirs, test.labels)):
            scores[labels == label] = (scores[labels == label] - mean) / deviation
    return ours, theirs


def _along(subject: Subject, samples: Samples, seen: Sequence[tuple[int, Seen]]) -> Values:
    """Return how far deltas go along with the whitened gradient of each sample, in lengths of that, float64 [n]."""
    layer, test = subject.layer, subject.task.test
    inputs = layer.inputs(samples)
    of_inputs = _inverse(layer.inputs(test))
    along, length = np.zeros(len(samples)), np.zeros(len(samples))
    for number, each in seen:
        head = subject.recorded.heads[number - 1]
        errors, of_errors = layer.errors(head, samples), _inverse(layer.errors(head, test))
        weights, bias = layer.parts(each.delta)
        delta = of_inputs @ np.vstack([weights, bias]) @ of_errors
        along += ((inputs @ delta) * errors).sum(axis=1)
        length += ((inputs @ of_inputs) * inputs).sum(axis=1) * ((errors @ of_errors) * errors).sum(axis=1)
    return np.asarray(along / np.sqrt(np.maximum(length, 1e-300)))


def _inverse(rows: Values) -> Values:
    """Return the inverse of rows' second moments, with a little added to what would be 0."""
    moments = rows.T @ rows / len(rows)
    return np.asarray(
        np.linalg.inv(moments + _RIDGE * (np.trace(moments) / len(moments) or 1.0) * np.eye(len(moments)))
    )
