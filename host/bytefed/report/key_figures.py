"""The figures in large type at the head of a run's page: accuracy, promises, bytes, budget."""

from __future__ import annotations

from html import escape

from bytefed.report import findings, privacy, sums
from bytefed.report.document import Tile, percent
from bytefed.report.run_files import REPAIR, Run, total

_WITHOUT = ", without noise: no part of the claim"


def key_figures(run: Run) -> list[Tile]:
    """Return the tiles of a run, in their order."""
    return [
        *_accuracy(run), *privacy.tile(run), *sums.tile(run), _wire(run), _against_prediction(run),
        *_against_classic(run), *_updates(run), *_energy(run), *_repair(run), *_budget(run),
    ]  # fmt: skip


def _accuracy(run: Run) -> list[Tile]:
    if run.accuracy() is None:
        return _accuracy_of_boards(run)
    central = (
        f"{percent(run.central)} when trained centrally{_WITHOUT if privacy.tile(run) else ''}"
        if run.central is not None
        else "on the global test set"
    )
    boards = run.accuracy("accuracy_boards")
    note = "<br>".join(filter(None, (central, findings.interval(run))))
    note += f"<br>{percent(boards)} on the boards’ own samples" if boards is not None else ""
    personal = run.accuracy("accuracy_personal")
    note += f"<br>{percent(personal)} there with their personal heads" if personal is not None else ""
    return [Tile("Final accuracy", percent(run.accuracy()), note)]


def _accuracy_of_boards(run: Run) -> list[Tile]:
    """Return the tile of a run that is judged on its boards alone, and why; none where nothing is known."""
    reason, boards = run.summary.get("no_reference"), run.accuracy("accuracy_boards")
    if not isinstance(reason, str) or boards is None:
        return []
    personal = run.accuracy("accuracy_personal")
    note = "on the boards’ own test samples"
    note += f"<br>{percent(personal)} there with their personal heads" if personal is not None else ""
    note += f"<br>No central reference: {escape(reason[:200])}."
    return [Tile("Final accuracy", percent(boards), note)]


def _wire(run: Run) -> Tile:
    each = (
        f"{run.wire / len(run.rows):,.0f} B a board and round, both directions"
        if run.rows
        else "both directions"
    )
    return Tile("Wire bytes of all rounds", f"{run.wire:,} <small>B</small>", each)


def _against_prediction(run: Run) -> Tile:
    if run.exact:
        return Tile("Predicted bytes", "exact", f"{run.estimate:,} B were predicted, to the byte", "good")
    difference = run.wire - run.estimate
    share = f"{100 * difference / run.estimate:+.2f} %" if run.estimate else "-"
    word = "more" if difference >= 0 else "fewer"
    note = f"{abs(difference):,} B {word} than the {run.estimate:,} B predicted"
    return Tile("Counted against predicted", share, note)


def _against_classic(run: Run) -> list[Tile]:
    if not run.wcr:
        return []
    factor = f"{run.wire / run.wcr:.2f} <small>×</small>"
    return [Tile("Against W × C × R", factor, f"classic estimate {run.wcr:,} B: uplink payload alone")]


def _updates(run: Run) -> list[Tile]:
    if not run.rows:
        return []
    counts = {
        status: sum(row.status == status for row in run.rows)
        for status in ("ok", "late", "rejected", "failed")
    }
    good = f"{counts.pop('ok'):,} <small>of {len(run.rows):,}</small>"
    return [Tile("Updates counted", good, ", ".join(f"{count} {status}" for status, count in counts.items()))]


def _energy(run: Run) -> list[Tile]:
    energy, air = total(row.energy_mj for row in run.rows), total(row.air_seconds for row in run.rows) or 0
    if not energy:
        return []
    each = f"{air / len(run.rows):.3g} s in the air a board and round; both by formula"
    return [Tile("Energy of all boards", f"{energy:,.0f} <small>mJ</small>", each)]


def _repair(run: Run) -> list[Tile]:
    repair = sum(run.parts[part] for part in REPAIR)
    if not repair:
        return []
    share = f"{100 * repair / run.wire:.2f} % of the rounds’ bytes"
    return [Tile("Bytes for repair", f"{repair:,} <small>B</small>", share)]


def _budget(run: Run) -> list[Tile]:
    """Say what the board spent that spent most; nothing in a run without a budget."""
    budget = run.budget()
    if budget is None:
        return []
    unit = f" <small>{budget.unit}</small>"
    planned = "" if budget.planned is None else f"; {budget.planned:,.6g} {budget.unit} were planned"
    note = f"of {budget.most:,.6g} {budget.unit} that each board may spend, without its samples{planned}"
    note += "<br>it ended the run before its last round" if budget.ended_early else ""
    return [Tile("Spent by a board, at most", f"{budget.spent:,.6g}{unit}", note)]
