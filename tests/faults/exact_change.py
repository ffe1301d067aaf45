"""One exact replacement in a source, by which the mutants are made."""

from __future__ import annotations

from pathlib import Path


def replaced(path: Path, changes: tuple[tuple[str, str], ...]) -> str:
    """Return a file's text with changes.

    Args:
        path: The file.
        changes: Pairs of a text that stands in it exactly once, after the changes before, and what replaces it.

    Raises:
        LookupError: A text is not there, or more than once.
    """
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        if text.count(old) != 1:
            raise LookupError(f"{path} has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text
