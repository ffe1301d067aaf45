"""A whole simulated run: from a configuration to the files of a run directory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data import Task
from bytefed.data.partition import Partition
from bytefed.errors import BytefedError, ConfigError, StoreError
from bytefed.events import BoardTrouble, Listener, RoundClosed, RunEnded, RunStarted, Stopping
from bytefed.federation import evaluation as central
from bytefed.federation.config import RunConfig
from bytefed.federation.experiment import initial_head
from bytefed.head import Head
from bytefed.ledger.estimate import LEFT_OUT, classic
from bytefed.ledger.rows import RoundSummary
from bytefed.ledger.wire_size import LinkProfile, blob_size
from bytefed.runs.csv_files import write_json
from bytefed.runs.directory import RESOLVED, coded, default_directory, new_run, versions
from bytefed.seeds import chances, select
from bytefed.simulation.check import Check
from bytefed.simulation.ledger import SimulatedLedger
from bytefed.simulation.links import Fleet
from bytefed.simulation.simulator import Clients, Outcome, Simulator
from bytefed.strategies.registry import strategy_of

MOST_ROWS = 100_000
_LOST = 0x0F00  # which draw it is, plus the round
_CHECKED = 0  # the round number of the draw of who is checked


@dataclass(frozen=True)
class Surroundings:
    """What a simulation has besides a run's configuration.

    Attributes:
        links: Links and the fraction of clients with each.
        dropout: Probability that a client is lost in a round after it took the head.
        check: How many clients also train as virtual boards, to compare.
        threads: To train with; 0 for one a processor.
        most_rows: Of bytes.csv with a row for each client.
    """

    links: Sequence[tuple[LinkProfile, float]]
    dropout: float = 0.0
    check: int = 0
    threads: int = 0
    most_rows: int = MOST_ROWS


class Simulation:
    """One simulated run.

    Args:
        config: What to do; its boards, deadline and faults say nothing here.
        surroundings: The rest.
        task: What is learnt.
        partition: By whom.
        directory: Run directory, must not hold a run; None for a new one under runs/.
        listener: Is told what happens.

    Raises:
        ConfigError: E_CONFIG_CLIENTS where a client has no training samples, or more than a board can count.
        StoreError: E_RUN_EXISTS, or the directory can't be written to.
    """

    def __init__(
        self,
        config: RunConfig,
        surroundings: Surroundings,
        task: Task,
        partition: Partition,
        directory: Path | None,
        listener: Listener,
    ) -> None:
        _check_sizes(partition)
        self._config = config
        self._surroundings = surroundings
        self._task = task
        self._partition = partition
        self._listener = listener
        self._run = new_run()
        self._stopping = False
        self.directory = directory or default_directory(self._run)
        _make_directory(self.directory, config)
        clients = len(partition)
        self._fleet = Fleet.draw(config.seed, clients, surroundings.links)
        self._asked = min(max(int(config.fraction_train * clients), config.min_train_nodes), clients)
        self._ledger = SimulatedLedger(
            self.directory,
            self._run,
            self._fleet,
            (task.D, task.num_classes),
            config.codecs,
            most_rows=surroundings.most_rows,
            expected_rows=self._asked * config.rounds,
        )
        checked = (
            select(config.seed, _CHECKED, range(clients), surroundings.check) if surroundings.check else []
        )
        self._check = Check(config, task, partition, self._fleet, checked)
        self._simulator = Simulator(
            config,
            task,
            partition,
            strategy_of(config),
            threads=surroundings.threads or os.cpu_count() or 1,
            watched=frozenset(checked),
        )
        self._rounds: list[RoundSummary] = []
        self._asked_in_all = self._counted_in_all = 0
        self._accuracy_boards: float | None = None

    def run(self) -> Mapping[str, Any]:
        """Run all rounds.

        Returns:
            What summary.json says.

        Raises:
            BytefedError: E_QUORUM, E_HEAD_NOT_FINITE, E_CHECK: what keeps the run from going on.
        """
        started = time.monotonic()
        self._listener(self._started())
        head, everyone = initial_head(self._task), np.arange(len(self._partition), dtype=np.int64)
        with _interrupts(self), closing(self._check):
            self._ledger.connect(0, everyone)
            self._check.connect()
            for number in range(1, self._config.rounds + 1):
                if self._stopping:
                    break
                head = self._round(number, head)
            complete = len(self._rounds) == self._config.rounds
            if complete:
                self._evaluate_last(head, everyone)
            else:
                self._ledger.tested(0, 0)
        summary = self._summary(complete)
        summary["seconds_wall"] = round(time.monotonic() - started, 3)
        write_json(self.directory / "summary.json", summary)
        self._listener(RunEnded(str(self.directory), complete, summary))
        return summary

    def stop(self) -> None:
        """End after the round under way; at once the second time.

        Raises:
            KeyboardInterrupt: The second time.
        """
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True
        self._listener(Stopping(len(self._rounds) + 1))

    def _round(self, number: int, head: Head) -> Head:
        started = time.monotonic()
        config = self._config
        chosen = select(config.seed, number, range(len(self._partition)), self._asked)
        clients = np.array(chosen, np.int64)
        lost = chances(config.seed, _LOST + number, clients) < self._surroundings.dropout
        outcome = self._simulator.round(number, head, clients, lost)
        score = self._score(number, outcome.head)
        sums = self._ledger.train(number, config.rate(number), clients, lost, outcome)
        before = self._tested(outcome.clients, outcome.tested) if number > 1 else None
        self._check.round(number, head, clients[lost], outcome)
        if lost.any():
            self._ledger.connect(number, clients[lost])
        self._tell_of_trouble(number, outcome)
        row = RoundSummary(
            round=number,
            participants=int(outcome.counted.sum()),
            accuracy_boards=None,
            accuracy_global=score.accuracy,
            loss_global=score.loss,
            wire_down=sums["wire_down"],
            wire_up=sums["wire_up"],
            estimate_wcr=sums["estimate_wcr"],
            estimate_wire=sums["estimate_wire"],
            seconds=time.monotonic() - started,
        )
        self._ledger.close_round(row)
        self._rounds.append(row)
        self._asked_in_all += len(clients)
        self._counted_in_all += row.participants
        self._listener(_closed(row, len(clients), before))
        return outcome.head

    def _score(self, number: int, head: Head) -> central.Score:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
            score = central.evaluate(self._task, head, self._task.test)
        if not (np.isfinite(head).all() and np.isfinite(score.loss)):
            raise BytefedError(
                "E_HEAD_NOT_FINITE",
                f"The global head of round {number} has grown beyond float32: training diverged.",
                "Start a new run with a smaller --learning-rate.",
            )
        return score

    def _tested(self, clients: Clients, correct: NDArray[np.int32]) -> float | None:
        return self._ledger.tested(int(correct.sum()), int(self._partition.test_sizes[clients].sum()))

    def _evaluate_last(self, head: Head, everyone: Clients) -> None:
        number = len(self._rounds)
        correct = self._simulator.evaluate(number, head, everyone)
        self._ledger.evaluate(number, everyone)
        self._accuracy_boards = self._tested(everyone, correct)
        self._check.evaluate(number, head, correct)

    def _tell_of_trouble(self, number: int, outcome: Outcome) -> None:
        diverged = int((~outcome.counted).sum())
        troubles = [
            (diverged, "E_BOARD_NOT_FINITE", "their training diverged.", "Use a smaller --learning-rate."),
            (
                len(outcome.excess),
                "E_DELTA_NORM",
                f"their deltas are longer than {self._config.norm_bound:g} times the median: scaled down to that.",
                "--norm-bound 0 turns the bound off.",
            ),
        ]
        for count, code, message, remedy in troubles:
            if count:
                self._listener(BoardTrouble(f"{count} clients", number, code, message, remedy))

    def _started(self) -> RunStarted:
        return RunStarted(
            run=f"{self._run:08x}",
            directory=str(self.directory),
            task=self._task.name,
            boards=len(self._partition),
            features=self._task.D,
            classes=self._task.num_classes,
            first_round=1,
            rounds=self._config.rounds,
        )

    def _summary(self, complete: bool) -> dict[str, Any]:
        """What summary.json says."""
        task, config, last = self._task, self._config, self._rounds[-1] if self._rounds else None
        links = np.bincount(self._fleet.link, minlength=len(self._fleet.profiles)).tolist()
        return {
            "run": f"{self._run:08x}",
            "complete": complete,
            "simulated": True,
            "task": task.name,
            "features": task.D,
            "classes": task.num_classes,
            "boards": len(self._partition),
            "rounds": len(self._rounds),
            "participants": self._counted_in_all,
            "late": 0,
            "failed": self._asked_in_all - self._counted_in_all,
            "accuracy_final": last.accuracy_global if last else None,
            "loss_final": last.loss_global if last else None,
            "accuracy_central": self._central() if complete and config.central else None,
            "accuracy_boards_final": self._accuracy_boards,
            **self._ledger.totals(),
            "estimate_flbench": classic(
                blob_size("float32", task.D, task.num_classes), len(self._partition), len(self._rounds)
            ),
            "estimate_flbench_leaves_out": list(LEFT_OUT),
            "rows": "clients" if self._ledger.one_row_each else "sums",
            "links": dict(zip((profile.name for profile in self._fleet.profiles), links, strict=True)),
            "dropout": self._surroundings.dropout,
            "check": self._check.summary(),
            "seconds_rounds": round(sum(row.seconds for row in self._rounds), 3),
            "config": asdict(config),
            "seeds": {"run": config.seed},
            "versions": versions(),
        }

    def _central(self) -> float:
        """Accuracy of one head that saw all clients' training samples as often as the clients did."""
        config, partition = self._config, self._partition
        samples = np.concatenate([partition.train(client) for client in range(len(partition))])
        head = central.train(
            self._task,
            self._task.federated.take(samples),
            epochs=len(self._rounds) * config.local_epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            seed=config.seed,
        )
        return central.evaluate(self._task, head, self._task.test).accuracy


