"""Shows a run to people: a progress bar on a terminal, a line for each round in a log, a table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from bytefed.boards.registry import emulation
from bytefed.cli.budget import planned_lines, spent_line
from bytefed.cli.terminal import OPEN_LINKS, difference, percent, result_line
from bytefed.download import WebFile
from bytefed.errors import counted, sentences
from bytefed.events import (
    AlreadyComplete,
    BoardAway,
    BoardBack,
    BoardJoined,
    BoardTrouble,
    BudgetPlanned,
    BudgetSpent,
    DataRemark,
    Event,
    Preparing,
    RoundClosed,
    RoundVoid,
    RunEnded,
    RunStarted,
    Stopping,
    TrackerLost,
)


class Quiet:
    """Shows troubles on standard error, and one line at the end."""

    def __init__(self) -> None:
        self._troubles = _Troubles()
        self._out = Console(emoji=False, highlight=False)
        self._err = Console(emoji=False, stderr=True, highlight=False)

    def __call__(self, event: Event) -> None:
        """Show what an event is about, if it is one to be shown."""
        if isinstance(event, BoardTrouble):
            self._err.print(self._troubles.trouble(event), markup=False, soft_wrap=True)
        elif isinstance(event, BoardAway):
            self._err.print(self._troubles.away(event), markup=False, soft_wrap=True)
        elif isinstance(event, BoardBack):
            self._err.print(_back(event), markup=False, soft_wrap=True)
        elif isinstance(event, AlreadyComplete):
            self._err.print(_complete(event), markup=False, soft_wrap=True)
        elif isinstance(event, DataRemark):
            self._err.print(f"data: {event.text}", markup=False, soft_wrap=True)
        elif isinstance(event, RoundVoid):
            self._err.print(_void(event), markup=False, soft_wrap=True)
        elif isinstance(event, TrackerLost):
            self._err.print(_tracker_lost(event), markup=False, soft_wrap=True)
        elif isinstance(event, RunEnded):
            self._out.print(result_line(event.summary), markup=False, soft_wrap=True)
            if not event.complete:
                self._err.print(_how_to_go_on(event), markup=False, soft_wrap=True)


class _Troubles:
    """Says troubles in words, and each remedy once a run: the twentieth board's is that of the first."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def trouble(self, event: BoardTrouble) -> str:
        """Say what a board failed at."""
        board = f"board {event.board}: " if event.board else ""
        return f"round {event.round}: {board}[{event.code}] {self._told(event)}"

    def away(self, event: BoardAway) -> str:
        """Say that a board is waited for."""
        return f"round {event.round}: board {event.board} is away and waited for: [{event.code}] {self._told(event)}"

    def _told(self, event: BoardTrouble | BoardAway) -> str:
        """Return message and remedy, or the message alone if that remedy was said."""
        remedy = "" if event.remedy in self._said else event.remedy
        self._said.add(event.remedy)
        return sentences(event.message, remedy)


def _budget_spent(event: BudgetSpent) -> str:
    return (
        f"Round {event.round} of {event.rounds} is not begun: the boards' budgets don't pay for it any more."
        " Bytes that were sent again made the difference."
    )


def _back(event: BoardBack) -> str:
    return f"round {event.round}: board {event.board} is back: {event.uri}"


def _complete(event: AlreadyComplete) -> str:
    return (
        f"run {event.run} is complete ({counted(event.rounds, 'round')}): no board is touched."
        " For more rounds give --rounds a larger number."
    )


def _void(event: RoundVoid) -> str:
    return f"round {event.round} is void: {event.reason}"


def _tracker_lost(event: TrackerLost) -> str:
    return f"{event.tracker} follows this run no longer: {event.message}. The run goes on without it."


def _how_to_go_on(event: RunEnded) -> str:
    if event.summary.get("simulated"):
        return "Not complete: ended by Ctrl-C. A simulation can't go on; its rounds so far are there."
    return f"Not complete. Go on with: bytefed run --resume {event.directory}"


