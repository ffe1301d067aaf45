"""Partitions: FL-bench's index for index, and properties of every way of dividing."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bytefed.cli.commands.partition import show_partition
from bytefed.cli.main import main
from bytefed.data import Samples, Task, partition
from bytefed.data.load import TASKS
from bytefed.data.partition import Partition
from bytefed.errors import ConfigError
from bytefed.extractor.quantization import Quantization


def fl_bench(labels, num_classes, clients, alpha, least, seed):
    """FL-bench's Dirichlet partition, as published: lists, loops and the global generator's stream."""
    random = np.random.RandomState(seed)
    by_class = [np.where(labels == label)[0] for label in range(num_classes)]
    smallest = -1
    while smallest < least:
        owned = [[] for _ in range(clients)]
        for indices in by_class:
            random.shuffle(indices)
            cuts = (np.cumsum(random.dirichlet(np.repeat(alpha, clients))) * len(indices)).astype(int)[:-1]
            for client, piece in enumerate(np.split(indices, cuts)):
                owned[client].extend(piece)
        smallest = min(len(indices) for indices in owned)
    divided = []
    for indices in owned:
        array = np.array(indices)
        random.shuffle(array)
        cut = int(len(array) * 0.25)
        divided.append((array[:cut], array[cut:]))
    return divided


def assert_sound(divided: Partition, samples: int) -> None:
    """No sample is with two clients, and each client's two parts are all it has."""
    assert len(np.unique(divided.order)) == len(divided.order)
    assert divided.order.min() >= 0
    assert divided.order.max() < samples
    for client in range(len(divided)):
        parts = np.concatenate([divided.test(client), divided.train(client)])
        assert np.array_equal(parts, divided.indices(client))
        assert len(divided.test(client)) == len(parts) // 4
    assert divided.sizes.sum() == len(divided.order)


def test_cifar10_gives_the_published_sizes():
    labels = np.repeat(np.arange(10), 6000)
    divided = partition.dirichlet(labels, 10, clients=100, alpha=0.1)
    sizes = divided.sizes
    assert (sizes.min(), np.median(sizes), sizes.max(), sizes.sum()) == (14, 495.5, 3091, 60_000)
    # The indices that FL-bench's own code (commit 06e658b) returned for these labels, client after client.
    digest = hashlib.sha256(divided.order.astype("<i4").tobytes()).hexdigest()
    assert digest.startswith("5ccc9646395bad93")


@settings(max_examples=40)
@given(
    samples=st.integers(100, 800),
    classes=st.integers(2, 12),
    clients=st.integers(1, 9),
    alpha=st.floats(0.2, 20),
    seed=st.integers(0, 2**32 - 1),
)
def test_dirichlet_is_fl_bench_index_for_index(samples, classes, clients, alpha, seed):
    labels = np.random.RandomState(seed).randint(0, classes, samples)
    ours = partition.dirichlet(labels, classes, clients, alpha, seed, min_samples=2)
    theirs = fl_bench(labels, classes, clients, alpha, 2, seed)
    for client, (test, train) in enumerate(theirs):
        assert np.array_equal(ours.test(client), test)
        assert np.array_equal(ours.train(client), train)
    assert_sound(ours, samples)
    assert ours.sizes.min() >= 2
    assert ours.sizes.sum() == samples


def test_an_empty_class_still_draws_its_proportions():
    labels = np.array([0, 2] * 100)
    ours = partition.dirichlet(labels, 3, 4, 1.0, min_samples=5)
    assert np.array_equal(ours.train(3), fl_bench(labels, 3, 4, 1.0, 5, 42)[3][1])


def test_small_alpha_means_few_classes():
    labels = np.repeat(np.arange(10), 600)
    few, many = (
        np.count_nonzero(partition.dirichlet(labels, 10, 20, alpha).counts(labels, 10), axis=1).mean()
        for alpha in (0.1, 100.0)
    )
    assert few < 8 < many


