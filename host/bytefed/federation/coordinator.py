"""Rounds of federated learning: choose boards, push the head, collect deltas, average, evaluate.

One round:

1. ``Rules.choose`` draws ``max(fraction_train * ready, min_train_nodes)`` of the boards that are ready.
2. Each gets the global head, trains, and sends its delta; in some rounds it also says how well it learns, and how
   well that head does on its own test samples. The board keeps its delta until the next round begins, or the run
   ends: only then all deltas of the round are on disk.
3. The round closes when all have answered or failed; after ``deadline`` seconds as soon as the ``quorum`` has
   delivered. Who is not done by then is a straggler: its delta is stored when it comes, and never applied.
4. The strategy makes the new global head of the deltas; head and deltas are marked in one transaction.

A coordinator that is killed and started again goes on with the first round that has no head; deltas of that
round which are on disk are not asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bytefed import codec
from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.device.plan import PlannedRound, RoundReply, TrainingPlan
from bytefed.device.refusals import no_delta
from bytefed.errors import LinkError
from bytefed.events import Listener, Stopping
from bytefed.federation.closing import Closing
from bytefed.federation.cohort import Cohort
from bytefed.federation.failures import failed, remedy_of
from bytefed.federation.fleet import BoardTroubles, Fleet, Member
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.news import round_closed
from bytefed.federation.release import release_all
from bytefed.federation.rules import Rules
from bytefed.federation.secure_sum import SecureSum
from bytefed.federation.work import Work, collect
from bytefed.head import Head
from bytefed.ledger.plan import planned_round
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.rows import RoundSummary, Status
from bytefed.runs.csv_files import Records
from bytefed.runs.store import Store


@dataclass(frozen=True)
class Schedule:
    """How long a run and its rounds may take.

    Attributes:
        rounds: Rounds to run.
        deadline: Seconds after which a round that has its quorum stops waiting for stragglers.
        statistics_rounds: Each round with a multiple of this number asks the boards for statistics; 0 for none.
    """

    rounds: int
    deadline: float
    statistics_rounds: int


class Coordinator:
    """Runs the rounds of one run.

    Args:
        schedule: How long the run and its rounds may take.
        rules: Who takes part in a round, and what counts.
        training: How the boards train.
        fleet: The boards.
        closing: What makes the new head of a round.
        store: The run's store.
        records: The CSV files made from it.
        listener: Is told what happens.
        sums: Sums up what boards hide; None for deltas that come as they are.
    """

    def __init__(
        self,
        schedule: Schedule,
        rules: Rules,
        training: LocalTraining,
        fleet: Fleet,
        closing: Closing,
        store: Store,
        records: Records,
        listener: Listener,
        sums: SecureSum | None = None,
    ) -> None:
        self._sums = sums
        self._schedule = schedule
        self._rules = rules
        self._training = training
        self._fleet = fleet
        self._closing = closing
        self._store = store
        self._records = records
        self._listener = listener
        self._cohort = Cohort(rules, fleet, store, schedule.deadline, listener)
        self._stopping = False
        self._work = Work()
        self._touched = 1  # the earliest round that the CSV files have old news about

    def stop(self) -> None:
        """End the run after the round under way."""
        if not self._stopping:
            self._stopping = True
            self._listener(Stopping(self._fleet.round))

    async def run(self) -> bool:
        """Run all rounds that are left, then let the boards evaluate the last head.

        Returns:
            Whether the run is complete; False after ``stop``.

        Raises:
            LinkError: E_TOO_FEW_BOARDS or E_QUORUM. What was reached is on disk and can be resumed.
            StoreError: The run directory can't be written any more.
        """
        self._closing.replay()
        try:
            while not self._stopping:
                done, head = self._store.head()
                planned = partial(self._planned, done + 1, head)
                last = self._schedule.rounds
                if done >= last or self._cohort.ends_before(done + 1, planned, last):
                    await self._evaluate_last(done, head)
                    return True
                await self._try_round(done + 1, head)
            return False
        finally:
            await self.end_work()
            await self._store.on_disk()  # or fail: no board forgets a delta that could not be stored
            await release_all(self._fleet, self._store)
            self._records.update(self._touched)

    async def _try_round(self, number: int, head: Head) -> None:
        """Run a round; one that lacks boards since their budgets ended in it is tried again with the others."""
        retired = self._fleet.purses.retired
        try:
            await self.run_round(number, head)
        except LinkError:
            if self._fleet.purses.retired == retired:
                raise

    async def run_round(self, number: int, head: Head) -> None:
        """Run one round from a head; the store has what came of it.

        Raises:
            LinkError: E_TOO_FEW_BOARDS or E_QUORUM.
        """
        started = now()
        self._fleet.round = number
        delivered = {delta.board for delta in self._store.deltas(number)}
        is_over = self._sums is not None and self._sums.is_over(number)
        asked = len(delivered) if is_over else await self._gather(number, head, delivered)
        self._closing.close(number, head, now() - started)
        self._tell(number, max(asked, self._rules.count(len(self._store.clients()))))

    async def _gather(self, number: int, head: Head, delivered: set[str]) -> int:
        """Have the boards of a round train, but for those that delivered before; return how many were asked."""
        plans = partial(self._planned, number, head)
        chosen = await self._cohort.choose(number, plans)
        if self._sums is not None:
            chosen = await self._sums.prepare(number, chosen, plans)
        self._fleet.troubles.clear()
        # Deltas that came to a coordinator that has died since count, too.
        names = delivered | {member.device.name for member in chosen}
        self._store.begin_round(number, sorted(names))
        tasks = [
            self._work.start(self._participate(number, member, head))
            for member in chosen
            if member.device.name not in delivered
        ]
        needed = self._rules.needed(len(names))
        await collect(tasks, self._schedule.deadline, lambda: self._delivered(number) >= needed)
        remedy = remedy_of([*self._fleet.troubles.values()], "; or lower --quorum")
        self._rules.require_quorum(number, self._delivered(number), len(names), remedy)
        if self._sums is not None:
            await self._sums.uncover(number)
        return len(names)

    def _delivered(self, number: int) -> int:
        """Return how many deltas have come that count in a round."""
        return self._store.counted(number) if self._sums is None else self._sums.delivered

    def _planned(self, number: int, head: Head, member: Member) -> PlannedRound:
        """Return the round that is planned for a board."""
        device = member.device
        return device.plan_round(
            number,
            head,
            self._plan(number, member),
            statistics=has_statistics(number, self._schedule.statistics_rounds),
            uncounted=not self._store.counts(device.name, device.owed_before(number)),
        )

    async def _participate(self, number: int, member: Member, head: Head) -> None:
        """Take one board through one round, up to its row in the ledger."""
        device, started = member.device, now()
        status: Status = "failed"
        reply: RoundReply | None = None
        planned = self._planned(number, head, member)
        estimate = _estimate(device, planned)
        member.busy = True
        try:
            self._fleet.purses.lend_round(device, planned)
            reply = await device.train(planned)
            _count_noise(device, planned)
            status = self._commit(number, member, reply)
        except BoardTroubles as error:
            status = failed(self._fleet, member, number, error, self._listener)
        finally:
            self._fleet.release(member)
            self._touched = min(self._touched, number)
            told = reply.statistics if reply else None
            self._fleet.book(
                device,
                "round",
                status,
                now() - started,
                estimate,
                number=number,
                num_examples=reply.num_examples if reply and reply.hidden is None else None,
                loss=told.loss if told else None,
                correct=reply.correct if reply else None,
                computing=reply.computing if reply else 0.0,
            )

    def _commit(self, number: int, member: Member, reply: RoundReply) -> Status:
        if self._sums is not None:
            self._keep_held(member, reply)
            return self._sums.take(number, member, reply)
        if reply.delta is None:
            raise no_delta(member.device.name)
        told = reply.statistics
        with self._store.gathered():
            self._keep_held(member, reply)
            if told and number > 1:  # the head of round 0 has learnt nothing yet
                self._keep_evaluation(number - 1, member, told.test_correct, reply.personal)
            return self._store.commit_delta(
                number,
                member.device.name,
                reply.delta,
                num_examples=reply.num_examples,
                loss=told.loss if told else None,
                correct=reply.correct,
            )

    def _tell(self, number: int, asked: int) -> None:
        """Bring the CSV files up to date and say how the round went, with boards that are away among those asked."""
        # The boards of this round said how the head of the one before does.
        self._records.update(min(self._touched, max(number - 1, 1)))
        self._touched = number
        *before, row = self._store.rounds(max(number - 1, 1))
        self._listener(round_closed(row, asked, _told(before), self._store.traffic_of(number)))

    async def _evaluate_last(self, number: int, head: Head) -> None:
        """Let each board that can within the deadline evaluate the last head once."""
        self._fleet.round = number
        if self._sums is not None:  # boards tell nothing of the kind but in sums of rounds
            return
        known = self._store.evaluated(number)
        members = [member for member in self._fleet.ready().values() if member.device.name not in known]
        tasks = [self._work.start(self._evaluate(number, member, head)) for member in members]
        if tasks:
            done, _ = await asyncio.wait(tasks, timeout=self._schedule.deadline or None)
            for task in done:
                task.result()

    async def _evaluate(self, number: int, member: Member, head: Head) -> None:
        device, started = member.device, now()
        status: Status = "failed"
        planned = device.plan_round(
            number,
            head,
            self._plan(number, member),
            train=False,
            uncounted=not self._store.counts(device.name, device.owed),
        )
        estimate = _estimate(device, planned)
        member.busy = True
        try:
            self._fleet.purses.lend_round(device, planned)
            reply = await device.train(planned)
            self._keep_held(member, reply)
            if reply.statistics and self._training.noise is None:
                self._keep_evaluation(number, member, reply.statistics.test_correct, reply.personal)
            status = "ok"
        except BoardTroubles as error:
            self._fleet.lose(member, error)
        finally:
            self._fleet.release(member)
            self._fleet.book(device, "evaluate", status, now() - started, estimate, number=number)

    def _keep_held(self, member: Member, reply: RoundReply) -> None:
        """Store the head that a lossy downlink left on the board; a lossless one leaves a global head."""
        if codec.find(self._training.codecs[0]).lossy:
            self._store.hold(member.device.name, reply.head)

    def _keep_evaluation(self, number: int, member: Member, correct: int, personal: int | None) -> None:
        self._touched = min(self._touched, number)
        tested = member.device.stored.test
        self._store.add_evaluation(number, member.device.name, correct, tested, personal)

    def _plan(self, number: int, member: Member) -> TrainingPlan:
        plan = self._training.plan(number, member.client)
        return plan if self._sums is None else self._sums.plan(plan)

    async def end_work(self) -> None:
        """Cancel outstanding work; boards that are interrupted still get a ledger row."""
        await self._work.end()


def _told(before: Sequence[RoundSummary]) -> tuple[float | None, float | None]:
    """Return the accuracies that boards told of the head of the round before; None for none."""
    return (before[0].accuracy_boards, before[0].accuracy_personal) if before else (None, None)


def _count_noise(device: Device, planned: PlannedRound) -> None:
    """Note a round that a board has spent its privacy budget on."""
    if planned.noise is not None:
        device.session.noisy_rounds += 1


def _estimate(device: Device, planned: PlannedRound) -> int:
    """Return what a round should take, bytes, as it is planned."""
    count = planned_round(
        device.profile,
        planned.blobs,
        statistics=planned.statistics,
        configures=planned.configures,
        noises=planned.noise is not None,
        masked=planned.hide is not None,
    )
    return count.wire_total
