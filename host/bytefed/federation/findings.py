"""What a run's summary says beyond figures: who has which labels, and which classes the last head takes for which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.federation.assignment import Assignment
from bytefed.federation.evaluation import predict
from bytefed.federation.held import NO_REFERENCE, HeldSamples
from bytefed.head import Head

MOST_CLIENTS = 256
"""Clients beyond which a summary says nothing about those that come after."""

Tests = Iterable[tuple[int, str, int, int, int | None]]
"""Round, client, own test samples that the head of the round classifies correctly, how many the client has, and how
many its personal head classifies correctly."""


def findings(assignment: Assignment, head: Head, names: Sequence[str], tests: Tests = ()) -> dict[str, Any]:
    """Return the entries of summary.json (SPEC.md section 8) that need the data.

    Args:
        assignment: The task that was learnt, and the samples of each client.
        head: float32 [P], the last global head.
        names: Names of the clients, in their order.
        tests: The results of the clients on their own test samples.
    """
    task, partition = assignment.task, assignment.partition
    clients: dict[str, dict[str, Any]] = {
        name: {
            "train": _counts(task.federated.labels[partition.train(client)], task.num_classes),
            "test": _counts(task.federated.labels[partition.test(client)], task.num_classes),
        }
        for client, name in enumerate(names[:MOST_CLIENTS])
    }
    _add_tests(clients, tests)
    pairs = task.test.labels.astype(np.int64) * task.num_classes + predict(task, head, task.test)
    confusion = np.bincount(pairs, minlength=task.num_classes**2).reshape(task.num_classes, -1)
    return {
        "class_names": list(task.classes),
        "test_samples": len(task.test),
        "confusion": confusion.tolist(),
        "clients": clients,
    }


def findings_held(held: HeldSamples, names: Sequence[str], tests: Tests = ()) -> dict[str, Any]:
    """Return these entries for a run on what boards hold, and why it has neither test set nor reference."""
    told = held.clients()
    clients: dict[str, dict[str, Any]] = {
        name: dict(told[name]) for name in names[:MOST_CLIENTS] if name in told
    }
    _add_tests(clients, tests)
    return {"no_reference": NO_REFERENCE, "clients": clients}


def _add_tests(clients: dict[str, dict[str, Any]], tests: Tests) -> None:
    for number, name, correct, tested, personal in tests:
        for entry, right in (("accuracy_test", correct), ("accuracy_personal", personal)):
            if name in clients and tested and right is not None:
                clients[name].setdefault(entry, {})[str(number)] = round(right / tested, 6)


def _counts(labels: NDArray[np.uint8], classes: int) -> list[int]:
    return [int(count) for count in np.bincount(labels, minlength=classes)]
