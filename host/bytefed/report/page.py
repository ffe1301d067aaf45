"""The report page: one HTML file with all it needs inside.

It has no script and asks nothing of the network: a Content-Security-Policy forbids both, so that even text from a
hostile run directory that slipped through `escape` could do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from statistics import fmean

from bytefed.boards.registry import emulation
from bytefed.errors import StoreError
from bytefed.ledger.bytes_to import SHARES
from bytefed.private_files import make_file
from bytefed.report import charts, compare, findings, privacy, sums, svg
from bytefed.report.chart import Chart
from bytefed.report.run_files import REPAIR, Row, Run, add_parts, total
from bytefed.report.tables import BoardSum, board_sums

MOST_BOARDS = 256
_MOST_TOLD = 100  # characters of a text that stands in a file
_MOST_COMMANDS = 20
MOST_DETAILED = 8
RECENT = 10
"""Rounds whose mean says how long the others will take."""


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


def write_document(path: Path, text: str) -> Path:
    """Write a page that was made by ``frame`` in one step, as others see it.

    Args:
        path: The page.
        text: Its text.

    Returns:
        The same path.

    Raises:
        StoreError: E_REPORT_WRITE if it can't be written.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        make_file(fresh).write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise StoreError(
            "E_REPORT_WRITE",
            f"{path} can't be written ({error.strerror}).",
            "Name another file with --output.",
        ) from error
    return path


def frame(title: str, content: str, *, live: bool = False) -> str:
    """An HTML document.

    Args:
        title: For the browser's tab.
        content: HTML.
        live: Whether it asks its server for news; see live.py.
    """
    script = _asset("live.js") if live else ""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    if live:
        policy += f"; script-src '{_hash(script)}'; connect-src 'self'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · bytefed</title>\n<style>{_asset('page.css')}</style>\n</head>\n<body>\n"
        f'<main id="report">\n{content}\n</main>\n'
        + (f"<script>{script}</script>\n" if live else "")
        + "</body>\n</html>\n"
    )


def body(runs: Sequence[Run], *, live: bool = False) -> str:
    """Return the content of <main>; `live` for one run that is still going on."""
    parts = [_one(runs[0], live=live)] if len(runs) == 1 else [_several(runs)]
    parts.append(
        "<footer>Made by bytefed from the run’s own files; the columns are explained in SPEC.md, section 8. "
        "1 kB is 1,000 B.</footer>"
    )
    return "\n".join(parts)


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# One run.


def _one(run: Run, *, live: bool = False) -> str:
    return (
        f'<header><p class="brand">bytefed report</p><h1>{escape(_headline(run))}</h1>'
        f"<p>{_state(run, live=live)} {escape(_subtitle(run))}</p></header>\n" + _details(run, live=live)
    )


def _headline(run: Run) -> str:
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
    seconds = [row.seconds for row in run.rounds[-RECENT:] if row.seconds is not None]
    left = fmean(seconds) * max(int(wanted) - done, 0) if seconds else None
    return f"running: {done} of {wanted} rounds done" + (
        f", about {_span(left)} left" if left is not None else ""
    )


