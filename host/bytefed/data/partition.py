"""Partitions: ways to divide a data set among clients, each reproducible from a seed.

A client is a board, real, virtual or simulated. The random streams are numpy's legacy RandomState, which
never changes between versions, so a seed always means the same division.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.data.task import Task
from bytefed.errors import ConfigError, counted

SEED = 42
MIN_SAMPLES = 10
TEST_FRACTION = 0.25
KINDS = ("dirichlet", "iid", "shards", "natural")
MAX_DRAWS = 10_000
"""The number of Dirichlet draws after which a setting counts as unreachable."""

Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Partition:
    """A data set divided among N clients; each sample is with one client or with none.

    It has three flat arrays instead of a list for each client, so that a hundred thousand clients take no more
    memory than their samples.

    Attributes:
        order: int32 [samples], indices into the data set, client after client.
        bounds: int64 [N + 1]; client k has order[bounds[k]:bounds[k + 1]].
        test_sizes: int64 [N], sizes of the clients' local tests, which are the first of each client's samples.
    """

    order: Indices
    bounds: NDArray[np.int64]
    test_sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.test_sizes)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of samples of each client, both parts together, int64 [N]."""
        return np.diff(self.bounds)

    def indices(self, client: int) -> Indices:
        """Return the indices of all samples of a client, its local test first."""
        return self.order[self.bounds[client] : self.bounds[client + 1]]

    def test(self, client: int) -> Indices:
        """Return the indices of the samples that a client tests on."""
        return self.indices(client)[: self.test_sizes[client]]

    def train(self, client: int) -> Indices:
        """Return the indices of the samples that a client trains on."""
        return self.indices(client)[self.test_sizes[client] :]

    def counts(self, labels: NDArray[np.integer], num_classes: int) -> NDArray[np.int64]:
        """Count the samples of each client and class.

        Args:
            labels: [samples of the data set], labels below num_classes.
            num_classes: C, the number of classes.

        Returns:
            int64 [N, C].
        """
        owners = np.repeat(np.arange(len(self)), self.sizes)
        cells = owners * num_classes + labels[self.order]
        return np.bincount(cells, minlength=len(self) * num_classes).reshape(len(self), num_classes)

    def limited(self, samples: int) -> Partition:
        """Return the partition with at most so many samples for each client, its local test reduced in proportion.

        Args:
            samples: The most samples of a client, at least 1.
        """
        sizes = np.minimum(self.sizes, samples)
        tests = self.test_sizes * sizes // np.maximum(self.sizes, 1)
        kept = [
            part
            for client, (size, test) in enumerate(zip(sizes, tests, strict=True))
            for part in (self.test(client)[:test], self.train(client)[: size - test])
        ]
        return Partition(np.concatenate(kept), np.concatenate([[0], sizes.cumsum()]), tests)

    def expanded(self, groups: NDArray[np.integer]) -> Partition:
        """Return the partition of the samples, from this one, which is a partition of groups of samples.

        Args:
            groups: [samples], the group of each sample, counted from 0.
        """
        by_group = np.argsort(groups, kind="stable").astype(np.int32)
        sizes = np.bincount(groups, minlength=len(self.order))
        ends = np.cumsum(sizes)
        order = np.concatenate([by_group[ends[group] - sizes[group] : ends[group]] for group in self.order])
        reached = np.concatenate([[0], np.cumsum(sizes[self.order])])
        bounds = reached[self.bounds]
        return Partition(order, bounds, reached[self.bounds[:-1] + self.test_sizes] - bounds[:-1])

    def tested_on(self, chosen: NDArray[np.bool_]) -> Partition:
        """Return the partition whose clients test on chosen samples and train on the rest.

        Args:
            chosen: bool [samples of the data set], True for the chosen ones.

        Raises:
            ConfigError: E_PARTITION_TEST for a client that is left with nothing to train on.
        """
        owners = np.repeat(np.arange(len(self)), self.sizes)
        trains = ~chosen[self.order]
        order = self.order[np.lexsort((trains, owners))]
        tests = self.sizes - np.bincount(owners, trains, minlength=len(self)).astype(np.int64)
        starved = np.flatnonzero((tests == self.sizes) & (self.sizes > 0))
        if len(starved):
            raise ConfigError(
                "E_PARTITION_TEST",
                f"All {self.sizes[starved[0]]} samples of client {starved[0]} are in local_test: none to train on.",
                "Leave some of them out of local_test, or take fewer clients.",
            )
        return Partition(order, self.bounds, tests)


