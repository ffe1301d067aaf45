"""Chooses how a run is shown: live on a terminal, as lines in a log, as JSON for scripts, or hardly at all."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bytefed.cli.budget import spent_line
from bytefed.download import WebFile, downloads_told
from bytefed.errors import counted
from bytefed.events import Event, Listener, logged
from bytefed.ledger.count import REPAIR

if TYPE_CHECKING:
    from bytefed.cli.live import DownloadBar


def shown(*, quiet: bool, as_json: bool) -> AbstractContextManager[Listener]:
    """Return a listener that shows what happens, as a context manager for the time of a run.

    Args:
        quiet: Show only troubles on the way, and how the run ended.
        as_json: Print each event as one JSON object on a line of its own.
    """
    if as_json:
        return nullcontext(logged(_write_json))
    from bytefed.cli.live import Live, Quiet  # rich is slow to load

    return nullcontext(logged(Quiet())) if quiet else _live(Live())


@contextmanager
def _live(screen: AbstractContextManager[Listener]) -> Iterator[Listener]:
    with screen as listener:
        yield logged(listener)


def _write_json(event: Event) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    sys.stdout.write(json.dumps({"event": name, **asdict(event)}) + "\n")
    sys.stdout.flush()


@contextmanager
def downloads_shown() -> Iterator[None]:
    """Show a progress bar for every download that a command makes."""
    bars: dict[WebFile, DownloadBar] = {}

    def show(file: WebFile, done: int) -> None:
        if file not in bars:
            from bytefed.cli.live import DownloadBar

            bars[file] = DownloadBar(file)
        bars[file].show(done)
        if done >= file.size:
            bars.pop(file).close()

    try:
        with downloads_told(show):
            yield
    finally:
        for bar in bars.values():  # of downloads that broke off
            bar.close()


def percent(value: float | None) -> str:
    """Return an accuracy as people read it; "-" if there is none."""
    return "-" if value is None else f"{100 * value:.1f} %"


def difference(sums: Any) -> str:
    """Return what made the bytes that were counted differ from the estimate.

    Args:
        sums: Sums of a phase, as summary.json has them.
    """
    repair = {cause: sums.get(cause, 0) for cause in REPAIR}
    causes = [f"+{count:,} {cause}" for cause, count in repair.items() if count]
    unfinished = sums.get("unfinished", 0)
    rest = sums["wire_total"] - sums["estimate_wire"] - sum(repair.values()) - unfinished
    if rest < 0:  # a lost answer is not counted, and the one in its place is booked as repair
        causes.append(f"{rest:+,} of answers that were lost, for which others came")
    elif rest:
        causes.append(f"{rest:+,} of what began anew")
    if unfinished:
        causes.append(f"{unfinished:+,} of what broke off")
    return ", ".join(causes)


OPEN_LINKS = "strangers can read and change what their links carry"
"""The meaning of the word OPEN beside boards."""
OPEN_TO_PHONES = "OPEN to phones: everybody near can read what these boards classify"
"""The meaning of the word OPEN beside predictions."""


def result_line(summary: Any) -> str:
    """Return one line that says how a run ended."""
    central, final = summary["accuracy_central"], summary["accuracy_final"]
    of_boards = "no_reference" in summary
    accuracy = f"accuracy on the boards {percent(summary['accuracy_boards_final'])}" if of_boards else ""
    without = ", without noise" if summary.get("privacy") else ""
    compared = f" (central {percent(central)}{without})" if central is not None else ""
    exact = "= estimate"
    if not summary["estimate_exact"]:
        exact = f"estimate {summary['estimate_wire']:,} B: {difference(summary) or 'the sum is right, rows differ'}"
    if summary["open_boards"]:
        exact += f", OPEN: {counted(summary['open_boards'], 'board')}"
    spent = ""
    if "budget" in summary:
        spent = ", budget: " + " ".join(spent_line(summary["budget"]))
    return (
        f"run {summary['run']}: {counted(summary['rounds'], 'round')}, "
        f"{accuracy or f'accuracy {percent(final)}'}{compared},"
        f" {summary['wire_total']:,} B in rounds, {exact}{spent}"
    )
