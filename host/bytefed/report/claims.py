"""The words of a claim on a page: what is claimed, what that takes for granted, and what is not claimed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_MOST_LINES, _LONGEST_LINE = 20, 400
_LISTS = (
    ("This takes for granted:", "assumptions"),
    ("Not claimed:", "not_claimed"),
    (
        "These boards had a budget before. If they were given the same samples, the epsilons of both budgets add:",
        "new_budgets",
    ),
)


def claimed(title: str, entry: Mapping[str, Any], but: str = "") -> str:
    """Return a claim as a section of a page.

    Args:
        title: Its heading.
        entry: The entry of summary.json: ``claim``, and lists of lines.
        but: Words that limit the claim, with a space before them.
    """
    claim = escape(str(entry.get("claim", ""))[:_LONGEST_LINE])
    lists = "".join(_list(name, entry.get(key)) for name, key in _LISTS)
    return f'<h2>{title}</h2>\n<div class="notes"><p>Claimed{but}: {claim}.</p>{lists}</div>'


def _list(name: str, lines: Any) -> str:
    """Return a list of lines; nothing where there are none, or a summary that bytefed did not write has no list."""
    shown = lines[:_MOST_LINES] if isinstance(lines, list) else []
    items = "".join(f"<li>{escape(str(line)[:_LONGEST_LINE])}</li>" for line in shown)
    return f"<p>{name}</p><ul>{items}</ul>" if items else ""
