"""Rounds of very many clients in this process: the training of the firmware's core, without boards and links.

A client's delta has the same bits that a board with the same samples would send (bytefed._core.Simulator), and deltas
are summed in the same order as by the coordinator. Memory grows with the number of samples: clients train in waves, and
a wave's deltas are summed before the next begins. Two things need P more floats for each client: strategies that need
every update (all but those for which the mean is enough, see strategies.base), and the residuals of lossy codecs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bytefed import codec
from bytefed._core import Simulator as _Core
from bytefed.federation.assignment import Assignment
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.rules import Rules, aggregate, step
from bytefed.head import Head
from bytefed.masks.form import Hidden
from bytefed.seeds import training_seeds
from bytefed.simulation.client_sums import ClientSums, OpenSum, RoundSum
from bytefed.simulation.held_heads import Clients, HeldHeads
from bytefed.simulation.waves import Trainer, Waves
from bytefed.strategies.base import FromMean, Strategy, Update
from bytefed.strategies.robust import scaled


@dataclass(frozen=True, eq=False)
class Outcome:
    """The results of a round.

    Attributes:
        head: float32 [P], the global head after the round.
        asked: int64 [m], the clients that were asked, ascending.
        spared: bool [m], True where a client that was asked held the round's head already.
        clients: int64 [n], the clients that trained, ascending; the following are in this order.
        counted: bool [n], False where training diverged.
        num_examples: int64 [n], numbers of training samples.
        losses: float32 [n], mean losses of the last local epoch.
        correct: int32 [n], training samples classified correctly in the last local epoch.
        tested: int32 [n], the client's own test samples that the head it began with classifies correctly.
        personal: int32 [n], the same of the client's personal head; int32 [0] where nobody asks for it.
        excess: Client to its pull, in medians of the round, for clients that the norm bound bounded.
        deltas: Client to its delta, float32 [P], for the watched clients.
        summed: The secure sum of the round; None where deltas come as they are.
        hidden: The sum of what the watched clients would hide; None likewise.
    """

    head: Head
    asked: Clients
    spared: NDArray[np.bool_]
    clients: Clients
    counted: NDArray[np.bool_]
    num_examples: NDArray[np.int64]
    losses: NDArray[np.float32]
    correct: NDArray[np.int32]
    tested: NDArray[np.int32]
    personal: NDArray[np.int32]
    excess: dict[int, float]
    deltas: dict[int, Head]
    summed: RoundSum | None = None
    hidden: Hidden | None = None


class Evaluation(NamedTuple):
    """The results of clients that evaluate a head and send no delta.

    Attributes:
        correct: int32 [n], own test samples that the head classifies correctly.
        personal: int32 [n], the same of the client's personal head; int32 [0] where nobody asks for it.
        spared: bool [n], True where a client held the head already.
    """

    correct: NDArray[np.int32]
    personal: NDArray[np.int32]
    spared: NDArray[np.bool_]


_REMEDY = "Lower --dropout or --quorum, or --learning-rate where training diverges."


class Simulator:
    """Simulates the clients of an assignment, round by round.

    Args:
        rules: The rules of a round.
        training: The local training of all clients.
        assignment: The task and each client's samples; each client has 1 to 65535 training samples.
        strategy: The strategy that makes a new head of their deltas.
        threads: Number of threads to train with.
        watched: Clients whose deltas are kept in each Outcome, and, in secure sums, their own sum.
        sums: Sums up what clients would hide; None for deltas that come as they are.

    Attributes:
        held: The heads that the clients hold.
    """

    def __init__(
        self,
        rules: Rules,
        training: LocalTraining,
        assignment: Assignment,
        strategy: Strategy,
        *,
        threads: int,
        watched: frozenset[int] = frozenset(),
        sums: ClientSums | None = None,
    ) -> None:
        task, partition = assignment.task, assignment.partition
        self._sums, self._tests = sums, partition.test_sizes
        self._rules = rules
        self._strategy: Strategy = strategy
        self._first: FromMean | None = training.first_strategy(task.num_classes)
        self._codec_down = training.codec_down
        parameters = task.D * task.num_classes + task.num_classes
        up = codec.find(training.codec_up)
        sent = codec.find("float32") if sums is not None else up  # what is hidden is encoded later
        self.held = HeldHeads(len(partition), parameters)
        self._trainer = Trainer(
            core=_core(assignment, threads),
            training=training,
            codec=sent.number,
            seeds=training_seeds(training.seed, range(len(partition))).astype(np.uint32),
            examples=partition.sizes - partition.test_sizes,
            # numpy's zeros take no memory until they are written: only clients that take part need some.
            residuals=np.zeros((len(partition) if up.lossy else 0, parameters), np.float32),
            watched=watched,
            whole=up.lossy or not isinstance(strategy, FromMean),
        )

    def round(self, number: int, head: Head, clients: Clients, lost: NDArray[np.bool_]) -> Outcome:
        """Train clients and make a new global head of their deltas.

        Args:
            number: The round, 1 to 65535.
            head: float32 [P], the global head.
            clients: int64 [n], the clients that are asked, ascending.
            lost: bool [n], True for a client that takes the head and is not heard of again in this round.

        Raises:
            LinkError: E_QUORUM when too few deltas count.
        """
        spared = self.held.spared(head, clients)
        heads, version = self._deliver(number, head, clients)
        work = Waves(self._trainer, number, heads, version[~lost], clients[~lost])
        tested = np.empty(len(work.clients), np.int32)
        self._trainer.core.evaluate(work.clients, heads, work.version, tested)
        summed, hidden, excess = None, None, dict[int, float]()
        if self._sums is None:
            head, excess = self._aggregate(head, work, len(clients))
        else:
            head, summed, hidden = self._summed(self._sums, head, work, tested, len(clients))
        return Outcome(
            head=head,
            asked=clients,
            spared=spared,
            clients=work.clients,
            counted=work.counted,
            num_examples=self._trainer.examples[work.clients],
            losses=work.losses,
            correct=work.correct,
            tested=tested,
            personal=work.personal,
            excess=excess,
            deltas=work.watched,
            summed=summed,
            hidden=hidden,
        )

    def evaluate(self, number: int, head: Head, clients: Clients, rates: NDArray[np.float64]) -> Evaluation:
        """Send clients the head.

        Args:
            number: The round that made the head.
            head: float32 [P], the global head.
            clients: int64 [n].
            rates: float64 [n], the learning rates by which clients make their personal heads.
        """
        spared = self.held.spared(head, clients)
        heads, version = self._deliver(number, head, clients)
        tested = np.empty(len(clients), np.int32)
        self._trainer.core.evaluate(clients, heads, version, tested)
        personal = np.empty(len(clients) if self._trainer.training.personal else 0, np.int32)
        for rate in np.unique(rates).tolist() if len(personal) else ():
            some = rates == rate
            personal[some] = self._trainer.personal(number, rate, heads, version[some], clients[some])
        return Evaluation(tested, personal, spared)

    def _deliver(self, number: int, head: Head, clients: Clients) -> tuple[Head, NDArray[np.int32]]:
        return self.held.deliver(number, head, self._codec_down, clients)

    def _aggregate(self, head: Head, work: Waves, asked: int) -> tuple[Head, dict[int, float]]:
        """Return the new head; and, for clients that pulled too hard, client to pull in medians."""
        total = self._sum(work)
        counted = np.flatnonzero(work.counted)
        self._rules.require_quorum(work.number, len(counted), asked, _REMEDY)
        bounds = self._rules.bounds(self._trainer.examples[work.clients[counted]], work.norms[counted])
        changed = np.flatnonzero(bounds.excess)
        clients, times = work.clients[counted[changed]], bounds.excess[changed]
        excess = dict(zip(clients.tolist(), times.tolist(), strict=True))
        strategy = self._first if self._first and work.number == 1 else self._strategy
        if not isinstance(strategy, FromMean):
            return aggregate(strategy, head, work.updates(counted, bounds)), excess
        if excess:  # only now it is known which clients pull too hard: sum again, with those bounded
            weights, scales = np.zeros(len(work.clients)), np.ones(len(work.clients))
            weights[counted], scales[counted] = bounds.weights, bounds.scales
            total = self._sum(work, weights, scales)
        return step(strategy, head, total / int(bounds.weights.sum())), excess

    def _summed(
        self, sums: ClientSums, head: Head, work: Waves, tested: NDArray[np.int32], asked: int
    ) -> tuple[Head, RoundSum, Hidden]:
        """Return the new head by the sum of what clients would hide, and that sum; the same head if it is void.

        The sum of the watched clients alone goes with it.
        """
        opened, beside = (sums.open(work.number, self._trainer.parameters) for _ in range(2))
        for part, deltas in work.waves():
            watched = np.flatnonzero(np.isin(work.clients[part], list(self._trainer.watched)))
            if len(watched):  # first, and of copies: what is added becomes encoding errors
                places = watched + part.start
                self._hide(beside, work, places, deltas[watched], work.norms[places], tested)
            self._hide(opened, work, part, deltas, work.norms[part], tested)
        clients = work.clients[work.counted]
        self._rules.require_quorum(work.number, len(clients), asked, _REMEDY)
        found = sums.close(opened, clients, self._tests[clients])
        if found.total is None:  # it is as if nobody had trained
            return head, found, beside.hidden
        work.keep_errors()
        update = Update(0, max(1, found.total.examples), found.total.mean.astype(np.float32))
        return aggregate(self._strategy, head, [update]), found, beside.hidden

    def _hide(
        self,
        opened: OpenSum,
        work: Waves,
        part: slice | NDArray[np.intp],
        deltas: Head,
        norms: NDArray[np.float64],
        tested: NDArray[np.int32],
    ) -> None:
        """Add what some clients would hide to a sum; their deltas become encoding errors."""
        trainer, some = self._trainer, work.clients[part]
        if opened.form.shares:
            opened.add_shares(trainer.core, deltas, trainer.noise_keys(some, work.number), norms)
            return
        opened.add(
            trainer.core, some, deltas, trainer.residuals, work.losses[part], work.correct[part], tested[part],
            norms,
        )  # fmt: skip

    def _sum(
        self,
        work: Waves,
        weights: NDArray[np.float64] | None = None,
        scales: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return sum w_k s_k delta_k, float64 [P]; without weights and scales, w_k is num_examples and s_k 1."""
        total = np.zeros(self._trainer.parameters)
        for part, deltas in work.waves():
            if scales is not None:
                for index in np.flatnonzero(scales[part] != 1).tolist():
                    deltas[index] = scaled(deltas[index], scales[part][index])
            self._trainer.core.add(total, deltas, work.weights(part) if weights is None else weights[part])
        return total


def _core(assignment: Assignment, threads: int) -> _Core:
    task, partition = assignment.task, assignment.partition
    return _Core(
        np.ascontiguousarray(task.federated.features),
        np.ascontiguousarray(task.federated.labels),
        np.ascontiguousarray(partition.order, np.int32),
        np.ascontiguousarray(partition.bounds, np.int64),
        np.ascontiguousarray(partition.test_sizes, np.int64),
        classes=task.num_classes,
        scale=task.quantization.scale,
        zero_point=task.quantization.zero_point,
        threads=threads,
    )
