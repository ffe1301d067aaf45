"""`bytefed sweep`: which codec, how many local epochs, which strategy? A grid, several seeds, one table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytefed.cli.options import add_options
from bytefed.cli.telling import add_json, write_json
from bytefed.codec import CODECS

if TYPE_CHECKING:
    from bytefed.simulation.sweep import Setting
    from bytefed.simulation.sweep_run import SweepPlan, SweepTable

_EXAMPLES = """\
examples:
  bytefed sweep                                                all codecs on the digits, 5 seeds
  bytefed sweep --codec onebit stc10 --local-epochs 1 5 20     do more local epochs pay?
  bytefed sweep --local-epochs 1 5 20 --learning-rate 0.02 0.05 0.1 --batch-size 8 32    also beside float32 at its best
  bytefed sweep --data digits motion --alpha 0.1 0.5 --fraction-train 1 0.3
  bytefed sweep --data standard --data-dir DIR                 all tasks, the hard ones among them
  bytefed sweep --data keywords --partition natural --data-dir DIR    each speaker is a board
  bytefed sweep --strategy fedavg fedyogi --seeds 10 --link serial
  bytefed sweep --codec onebit stc10 --references              also beside float32 at its best, on plain features
  bytefed sweep --dp sample --epsilon 4 --delta 1e-4 --rounds 10    with noise on the boards
  bytefed sweep --clients 100 --codec stc10 --first-round class_means    what a first round of class means saves
  bytefed sweep --secure-sum                                   all codecs that can be summed hidden

Boards are simulated in this process with the firmware's own training and codecs; bytes are those of the link.
Stop it with Ctrl-C and start it again with the same --sweep-dir: it goes on where it stood.
"""
_DIVISION = ("partition", "shards")
_PRIVACY = ("dp", "epsilon", "delta", "clip", "secure_sum")
_AXES: dict[str, tuple[type, list[Any], str]] = {
    "data": (str, ["digits"], "tasks; standard: all of bytefed's own, as far as their data are there"),
    "alpha": (float, [0.5], "Dirichlet concentrations of the partition"),
    "codec": (str, list(CODECS), "codecs, NAME or DOWNLINK/UPLINK; float32 is always among them"),
    "local_epochs": (
        int,
        [0],
        "passes over a board's own samples in a round; 0: by rule, as `bytefed run` does",
    ),
    "learning_rate": (float, [0.0], "step sizes; 0: by rule, as `bytefed run` does"),
    "batch_size": (int, [8], "samples a step"),
    "fraction_train": (float, [1.0], "fractions of the boards that train in a round"),
    "strategy": (str, ["fedavg"], "strategies, by name or as module:Class"),
    "first_round": (
        str,
        ["usual"],
        "kinds of first rounds, usual and class_means; usual is always among them",
    ),
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
            "--" + name.replace("_", "-"), nargs="+", type=kind, metavar=kind.__name__.upper(),
            help=f"{text} (default: {shown})",
        )  # fmt: skip
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="seeds of each setting (default: 5)"
    )
    parser.add_argument(
        "--first-seed", type=int, default=1, metavar="SEED", help="the first one (default: 1)"
    )
    parser.add_argument(
        "--clients",
        type=int,
        metavar="N",
        help="boards (default: 10; the data's owners with --partition natural)",
    )
    add_options(parser.add_argument_group("the division in every trial, as in bytefed run"), _DIVISION)
    parser.add_argument("--rounds", type=int, default=100, metavar="N", help="rounds (default: 100)")
    parser.add_argument("--link", choices=("ble", "serial"), default="ble", help="whose bytes (default: ble)")
    parser.add_argument("--mtu", type=int, default=247, help="ATT MTU of a BLE link (default: 247)")
    parser.add_argument(
        "--open", action="store_true", help="count bytes of links without keys, OPEN to strangers"
    )
    add_options(parser.add_argument_group("privacy in every trial, as in bytefed run"), _PRIVACY)
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of data sets, before aeon's")
    parser.add_argument(
        "--sweep-dir",
        type=Path,
        default=Path("sweep"),
        metavar="DIR",
        help="trials and table (default: sweep)",
    )
    parser.add_argument(
        "--references",
        action="store_true",
        help="also compare with float32 as it is usually trained (5 epochs at 0.05), in the same"
        " setting, and at its best (of 1, 5, 20 epochs at 0.05, 0.2, 0.5), on plain features (the task NAME_plain)"
        " and on the same",
    )
    parser.add_argument(
        "--air-table",
        type=Path,
        metavar="FILE",
        help="TOML file of radio, currents and processor, for air time and energy (default: an nRF52840 at 30 ms)",
    )
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    add_json(printed)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `bytefed sweep`; return 0."""
    from bytefed.cli import sweep_tables
    from bytefed.federation.config import RunConfig
    from bytefed.simulation.sweep_run import plan_sweep

    fixed = {name: value for name in (*_DIVISION, *_PRIVACY) if (value := getattr(args, name)) is not None}
    base = RunConfig.resolve(None, {"rounds": args.rounds, **fixed})
    by_rule: dict[str, list[Any]] = {"codec": []} if base.secure_sum else {}  # all that can be summed
    plan = plan_sweep(
        {name: getattr(args, name) or by_rule.get(name, default) for name, (_, default, _) in _AXES.items()},
        base,
        seeds=range(args.first_seed, args.first_seed + args.seeds),
        clients=args.clients,
        link=args.link,
        mtu=args.mtu,
        sealed=not args.open,
        directory=args.sweep_dir,
        data_dir=args.data_dir,
        references=args.references,
        air_table=args.air_table,
    )
    found = _run(plan)
    if args.json:
        write_json(sweep_tables.document(found))
    elif args.markdown:
        sys.stdout.write(sweep_tables.markdown(found))
    else:
        sweep_tables.show(found, open_links=args.open)
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
