"""The report page: one HTML file with all it needs inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bytefed.report.document import frame, write_document
from bytefed.report.one_run import one_run
from bytefed.report.run_files import Run
from bytefed.report.side_by_side import side_by_side


def page(runs: Sequence[Run]) -> str:
    """The whole file, about one run or several."""
    return frame(runs[0].name if len(runs) == 1 else f"{len(runs)} runs", body(runs))


def write_page(path: Path, runs: Sequence[Run]) -> Path:
    """Write the page in one step, as others see it.

    Args:
        path: The page.
        runs: One run, or several side by side.

    Returns:
        The same path.

    Raises:
        StoreError: E_REPORT_WRITE if it can't be written.
    """
    return write_document(path, page(runs))


def body(runs: Sequence[Run], *, live: bool = False) -> str:
    """Return the content of <main>; `live` for one run that is still going on."""
    parts = [one_run(runs[0], live=live)] if len(runs) == 1 else [side_by_side(runs)]
    parts.append(
        "<footer>Made by bytefed from the run’s own files; the columns are explained in SPEC.md, section 8. "
        "1 kB is 1,000 B.</footer>"
    )
    return "\n".join(parts)
