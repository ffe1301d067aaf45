"""The plan of a run with a budget: from its configuration, its boards and their links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.events import BudgetPlanned
from bytefed.federation.config import RunConfig
from bytefed.head import parameters
from bytefed.ledger.air import AirTable
from bytefed.ledger.budget import Budget, Pricing
from bytefed.ledger.budget_plan import DOWNLINK, HELD, Boards, Plan, Prices, Terms, plan, priced_blobs
from bytefed.ledger.count import LedgerError
from bytefed.ledger.planned_run import CLASS_MEANS
from bytefed.ledger.rates import EPOCHS
from bytefed.ledger.wire_size import LinkProfile, blob_size
from bytefed.ledger.work import codec_instructions, sample_instructions


@dataclass(frozen=True)
class Means:
    """The means to price a run's operations.

    Attributes:
        budget: The most that each board may spend.
        pricing: The price of loads.
        shape: D and C of the head.
        codecs: Names of the codecs of the downlink and of the uplink.
        epochs: Passes over a board's samples in a round, to price its energy.
    """

    budget: Budget
    pricing: Pricing
    shape: tuple[int, int]
    codecs: tuple[str, str]
    epochs: int

    @classmethod
    def of(cls, config: RunConfig, shape: tuple[int, int], air: AirTable) -> Means | None:
        """Take them from a configuration; None for a run without a budget."""
        budget = config.limit
        if budget is None:
            return None
        return cls(budget, Pricing(budget.kind, air), shape, config.codecs, config.local_epochs or EPOCHS)

    @property
    def parameters(self) -> int:
        """P of the head."""
        return parameters(*self.shape)

    def prices(self, profile: LinkProfile) -> Prices:
        """Return what operations take on a link, without training.

        Raises:
            ConfigError: E_BUDGET_LINK.
        """
        down, up = (blob_size(name, *self.shape) for name in self.codecs)
        return Prices.of(self.pricing, profile, priced_blobs(down, up, self.parameters))

    def least(self, profile: LinkProfile) -> float:
        """Return what connecting, one round and the evaluation after it take at least of a board on a link."""
        prices = self.prices(profile)
        return float(prices.connect + prices.rounds[HELD, 0, 1] + prices.evaluations[DOWNLINK, 0])

    def computing(self, samples: int) -> float:
        """Return the seconds that a board with so many training samples works in a round."""
        trained = samples * self.epochs * sample_instructions(*self.shape)
        coded = codec_instructions("/".join(self.codecs), *self.shape)
        return (trained + coded) / (self.pricing.table.mips * 1e6)

    def training(self, samples: int) -> float:
        """Return what the training of a round takes of a board's budget: energy, or nothing."""
        if self.budget.kind != "energy":
            return 0.0
        currents = self.pricing.table.currents
        return self.computing(samples) * currents.compute * currents.voltage


def planned(config: RunConfig, means: Means, participants: int, boards: Boards) -> tuple[RunConfig, Plan]:
    """Plan the rounds that a budget pays.

    Args:
        config: The configuration; its `rounds` are 0 for as many as the budget pays.
        means: The prices of operations.
        participants: Boards that train in a round.
        boards: The boards, as they are once they have connected.

    Returns:
        The configuration with the number of rounds and of local epochs, and the plan.

    Raises:
        ConfigError: E_BUDGET_TOO_SMALL.
    """
    found = plan(means.budget, boards, terms_of(config, participants))
    class_means = config.first_round == CLASS_MEANS
    epochs = config.local_epochs or means.budget.epochs(found.turns, class_means=class_means)
    return replace(config, rounds=found.rounds, local_epochs=epochs), found


def terms_of(config: RunConfig, participants: int) -> Terms:
    """Return the terms of a configuration's rounds."""
    decays = config.learning_rate_decay != 1.0
    return Terms(
        participants=participants,
        rounds=config.rounds,
        learning_rate_rounds=config.learning_rate_rounds if decays else 0,
        statistics_rounds=config.statistics_rounds,
        seed=config.seed,
        from_zeros=not config.head,
        class_means=config.first_round == CLASS_MEANS,
    )


def boards_on(
    means: Means, profiles: Sequence[LinkProfile], link: NDArray[np.int64], samples: NDArray[np.int64]
) -> Boards:
    """Return boards that have connected as planned.

    Args:
        means: The prices of operations.
        profiles: The profiles of all links.
        link: int64 [n], for each board the index of its link in `profiles`.
        samples: int64 [n], training samples of each.
    """
    training = np.array([means.training(count) for count in samples.tolist()], np.float64)
    return Boards.alike([means.prices(profile) for profile in profiles], link, training)


def announced(config: RunConfig, found: Plan) -> BudgetPlanned:
    """Return the event that says what a run with a budget is going to be."""
    text = found.budget.text
    return BudgetPlanned(
        budget=text(found.budget.most),
        codec=config.codec,
        local_epochs=config.local_epochs,
        learning_rate=config.learning_rate,
        first_round=config.first_round,
        boards=found.boards,
        participants=found.participants,
        rounds=found.rounds,
        connect=text(found.connect),
        board_round=text(found.round),
        evaluate=text(found.evaluate),
        worst=text(found.worst),
        left=text(found.left),
    )


def spent_summary(
    budget: Budget, spent: Mapping[str, float], plan: Mapping[str, Any], *, ended: bool
) -> dict[str, Any]:
    """Return what summary.json says of a budget.

    Args:
        budget: The most that each board may spend.
        spent: The spending of each board, by name; only the most and the least where there are too many to name.
        plan: The plan's document.
        ended: Whether the budget ended the run before the last planned round.
    """
    worst, least = max(spent.values()), min(spent.values())
    return {
        "kind": budget.kind,
        "most": budget.most,
        "spent_most": worst,
        "spent_least": least,
        "left_least": budget.most - worst,
        "ended_early": ended,
        "plan": dict(plan),
    }


def require_kept(budget: Budget, board: str, spent: float) -> None:
    """Make sure that a board has not spent more than its budget.

    Energy is not checked: it depends on how long a board really works, which is known only afterwards.

    Raises:
        LedgerError: E_BUDGET_EXCEEDED.
    """
    if budget.kind != "energy" and not budget.pays(spent):
        raise LedgerError(
            "E_BUDGET_EXCEEDED",
            f"Board {board} has spent {budget.text(spent)} of {budget.option} {budget.text(budget.most)}.",
            "A line that brings what nobody asked for does that; without such noise it is a defect in bytefed:"
            " please report it with the run directory.",
        )
