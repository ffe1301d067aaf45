"""The page's part about one run: how far it is, its figures, charts and tables, and how it was run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from statistics import fmean

from bytefed.boards.registry import emulation
from bytefed.report import charts, findings, privacy, sums
from bytefed.report.chart import Chart
from bytefed.report.document import percent, section, table, tiles
from bytefed.report.key_figures import key_figures
from bytefed.report.run_files import REPAIR, Row, Run, add_parts
from bytefed.report.tables import BoardSum, board_sums

_MOST_BOARDS = 256
_MOST_TOLD = 100  # characters of a text that stands in a file
_MOST_COMMANDS = 20
_RECENT = 10
"""Rounds whose mean says how long the others will take."""


def one_run(run: Run, *, live: bool = False) -> str:
    """Return the content of the page of a run; `live` for one that is still going on."""
    return (
        f'<header><p class="brand">bytefed report</p><h1>{escape(headline(run))}</h1>'
        f"<p>{_state(run, live=live)} {escape(_subtitle(run))}</p></header>\n" + details(run, live=live)
    )


def headline(run: Run) -> str:
    """Return what a run was, in a line of text."""
    task = str(run.summary.get("task") or run.config.get("data") or "run")[:80]
    return " · ".join(
        filter(
            None, (task, _counted(len(run.boards), "board"), _counted(len(run.rounds), "round"), _codec(run))
        )
    )


def _codec(run: Run) -> str:
    return run.config.get("codec") or ", ".join(sorted({row.codec for row in run.rows})[:3])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number else ""


def _subtitle(run: Run) -> str:
    links = sorted({row.link for row in run.rows})[:4]
    number = str(run.summary.get("run") or "")[:16]
    return " · ".join(
        filter(
            None, (f"run {number}" if number else "", f"over {', '.join(links)}" if links else "", run.name)
        )
    )


def _state(run: Run, *, live: bool = False) -> str:
    if live and not run.complete:
        return f'<span class="state">{escape(_going_on(run))}</span>'
    if run.complete:
        return '<span class="state good">complete</span>'
    wanted = run.config.get("rounds", "")
    of = f" of {escape(wanted)}" if wanted else ""
    return f'<span class="state warn">not complete: round {len(run.rounds)}{of}</span>'


def _going_on(run: Run) -> str:
    """Say how far a run is that goes on: rounds done, and the time that the others take if they are like the last."""
    done, wanted = len(run.rounds), run.config.get("rounds", "")
    if not (wanted.isdecimal() and len(wanted) < 6):
        return f"running: round {done} is done"
    seconds = [row.seconds for row in run.rounds[-_RECENT:] if row.seconds is not None]
    left = fmean(seconds) * max(int(wanted) - done, 0) if seconds else None
    return f"running: {done} of {wanted} rounds done" + (
        f", about {_span(left)} left" if left is not None else ""
    )


def _span(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def details(run: Run, *, live: bool = False) -> str:
    """Return all that is shown of a run below its headline."""
    parts = [_notes(run, live=live), tiles(key_figures(run))]
    parts += [section(title, charts_) for title, charts_ in _chart_sections(run)]
    if run.rows and not charts.faults(run):
        parts.append(
            '<h2>Faults and retries</h2><p class="panel">None: no byte was sent again, no board failed, '
            "every update came in time.</p>"
        )
    parts += [
        privacy.section(run),
        sums.section(run),
        findings.labels(run),
        findings.confusion(run),
        _boards(run),
        _phases(run),
        _facts(run),
    ]
    return "\n".join(part for part in parts if part)


def _chart_sections(run: Run) -> list[tuple[str, list[Chart]]]:
    return [
        (
            "What was learned, and for how many bytes",
            [*charts.learning(run), *findings.curves(run), *charts.estimates(run)],
        ),
        ("Where the bytes went", charts.causes(run)),
        ("Faults and retries", charts.faults(run)),
    ]


def _notes(run: Run, *, live: bool = False) -> str:
    notes = list(run.notes)
    if run.open_boards:
        notes.append(
            f"OPEN boards, {run.open_boards[0]} among them: strangers can read and change what their links carry."
        )
    if not run.rounds:
        notes.append("No round is over yet: there is nothing to show of learning.")
    elif not run.complete and not live:
        notes.append("The run has not reached its last round; what follows is what it left behind so far.")
    return f'<div class="notes">{"".join(f"<p>{escape(note)}</p>" for note in notes)}</div>' if notes else ""


def _boards(run: Run) -> str:
    sums = board_sums(run)
    if not sums:
        return ""
    most = max(entry.wire for entry in sums) or 1
    rows = [
        [
            f'<span class="uid">{escape(entry.board)}</span>',
            escape(entry.link if entry.security != "OPEN" else f"{entry.link} OPEN"),
            f"{entry.ok:,} / {entry.rounds:,}",
            f"{entry.wire:,}",
            _share(entry, most),
            f"{entry.difference:+,}" if entry.difference else "0",
            f"{entry.repair:,}",
            "-" if entry.num_examples is None else f"{entry.num_examples:,}",
            "-" if entry.accuracy is None else percent(entry.accuracy),
            "-" if entry.seconds is None else f"{entry.seconds:.3g}",
        ]
        for entry in sums[:_MOST_BOARDS]
    ]
    head = [
        "board",
        "link",
        "counted",
        "wire B",
        "",
        "minus predicted",
        "repair B",
        "examples",
        "accuracy *",
        "s a round",
    ]
    if any(entry.energy is not None for entry in sums):
        head.append("mJ")
        for row, entry in zip(rows, sums, strict=False):
            row.append("-" if entry.energy is None else f"{entry.energy:,.1f}")
    emulated = "".join(
        f"{escape(link)}: {escape(what)}, no hardware. "
        for link in sorted({entry.link for entry in sums})
        if (what := emulation(link))
    )
    cut = f"The first {_MOST_BOARDS} of {len(sums)} boards. " if len(sums) > _MOST_BOARDS else ""
    return (
        "<h2>Board by board</h2>"
        + table(head, rows)
        + f'<p class="fine">{emulated}{cut}Bars: payload down, payload up, protocol, repair; on one scale. '
        "* On the board’s own training samples, after the last round. Seconds: mean.</p>"
    )


def _share(entry: BoardSum, most: int) -> str:
    down, up = entry.parts["payload_down"], entry.parts["payload_up"]
    pieces = (
        ("payload_down", down),
        ("payload_up", up),
        ("header", entry.wire - down - up - entry.repair),
        ("retransmission", entry.repair),
    )
    return (
        '<div class="share">'
        + "".join(
            f'<i style="--c:var(--{color});width:{100 * value / most:.2f}%"></i>'
            for color, value in pieces
            if value
        )
        + "</div>"
    )


def _phases(run: Run) -> str:
    phases = [("rounds", run.rows)]
    phases += [
        (name, [row for row in run.sessions if row.phase == name])
        for name in ("connect", "label", "provision", "masks", "unmask", "evaluate")
    ]
    rows = [_phase(name, found) for name, found in phases if found]
    if len(rows) < 2:
        return ""
    total = _phase("all", [*run.rows, *run.sessions])
    head = ("phase", "payload B", "protocol B", "repair B", "wire B", "predicted B", "difference B")
    return "<h2>Every byte of the run</h2>" + table(head, [*rows, total], sum_row=True)


def _phase(name: str, rows: Sequence[Row]) -> list[str]:
    parts = add_parts(rows)
    payload, repair = parts["payload_down"] + parts["payload_up"], sum(parts[part] for part in REPAIR)
    wire = sum(parts.values())
    predicted = sum(row.estimate_wire or 0 for row in rows if row.parts is not None)
    values = (payload, wire - payload - repair, repair, wire, predicted)
    return [
        escape(name),
        *(f"{value:,}" for value in values),
        f"{wire - predicted:+,}" if wire != predicted else "0",
    ]


def _command(run: Run) -> dict[str, str]:
    """When a run ended, the command line that it began with, and those that went on with it."""
    known = {"ended": run.summary.get("ended"), "command": run.summary.get("command")}
    resumed = run.summary.get("resumed")
    for number, line in enumerate(resumed if isinstance(resumed, list) else [], 1):
        known[f"gone on with, {number}"] = line
    return {name: str(value)[:400] for name, value in list(known.items())[:_MOST_COMMANDS] if value}


def _by_rule(run: Run) -> dict[str, str]:
    """Return learning rate and epochs in words, with what was by rule; nothing for a run that doesn't say it."""
    entries = {name: run.summary.get(name) for name in ("learning_rate", "local_epochs")}
    told = {name: entry.get("told") for name, entry in entries.items() if isinstance(entry, dict)}
    return {name: text[:_MOST_TOLD] for name, text in told.items() if isinstance(text, str)}


def _facts(run: Run) -> str:
    seeds = run.summary.get("seeds")
    boards = seeds.get("boards") if isinstance(seeds, dict) else None
    ran = _command(run) | dict(run.config) | _by_rule(run)
    sections = [("How it was run", ran), ("Versions", dict(run.versions))]
    if isinstance(boards, dict):
        known = {str(board)[:40]: str(seed)[:40] for board, seed in list(boards.items())[:_MOST_BOARDS]}
        sections.append(("Seeds of the boards", known))
    return "\n".join(
        f'<h2>{title}</h2><dl class="panel"><div class="facts">'
        + "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items()
        )
        + "</div></dl>"
        for title, facts in sections
        if facts
    )
