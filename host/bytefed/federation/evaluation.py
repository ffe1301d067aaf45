"""Scores of heads, and the reference: one head trained on all samples in one place.

The reference is what could be reached on the same features if no board kept anything to itself, so a run reports both.
It takes the boards' loss, batches and steps, and as many passes over the data as it needs to converge by a rule that
looks at training samples alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from bytefed.data.partition import Partition
from bytefed.data.task import Samples, Task
from bytefed.federation.local_training import LocalTraining
from bytefed.head import Head
from bytefed.seeds import select

MOST_HEADS = 100
"""How many different heads that boards hold are scored after a round."""

PERIOD = 20
"""Passes over the samples after which the central reference asks whether it still learns."""

FALL = 0.02
"""It goes on while so many passes lower its training loss by this fraction at least."""

MOST_PASSES = 500
"""Passes after which it ends in any case: where classes can be separated the loss falls for ever."""

_PANEL = 0x10000  # number of the draw of the boards that stand for all: no round has it


@dataclass(frozen=True)
class Score:
    """The score of a head on a set of samples.

    Attributes:
        accuracy: Fraction classified correctly, 0 to 1.
        loss: Mean cross-entropy, nats.
    """

    accuracy: float
    loss: float


def passes(
    task: Task, samples: Samples, *, batch_size: int, learning_rate: float, seed: int
) -> Iterator[Head]:
    """Train a softmax head by stochastic gradient descent, from zero, and yield it after each pass; without end.

    Args:
        task: Gives D, C and what the features mean.
        samples: What to learn from, n of them: the training parts of all clients, so that nobody has more.
        batch_size: Samples a step; the last batch of a pass may be shorter.
        learning_rate: Step size.
        seed: Seed of the shuffling, 0 to 2^32 - 1.

    Yields:
        float32 [D * C + C]: weights feature-major, then biases (SPEC.md, section 5).
    """
    features = task.quantization.dequantize(samples.features)
    targets = np.eye(task.num_classes, dtype=np.float32)[samples.labels]
    weights = np.zeros((task.D, task.num_classes), np.float32)
    biases = np.zeros(task.num_classes, np.float32)
    random = np.random.RandomState(seed)
    while True:
        order = random.permutation(len(samples))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            x = features[batch]
            gradient = np.exp(_log_softmax(x @ weights + biases)) - targets[batch]
            gradient *= np.float32(learning_rate / len(batch))
            weights -= x.T @ gradient
            biases -= gradient.sum(axis=0)
        yield np.concatenate([weights.ravel(), biases])


def train(
    task: Task, samples: Samples, *, epochs: int, batch_size: int, learning_rate: float, seed: int
) -> Head:
    """Return the head after so many passes over the samples, at least 1; the rest as for ``passes``."""
    heads = passes(task, samples, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    return next(islice(heads, epochs - 1, None))


def converged(task: Task, samples: Samples, heads: Iterable[Head]) -> Head:
    """Return the head at which training has converged.

    That is when, over PERIOD passes, the mean loss on the samples that it learns from has fallen by less than FALL of
    what it was; after MOST_PASSES it is enough.

    Args:
        task: Gives D, C and what the features mean.
        samples: What it learns from.
        heads: The head after each pass, at least PERIOD of them.
    """
    before = np.inf
    for head in islice(heads, PERIOD - 1, MOST_PASSES, PERIOD):
        loss = evaluate(task, head, samples).loss
        if not loss < (1 - FALL) * before:
            break
        before = loss
    return head


def central_accuracy(task: Task, partition: Partition, training: LocalTraining) -> float:
    """Train the central reference until it has converged and return its accuracy on the task's test set, 0 to 1.

    It sees all clients' training samples, with their batch size and step size. For how many rounds the clients
    train says nothing here.

    Args:
        task: The task that the clients learn.
        partition: The samples of each client.
        training: How the clients train.
    """
    everyone = np.concatenate([partition.train(client) for client in range(len(partition))])
    samples = task.federated.take(everyone)
    heads = passes(
        task,
        samples,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=training.seed,
    )
    return evaluate(task, converged(task, samples, heads), task.test).accuracy


def evaluate(task: Task, head: Head, samples: Samples) -> Score:
    """Score a head.

    Args:
        task: Gives D, C and what the features mean.
        head: float32 [D * C + C].
        samples: At least one.
    """
    logits = _logits(task, head, samples)
    losses = -_log_softmax(logits)[np.arange(len(samples)), samples.labels]
    right = logits.argmax(axis=1) == samples.labels
    return Score(float(right.mean()), float(losses.mean(dtype=np.float64)))


def predict(task: Task, head: Head, samples: Samples) -> NDArray[np.int64]:
    """Return the class that a head takes each sample for, int64 [n]; arguments as for ``evaluate``."""
    return np.asarray(_logits(task, head, samples).argmax(axis=1), np.int64)


def _logits(task: Task, head: Head, samples: Samples) -> NDArray[np.float32]:
    cut = task.D * task.num_classes
    weights = head[:cut].reshape(task.D, task.num_classes)
    return np.asarray(task.quantization.dequantize(samples.features) @ weights + head[cut:], np.float32)


def mean_over_boards(versions: NDArray[np.int64], seed: int, accuracy: Callable[[int], float]) -> float:
    """Return the mean accuracy of the heads that boards hold, 0 to 1.

    Each different head is scored once; where there are more than MOST_HEADS of them, so many boards stand for all.

    Args:
        versions: int64 [n], the number of the head that each board holds.
        seed: The run's seed, which draws those boards.
        accuracy: Scores the head of a number.
    """
    if len(np.unique(versions)) > MOST_HEADS:
        versions = versions[select(seed, _PANEL, range(len(versions)), MOST_HEADS)]
    held, boards = np.unique(versions, return_counts=True)
    scores = (accuracy(head) * count for head, count in zip(held.tolist(), boards.tolist(), strict=True))
    return math.fsum(scores) / len(versions)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """log(softmax) of each row, without overflow."""
    centred = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(centred - np.log(np.exp(centred).sum(axis=1, keepdims=True)), np.float32)
