"""The part of a report about secure sums: what a run claims, and what it does not."""

from __future__ import annotations

from typing import Any

from bytefed.report.claims import claimed
from bytefed.report.document import Tile
from bytefed.report.run_files import Run, finite


def tile(run: Run) -> list[Tile]:
    """Return the figure that stands next to the accuracy; none for a run without secure sums."""
    entry = _entry(run)
    least, void = finite(entry.get("min_sum")), finite(entry.get("void"))
    if least is None or void is None:
        return []
    note = (
        f"boards at least in each sum; no single board’s delta is in this directory; rounds void: {void:,.0f}"
    )
    return [Tile("Deltas hidden in sums", f"{least:,.0f}", note)]


def section(run: Run) -> str:
    """Return the claim, and what is not claimed; nothing for a run without secure sums."""
    entry = _entry(run)
    return claimed("Secure sums", entry) if entry else ""


def _entry(run: Run) -> dict[str, Any]:
    entry = run.summary.get("secure_sum")
    return entry if isinstance(entry, dict) else {}
