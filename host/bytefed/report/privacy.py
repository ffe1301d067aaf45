"""The part of a report about noise: what a run claims of each sample or board, takes for granted, and leaves out."""

from __future__ import annotations

from bytefed.privacy.claims import BOARD, SAMPLE
from bytefed.report.claims import claimed
from bytefed.report.document import Tile
from bytefed.report.run_files import Run, finite


def tile(run: Run) -> list[Tile]:
    """Return the figure that stands next to the accuracy; none for a run without noise."""
    found = _numbers(run)
    if found is None:
        return []
    epsilon, delta, rounds, multiplier, clip = found
    unit = _unit(run)
    note = f"epsilon, with delta {delta:g}; unit: {unit}; {rounds:,.0f} rounds"
    note += f" of noise {multiplier:.2f} times the clip of {clip:g}"
    return [Tile(f"Told of {unit.replace('one', 'a')}, at most", f"{epsilon:g}", note + _left(run))]


def section(run: Run) -> str:
    """Return the claim, what it takes for granted, and what is not claimed; nothing for a run without noise."""
    entry = run.summary.get("privacy")
    if _numbers(run) is None or not isinstance(entry, dict):
        return ""
    but = (
        " of boards in the place of these clients, whose noise comes from a seed and protects nobody"
        if run.summary.get("simulated")
        else ""
    )
    of = "samples" if _unit(run) == SAMPLE.unit else "whole boards"
    return claimed(f"Privacy of {of}", entry, but)


def _unit(run: Run) -> str:
    """Return what the noise protects; a run directory that says something else was not made by bytefed."""
    return BOARD.unit if run.summary["privacy"].get("unit") == BOARD.unit else SAMPLE.unit


def _numbers(run: Run) -> list[float] | None:
    entry = run.summary.get("privacy")
    if not isinstance(entry, dict):
        return None
    keys = ("epsilon", "delta", "rounds", "noise_multiplier", "clip")
    found = [value for key in keys if (value := finite(entry.get(key))) is not None]
    return found if len(found) == len(keys) else None


def _left(run: Run) -> str:
    """Say what boards have left of their budgets, if they have told."""
    entry = run.summary["privacy"].get("boards")
    shares = []
    for told in entry.values() if isinstance(entry, dict) else ():
        budget, spent = (
            (finite(told.get(key)) for key in ("budget", "spent")) if isinstance(told, dict) else (None, None)
        )
        if budget and spent is not None:
            shares.append(100 * max(0.0, budget - spent) / budget)
    return f"<br>left of the boards’ budgets: {min(shares):.0f} % at least" if shares else ""
