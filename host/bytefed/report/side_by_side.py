"""The page's part about several runs: what they have in common, side by side, and then one by one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bytefed.ledger.bytes_to import SHARES
from bytefed.report import compare
from bytefed.report.document import section, table
from bytefed.report.one_run import details, headline
from bytefed.report.run_files import Run

_MOST_DETAILED = 8


def side_by_side(runs: Sequence[Run]) -> str:
    """Return the content of the page of several runs."""
    parts = compare.comparable(runs)
    found = [
        f'<header><p class="brand">bytefed report</p><h1>{_title(runs, parts)}</h1></header>',
        _warnings(runs, parts),
    ]
    for part in parts:
        if len(parts) > 1:
            found.append(f'<h2 class="part">{escape(" · ".join(part.kind))}</h2>')
        found += [_comparison(part.groups), section("Accuracy for bytes", compare.charts(part.groups))]
    found.append("<h2>The runs, one by one</h2>")
    found += [
        f'<details class="run" id="run-{number}"><summary>{escape(run.name)}: {escape(headline(run))}</summary>'
        f"{details(run)}</details>"
        for number, run in enumerate(runs[:_MOST_DETAILED])
    ]
    if len(runs) > _MOST_DETAILED:
        found.append(
            f'<p class="fine">Only the first {_MOST_DETAILED} are shown in detail; report the others by themselves.</p>'
        )
    return "\n".join(one for one in found if one)


def _title(runs: Sequence[Run], parts: Sequence[compare.Comparable]) -> str:
    settings = sum(len(part.groups) for part in parts)
    if len(parts) > 1:
        return f"{len(runs)} runs in {len(parts)} parts"
    return (
        f"{len(runs)} runs compared"
        if settings == len(runs)
        else f"{settings} settings compared, {len(runs)} runs"
    )


def _warnings(runs: Sequence[Run], parts: Sequence[compare.Comparable]) -> str:
    """Say what can't be compared, and what doesn't count."""
    notes = []
    if len(parts) > 1:
        why = " and in ".join(compare.differing(parts))
        notes.append(
            f"Not all of these runs can be compared: they differ in {why}. Each kind has a part of its own."
        )
    if open_runs := [run.name for run in runs if not run.complete]:
        notes.append(f"Not complete: {', '.join(open_runs)}. Nothing is measured by what is not complete.")
    if repeats := [run.name for part in parts for group in part.groups for run in group.repeats]:
        notes.append(
            f"Repeats of a seed that others have, left out of means and charts: {', '.join(repeats)}."
        )
    text = "".join(f"<p>{escape(note[:600])}</p>" for note in notes)
    return f'<div class="notes">{text}</div>' if notes else ""


def _comparison(found: Sequence[compare.Group]) -> str:
    base = compare.reference(found)
    rows = [_compared(group, base) for group in found]
    head = (
        "setting",
        "final accuracy",
        "saves",
        "B to 99 %",
        "B to 95 %",
        "host’s head: B to 99 %",
        "wire B in all",
        "seeds",
        "prediction",
    )
    return "<h2>At a glance</h2>" + table(head, rows) + f'<p class="fine">{_reading(base)}</p>'


def _compared(group: compare.Group, base: compare.Group | None) -> list[str]:
    low, high = (group.cost(base, share) if base else None for share in SHARES)
    host = group.cost(base, SHARES[-1], "accuracy_global") if base else None
    full = base.cost(base, SHARES[-1]) if base else None
    return [
        f'<span class="swatch" style="--c:var(--{group.color})"></span>{escape(group.label[:80])}',
        _spread_percent(group.final),
        f"{full.mean / high.mean:.2f} ×" if high and full and high.mean else "-",
        *(_spread_bytes(cost) for cost in (high, low, host)),
        _spread_bytes(compare.Spread.of([run.wire for run in group.runs])),
        f"{len(group.runs)}",
        "exact" if all(run.exact for run in group.runs) else "differs",
    ]


def _reading(base: compare.Group | None) -> str:
    """Say how the table is to be read."""
    bytes_ = (
        "Bytes to an accuracy are those of one board, both directions, rounds and connecting, until the heads that "
        "the boards hold have it on the test set for three rounds; the host’s head has it a round earlier. "
        "In all: all boards, rounds alone. Final: mean of the last five rounds, or of the last fifth. "
        "± is the standard deviation over seeds; - means never reached by at least one seed."
    )
    if base is None:
        return "No run here is complete and has a test set to measure by. " + bytes_
    return (
        f"95 % and 99 % of the final accuracy of <b>{escape(base.label[:80])}</b> with the same seed, in the mean "
        f"{_spread_percent(base.final)}. Saves: how many times fewer bytes to 99 %. " + bytes_
    )


def _spread_percent(spread: compare.Spread | None) -> str:
    if spread is None:
        return "-"
    return (
        f"{100 * spread.mean:.2f}" + (f" ± {100 * spread.deviation:.2f}" if spread.deviation else "") + " %"
    )


def _spread_bytes(spread: compare.Spread | None) -> str:
    if spread is None:
        return "-"
    return f"{spread.mean:,.0f}" + (f" ± {spread.deviation:,.0f}" if spread.deviation else "")
