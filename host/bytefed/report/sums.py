"""The part of a report about secure sums: what a run claims, and what it does not."""

from __future__ import annotations

from html import escape
from typing import Any

from bytefed.report.document import Tile
from bytefed.report.run_files import Run, finite

_MOST_LINES, _LONGEST_LINE = 20, 400


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
    if not entry:
        return ""
    claim = escape(str(entry.get("claim", ""))[:_LONGEST_LINE])
    lines = entry.get("not_claimed")
    shown = lines[:_MOST_LINES] if isinstance(lines, list) else []
    items = "".join(f"<li>{escape(str(line)[:_LONGEST_LINE])}</li>" for line in shown)
    return f'<h2>Secure sums</h2>\n<div class="notes"><p>Claimed: {claim}.</p><p>Not claimed:</p><ul>{items}</ul></div>'


def _entry(run: Run) -> dict[str, Any]:
    entry = run.summary.get("secure_sum")
    return entry if isinstance(entry, dict) else {}
