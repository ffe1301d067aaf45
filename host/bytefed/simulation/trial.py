"""A run without links or files: its accuracy round by round, and what the links would have carried.

For comparing codecs and strategies over many seeds. All boards answer and no byte is lost; a trial ends with the very
head that such a run would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bytefed.data import Task
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig
from bytefed.federation.evaluation import evaluate
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules
from bytefed.federation.start import first_head
from bytefed.head import Head, parameters
from bytefed.ledger.count import ByteCount
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.wire_size import (
    LinkProfile,
    blob_size,
    blobs_bytes,
    connection_bytes,
    setup_bytes,
    unmask_bytes,
)
from bytefed.masks.form import Form
from bytefed.simulation.client_sums import ClientSums
from bytefed.simulation.held_heads import HeldScore
from bytefed.simulation.simulator import Simulator


@dataclass(frozen=True, eq=False)
class Outcome:
    """The results of a trial.

    Attributes:
        accuracy: float64 [rounds], of the global head after each round on the test set, 0 to 1.
        held: float64 [rounds], mean accuracy there of the heads that the boards hold after each round.
        validation: float64 [rounds], as `accuracy` on all boards' own test samples: to choose by.
        validation_held: float64 [rounds], as `held` on the same samples.
        wire: int64 [rounds], bytes on the wire up to the end of each round, both directions, all boards together:
            connections, masks, configurations and rounds, without giving the boards their samples.
        kinds: int64 [rounds, 8], boards' rounds of each kind up to the end of each round, by ``kind``.
        trained: int64 [rounds], samples that boards trained on up to the end of each round, each as often as it was.
        head: float32 [P], the last global head.
    """

    accuracy: NDArray[np.float64]
    held: NDArray[np.float64]
    validation: NDArray[np.float64]
    validation_held: NDArray[np.float64]
    wire: NDArray[np.int64]
    kinds: NDArray[np.int64]
    trained: NDArray[np.int64]
    head: Head


def kind(*, spared: bool, statistics: bool, configures: bool) -> int:
    """Return the number, 0 to 7, of all that decides the bytes of a board's round, besides link and codecs."""
    return 4 * spared + 2 * statistics + configures


def by_kind(
    profile: LinkProfile, down: int, up: int, *, noises: bool = False, summed: Form | None = None
) -> list[ByteCount]:
    """Return the bytes of a board's round of each kind, in the order of ``kind``.

    Args:
        profile: The link.
        down: Bytes of the downlink's blob.
        up: Bytes of the uplink's blob.
        noises: Whether NOISE goes before each CONFIG.
        summed: The form of hidden deltas, with or without statistics, in place of that blob; each round's masks are
            then taken off.
    """
    masks = unmask_bytes(profile, 0, shares=summed.shares) if summed else ByteCount()
    return [
        blobs_bytes(
            profile,
            0 if spared else down,
            replace(summed, statistics=statistics).size if summed else up,
            statistics=statistics,
            configures=configures,
            noises=noises,
            masked=summed is not None,
        )
        + masks
        for spared, statistics, configures in product((False, True), repeat=3)
    ]


def connected_bytes(profile: LinkProfile, summed: Form | None, *, noises: bool = False) -> ByteCount:
    """Return the bytes of a board before its first round: of connecting and, for secure sums, of setting up masks."""
    count = connection_bytes(profile)
    return count + setup_bytes(profile, summed.boards, noises=noises) if summed else count


def summed_form(config: RunConfig, features: int, classes: int, boards: int) -> Form | None:
    """Return the form of hidden deltas without statistics; None where they come as they are."""
    if not config.secure_sum:
        return None
    shares = config.dp == "board"
    return Form(config.codecs[1], parameters(features, classes), boards, statistics=False, shares=shares)


def run_trial(config: RunConfig, task: Task, clients: int, profile: LinkProfile) -> Outcome:
    """Run a configuration for so many boards, all on links of one profile.

    Args:
        config: boards, quorum, deadline, faults and the like are of no matter.
        task: What to learn.
        clients: Boards.
        profile: Decides the bytes, nothing else.

    Raises:
        ConfigError: The configuration does not fit the task.
    """
    config, strategy = config.with_strategy(None)
    assignment, rules = Assignment.divided(config, task, clients), Rules.of(config)
    training = LocalTraining.of(config, strategy, whitened=task.whitened)
    partition, link = assignment.partition, np.zeros(clients, np.int64)
    sums = ClientSums.of(config, training, partition.sizes - partition.test_sizes, [profile], link)
    simulator = Simulator(rules, training, assignment, strategy, threads=1, sums=sums)
    head = first_head(config.head, task)
    down, up = (blob_size(codec, task.D, task.num_classes) for codec in config.codecs)
    rates = np.full(clients, np.nan)  # of each board's last CONFIG
    own_tests = [assignment.partition.test(client) for client in range(clients)]
    held_out = task.federated.take(np.concatenate(own_tests))
    samples = (task.test, held_out if len(held_out) else task.test)  # with noise boards set nothing apart
    scores = [HeldScore(simulator.held, task, some, config.seed) for some in samples]
    accuracy, held = np.zeros((2, config.rounds)), np.zeros((2, config.rounds))
    kinds, trained = np.zeros((config.rounds, 8), np.int64), np.zeros(config.rounds, np.int64)
    for number in range(1, config.rounds + 1):
        chosen = rules.choose(number, range(clients))
        nobody = np.zeros(len(chosen), np.bool_)
        outcome = simulator.round(number, head, np.array(chosen, np.int64), nobody)
        head, rate = outcome.head, training.rate(number)
        statistics = has_statistics(number, config.statistics_rounds)
        for client, spared in zip(chosen, outcome.spared.tolist(), strict=True):
            configures = bool(rates[client] != rate)
            kinds[number - 1, kind(spared=spared, statistics=statistics, configures=configures)] += 1
        trained[number - 1] = outcome.num_examples.sum() * training.epochs_in(number)
        rates[chosen] = rate
        accuracy[:, number - 1] = [evaluate(task, head, some).accuracy for some in samples]
        held[:, number - 1] = [score.mean() for score in scores]
    kinds, trained = kinds.cumsum(axis=0), trained.cumsum()
    summed = summed_form(config, task.D, task.num_classes, clients)
    noises = training.noise is not None
    counts = by_kind(profile, down, up, noises=noises, summed=summed)
    sizes = [count.wire_total for count in counts]
    wire = connected_bytes(profile, summed, noises=noises).wire_total * clients + kinds @ np.array(sizes)
    return Outcome(accuracy[0], held[0], accuracy[1], held[1], wire, kinds, trained, head)
