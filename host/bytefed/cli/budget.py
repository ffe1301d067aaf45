"""Shows what a budget pays for, and what was spent of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bytefed.errors import check_range, counted

if TYPE_CHECKING:
    from bytefed.events import BudgetPlanned
    from bytefed.ledger.air import AirTable
    from bytefed.ledger.budget import Budget
    from bytefed.ledger.budget_plan import Plan
    from bytefed.ledger.wire_size import LinkProfile


_FIRST = {"usual": "", "class_means": "; round 1 brings class means"}


def show_plan(args: argparse.Namespace, budget: Budget, profile: LinkProfile, air: AirTable) -> int:
    """Print what a budget pays for on boards that are all alike, and return 0.

    Args:
        args: Options of `bytefed estimate`.
        budget: The most that each board may spend.
        profile: The boards' link.
        air: How BLE links and boards are set up.

    Raises:
        ConfigError: E_BUDGET_TOO_SMALL, E_BUDGET_LINK, E_CONFIG_CODEC, E_CONFIG_RANGE.
    """
    import numpy as np

    from bytefed.codec import pair
    from bytefed.federation.budget import Means, boards_on
    from bytefed.ledger.budget import Pricing
    from bytefed.ledger.budget_plan import Terms, plan
    from bytefed.ledger.planned_run import CLASS_MEANS
    from bytefed.ledger.rates import EPOCHS

    check_range("--samples", args.samples, 1, 65_535)
    check_range("--local-epochs", args.local_epochs or 0, 0, 255)
    shape = (args.features, args.classes)
    means = Means(budget, Pricing(budget.kind, air), shape, pair(args.codec), args.local_epochs or EPOCHS)
    count = min(max(int(args.fraction_train * args.clients), args.min_train_nodes), args.clients)
    terms = Terms(
        count,
        args.rounds,
        args.learning_rate_rounds,
        args.statistics_rounds,
        args.seed,
        from_zeros=not args.from_head,
        class_means=args.first_round == CLASS_MEANS,
    )
    links, samples = np.zeros(args.clients, np.int64), np.full(args.clients, args.samples)
    found = plan(budget, boards_on(means, [profile], links, samples), terms)
    args.local_epochs = args.local_epochs or budget.epochs(found.turns, class_means=terms.class_means)
    if args.json:
        chosen = {
            name: getattr(args, name) for name in ("codec", "local_epochs", "learning_rate", "fraction_train")
        }
        document = {
            **chosen,
            "features": args.features,
            "classes": args.classes,
            "link": args.link,
            **found.document(),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    from rich.console import Console

    console = Console(emoji=False, highlight=False)
    for line in _lines(args, found):
        console.print(line, markup=False, soft_wrap=True)
    return 0


def _lines(args: argparse.Namespace, found: Plan) -> list[str]:
    text = found.budget.text
    return [
        f"{text(found.budget.most)} a board pay for {counted(found.rounds, 'round')} on"
        f" {'OPEN' if args.open else 'sealed'} {args.link} links,"
        f" {_who(found.participants, found.boards)} in each:",
        f"  codec {args.codec}, {counted(args.local_epochs, 'epoch')}, learning rate {args.learning_rate:g}"
        f"{_FIRST[args.first_round]}",
        f"  connecting takes {text(found.connect)}, a usual round {text(found.round)},"
        f" the evaluation of the last head {text(found.evaluate)}",
        f"  a board takes part in {counted(found.turns, 'round')} at most, and spends {text(found.least)} to"
        f" {text(found.worst)}: {text(found.left)} are left",
        f"  all boards together spend {text(found.total)}",
        "Giving boards their samples is not in it. Where frames are lost, a run ends earlier, never above its budget.",
    ]


def _who(participants: int, boards: int) -> str:
    if participants < boards:
        return f"{participants:,} of {counted(boards, 'board')} in turn"
    return counted(boards, "board")


def planned_lines(event: BudgetPlanned) -> list[str]:
    """Say what a run with a budget is going to be."""
    return [
        f"budget {event.budget} a board: {counted(event.rounds, 'round')} of"
        f" {_who(event.participants, event.boards)}, codec {event.codec},"
        f" {counted(event.local_epochs, 'epoch')}, learning rate {event.learning_rate:g}{_FIRST[event.first_round]}",
        f"  connecting {event.connect}, a usual round {event.board_round}, the last evaluation {event.evaluate};"
        f" if nothing is lost, a board spends {event.worst} at most: {event.left} left",
    ]


def spent_line(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the board spent that spent most, and the rest of the sentence.

    Args:
        entry: `budget` of summary.json.
    """
    from bytefed.ledger.budget import Budget  # slow to load, and for runs with a budget alone

    budget = Budget(entry["kind"], entry["most"])
    planned = budget.text(entry["plan"]["worst"]) if entry["plan"] else "-"
    early = "; it ended the run before its last round" if entry["ended_early"] else ""
    return (
        budget.text(entry["spent_most"]),
        f"of {budget.text(entry['most'])} that a board may spend, by the one that spent most; planned {planned}{early}",
    )
