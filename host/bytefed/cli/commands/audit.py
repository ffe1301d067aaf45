"""`bytefed audit`: what a coordinator could learn about the samples of a run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bytefed.cli.options import add_data_dir
from bytefed.errors import check_range

if TYPE_CHECKING:
    from bytefed.audit.finding import Finding
    from bytefed.audit.play import Audit, Effort
    from bytefed.audit.subject import Subject

_BROKEN, _INTERRUPTED = 1, 130
_EXAMPLES = """\
examples:
  bytefed audit runs/first                        plays the attacks, and prints what they got
  bytefed audit runs/first -o audit.html          also as a page that can be shown to an ethics board
  bytefed audit runs/first --boards 2 --json      fewer boards, and one JSON object

The attacks are played against virtual boards of the audit's own, with the settings and the data of the run. No real
board is asked, and the run directory stays as it is. Sealing keeps strangers out; it does not keep the coordinator
from your samples: docs/audit.md. Exit status 1: an attack has shown more than the run's settings promise, or read
samples that its noise is to hide.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "audit",
        description="Play the attacker against virtual boards with a run's settings and data, and print what it got.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("run_dir", type=Path, metavar="RUN", help="directory of the run")
    add("--boards", type=int, default=8, metavar="N", help="attack the first N boards (default: 8)")
    add("--rounds", type=int, default=20, metavar="N", help="look at the first N rounds (default: 20)")
    add(
        "--canaries",
        type=int,
        default=400,
        metavar="N",
        help="samples whose coins are guessed (default: 400)",
    )
    add("--seed", type=int, default=1, help="seed of all that is drawn (default: 1)")
    add("-o", "--output", type=Path, metavar="FILE", help="also write a page")
    add_data_dir(parser)
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the attacks; 0, 1 if more was shown than the run promises, 130 if Ctrl-C ended it early.

    Raises:
        BytefedError: The run can't be read, or its data can't be made again.
    """
    for option, most in (("boards", 65_535), ("rounds", 65_535), ("canaries", 10_000)):
        check_range(f"--{option}", getattr(args, option), 1, most)
    check_range("--seed", args.seed, 0, 2**32 - 1)
    from bytefed.audit.page import page
    from bytefed.audit.play import Effort
    from bytefed.audit.subject import Subject
    from bytefed.report.document import write_document

    subject = Subject.load(args.run_dir, args.data_dir, args.rounds)
    audit = _play(subject, Effort(args.boards, args.canaries, args.seed), quiet=args.json)
    if args.json:
        sys.stdout.write(json.dumps(audit.document(), indent=2) + "\n")
    else:
        _show(audit)
    if args.output:
        write_document(args.output, page(audit))
        if not args.json:
            sys.stdout.write(f"{args.output}\n")
    if not audit.complete:
        return _INTERRUPTED
    return 0 if audit.holds else _BROKEN


def _play(subject: Subject, effort: Effort, *, quiet: bool) -> Audit:
    """Play, with a progress bar on standard error, or a line for each attack where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from bytefed.audit.play import play

    console = Console(emoji=False, stderr=True, highlight=False, quiet=quiet)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("", total=1)

        def watch(name: str, done: int, steps: int) -> None:
            progress.update(bar, description=name, completed=done, total=steps)

        def found(finding: Finding) -> None:
            if not console.is_terminal:
                console.print(f"{finding.name}: {finding.words}", markup=False, soft_wrap=True)

        return play(subject, effort, watch, found)


def _show(audit: Audit) -> None:
    from rich.console import Console
    from rich.table import Table

    from bytefed.audit.finding import ATTACKERS, HEADINGS
    from bytefed.cli.tables import show_table

    console = Console(emoji=False, highlight=False)
    subject = audit.subject
    console.print(
        f"{subject.directory}: {subject.task.name}, promised: {subject.protection.words}", markup=False
    )
    for remark in audit.remarks:
        console.print(remark, markup=False, soft_wrap=True)
    rows = Table(box=None, pad_edge=False)
    for title in HEADINGS:
        rows.add_column(title, justify="right" if title in ("rounds", "bytes") else "left", no_wrap=True)
    for finding in audit.findings:
        rows.add_row(*finding.cells)
    show_table(console, rows)
    for text in (ATTACKERS, audit.verdict):
        console.print(text, markup=False, soft_wrap=True)
