"""A made-up task for any number of clients: int8 features around one point for each class."""

from __future__ import annotations

import numpy as np

from bytefed.data.partition import Partition
from bytefed.data.task import Samples, Task
from bytefed.extractor.quantization import Quantization

NAME = "synthetic"
D, CLASSES = 64, 10
SAMPLES = 32
"""Samples of each client; it trains on all of them."""
TEST = 2_000
_BLOCK = 1 << 16  # samples made at a time, so that no more memory is needed than they take


def make(clients: int, seed: int) -> tuple[Task, Partition]:
    """Make a task with samples for each client, and its partition.

    It is made for measuring: easy to learn, but as much work as any other task. The same seed gives the same samples
    for any number of clients.

    Args:
        clients: N, the number of clients; each takes about 2.1 kB of memory.
        seed: Seed of the samples.
    """
    random = np.random.default_rng(seed)
    points = random.integers(-16, 17, (CLASSES, D), np.int8)
    test = _draw(random, points, TEST)
    count = clients * SAMPLES
    features, labels = np.empty((count, D), np.int8), np.empty(count, np.uint8)
    for first in range(0, count, _BLOCK):
        block = _draw(random, points, min(_BLOCK, count - first))
        features[first : first + len(block)] = block.features
        labels[first : first + len(block)] = block.labels
    task = Task(
        name=NAME,
        federated=Samples(features, labels),
        test=test,
        num_classes=CLASSES,
        quantization=Quantization(1 / 64, 0),
    )
    bounds = np.arange(clients + 1, dtype=np.int64) * SAMPLES
    return task, Partition(np.arange(count, dtype=np.int32), bounds, np.zeros(clients, np.int64))


def _draw(random: np.random.Generator, points: np.ndarray, count: int) -> Samples:
    labels = random.integers(0, CLASSES, count, np.uint8)
    noise = random.integers(-40, 41, (count, D), np.int8)
    return Samples(points[labels] + noise, labels)