def _span(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _details(run: Run, *, live: bool = False) -> str:
    parts = [_notes(run, live=live), _keys(run)]
    parts += [_section(title, charts_) for title, charts_ in _chart_sections(run)]
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


def _section(title: str, drawn: Sequence[Chart]) -> str:
    return (
        f'<h2>{title}</h2>\n<div class="charts">' + "\n".join(map(_figure, drawn)) + "</div>" if drawn else ""
    )


def _figure(chart: Chart) -> str:
    entries = "".join(
        f'<li><i class="{form}" style="--c:var(--{color})"></i>{escape(label)}</li>'
        for label, color, form in svg.legend(chart)
    )
    key = f'<ul class="legend">{entries}</ul>' if entries else ""
    return (
        f"<figure><h3>{escape(chart.title)}</h3><figcaption>{escape(chart.note)}</figcaption>"
        f"{key}{svg.draw(chart)}</figure>"
    )


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


def _keys(run: Run) -> str:
    tiles = [
        *_accuracy_tiles(run),
        *privacy.tile(run),
        *sums.tile(run),
        *_byte_tiles(run),
        *_budget_tile(run),
    ]
    return (
        '<dl class="keys">'
        + "".join(
            f'<div><dt>{title}</dt><dd class="big{css}">{value}</dd><dd>{note}</dd></div>'
            for title, value, css, note in tiles
        )
        + "</dl>"
    )


def _accuracy_tiles(run: Run) -> list[tuple[str, str, str, str]]:
    if run.accuracy() is None:
        return _tile_of_boards(run)
    central = (
        f"{percent(run.central)} when trained centrally"
        if run.central is not None
        else "on the global test set"
    )
    boards = run.accuracy("accuracy_boards")
    note = "<br>".join(filter(None, (central, findings.interval(run))))
    note += f"<br>{percent(boards)} on the boards’ own samples" if boards is not None else ""
    personal = run.accuracy("accuracy_personal")
    note += f"<br>{percent(personal)} there with their personal heads" if personal is not None else ""
    return [("Final accuracy", percent(run.accuracy()), "", note)]


def _tile_of_boards(run: Run) -> list[tuple[str, str, str, str]]:
    """Return the tile of a run that is judged on its boards alone, and why; none where nothing is known."""
    reason, boards = run.summary.get("no_reference"), run.accuracy("accuracy_boards")
    if not isinstance(reason, str) or boards is None:
        return []
    personal = run.accuracy("accuracy_personal")
    note = "on the boards’ own test samples"
    note += f"<br>{percent(personal)} there with their personal heads" if personal is not None else ""
    note += f"<br>No central reference: {escape(reason[:200])}."
    return [("Final accuracy", percent(boards), "", note)]


def _byte_tiles(run: Run) -> list[tuple[str, str, str, str]]:
    difference = run.wire - run.estimate
    if run.exact:
        estimate = ("Predicted bytes", "exact", " good", f"{run.estimate:,} B were predicted, to the byte")
    else:
        share = f"{100 * difference / run.estimate:+.2f} %" if run.estimate else "-"
        word = "more" if difference >= 0 else "fewer"
        estimate = (
            "Counted against predicted",
            share,
            "",
            f"{abs(difference):,} B {word} than the {run.estimate:,} B predicted",
        )
    each = (
        f"{run.wire / len(run.rows):,.0f} B a board and round, both directions"
        if run.rows
        else "both directions"
    )
    tiles = [("Wire bytes of all rounds", f"{run.wire:,} <small>B</small>", "", each), estimate]
    if run.wcr:
        tiles.append(
            (
                "Against W × C × R",
                f"{run.wire / run.wcr:.2f} <small>×</small>",
                "",
                f"classic estimate {run.wcr:,} B: uplink payload alone",
            )
        )
    if run.rows:
        good = sum(row.status == "ok" for row in run.rows)
        lost = [
            f"{sum(row.status == status for row in run.rows)} {status}"
            for status in ("late", "rejected", "failed")
        ]
        tiles.append(
            ("Updates counted", f"{good:,} <small>of {len(run.rows):,}</small>", "", ", ".join(lost))
        )
    if energy := total(row.energy_mj for row in run.rows):
        air = total(row.air_seconds for row in run.rows) or 0
        each = f"{air / len(run.rows):.3g} s in the air a board and round; both by formula"
        tiles.append(("Energy of all boards", f"{energy:,.0f} <small>mJ</small>", "", each))
    repair = sum(run.parts[part] for part in REPAIR)
    if repair:
        tiles.append(
            (
                "Bytes for repair",
                f"{repair:,} <small>B</small>",
                "",
                f"{100 * repair / run.wire:.2f} % of the rounds’ bytes",
            )
        )
    return tiles


def _budget_tile(run: Run) -> list[tuple[str, str, str, str]]:
    """Say what the board spent that spent most; nothing in a run without a budget."""
    budget = run.budget()
    if budget is None:
        return []
    unit = f" <small>{budget.unit}</small>"
    planned = "" if budget.planned is None else f"; {budget.planned:,.6g} {budget.unit} were planned"
    note = f"of {budget.most:,.6g} {budget.unit} that each board may spend, without its samples{planned}"
    note += "<br>it ended the run before its last round" if budget.ended_early else ""
    return [("Spent by a board, at most", f"{budget.spent:,.6g}{unit}", "", note)]


def percent(value: float | None) -> str:
    """An accuracy for people."""
    return "-" if value is None else f"{100 * value:.2f} %"


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
        for entry in sums[:MOST_BOARDS]
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
    cut = f"The first {MOST_BOARDS} of {len(sums)} boards. " if len(sums) > MOST_BOARDS else ""
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


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, sum_row: bool = False) -> str:
    """Return a table; what stands in its cells is HTML.

    Args:
        head: The columns' titles.
        rows: Cells, as many in each row as there are titles.
        sum_row: Whether the last row is the sum of the others.
    """
    top = "".join(f"<th>{title}</th>" for title in head)
    lines = [
        ('<tr class="sum">' if sum_row and row is rows[-1] else "<tr>")
        + "".join(
            f'<td class="bar">{cell}</td>' if cell.startswith("<div") else f"<td>{cell}</td>" for cell in row
        )
        + "</tr>"
        for row in rows
    ]
    return (
        f'<div class="panel scroll"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _command(run: Run) -> dict[str, str]:
    """When a run ended, the command line that it began with, and those that went on with it."""
    known = {"ended": run.summary.get("ended"), "command": run.summary.get("command")}
    resumed = run.summary.get("resumed")
    for number, line in enumerate(resumed if isinstance(resumed, list) else [], 1):
        known[f"gone on with, {number}"] = line
    return {name: str(value)[:400] for name, value in list(known.items())[:_MOST_COMMANDS] if value}


def _rates(run: Run) -> dict[str, str]:
    """Return the learning rate in words, with what was by rule; nothing for a run that doesn't say it."""
    rates = run.summary.get("learning_rate")
    told = rates.get("told") if isinstance(rates, dict) else None
    return {"learning_rate": told[:_MOST_TOLD]} if isinstance(told, str) else {}


def _facts(run: Run) -> str:
    seeds = run.summary.get("seeds")
    boards = seeds.get("boards") if isinstance(seeds, dict) else None
    ran = _command(run) | dict(run.config) | _rates(run)
    sections = [("How it was run", ran), ("Versions", dict(run.versions))]
    if isinstance(boards, dict):
        known = {str(board)[:40]: str(seed)[:40] for board, seed in list(boards.items())[:MOST_BOARDS]}
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


# Several runs.


def _several(runs: Sequence[Run]) -> str:
    parts = compare.comparable(runs)
    found = [
        f'<header><p class="brand">bytefed report</p><h1>{_title(runs, parts)}</h1></header>',
        _warnings(runs, parts),
    ]
    for part in parts:
        if len(parts) > 1:
            found.append(f'<h2 class="part">{escape(" · ".join(part.kind))}</h2>')
        found += [_comparison(part.groups), _section("Accuracy for bytes", compare.charts(part.groups))]
    found.append("<h2>The runs, one by one</h2>")
    found += [
        f'<details class="run" id="run-{number}"><summary>{escape(run.name)}: {escape(_headline(run))}</summary>'
        f"{_details(run)}</details>"
        for number, run in enumerate(runs[:MOST_DETAILED])
    ]
    if len(runs) > MOST_DETAILED:
        found.append(
            f'<p class="fine">Only the first {MOST_DETAILED} are shown in detail; report the others by themselves.</p>'
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
