"""`bytefed run`: federated learning on boards, real or virtual."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bytefed.cli.options import add_options, add_tracking, given_options
from bytefed.cli.preferences import preferred_boards
from bytefed.errors import ConfigError, check_range
from bytefed.events import Listener, Preparing
from bytefed.federation.config import MAX_SEED, RunConfig

if TYPE_CHECKING:
    from rich.table import Table

_INTERRUPTED = 130
_EXAMPLES = """\
examples:
  bytefed run                                            8 virtual boards learn handwritten digits
  bytefed run --boards serial:auto --rounds 50           all boards that are plugged in
  bytefed run --boards virtual:4 serial:/dev/ttyACM0     virtual and real boards together
  bytefed run --data mine.npz --partition natural        your own features and owners
  bytefed run --data gait                                your own model and its recordings: `bytefed model --help`
  bytefed run --rounds 200 --live                        watch the report grow in a browser
  bytefed run --track tensorboard                        TensorBoard follows it: tensorboard --logdir runs
  bytefed run --boards virtual:4 --budget 2kB            the run that 2,000 B a board pay; never a byte more
  bytefed run --first-round class_means                  round 1 brings class means: pays with many boards
  bytefed run --config run.toml --alpha 0.1              a file of keys; options win over it
  bytefed run --strategy mine:Median                     the class Median of mine.py makes the new head
  bytefed run --resume runs/20250101-120000-1a2b3c4d     go on after Ctrl-C, a crash or a power cut

A TOML file has the long options as keys:
  boards = ["virtual:8"]
  rounds = 50
  local_epochs = 5

Ctrl-C ends the run after the round under way, twice at once; either way --resume goes on.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "run",
        description="Train boards over rounds of federated averaging and write down every byte that it took.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_argument_group("the run")
    where.add_argument("--config", type=Path, metavar="FILE", help="TOML file with any of the keys below")
    directory = where.add_mutually_exclusive_group()
    directory.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="where it is kept (default: runs/TIME-RUN)"
    )
    directory.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="go on with the run in this directory; name --boards and --data as well where you did not begin it here",
    )
    where.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="run N times, with --seed and the N - 1 numbers after it",
    )
    shown = where.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="say only troubles, and how it ended")
    shown.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")
    where.add_argument(
        "--live",
        nargs="?",
        type=int,
        const=0,
        metavar="PORT",
        help="show the report on this computer while the run goes on (default port: 8271; needs starlette and uvicorn)",
    )
    add_tracking(where)
    add_options(parser.add_argument_group("keys"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run or resume; 0, or 130 when Ctrl-C ended it early.

    Raises:
        BytefedError: Whatever keeps the run from beginning or going on.
    """
    if args.resume is not None:
        return _resume(args)
    config = RunConfig.resolve(args.config, given_options(args), preferred_boards())
    check_range("--seeds", args.seeds, 1, MAX_SEED - config.seed)
    seeds = range(config.seed, config.seed + args.seeds)
    summaries = []
    for seed in seeds:
        name = _directory(args.run_dir, seed if args.seeds > 1 else None)
        summary = _begin(args, replace(config, seed=seed), name)
        if not summary["complete"]:
            return _INTERRUPTED
        summaries.append(summary)
    if args.seeds > 1 and not args.json:
        _compare(seeds, summaries)
    return 0


def _directory(run_dir: Path | None, seed: int | None) -> Path | None:
    return run_dir if seed is None or run_dir is None else run_dir / f"seed-{seed}"


@contextmanager
def _listening(args: argparse.Namespace) -> Iterator[Listener]:
    """Show what happens as the options say, from before the rest of bytefed is loaded."""
    from bytefed.cli.terminal import shown

    with shown(quiet=args.quiet, as_json=args.json) as terminal:
        terminal(Preparing("starting"))
        with _beside(args, terminal) as listener:
            yield listener


@contextmanager
def _beside(args: argparse.Namespace, listener: Listener) -> Iterator[Listener]:
    """Let the page and the trackers that were asked for listen, too; each is loaded only then."""
    with ExitStack() as stack:
        if args.track:
            from bytefed.tracking import tracked

            listener = stack.enter_context(tracked(args.track, listener))
        if args.live is not None:
            from bytefed.ui.beside_run import serving

            listener = stack.enter_context(serving(listener, args.live))
        yield listener


def _begin(args: argparse.Namespace, config: RunConfig, directory: Path | None) -> Mapping[str, Any]:
    with _listening(args) as listener:
        from bytefed.federation.experiment import begin

        return asyncio.run(begin(config, directory, listener))


def _resume(args: argparse.Namespace) -> int:
    if args.config is not None or args.seeds != 1:
        raise ConfigError(
            "E_CONFIG_RESUME", "A run has its configuration already.", "Leave --config and --seeds out."
        )
    with _listening(args) as listener:
        from bytefed.federation.experiment import resume

        summary = asyncio.run(resume(args.resume, given_options(args), listener))
    return 0 if summary["complete"] else _INTERRUPTED


def _compare(seeds: Sequence[int], summaries: Sequence[Mapping[str, Any]]) -> None:
    """Print the results of several seeds and their mean."""
    from rich.console import Console

    from bytefed.cli.tables import show_table

    show_table(Console(emoji=False, highlight=False), _comparison(seeds, summaries))


def _comparison(seeds: Sequence[int], summaries: Sequence[Mapping[str, Any]]) -> Table:
    from rich.table import Table

    from bytefed.cli.terminal import percent

    table = Table("seed", "accuracy", "central", "on the boards", "bytes in rounds", "estimate", box=None)
    for column in table.columns:
        column.justify = "right"
    for seed, summary in zip(seeds, summaries, strict=True):
        table.add_row(
            str(seed),
            *(percent(summary[name]) for name in _ACCURACIES),
            f"{summary['wire_total']:,}",
            "exact" if summary["estimate_exact"] else f"{summary['estimate_wire']:,}",
        )
    table.add_row("mean", *(percent(_mean(summaries, name)) for name in _ACCURACIES), style="bold")
    return table


_ACCURACIES = ("accuracy_final", "accuracy_central", "accuracy_boards_final")


def _mean(summaries: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [summary[name] for summary in summaries]
    return None if None in values else fmean(values)
