"""`bytefed sweep`: which codec, how many local epochs, which strategy? A grid, several seeds, one table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytefed.codec import CODECS

if TYPE_CHECKING:
    from rich.table import Table

    from bytefed.simulation.sweep import Row, Setting
    from bytefed.simulation.sweep_run import SweepPlan, SweepTable

_EXAMPLES = """\
examples:
  bytefed sweep                                                all codecs on the digits, 5 seeds
  bytefed sweep --codec onebit stc10 --local-epochs 1 5 20     do more local epochs pay?
  bytefed sweep --local-epochs 1 5 20 --learning-rate 0.02 0.05 0.1 --batch-size 8 32    also beside float32 at its best
  bytefed sweep --data digits motion --alpha 0.1 0.5 --fraction-train 1 0.3
  bytefed sweep --strategy fedavg fedyogi --seeds 10 --link serial

Boards are simulated in this process with the firmware's own training and codecs; bytes are those of the link.
Stop it with Ctrl-C and start it again with the same --sweep-dir: it goes on where it stood.
"""
_AXES: dict[str, tuple[type, list[Any], str]] = {
    "data": (str, ["digits"], "tasks"),
    "alpha": (float, [0.5], "Dirichlet concentrations of the partition"),
    "codec": (str, list(CODECS), "codecs, NAME or DOWNLINK/UPLINK; float32 is always among them"),
    "local_epochs": (int, [5], "passes over a board's own samples in a round"),
    "learning_rate": (float, [0.05], "step sizes"),
    "batch_size": (int, [8], "samples a step"),
    "fraction_train": (float, [1.0], "fractions of the boards that train in a round"),
    "strategy": (str, ["fedavg"], "strategies, by name or as module:Class"),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `sweep` to the command line."""
    parser = subparsers.add_parser(
        "sweep",
        description="Try a grid of settings with several seeds and write one table: accuracy, bytes to reach float32's,"
        " RAM and instructions of the codec.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, (kind, default, text) in _AXES.items():
        shown = " ".join(str(value) for value in default)
        parser.add_argument(
            "--" + name.replace("_", "-"), nargs="+", type=kind, default=default, metavar=kind.__name__.upper(),
            help=f"{text} (default: {shown})",
        )  # fmt: skip
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="seeds of each setting (default: 5)"
    )
    parser.add_argument(
        "--first-seed", type=int, default=1, metavar="SEED", help="the first one (default: 1)"
    )
    parser.add_argument("--clients", type=int, default=10, metavar="N", help="boards (default: 10)")
    parser.add_argument("--rounds", type=int, default=100, metavar="N", help="rounds (default: 100)")
    parser.add_argument("--link", choices=("ble", "serial"), default="ble", help="whose bytes (default: ble)")
    parser.add_argument("--mtu", type=int, default=247, help="ATT MTU of a BLE link (default: 247)")
    parser.add_argument(
        "--open", action="store_true", help="count bytes of links without keys, OPEN to strangers"
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder that data sets are read from")
    parser.add_argument(
        "--sweep-dir",
        type=Path,
        default=Path("sweep"),
        metavar="DIR",
        help="trials and table (default: sweep)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `bytefed sweep`; return 0."""
    from rich.console import Console

    from bytefed.cli.tables import show_table
    from bytefed.cli.terminal import OPEN_LINKS
    from bytefed.federation.config import RunConfig
    from bytefed.simulation.sweep_run import plan_sweep

    plan = plan_sweep(
        {name: getattr(args, name) for name in _AXES},
        RunConfig(rounds=args.rounds),
        seeds=range(args.first_seed, args.first_seed + args.seeds),
        clients=args.clients,
        link=args.link,
        mtu=args.mtu,
        sealed=not args.open,
        directory=args.sweep_dir,
        data_dir=args.data_dir,
    )
    found = _run(plan)
    console = Console(emoji=False)
    show_table(console, _table(found.rows))
    if args.open:
        console.print(f"OPEN boards: {OPEN_LINKS}.")
    console.print(f"Recommended by the boards' own test samples: [bold]{found.recommended}[/bold]")
    console.print(f"Table: {found.path}")
    return 0


def _run(plan: SweepPlan) -> SweepTable:
    """Run a sweep beside a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bytefed.simulation.sweep_run import run_sweep

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(emoji=False, stderr=True)) as progress:
        bar = progress.add_task("trials", total=None)

        def show(setting: Setting, done: int, total: int) -> None:
            about = f"{setting.data} {setting.codec} {setting.strategy}"
            progress.update(bar, description=about, completed=done, total=total)

        found = run_sweep(plan, show)
        progress.update(bar, completed=progress.tasks[0].total)
    return found


def _table(rows: Sequence[Row]) -> Table:
    """Return the table for a terminal: axes of the grid with one value are left out, sweep.csv has them all."""
    from rich.table import Table

    title = (
        "kB: wire bytes of a board until the heads that boards hold have 95 or 99 % of float32's final accuracy;\n"
        "host: until the host's head has 99 %; fewer: than float32 with the same settings, and at its best in the grid"
    )
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    axes = [_axes_of(row) for row in rows]
    varying = [name for name in axes[0] if name == "codec" or len({row[name] for row in axes}) > 1]
    for name in varying:
        table.add_column(name, no_wrap=True)
    for name in (
        "accuracy %",
        "change (worst)",
        "kB 95",
        "kB 99",
        "host",
        "fewer",
        "at best",
        "RAM B",
        "insns",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for row, axis in zip(rows, axes, strict=True):
        table.add_row(
            *(axis[name] for name in varying),
            f"{row.accuracy:.2f}±{row.accuracy_sd:.2f}",
            f"{row.change:+.2f} ({row.worst_change:+.2f})",
            _number(row.bytes_95 / 1000, ".2f"),
            _number(row.bytes_99 / 1000, ".2f") + _missed(row.reached, row.seeds),
            _number(row.host_99 / 1000, ".2f"),
            f"{row.ratio_99:.1f}x ({row.ratio_99_low:.0f}-{row.ratio_99_high:.0f})" if row.reached else "-",
            _number(row.ratio_99_best, ".1f", "x") + _missed(row.reached_best, row.seeds),
            f"{row.ram:,}",
            f"{row.instructions:,}",
        )
    return table


def _number(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if isfinite(value) else "-"


def _missed(reached: int, seeds: int) -> str:
    return "" if reached == seeds else f" ({reached}/{seeds})"


def _axes_of(row: Row) -> dict[str, str]:
    return {
        "task": row.data,
        "alpha": f"{row.alpha:g}",
        "epochs": str(row.local_epochs),
        "rate": f"{row.learning_rate:g}",
        "batch": str(row.batch_size),
        "part": f"{row.fraction_train:g}",
        "strategy": row.strategy,
        "codec": row.codec,
    }