class Live:
    """Shows a progress bar on a terminal, a line for each round elsewhere, and a table at the end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(emoji=False, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[news]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bar = self._progress.add_task("connecting", total=None, news="")
        self._troubles = _Troubles()
        self._joined = 0
        self._links: dict[str, str] = {}  # by board: one that comes back joins again
        self._is_open = False
        self._wire = self._estimate = 0
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Preparing: self._on_preparing,
            BudgetPlanned: self._on_plan,
            BudgetSpent: lambda event: self._say(_budget_spent(event), style="yellow"),
            RunStarted: self._on_start,
            AlreadyComplete: lambda event: self._say(_complete(event)),
            DataRemark: lambda event: self._say(f"data: {event.text}", style="yellow"),
            BoardJoined: self._on_joined,
            BoardTrouble: lambda event: self._say(self._troubles.trouble(event), style="yellow"),
            BoardAway: lambda event: self._say(self._troubles.away(event), style="yellow"),
            BoardBack: lambda event: self._say(_back(event)),
            TrackerLost: lambda event: self._say(_tracker_lost(event), style="yellow"),
            RoundClosed: self._on_round,
            RoundVoid: lambda event: self._say(
                f"round {event.round} is void: {event.reason}", style="yellow"
            ),
            Stopping: self._on_stopping,
            RunEnded: self._on_end,
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show what an event is about, if it is one to be shown."""
        if handle := self._handlers.get(type(event)):
            handle(event)

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def _on_preparing(self, event: Preparing) -> None:
        self._progress.update(self._bar, description=event.phase)
        if self._progress.disable:
            self._say(f"{event.phase} ...")

    def _on_start(self, event: RunStarted) -> None:
        self._wire, self._estimate = event.wire_before, event.estimate_before
        self._say(
            f"run {event.run}: {event.task}, head {event.features}x{event.classes}, {counted(event.boards, 'board')},"
            f" rounds {event.first_round} to {event.rounds} -> {event.directory}"
        )
        if event.learning_rate:
            self._say(f"learning rate: {event.learning_rate}; local epochs: {event.local_epochs}")
        if event.faults:
            self._say(f"faults on every link: {event.faults}")
        self._progress.update(
            self._bar, description="samples", total=event.rounds, completed=event.first_round - 1
        )

    def _on_plan(self, event: BudgetPlanned) -> None:
        for line in planned_lines(event):
            self._say(line)

    def _on_joined(self, event: BoardJoined) -> None:
        self._joined += 1
        self._links[event.board] = event.uri.partition(":")[0]
        if event.security == "OPEN" and not self._is_open:
            self._is_open = True
            self._say(f"OPEN boards, {event.uri} among them: {OPEN_LINKS}.", style="yellow")
        self._progress.update(self._bar, news=f"{counted(self._joined, 'board')} ready")

    def _on_round(self, event: RoundClosed) -> None:
        self._wire += event.wire_total
        self._estimate += event.estimate_wire
        missing = event.asked - event.participants
        accuracy = "" if event.accuracy_global is None else f"accuracy {percent(event.accuracy_global)}  "
        if event.accuracy_global is None and event.accuracy_boards is not None:
            accuracy = f"accuracy on the boards before it {percent(event.accuracy_boards)}  "
        news = f"{accuracy}{event.wire_total:,} B, in all {self._wire:,} B (estimate {self._estimate:,})" + (
            f"  {missing} missing" if missing else ""
        )
        self._progress.update(self._bar, description="rounds", completed=event.round, news=news)
        if self._progress.disable:
            self._say(
                f"round {event.round}: {event.participants}/{event.asked} boards, {news}, {event.seconds:.2f} s"
            )

    def _on_stopping(self, event: Stopping) -> None:
        first = f"Finishing round {event.round}" if event.round else "Stopping before the first round"
        self._say(f"{first}; Ctrl-C again to stop at once.", style="yellow")

    def _on_end(self, event: RunEnded) -> None:
        self._progress.stop()
        self._console.print(_closing_table(event.summary))
        for text in emulated_boards(list(self._links.values())):
            self._say(text)
        self._say(f"Every byte: {event.directory}/bytes.csv, rounds.csv, sessions.csv; summary.json")
        if not event.complete:
            self._say(_how_to_go_on(event), style="yellow")


def emulated_boards(links: Sequence[str]) -> list[str]:
    """Return a sentence for each kind of emulated boards of a run.

    Args:
        links: Each board's link, as in bytes.csv.
    """
    counts = {link: links.count(link) for link in dict.fromkeys(links) if emulation(link)}
    return [
        f"Emulated: {count} of {len(links)} boards, each {emulation(link)}; no hardware."
        for link, count in counts.items()
    ]