@given(st.integers(1, 300), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_iid_sizes_differ_by_at_most_one(samples, clients, seed):
    if clients > samples:
        with pytest.raises(ConfigError, match="E_PARTITION_CLIENTS"):
            partition.iid(samples, clients, seed)
        return
    divided = partition.iid(samples, clients, seed)
    assert_sound(divided, samples)
    assert len(divided) == clients
    assert np.ptp(divided.sizes) <= 1
    assert divided.sizes.sum() == samples


def test_shards_give_two_classes_each():
    labels = np.random.RandomState(3).permutation(np.repeat(np.arange(10), 100))
    divided = partition.shards(labels, clients=10)
    assert_sound(divided, 1000)
    counts = divided.counts(labels, 10)
    assert (counts.sum(axis=1) == 100).all()
    assert (np.count_nonzero(counts, axis=1) <= 2).all()
    assert counts.sum() == 1000


def test_shards_leave_the_remainder_to_nobody():
    divided = partition.shards(np.zeros(107, np.uint8), clients=5, per_client=2)
    assert divided.sizes.tolist() == [20] * 5


def test_natural_keeps_owners_together():
    owners = np.random.RandomState(4).randint(0, 7, 200) * 1000
    divided = partition.natural(owners)
    assert_sound(divided, 200)
    assert [np.unique(owners[divided.indices(client)]).tolist() for client in range(7)] == [
        [owner * 1000] for owner in range(7)
    ]
    assert divided.sizes.sum() == 200


@pytest.mark.parametrize("kind", partition.KINDS)
def test_a_seed_fixes_everything(kind):
    divided = [partition.divide(task(), kind, 5, seed=seed).order for seed in (7, 7, 8)]
    assert np.array_equal(divided[0], divided[1])
    assert not np.array_equal(divided[0], divided[2])


def test_what_cannot_be_reached_ends_with_an_error():
    labels = np.repeat(np.arange(2), 100)
    with pytest.raises(ConfigError, match=r"E_PARTITION_UNREACHABLE.*fewer clients"):
        partition.dirichlet(labels, 2, clients=20, alpha=0.05, min_samples=10)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf"), 1e-300])
def test_impossible_alpha(alpha):
    with pytest.raises(ConfigError, match="E_PARTITION_ALPHA"):
        partition.dirichlet(np.repeat(np.arange(2), 100), 2, 5, alpha)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: partition.iid(10, 0), "E_PARTITION_CLIENTS"),
        (lambda: partition.iid(10, 11), "E_PARTITION_CLIENTS"),
        (lambda: partition.dirichlet(np.zeros(99, int), 2, 10, 1.0), "E_PARTITION_CLIENTS"),
        (lambda: partition.iid(10, 2, test_fraction=1.0), "E_PARTITION_TEST"),
        (lambda: partition.shards(np.zeros(10, int), 2, per_client=0), "E_PARTITION_SHARDS"),
        (lambda: partition.shards(np.zeros(10, int), 6, per_client=2), "E_PARTITION_CLIENTS"),
        (lambda: partition.divide(task(), "alphabetic", 2), "E_PARTITION_KIND"),
        (lambda: partition.divide(task(), "natural", 2), "E_PARTITION_NATURAL"),
        (lambda: partition.divide(task(owners=False), "natural", 5), "E_PARTITION_NATURAL"),
    ],
)
def test_bad_settings_are_coded_errors(call, code):
    with pytest.raises(ConfigError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_hundred_thousand_clients_take_no_more_than_their_samples():
    divided = partition.iid(800_000, 100_000)
    assert len(divided) == 100_000
    assert divided.order.nbytes + divided.bounds.nbytes + divided.test_sizes.nbytes < 5_000_000
    assert divided.counts(np.zeros(800_000, np.uint8), 2)[:, 0].tolist() == [8] * 100_000


def test_the_table_says_who_has_what():
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2])
    divided = Partition(np.arange(12, dtype=np.int32), np.array([0, 3, 8, 12]), np.array([0, 1, 1]))
    text = io.StringIO()
    show_partition(divided, labels, 3, Console(file=text, width=80), limit=2)
    lines = [line.split(maxsplit=4) for line in text.getvalue().splitlines()]
    assert lines[0] == ["client", "train", "test", "classes", "012"]
    assert lines[1][:4] == ["0", "3", "0", "1"]
    assert lines[2][:4] == ["1", "4", "1", "1"]
    assert "and 1 more" in text.getvalue()
    assert "3 clients, 12 samples; each 3 / 4 / 5 samples and 1 / 1 / 1 classes" in text.getvalue()


def task(owners: bool = True) -> Task:
    """A task of 300 samples, 3 classes and 5 owners."""
    random = np.random.RandomState(0)
    samples = Samples(np.zeros((300, 4), np.int8), random.randint(0, 3, 300).astype(np.uint8))
    clients = (np.arange(300) % 5).astype(np.int32) if owners else None
    return Task("toy", samples, samples, 3, Quantization(1.0, 0), clients)


def test_flbenchs_own_division_is_shown_whole(capsys):
    assert main(["partition", "--flbench", "--clients", "6", "--alpha", "1.0"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "6 clients, 1,797 samples" in said
    assert "sets 500 aside for the extractor and 400 for the global test, and divides the other 897" in said
    raw, _ = TASKS["digits"].load()
    first = partition.dirichlet(raw.labels, 10, 6, 1.0).counts(raw.labels, 10)[0].sum()
    assert f" 0 {first - first // 4} {first // 4} " in f" {said} "
    for refused in (["--data", "mine.npz"], ["--partition", "iid"]):
        assert main(["partition", "--flbench", *refused]) == 2
        assert "E_PARTITION_KIND" in capsys.readouterr().err
