"""The rules of a round, the same for boards, gateways and simulated clients.

They decide who takes part, how many of those must deliver, how far one client may pull, how the new head is made, and
when a head is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from bytefed.data.task import Task
from bytefed.errors import BytefedError, ConfigError, LinkError, counted
from bytefed.federation.evaluation import Score, evaluate
from bytefed.federation.held import HeldTask
from bytefed.head import Head
from bytefed.seeds import select, select_fairly
from bytefed.strategies.base import FromMean, Strategy, Update
from bytefed.strategies.robust import Bounds, Newcomers, bound_norms

if TYPE_CHECKING:
    from bytefed.federation.config import RunConfig


@dataclass(frozen=True)
class Rules:
    """The rules that decide who takes part in a round and which deltas count.

    Attributes:
        seed: The run's seed, 0 to 2^32 - 1.
        fraction_train: Fraction of the clients that train in a round, 0 to 1.
        min_train_nodes: The least number of clients that train in a round.
        quorum: Fraction of a round's clients that must deliver for it to count, 0 to 1.
        norm_bound: Farthest that a client can pull the head, in medians of the round; see ``Bounds``. 0 for no bound.
    """

    seed: int
    fraction_train: float
    min_train_nodes: int
    quorum: float
    norm_bound: float

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """Take the keys about the rules of a round from a configuration."""
        return cls(
            seed=config.seed,
            fraction_train=config.fraction_train,
            min_train_nodes=config.min_train_nodes,
            quorum=config.quorum,
            norm_bound=config.norm_bound,
        )

    def count(self, ready: int) -> int:
        """Return the number of clients that train in a round, given the number that are ready."""
        return min(max(int(self.fraction_train * ready), self.min_train_nodes), ready)

    def choose(self, number: int, ready: Iterable[int]) -> list[int]:
        """Draw the clients that train in a round, ascending, from those that are ready."""
        clients = list(ready)
        return select(self.seed, number, clients, self.count(len(clients)))

    def choose_in_turn(
        self, number: int, able: NDArray[np.int64], turns: NDArray[np.int64], clients: int
    ) -> list[int]:
        """Draw the clients that train in a round, ascending, from those that have been asked least often.

        Args:
            number: The round.
            able: int64 [n], the clients that can take part.
            turns: int64 [n], rounds that each of them has been asked in.
            clients: Number of all clients, of whom `fraction_train` train; fewer where fewer are able.
        """
        return select_fairly(self.seed, number, able, self.count(clients), turns)

    def require_boards(self, number: int, ready: int, remedy: str) -> None:
        """Refuse to begin a round with too few boards.

        Args:
            number: The round.
            ready: Boards that are ready for it.
            remedy: The remedy for those that are not.

        Raises:
            LinkError: E_TOO_FEW_BOARDS.
        """
        if ready < self.min_train_nodes:
            raise LinkError(
                "E_TOO_FEW_BOARDS",
                f"Round {number} needs {counted(self.min_train_nodes, 'board')}; ready: {ready}.",
                remedy,
            )

    def require_budgets(self, number: int, boards: int, spent: int, directory: Path) -> None:
        """Refuse to begin a round for which too few boards have privacy budgets left.

        Args:
            number: The round.
            boards: All boards of the run.
            spent: Those of them whose privacy budgets are spent.
            directory: The run's directory.

        Raises:
            LinkError: E_TOO_FEW_BOARDS.
        """
        if spent and boards - spent < self.min_train_nodes:
            left = "No round was trained: let boards forget their samples (`bytefed capture --erase`), or take others."
            if number > 1:
                left = f"The head of round {number - 1} is the run's last: `bytefed export {quote(str(directory))}` "
                left += "writes it."
            raise LinkError(
                "E_TOO_FEW_BOARDS",
                f"Round {number} needs {counted(self.min_train_nodes, 'board')}, and {spent} of {boards} have spent "
                "their privacy budgets.",
                f"What is spent does not come back, and resuming does not help. {left}",
            )

    def needed(self, asked: int) -> int:
        """Return the number of clients that must deliver, at least 1, given the number that were asked."""
        return max(1, math.ceil(self.quorum * asked))

    def require_quorum(self, number: int, delivered: int, asked: int, remedy: str) -> None:
        """Refuse a round for which too few clients delivered.

        Args:
            number: The round.
            delivered: Clients whose deltas count.
            asked: Clients that were to train.
            remedy: The remedy for those that failed.

        Raises:
            LinkError: E_QUORUM.
        """
        if delivered < self.needed(asked):
            raise LinkError(
                "E_QUORUM",
                f"Round {number} has {counted(delivered, 'delta')} and needs {self.needed(asked)};"
                " nobody is left to wait for.",
                remedy,
            )

    def bound(
        self, updates: Sequence[Update], newcomers: Newcomers | None = None
    ) -> tuple[list[Update], dict[int, float]]:
        """Bound how far each update can pull the head; see ``bound_norms``."""
        return bound_norms(updates, self.norm_bound, newcomers)

    def bounds(self, examples: NDArray[np.int64], norms: NDArray[np.float64]) -> Bounds:
        """Return the weights and scales by which ``bound`` changes the updates of a round; see ``Bounds``."""
        return Bounds.of(examples, norms, self.norm_bound)


def initial_head(task: Task | HeldTask) -> Head:
    """Return the head that a run begins with: zeros, float32 [P].

    Softmax regression is convex, so the starting point decides only how long training takes; and from zero the first
    step is the same for every seed.
    """
    return np.zeros(task.D * task.num_classes + task.num_classes, np.float32)


def aggregate(strategy: Strategy, head: Head, updates: Sequence[Update]) -> Head:
    """Let a strategy make the new global head of all updates, float32 [P]. ``score`` refuses a head that overflowed.

    Raises:
        ConfigError: E_STRATEGY_HEAD when it returns something else.
    """
    with _overflow_allowed():
        return _head(strategy.aggregate(_read_only(head), updates), head, strategy)


def step(strategy: FromMean, head: Head, mean: NDArray[np.float64]) -> Head:
    """Do the same as ``aggregate`` with a strategy that needs only the weighted mean of the deltas, float64 [P]."""
    with _overflow_allowed():
        return _head(strategy.step(_read_only(head), mean), head, strategy)


def score(task: Task, number: int, head: Head) -> Score:
    """Score the new global head of a round on the task's test set.

    Raises:
        BytefedError: E_HEAD_NOT_FINITE when training diverged.
    """
    with _overflow_allowed():
        found = evaluate(task, head, task.test)
    require_finite(number, head, found.loss)
    return found


def require_finite(number: int, head: Head, loss: float = 0.0) -> None:
    """Refuse the new global head of a round, or its loss, if training diverged.

    Raises:
        BytefedError: E_HEAD_NOT_FINITE.
    """
    if not (np.isfinite(head).all() and math.isfinite(loss)):
        raise BytefedError(
            "E_HEAD_NOT_FINITE",
            f"The global head of round {number} has grown beyond float32: training diverged.",
            "Start a new run with a smaller --learning-rate.",
        )


@contextmanager
def _overflow_allowed() -> Iterator[None]:
    with np.errstate(over="ignore", invalid="ignore"):
        yield


def _read_only(head: Head) -> Head:
    view = head.view()
    view.flags.writeable = False
    return view


def _head(made: Any, before: Head, strategy: object) -> Head:
    """Check that a strategy returned a head; a user's own strategy may return anything."""
    shape = getattr(made, "shape", None)
    if shape != before.shape or made.dtype.kind != "f":
        what = (
            f"an array of shape {shape} and dtype {made.dtype}"
            if isinstance(made, np.ndarray)
            else repr(made)
        )
        raise ConfigError(
            "E_STRATEGY_HEAD",
            f"{type(strategy).__name__} returned {what[:80]} for a head of {before.size} floats.",
            "Let its aggregate return a new head: float32, of the same shape as the one it was given.",
        )
    return np.asarray(made, np.float32)
