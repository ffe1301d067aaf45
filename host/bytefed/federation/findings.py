"""What a run's summary says beyond figures: who has which labels, and which classes the last head takes for which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.federation.assignment import Assignment
from bytefed.federation.evaluation import predict
from bytefed.head import Head

MOST_CLIENTS = 256
"""Clients beyond which a summary says nothing about those that come after."""

Tests = Iterable[tuple[int, str, int, int]]
"""Round, client, own test samples that the head of the round classifies correctly, and how many the client has."""


def findings(
    assignment: Assignment, head: Head, names: Sequence[str], tests: Tests = ()
) -> Mapping[str, Any]:
    """Return the entries of summary.json (SPEC.md section 8) that need the data.

    Args:
        assignment: What was learnt, and who has which samples.
        head: float32 [P], the last global head.
        names: Names of the clients, in their order.
        tests: What the clients found on their own test samples.
    """
    task, partition = assignment.task, assignment.partition
    clients: dict[str, dict[str, Any]] = {
        name: {
            "train": _counts(task.federated.labels[partition.train(client)], task.num_classes),
            "test": _counts(task.federated.labels[partition.test(client)], task.num_classes),
        }
        for client, name in enumerate(names[:MOST_CLIENTS])
    }
    for number, name, correct, tested in tests:
        if name in clients and tested:
            clients[name].setdefault("accuracy_test", {})[str(number)] = round(correct / tested, 6)
    pairs = task.test.labels.astype(np.int64) * task.num_classes + predict(task, head, task.test)
    confusion = np.bincount(pairs, minlength=task.num_classes**2).reshape(task.num_classes, -1)
    return {
        "class_names": list(task.classes),
        "test_samples": len(task.test),
        "confusion": confusion.tolist(),
        "clients": clients,
    }


def _counts(labels: NDArray[np.uint8], classes: int) -> list[int]:
    return [int(count) for count in np.bincount(labels, minlength=classes)]
