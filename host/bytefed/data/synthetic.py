"""A task of any number of clients, made up: int8 features around one point a class."""

from __future__ import annotations

import numpy as np

from bytefed.data.partition import Partition
from bytefed.data.task import Samples, Task
from bytefed.extractor.quantization import Quantization

NAME = "synthetic"
D, CLASSES = 64, 10
SAMPLES = 32
"""Of each client, all to train on."""
TEST = 2_000
_BLOCK = 1 << 16  # samples made at a time, so that no more memory is needed than they take


def make(clients: int, seed: int) -> tuple[Task, Partition]:
    """Samples of D features for each client, and who has which.

    Made for measuring: what is learnt is easy, and as much work as anything else. The same seed gives the same
    samples, whatever the number of clients is.

    Args:
        clients: N; memory is about 2.1 kB each.
        seed: Of the samples.
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
