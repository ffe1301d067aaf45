"""The page of an audit, in the style of the report: one HTML file that can be handed to an ethics board."""

from __future__ import annotations

from html import escape

from bytefed.audit.finding import ATTACKERS, HEADINGS, Bound, Finding, Read, Told
from bytefed.audit.play import Audit
from bytefed.report.claims import claimed
from bytefed.report.document import Tile, frame, table, tiles

_READING = (
    "Exact: every feature and the label, as the board stores them; of a picture or a recording it stores the features. "
    "Likeness: mean correlation of the features read with the true ones; 1 is the same, 0 is none. AUC: probability "
    "that a sample of the boards looks more like one than a sample that no board had; 0.5 is chance. Epsilon at least: "
    "with a probability of 95 % no mechanism with a smaller epsilon would have let the attacker guess so well "
    "(Steinke, Nasr, Jagielski 2023). Control: judged by samples or coins that no board had, so that what is found "
    "there is chance."
)


def page(audit: Audit) -> str:
    """Return the whole file."""
    subject = audit.subject
    config = subject.recorded.config
    title = (
        f"Audit of {subject.task.name} · {len(subject.partition)} boards · {subject.recorded.rounds} rounds"
    )
    settings = (
        f"run {subject.recorded.run:08x} · {config.codec} · {config.strategy} · {subject.directory.name}"
    )
    state = "good" if audit.holds and subject.protection.epsilon is not None else "warn"
    promise = f'<span class="state {state}">promise: {escape(subject.protection.words)}</span>'
    parts = [
        f'<header><p class="brand">bytefed audit</p><h1>{escape(title)}</h1>'
        f"<p>{promise} {escape(settings)}</p></header>",
        f'<div class="notes"><p><b>{escape(audit.verdict)}</b></p>'
        + "".join(f"<p>{escape(remark)}</p>" for remark in audit.remarks)
        + "</div>",
        tiles(_key_figures(audit)),
        _summary(audit),
        *(claimed(title, entry) for title, entry in subject.protection.claims.items()),
        "<h2>The attacks, one by one</h2>",
        f'<div class="charts">{"".join(map(_detail, audit.findings))}</div>',
        f'<p class="fine">{escape(_READING)}</p>',
        "<footer>Played against virtual boards of the audit’s own, with the settings and the data of the run. No "
        "board that somebody has was asked, and the run was not changed.</footer>",
    ]
    return frame(f"Audit of {subject.directory.name}", "\n".join(parts))


def _key_figures(audit: Audit) -> list[Tile]:
    outcomes = [finding.outcome for finding in audit.findings]
    reads = [each for each in outcomes if isinstance(each, Read)]
    tolds = [each for each in outcomes if isinstance(each, Told)]
    bounds = [each for each in outcomes if isinstance(each, Bound)]
    found = []
    if reads:
        most = max(reads, key=lambda each: each.exact / each.samples)
        share = f"{100 * most.exact / most.samples:.0f} <small>%</small>"
        found.append(
            Tile("Samples read exactly", share, f"{most.exact:,} of {most.samples:,}, by the best attack")
        )
    if tolds:
        best = max(tolds, key=lambda each: each.auc)
        found.append(Tile("Members told from others", f"{best.auc:.2f} <small>AUC</small>", "0.5 is chance"))
    if bounds:
        bound = max(bounds, key=lambda each: each.epsilon)
        promised = audit.subject.protection.epsilon
        said = "nothing is promised" if promised is None else f"{promised:g} is promised"
        note = f"{said}; at most {bound.most:.2f} can be shown by {bound.guesses.canaries:,} canaries"
        found.append(Tile("Epsilon, at least", f"{bound.epsilon:.2f}", note))
    return found


def _summary(audit: Audit) -> str:
    promise = audit.subject.protection.words
    rows = [[escape(cell) for cell in (*each.cells, promise)] for each in audit.findings]
    fine = f'<p class="fine">{escape(ATTACKERS)}</p>'
    return "<h2>At a glance</h2>" + table((*HEADINGS, "promised"), rows) + fine


def _detail(finding: Finding) -> str:
    lines = [("attacker", finding.attacker), ("got", finding.words)]
    if finding.control is not None:
        lines.append(("control", finding.control.words))
    facts = "".join(f"<p><b>{name}:</b> {escape(text)}</p>" for name, text in lines)
    return f"<figure><h3>{escape(finding.name)}</h3><figcaption>{escape(finding.how)}</figcaption>{facts}</figure>"
