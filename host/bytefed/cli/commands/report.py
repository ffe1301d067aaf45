"""`bytefed report`: what runs did, as a page, as figures for papers, and as numbers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytefed.cli.telling import add_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bytefed.report.chart import Chart
    from bytefed.report.run_files import Run

_EXAMPLES = """\
examples:
  bytefed report runs/20250101-120000-1a2b3c4d       writes report.html into that directory
  bytefed report runs/float32 runs/onebit -o two.html    compares them: accuracy for bytes
  bytefed report runs/                               compares all runs that are right under it
  bytefed report RUN --svg figures --csv numbers     figures for a paper, and the numbers behind them
  bytefed report RUN --tensorboard logs              then: tensorboard --logdir logs

The page is one file that needs no network. It prints, and it reads well on a phone.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report",
        description="Write one self-contained HTML page about one run, or about several side by side.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="run directory, or one that holds several"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="the page (default: report.html in the run directory; in this directory for several runs)",
    )
    parser.add_argument("--png", type=Path, metavar="DIR", help="also draw each chart as PNG, 300 dpi")
    parser.add_argument("--svg", type=Path, metavar="DIR", help="also draw each chart as SVG for papers")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="also write the numbers behind each chart")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="also write TensorBoard event files")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write what is asked for, and say where it is.

    Raises:
        StoreError: E_RUN_MISSING, E_RUN_CORRUPT; E_REPORT_WRITE where the page can't be written.
        ConfigError: E_EXTRA_MISSING.
    """
    from bytefed.report import paper, tables, tensorboard
    from bytefed.report.page import write_page
    from bytefed.report.run_files import find, load

    runs = [load(directory) for directory in find(args.runs)]
    drawn = _charts(runs)
    written: list[Path] = []
    if args.csv:
        written += tables.write(args.csv, runs, drawn)
    for kind, directory in (("png", args.png), ("svg", args.svg)):
        if directory:
            written += paper.write(directory, kind, drawn)
    if args.tensorboard:
        written += tensorboard.write(args.tensorboard, runs)
    output = args.output or _default(runs)
    write_page(output, runs)
    if args.json:
        write_json(
            {"page": str(output), "files": [*map(str, written)], "runs": [_figures(one) for one in runs]}
        )
        return 0
    for path in (*written, output):
        sys.stdout.write(f"{path}\n")
    return 0


def _figures(run: Run) -> dict[str, Any]:
    """Return what the page says first of a run."""
    return {
        "directory": str(run.directory),
        "complete": run.complete,
        "boards": run.clients,
        "rounds": len(run.rounds),
        "accuracy_global": run.accuracy(),
        "accuracy_boards": run.accuracy("accuracy_boards"),
        "wire_total": run.wire,
        "estimate_wire": run.estimate,
        "estimate_wcr": run.wcr,
        "estimate_exact": run.exact,
        "causes": run.parts,
    }


def _default(runs: Sequence[Run]) -> Path:
    return runs[0].directory / "report.html" if len(runs) == 1 else Path("report.html")


def _charts(runs: Sequence[Run]) -> list[tuple[str, Chart]]:
    """File name and chart, of the comparison and of each run."""
    from bytefed.report import charts, compare

    if len(runs) == 1:
        return [(chart.name, chart) for chart in charts.of_run(runs[0])]
    parts = compare.comparable(runs)
    named = [
        (chart.name if len(parts) == 1 else f"part-{number}-{chart.name}", chart)
        for number, part in enumerate(parts, 1)
        for chart in compare.charts(part.groups)
    ]
    for number, one in enumerate(runs, 1):
        named += [(f"run-{number:03d}-{chart.name}", chart) for chart in charts.of_run(one)]
    return named