def divide(
    task: Task,
    kind: str,
    clients: int,
    *,
    alpha: float = 0.5,
    shards_per_client: int = 2,
    seed: int = SEED,
    min_samples: int = MIN_SAMPLES,
    test_fraction: float = TEST_FRACTION,
    samples: int = 0,
) -> Partition:
    """Divide a task's federated samples in one of the ways below, by name.

    If samples are windows of recordings, whole recordings are divided, and a client's local test is some of its
    recordings. If the data say which samples their owners test on, nothing is drawn for that.

    Args:
        task: The task to divide.
        kind: One of KINDS.
        clients: N, the number of clients; for "natural", as many as the data have owners.
        alpha: Concentration for "dirichlet".
        shards_per_client: Number of shards for each client, for "shards".
        seed: Seed of every draw.
        min_samples: The least samples of a client for "dirichlet"; recordings are counted by their average size.
        test_fraction: Fraction of each client's samples that is its local test, if the data don't say.
        samples: The most samples that a client gets; 0 for no limit.

    Raises:
        ConfigError: Raised by the way of dividing; E_PARTITION_KIND for another name; E_PARTITION_NATURAL if the data
            name no owners, or not as many as clients.
    """
    if task.local_test is not None:
        test_fraction = 0.0
    labels, groups = task.federated.labels, None
    owners = _owners(task, clients) if kind == "natural" else None
    if task.groups is not None:
        _, firsts, groups = np.unique(task.groups, return_index=True, return_inverse=True)
        min_samples = -(-min_samples * len(firsts) // len(labels))
        labels, owners = labels[firsts], None if owners is None else owners[firsts]
    if kind == "dirichlet":
        divided = dirichlet(labels, task.num_classes, clients, alpha, seed, min_samples, test_fraction)
    elif kind == "iid":
        divided = iid(len(labels), clients, seed, test_fraction)
    elif kind == "shards":
        divided = shards(labels, clients, shards_per_client, seed, test_fraction)
    elif owners is not None:
        divided = natural(owners, seed, test_fraction)
    else:
        raise ConfigError(
            "E_PARTITION_KIND", f"There is no partition '{kind}'.", f"Take one of {', '.join(KINDS)}."
        )
    if groups is not None:
        divided = divided.expanded(groups.reshape(-1))
    if task.local_test is not None:
        divided = divided.tested_on(task.local_test)
    return divided.limited(samples) if samples else divided


def _owners(task: Task, clients: int) -> NDArray[np.int32]:
    """Return the natural owner of each sample, provided that there are as many owners as clients."""
    if task.clients is None:
        raise ConfigError(
            "E_PARTITION_NATURAL",
            f"{task.name} does not say who each sample belongs to.",
            "Add the array 'client' to the .npz file, put all of a folder's samples into subfolders of their owners "
            "(walking/anna/1.csv), or take another --partition.",
        )
    owners = len(np.unique(task.clients))
    if owners != clients:
        raise ConfigError(
            "E_PARTITION_NATURAL",
            f"{task.name} has {counted(owners, 'owner')}, not {clients:,}.",
            f"Ask for {counted(owners, 'client')}, or take another --partition.",
        )
    return task.clients


def iid(num_samples: int, clients: int, seed: int = SEED, test_fraction: float = TEST_FRACTION) -> Partition:
    """Shuffle the samples, then deal them out: sizes differ by at most one.

    Args:
        num_samples: Number of samples in the data set.
        clients: N, the number of clients, at most num_samples.
        seed: Seed of the shuffle.
        test_fraction: Fraction of each client's samples that is its local test, 0 to below 1; rounded down.

    Raises:
        ConfigError: E_PARTITION_CLIENTS or E_PARTITION_TEST.
    """
    _check(num_samples, clients, 1, test_fraction)
    order = np.random.RandomState(seed).permutation(num_samples).astype(np.int32)
    bounds = np.arange(clients + 1, dtype=np.int64) * num_samples // clients
    # The order is random already, so the first of a client's samples are a fair test.
    return _split(order, bounds, test_fraction)


def dirichlet(
    labels: NDArray[np.integer],
    num_classes: int,
    clients: int,
    alpha: float,
    seed: int = SEED,
    min_samples: int = MIN_SAMPLES,
    test_fraction: float = TEST_FRACTION,
) -> Partition:
    """Divide each class among the clients in proportions drawn from Dir(alpha x 1_N).

    The result equals that of FL-bench (KarhouTam/FL-bench, commit 06e658b: `-a ALPHA -cn CLIENTS`), index for
    index. The method is that of Hsu, Qi and Brown, "Measuring the Effects of Non-Identical Data Distribution" (2019),
    but drawn over clients for each class. Give it the labels of train and test merged, as FL-bench does.

    Args:
        labels: [samples], below num_classes.
        num_classes: C, the number of classes; a class without samples still draws its proportions.
        clients: N, the number of clients.
        alpha: Concentration, > 0: the smaller it is, the fewer classes a client has.
        seed: Seed of the draws; FL-bench's default is 42.
        min_samples: The least samples of a client: all classes are drawn again until each client has as many.
        test_fraction: Fraction of each client's samples that is its local test, rounded down.

    Raises:
        ConfigError: E_PARTITION_ALPHA, E_PARTITION_CLIENTS or E_PARTITION_TEST; E_PARTITION_UNREACHABLE if
            MAX_DRAWS draws leave some client with too few samples.
    """
    _check(len(labels), clients, min_samples, test_fraction)
    if not (math.isfinite(alpha) and alpha > 0):
        raise ConfigError(
            "E_PARTITION_ALPHA", f"alpha is {alpha}.", "Give --alpha a number above 0, such as 0.5."
        )
    random = np.random.RandomState(seed)
    classes = [np.flatnonzero(labels == label).astype(np.int32) for label in range(num_classes)]
    cuts = _draw(random, classes, clients, alpha, min_samples)
    order = _deal(classes, cuts)
    bounds = np.concatenate([[0], np.diff(cuts, axis=1).sum(axis=0).cumsum()])
    for client in range(clients):
        random.shuffle(order[bounds[client] : bounds[client + 1]])
    return _split(order, bounds, test_fraction)


def shards(
    labels: NDArray[np.integer],
    clients: int,
    per_client: int = 2,
    seed: int = SEED,
    test_fraction: float = TEST_FRACTION,
) -> Partition:
    """Sort the samples by label, cut them into equal shards, and give each client some shards at random.

    McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data" (2017),
    section 3. The rest after cutting (fewer samples than there are shards) goes to no client.

    Args:
        labels: [samples], their labels.
        clients: N, the number of clients.
        per_client: Number of shards for each client, at least 1; the paper has 2.
        seed: Seed of the dealing.
        test_fraction: Fraction of each client's samples that is its local test, rounded down.

    Raises:
        ConfigError: E_PARTITION_SHARDS, E_PARTITION_CLIENTS or E_PARTITION_TEST.
    """
    if per_client < 1:
        raise ConfigError("E_PARTITION_SHARDS", f"{per_client} shards a client.", "Give at least 1.")
    _check(len(labels), clients, per_client, test_fraction)
    random = np.random.RandomState(seed)
    number = clients * per_client
    size = len(labels) // number
    by_label = np.argsort(labels, kind="stable")[: number * size].astype(np.int32)
    order = by_label.reshape(number, size)[random.permutation(number)].ravel()
    bounds = np.arange(clients + 1, dtype=np.int64) * (per_client * size)
    for client in range(clients):
        random.shuffle(order[bounds[client] : bounds[client + 1]])
    return _split(order, bounds, test_fraction)


def natural(owners: NDArray[np.integer], seed: int = SEED, test_fraction: float = TEST_FRACTION) -> Partition:
    """Divide by the owners that the data name: one client for each owner, in ascending order.

    Args:
        owners: [samples], any integers.
        seed: Seed of the shuffle within each client.
        test_fraction: Fraction of each client's samples that is its local test, rounded down.

    Raises:
        ConfigError: E_PARTITION_CLIENTS or E_PARTITION_TEST.
    """
    _, client_of, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    _check(len(owners), len(sizes), 1, test_fraction)
    shuffled = np.random.RandomState(seed).permutation(len(owners))
    order = shuffled[np.argsort(client_of[shuffled], kind="stable")].astype(np.int32)
    return _split(order, np.concatenate([[0], sizes.cumsum()]), test_fraction)


def _check(num_samples: int, clients: int, min_samples: int, test_fraction: float) -> None:
    """Refuse arguments that can never work, before any work is done."""
    if clients < 1 or min_samples < 0 or clients * max(min_samples, 1) > num_samples:
        raise ConfigError(
            "E_PARTITION_CLIENTS",
            f"{counted(num_samples, 'sample')} can't give each of {counted(clients, 'client')} "
            f"{max(min_samples, 1):,} or more.",
            "Take fewer clients (`--boards virtual:N` in a run, `--clients N` elsewhere), or more data.",
        )
    if not 0 <= test_fraction < 1:
        raise ConfigError(
            "E_PARTITION_TEST", f"The test fraction is {test_fraction}.", "Give a number from 0 to below 1."
        )


def _draw(
    random: np.random.RandomState, classes: list[Indices], clients: int, alpha: float, min_samples: int
) -> NDArray[np.int64]:
    """Return the cuts of each class, int64 [C, N + 1], such that every client has enough; shuffles the classes.

    The shuffles add up over the draws, as in FL-bench: the same indices follow only from the same random stream.
    """
    lengths = np.array([len(indices) for indices in classes])
    proportions = np.empty((len(classes), clients))
    for _ in range(MAX_DRAWS):
        for row, indices in enumerate(classes):
            random.shuffle(indices)
            proportions[row] = random.dirichlet(np.full(clients, alpha))
        if not np.isfinite(proportions).all():
            raise ConfigError(
                "E_PARTITION_ALPHA", f"alpha {alpha} is too small to draw from.", "Give --alpha 0.01 or more."
            )
        cuts = np.zeros((len(classes), clients + 1), np.int64)
        cuts[:, 1:] = np.cumsum(proportions, axis=1) * lengths[:, np.newaxis]
        cuts[:, -1] = lengths  # the last piece takes the rest that rounding leaves
        if np.diff(cuts, axis=1).sum(axis=0).min() >= min_samples:
            return cuts
    raise ConfigError(
        "E_PARTITION_UNREACHABLE",
        f"{MAX_DRAWS:,} draws of Dir({alpha}) never gave each of {clients} clients {min_samples} samples.",
        "Take a larger --alpha, fewer clients (`--boards virtual:N` in a run, `--clients N` elsewhere), or more data.",
    )


def _deal(classes: list[Indices], cuts: NDArray[np.int64]) -> Indices:
    """Return the indices client after client and, within a client, class after class."""
    pieces = np.diff(cuts, axis=1)
    clients = pieces.shape[1]
    owners = np.concatenate([np.repeat(np.arange(clients), sizes) for sizes in pieces])
    return np.concatenate(classes)[np.argsort(owners, kind="stable")]


def _split(order: Indices, bounds: NDArray[np.int64], test_fraction: float) -> Partition:
    """Return the partition whose clients test on the first of their samples."""
    return Partition(order, bounds, np.floor(np.diff(bounds) * test_fraction).astype(np.int64))
