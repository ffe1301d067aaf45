"""The reference: one head trained on all samples in one place, as if no board kept anything to itself.

What federated learning can reach on the same features, so a run reports both. Same loss, same step, same
number of passes over the data; nothing is chosen by looking at the test set.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.data.partition import Partition
from bytefed.data.task import Samples, Task
from bytefed.federation.local_training import LocalTraining
from bytefed.head import Head
from bytefed.seeds import select

MOST_HEADS = 100
"""How many different heads that boards hold are scored after a round."""

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


def train(
    task: Task, samples: Samples, *, epochs: int, batch_size: int, learning_rate: float, seed: int
) -> Head:
    """Train a softmax head by stochastic gradient descent, from zero.

    Args:
        task: Gives D, C and what the features mean.
        samples: What to learn from, n of them: the training parts of all clients, so that nobody has more.
        epochs: Passes over the samples; a fair reference has rounds x local epochs.
        batch_size: Samples a step; the last batch of an epoch may be shorter.
        learning_rate: Step size.
        seed: Seed of the shuffling, 0 to 2^32 - 1.

    Returns:
        float32 [D * C + C]: weights feature-major, then biases (SPEC.md, section 5).
    """
    features = task.quantization.dequantize(samples.features)
    targets = np.eye(task.num_classes, dtype=np.float32)[samples.labels]
    weights = np.zeros((task.D, task.num_classes), np.float32)
    biases = np.zeros(task.num_classes, np.float32)
    random = np.random.RandomState(seed)
    for _ in range(epochs):
        order = random.permutation(len(samples))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            x = features[batch]
            gradient = np.exp(_log_softmax(x @ weights + biases)) - targets[batch]
            gradient *= np.float32(learning_rate / len(batch))
            weights -= x.T @ gradient
            biases -= gradient.sum(axis=0)
    return np.concatenate([weights.ravel(), biases])


def central_accuracy(task: Task, partition: Partition, training: LocalTraining, rounds: int) -> float:
    """Train the central reference and return its accuracy on the task's test set, 0 to 1.

    It sees all clients' training samples, each as often as the clients saw theirs.

    Args:
        task: What the clients learnt.
        partition: Who had which samples.
        training: How the clients trained.
        rounds: For how many rounds.
    """
    everyone = np.concatenate([partition.train(client) for client in range(len(partition))])
    head = train(
        task,
        task.federated.take(everyone),
        epochs=rounds * training.epochs,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=training.seed,
    )
    return evaluate(task, head, task.test).accuracy


def evaluate(task: Task, head: Head, samples: Samples) -> Score:
    """Score a head.

    Args:
        task: Gives D, C and what the features mean.
        head: float32 [D * C + C].
        samples: At least one.
    """
    cut = task.D * task.num_classes
    weights = head[:cut].reshape(task.D, task.num_classes)
    logits = task.quantization.dequantize(samples.features) @ weights + head[cut:]
    losses = -_log_softmax(logits)[np.arange(len(samples)), samples.labels]
    right = logits.argmax(axis=1) == samples.labels
    return Score(float(right.mean()), float(losses.mean(dtype=np.float64)))


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