def _privacy_rows(summary: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the rows about noise and secure sums, where there are any."""
    noise, sums = summary.get("privacy"), summary.get("secure_sum")
    if noise:
        rounds = counted(noise["rounds"], "round")
        again = len(noise.get("new_budgets", ()))
        also = f"; new budgets of {counted(again, 'board')}" if again else ""
        yield (
            "privacy",
            f"epsilon {noise['epsilon']:g}",
            f"{noise['unit']}, delta {noise['delta']:g}, {rounds}{also}",
        )
    if sums:
        told = f"no single delta is kept; void: {counted(sums['void'], 'round')}"
        yield "secure sums", f"of {sums['min_sum']} or more", told


def _closing_table(summary: Any) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    add = table.add_row
    no_reference = summary.get("no_reference")
    if not no_reference:
        add("accuracy", percent(summary["accuracy_final"]), "on the global test set")
    add("on the boards", percent(summary["accuracy_boards_final"]), _own_tests(summary))
    if summary["accuracy_personal_final"] is not None:
        add(
            "personal heads",
            percent(summary["accuracy_personal_final"]),
            "each board's own, on the same samples",
        )
    for row in _privacy_rows(summary):
        add(*row)
    add("central", percent(summary["accuracy_central"]), _central(summary))
    add(
        "rounds",
        str(summary["rounds"]),
        f"{counted(summary['boards'], 'board')}, {summary['seconds_rounds']:.1f} s",
    )
    if summary["open_boards"]:
        add("OPEN boards", f"{summary['open_boards']:,}", OPEN_LINKS)
    for board in summary.get("away", ()):
        add("away at the end", board, "left out since its last round")
    add("bytes in rounds", f"{summary['wire_total']:,}", _against_estimate(summary))
    add("W x C x R", f"{summary['estimate_wcr']:,}", "the classic estimate: uplink payload alone")
    if "estimate_flbench" in summary:
        add(
            "FL-bench's figure",
            f"{summary['estimate_flbench']:,}",
            f"float32, one direction, all clients in all rounds; {summary['participants']:,} deltas counted",
        )
    if "budget" in summary:
        add("budget", *spent_line(summary["budget"]))
    for row in _last_rows(summary):
        add(*row)
    return table


def _last_rows(summary: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the rows about the bytes beside rounds, and about a check of simulated clients."""
    for phase, sums in summary["sessions"].items():
        if sums["wire_total"]:
            doing = "mask" if phase == "masks" else phase
            yield f"bytes to {doing}", f"{sums['wire_total']:,}", _against_estimate(sums)
    if (check := summary.get("check")) and check["clients"]:
        same = f"beside virtual boards, over their links: the same bits, the same {check['bytes']:,} bytes"
        yield "checked", counted(check["clients"], "client"), same


def _own_tests(summary: Any) -> str:
    """Return what the boards' accuracy is measured on, or why there is none."""
    if summary["accuracy_boards_final"] is not None:
        return "on their own test samples"
    if summary.get("privacy"):
        return "withheld: boards that make noise tell no accuracy"
    if summary.get("secure_sum"):
        return "boards tell it in sums of rounds alone: accuracy_boards in rounds.csv"
    return "on their own test samples" if summary["complete"] else "not asked: the run is not complete"


def _central(summary: Any) -> str:
    """Return what the central reference is, or why there is none."""
    if summary.get("no_reference"):
        return str(summary["no_reference"])
    if summary.get("privacy") and summary["accuracy_central"] is None:
        if summary["config"]["central"]:
            return "not trained: the run is not complete"
        return "not trained, for it would tell of samples without noise; --central asks for it"
    together = "one head trained on all boards' samples together"
    return f"{together}, without noise: no part of the claim" if summary.get("privacy") else together


def _against_estimate(sums: Any) -> str:
    if sums["wire_total"] == sums["estimate_wire"]:
        return "as estimated, to the byte"
    return f"estimated {sums['estimate_wire']:,}: {difference(sums)}"


class DownloadBar:
    """Shows a progress bar on standard error while a file is downloaded, from its first block on."""

    def __init__(self, file: WebFile) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        self._progress = Progress(
            *columns, TimeRemainingColumn(compact=True), console=Console(emoji=False, stderr=True)
        )
        self._task = self._progress.add_task(file.name, total=file.size)
        self._progress.start()

    def show(self, done: int) -> None:
        """Show how many bytes are there."""
        self._progress.update(self._task, completed=done)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._progress.stop()
