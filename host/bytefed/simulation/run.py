"""A whole simulated run: takes a configuration and fills a run directory."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from bytefed.data import Task, synthetic
from bytefed.errors import ConfigError, StoreError, check_range, counted
from bytefed.events import BoardTrouble, DataRemark, Listener, RunEnded, Stopping
from bytefed.federation.assignment import Assignment, natural_clients, task_of
from bytefed.federation.config import RunConfig
from bytefed.federation.evaluation import central_accuracy
from bytefed.federation.findings import MOST_CLIENTS, findings
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.news import round_closed, run_started
from bytefed.federation.private import require_samples
from bytefed.federation.rules import Rules, score
from bytefed.federation.start import began_with, first_head
from bytefed.federation.summed import require_checked
from bytefed.head import Head
from bytefed.ledger.estimate import LEFT_OUT, classic
from bytefed.ledger.planned_run import has_statistics
from bytefed.ledger.rows import RoundSummary
from bytefed.ledger.wire_size import LinkProfile, blob_size
from bytefed.private_files import make_file, make_folder
from bytefed.runs.columns import HEAD
from bytefed.runs.directory import (
    RESOLVED,
    coded_errors,
    default_directory,
    refuse_existing,
    refuse_impossible,
    versions,
)
from bytefed.runs.numbers import new_run
from bytefed.runs.summary import Result, Subject, Summary, write_summary
from bytefed.seeds import chances, select
from bytefed.simulation.check import Check
from bytefed.simulation.client_sums import ClientSums
from bytefed.simulation.held_heads import Clients, HeldScore
from bytefed.simulation.ledger import SimulatedLedger, uid
from bytefed.simulation.links import ClientLinks
from bytefed.simulation.mask_ledger import MaskLedger
from bytefed.simulation.purses import Spending
from bytefed.simulation.simulator import Outcome, Simulator
from bytefed.simulation.sum_check import SumCheck, least_checked
from bytefed.strategies.base import Strategy
from bytefed.waiting import interrupts

MOST_ROWS = 100_000
USUAL_CLIENTS = 100
"""The clients of a simulation whose data are enough for so many."""
_USUAL_SAMPLES = 40  # of each client
_LOST = 0x0F00  # stream id of the draw of lost clients; the round is added
_AGAIN = "start it again"  # a simulation is not resumed
_CHECKED = 0  # round number of the draw of the clients to check


@dataclass(frozen=True)
class Environment:
    """The environment of simulated clients, in addition to a run's configuration.

    Attributes:
        links: Profiles of links, and the fraction of clients that has each.
        dropout: Probability that a client is lost in a round after it took the head.
        check: Number of clients that also train as virtual boards, to compare the results.
        threads: Number of threads to train with; 0 for one a processor.
        most_rows: The most rows that bytes.csv has with one for each client; if there would be more, it has sums.
    """

    links: Sequence[tuple[LinkProfile, float]]
    dropout: float = 0.0
    check: int = 0
    threads: int = 0
    most_rows: int = MOST_ROWS

    def __post_init__(self) -> None:
        check_range("--dropout", self.dropout, 0.0, 1.0)
        check_range("--check", self.check, 0, 1000)
        check_range("--threads", self.threads, 0, 1024)
        check_range("--rows", self.most_rows, 0, 2**31)


def load_clients(config: RunConfig, clients: int | None = None) -> Assignment:
    """Load the task of a configuration, and divide it among clients.

    Args:
        config: The configuration.
        clients: Number of clients; None for as many as ``usual_clients`` says.

    Raises:
        ConfigError: E_CONFIG_RANGE for fewer clients than one, or more than 10^7.
        DataError, ModelError, ConfigError: As ``task_of`` and ``Assignment.divided`` raise them.
    """
    if clients is not None:
        check_range("--clients", clients, 1, 10_000_000)
    if config.data == synthetic.NAME:
        return Assignment(*synthetic.make(clients or USUAL_CLIENTS, config.seed))
    task = task_of(config)
    return Assignment.divided(config, task, clients or usual_clients(config, task))


def usual_clients(config: RunConfig, task: Task) -> int:
    """Return the number of clients if nobody says: the data's owners, or one for 40 samples, up to 100."""
    if owners := natural_clients(config, task):
        return owners
    most = len(task.federated) if task.groups is None else len(np.unique(task.groups))
    return max(1, min(USUAL_CLIENTS, len(task.federated) // _USUAL_SAMPLES, most))


class Simulation:
    """One simulated run.

    Args:
        config: The configuration; its boards, deadline and faults have no effect here.
        environment: The environment of the clients.
        assignment: The task and each client's samples.
        directory: Run directory, must not hold a run; None for a new one under runs/.
        listener: Called with each event.
        strategy: A strategy in place of the one that the configuration names.

    Raises:
        ConfigError: E_CONFIG_CLIENTS if a client has no training samples, or more than a board can count; or as
            ``RunConfig.with_strategy`` raises it.
        StoreError: E_RUN_EXISTS, or the directory can't be written to.
    """

    def __init__(
        self,
        config: RunConfig,
        environment: Environment,
        assignment: Assignment,
        directory: Path | None,
        listener: Listener,
        strategy: Strategy | None = None,
    ) -> None:
        config, strategy = config.with_strategy(strategy)
        task, partition = assignment.task, assignment.partition
        _check_clients(config, assignment, environment.check)
        self._beginning = began_with(config.head, first_head(config.head, task), task)
        self._links = ClientLinks.draw(config.seed, len(partition), environment.links)
        self._spending = spending = Spending.of(config, assignment, self._links, environment.dropout)
        self._config = config = spending.config if spending else config
        self._environment = environment
        self._task, self._partition, self._assignment = task, partition, assignment
        self._listener = listener
        self._rules = Rules.of(config)
        self._training = LocalTraining.of(config, strategy, whitened=task.whitened)
        examples, links = partition.sizes - partition.test_sizes, self._links
        self._sums = ClientSums.of(config, self._training, examples, links.profiles, links.link)
        require_checked(config, environment.check, least_checked(links.profiles, len(partition)))
        self._run = new_run()
        self._stopping = False
        self.directory = directory or default_directory(self._run)
        _make_directory(self.directory, config)
        clients = len(partition)
        self._ledger = SimulatedLedger(
            self.directory,
            self._run,
            self._links,
            (task.D, task.num_classes),
            config.codecs,
            most_rows=environment.most_rows,
            expected_rows=self._rules.count(clients) * config.rounds,
            purses=spending.purses if spending else None,
            noises=self._training.noise is not None,
        )
        checked = _checked(config.seed, clients, environment.check)
        kind = SumCheck if self._sums and checked else Check
        self._check = kind(
            self._training, assignment, self._links, checked, statistics_rounds=config.statistics_rounds
        )
        self._simulator = Simulator(
            self._rules,
            self._training,
            assignment,
            strategy,
            threads=environment.threads or os.cpu_count() or 1,
            watched=frozenset(checked),
            sums=self._sums,
        )
        self._masks = MaskLedger(self._ledger, links, partition.test_sizes, listener)
        self._held_score = HeldScore(self._simulator.held, task, task.test, config.seed)
        self._rounds: list[RoundSummary] = []
        self._asked_in_all = self._delivered_in_all = self._counted_in_all = 0
        self._accuracies: tuple[float | None, float | None] = None, None  # of the last head, and personal

    def run(self) -> Summary:
        """Run all rounds; the first Ctrl-C ends after the round under way, the second at once.

        Returns:
            The content of summary.json.

        Raises:
            BytefedError: E_QUORUM, E_HEAD_NOT_FINITE or E_CHECK, if the run can't go on.
            KeyboardInterrupt: Ctrl-C was pressed twice.
        """
        started = time.monotonic()
        self._listener(
            run_started(
                self._run,
                self.directory,
                self._task,
                boards=len(self._partition),
                rounds=self._config.rounds,
                training=self._training,
            )
        )
        for remark in (*self._beginning.remarks, *self._assignment.remarks):
            self._listener(DataRemark(remark))
        if self._spending:
            self._listener(self._spending.announced())
        head, everyone = self._beginning.head, np.arange(len(self._partition), dtype=np.int64)
        with interrupts(self.stop, _abort), closing(self._check):
            self._ledger.connect(0, everyone)
            self._check.connect()
            for number in range(1, self._config.rounds + 1):
                clients = self._choose(number)
                if self._stopping or not len(clients):
                    break
                head = self._round(number, head, clients)
            complete = not self._stopping or len(self._rounds) == self._config.rounds
            if complete and self._sums is None:
                self._evaluate_last(head, everyone)
            else:  # with sums, clients tell nothing of the kind but in sums of rounds
                self._ledger.tested(0, 0)
            if self._sums is not None:
                self._masks.end(len(self._rounds))
                self._check.end(len(self._rounds))
        with coded_errors(self.directory, again=_AGAIN):
            np.save(make_file(self.directory / HEAD), head)
        result = self._result(complete, started)
        subject = _subject(self._run, self._task, len(self._partition), self._config)
        names = [uid(client) for client in range(min(len(self._partition), MOST_CLIENTS))]
        about = self._beginning.summary | findings(self._assignment, head, names)
        summary = write_summary(self.directory, subject, result, {**self._extra(), **about})
        self._listener(RunEnded(str(self.directory), complete, summary))
        return summary

    def stop(self) -> None:
        """End after the round under way."""
        self._stopping = True
        self._listener(Stopping(len(self._rounds) + 1))

    def _choose(self, number: int) -> Clients:
        """Draw the clients of a round, ascending; none where the budget pays for no further round."""
        if self._spending is None:
            return np.array(self._rules.choose(number, range(len(self._partition))), np.int64)
        due = self._ledger.configures(self._training.rate(number))
        return self._spending.choose(number, self._rules, due, self._listener)

    def _round(self, number: int, head: Head, clients: Clients) -> Head:
        started = time.monotonic()
        lost = chances(self._config.seed, _LOST + number, clients) < self._environment.dropout
        outcome = self._simulator.round(number, head, clients, lost)
        found = score(self._task, number, outcome.head)
        statistics = has_statistics(number, self._config.statistics_rounds)
        if outcome.summed:
            self._masks.set_up(number, outcome.summed)
        sums, rows = self._ledger.train(
            number, self._training.rate(number), clients, lost, outcome, statistics=statistics
        )
        if outcome.summed:
            before = self._masks.unmask(number, outcome.summed)
        elif statistics:
            before = self._tested(outcome.clients, outcome.tested, outcome.personal)
        else:
            before = self._ledger.tested(0, 0)
        self._check.round(number, head, clients[lost], outcome)
        if lost.any():
            self._ledger.connect(number, clients[lost])
        self._tell_of_trouble(number, outcome)
        delivered = int(outcome.counted.sum())
        row = RoundSummary(
            round=number,
            participants=0 if outcome.summed and outcome.summed.void else delivered,
            accuracy_boards=None,
            accuracy_personal=None,
            accuracy_global=found.accuracy,
            loss_global=found.loss,
            accuracy_held=self._held_score.mean(),
            wire_down=sums["wire_down"],
            wire_up=sums["wire_up"],
            estimate_wcr=sums["estimate_wcr"],
            estimate_wire=sums["estimate_wire"],
            seconds=time.monotonic() - started,
        )
        self._ledger.close_round(row)
        self._rounds.append(row)
        self._asked_in_all += len(clients)
        self._delivered_in_all += delivered
        self._counted_in_all += row.participants
        self._listener(round_closed(row, len(clients), before, rows))
        return outcome.head

    def _tested(
        self, clients: Clients, correct: NDArray[np.int32], personal: NDArray[np.int32]
    ) -> tuple[float | None, float | None]:
        own = int(personal.sum()) if self._training.personal else None
        samples = 0 if self._training.noise else int(self._partition.test_sizes[clients].sum())
        return self._ledger.tested(int(correct.sum()), samples, own)

    def _evaluate_last(self, head: Head, everyone: Clients) -> None:
        number = len(self._rounds)
        rates = self._ledger.rates(everyone, self._training.rate(number))
        found = self._simulator.evaluate(number, head, everyone, rates)
        self._ledger.evaluate(number, everyone, found.spared)
        self._accuracies = self._tested(everyone, found.correct, found.personal)
        self._check.evaluate(number, head, found)

    def _tell_of_trouble(self, number: int, outcome: Outcome) -> None:
        diverged = int((~outcome.counted).sum())
        troubles = [
            (diverged, "E_BOARD_NOT_FINITE", "training diverged", "Use a smaller --learning-rate."),
            (
                len(outcome.excess),
                "E_DELTA_NORM",
                f"pulled more than {self._config.norm_bound:g} times as hard as the median, bounded to that",
                "They may just have many more samples than the others; --norm-bound 0 turns the bound off.",
            ),
        ]
        for count, code, said, remedy in troubles:
            if count:
                self._listener(BoardTrouble("", number, code, f"{said}: {counted(count, 'client')}.", remedy))

    def _result(self, complete: bool, started: float) -> Result:
        task, partition = self._task, self._partition
        wanted = complete and self._config.central
        return Result(
            complete=complete,
            rounds=self._rounds,
            participants=self._counted_in_all,
            late=0,
            failed=self._asked_in_all - self._delivered_in_all,
            away=(),
            open_boards=self._links.open_clients,
            accuracy_boards=self._accuracies[0],
            accuracy_personal=self._accuracies[1],
            accuracy_central=central_accuracy(task, partition, self._training) if wanted else None,
            sums=self._ledger.sums(),
            seconds_wall=time.monotonic() - started,
        )

    def _extra(self) -> Summary:
        """Return the entries that only the summary of a simulation has."""
        profiles = self._links.profiles
        counts = np.bincount(self._links.link, minlength=len(profiles)).tolist()
        blob = blob_size("float32", self._task.D, self._task.num_classes)
        return {
            "simulated": True,
            **self._training.summary(),
            "estimate_flbench": classic(blob, len(self._partition), len(self._rounds)),
            "estimate_flbench_leaves_out": list(LEFT_OUT),
            "rows": "clients" if self._ledger.one_row_each else "sums",
            "links": dict(zip((profile.name for profile in profiles), counts, strict=True)),
            "dropout": self._environment.dropout,
            "check": self._check.summary(),
            **(self._spending.summary() if self._spending else {}),
            **(self._sums.summary() if self._sums else {}),
        }


def _abort() -> NoReturn:
    raise KeyboardInterrupt


def _checked(seed: int, clients: int, check: int) -> list[int]:
    """Draw the clients to check."""
    return select(seed, _CHECKED, range(clients), check) if check else []


def _subject(run: int, task: Task, clients: int, config: RunConfig) -> Subject:
    return Subject(
        run=run,
        task=task.name,
        features=task.D,
        classes=task.num_classes,
        class_names=task.classes,
        boards=clients,
        config=asdict(config),
        seeds={"run": config.seed},
        versions=versions(),
    )


def _check_clients(config: RunConfig, assignment: Assignment, check: int) -> None:
    """Refuse clients with too few or too many samples for a board, a delta too large for them, and too many to check.

    Raises:
        ConfigError: E_CONFIG_RANGE, E_CONFIG_CLIENTS, E_CONFIG_PRIVACY.
    """
    partition = assignment.partition
    check_range("--check", check, 0, len(partition))
    examples = partition.sizes - partition.test_sizes
    for client in np.flatnonzero((examples < 1) | (examples > 0xFFFF))[:1].tolist():
        raise ConfigError(
            "E_CONFIG_CLIENTS",
            f"Client {client} has {examples[client]:,} training samples; 1 to 65,535 can be.",
            "Use more or fewer --clients, or another --partition.",
        )
    require_samples(config, assignment.trained)


def _make_directory(directory: Path, config: RunConfig) -> None:
    refuse_impossible(directory)
    refuse_existing(directory)
    with coded_errors(directory, again=_AGAIN):
        if (directory / "rounds.csv").exists():
            raise StoreError(
                "E_RUN_EXISTS", f"{directory} holds a run already.", "Name another directory with --run-dir."
            )
        make_folder(directory)
        make_file(directory / RESOLVED).write_text(config.to_toml(), encoding="utf-8")