def _check_sizes(partition: Partition) -> None:
    """Refuse clients that no board could be."""
    examples = partition.sizes - partition.test_sizes
    for client in np.flatnonzero((examples < 1) | (examples > 0xFFFF))[:1].tolist():
        raise ConfigError(
            "E_CONFIG_CLIENTS",
            f"Client {client} has {examples[client]:,} training samples; 1 to 65,535 can be.",
            "Use more or fewer --clients, or another --partition.",
        )


def _make_directory(directory: Path, config: RunConfig) -> None:
    with coded(directory):
        if any((directory / name).exists() for name in ("run.db", "rounds.csv")):
            raise StoreError(
                "E_RUN_EXISTS", f"{directory} holds a run already.", "Name another directory with --run-dir."
            )
        directory.mkdir(parents=True, exist_ok=True)
        (directory / RESOLVED).write_text(config.to_toml(), encoding="utf-8")


@contextmanager
def _interrupts(simulation: Simulation) -> Iterator[None]:
    """While this holds, Ctrl-C is an orderly matter."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signals here: a library's user, or a test
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        simulation.stop()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _closed(row: RoundSummary, asked: int, accuracy_boards: float | None) -> RoundClosed:
    return RoundClosed(
        round=row.round,
        participants=row.participants,
        asked=asked,
        accuracy_boards=accuracy_boards,
        accuracy_global=row.accuracy_global,
        loss_global=row.loss_global,
        wire_total=row.wire_total,
        estimate_wire=row.estimate_wire,
        seconds=row.seconds,
    )
