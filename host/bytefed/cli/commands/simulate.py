"""`bytefed simulate`: federated learning with 100 to a million clients, without boards."""

from __future__ import annotations

import argparse
from pathlib import Path

from bytefed.cli.options import add_options, add_tracking, given_options
from bytefed.events import Preparing
from bytefed.federation.config import RunConfig

_INTERRUPTED = 130
_KEYS = frozenset(RunConfig.__dataclass_fields__) - {
    "boards", "deadline", "line_rate", "faults", "central",
}  # fmt: skip
_ALIASES = {
    "data": ("-d", "--dataset"),
    "alpha": ("-a",),
    "rounds": ("-ge", "--global-epoch", "--global_epoch"),
    "local_epochs": ("-le", "--local-epoch", "--local_epoch"),
    "batch_size": ("-bs", "--batch_size"),
    "fraction_train": ("-jr", "--join-ratio", "--join_ratio"),
}
"""FL-bench's names for the options."""
_EXAMPLES = """\
examples:
  bytefed simulate --data cifar10 --alpha 0.1 --clients 100 --rounds 100   the field's classic experiment
  bytefed simulate -d cifar10 -a 0.1 -cn 100 --join_ratio 0.1              the same with FL-bench's names
  bytefed simulate --data synthetic --clients 100000 --rounds 3            a hundred thousand clients
  bytefed simulate --clients 20 --check 3                                  three of them beside virtual boards
  bytefed simulate --clients 10 --links ble --budget 2kB                   the run that 2,000 B a board pay
  bytefed simulate --links serial=1 ble:185=3 --dropout 0.05               mixed links, boards that get lost
  bytefed simulate --clients 100 --codec stc10 --first-round class_means   round 1 brings the class means of all clients
  bytefed simulate --clients 16 --secure-sum --codec onebit --links ble    sums of hidden deltas (docs/secure_sum.md)

A simulated client trains with the firmware's own arithmetic: a virtual board with the same samples sends the same bits
(--check shows it). Its bytes are the exact predictions of SPEC.md section 6. Clients have their samples already: bytes
to provision them are not counted. Ctrl-C ends after the round under way, twice at once.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "simulate",
        description="Simulate federated learning with as many clients as samples fit in memory.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_clients(parser.add_argument_group("the clients"))
    where = parser.add_argument_group("the run")
    where.add_argument("--config", type=Path, metavar="FILE", help="TOML file with any of the keys below")
    where.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="where it is kept (default: runs/TIME-RUN)"
    )
    where.add_argument("--threads", type=int, default=0, metavar="N", help="(default: one a processor)")
    where.add_argument(
        "--rows",
        type=int,
        default=100_000,
        metavar="N",
        help="bytes.csv has a row for each client if no more than N are needed, else sums (default: 100000)",
    )
    where.add_argument("--central", action="store_true", help="also train one head on all samples together")
    shown = where.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="say only troubles, and how it ended")
    shown.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")
    add_tracking(where)
    add_options(parser.add_argument_group("keys, as of bytefed run"), _KEYS, _ALIASES)
    parser.set_defaults(run=run)


def _add_clients(clients: argparse._ArgumentGroup) -> None:
    add = clients.add_argument
    add(
        "--clients",
        "-cn",
        "--client-num",
        "--client_num",
        type=int,
        metavar="N",
        help="(default: 100; fewer where the data have less than 40 samples for each, or name their owners)",
    )
    add(
        "--links",
        nargs="+",
        default=["serial"],
        metavar="LINK",
        help="serial, ble or ble:MTU, each with =SHARE if they differ (default: serial)",
    )
    add(
        "--dropout",
        type=float,
        default=0.0,
        metavar="P",
        help="probability that a client is lost in a round after it took the head (default: 0)",
    )
    add(
        "--check",
        type=int,
        default=0,
        metavar="N",
        help="also train N of the clients as virtual boards, and compare weights and bytes; with --secure-sum, 3 or "
        "more, and their sum (default: 0)",
    )


def run(args: argparse.Namespace) -> int:
    """Simulate; 0, or 130 when Ctrl-C ended it early.

    Raises:
        BytefedError: Whatever keeps the run from beginning or going on.
    """
    from bytefed.cli.terminal import shown
    from bytefed.simulation.links import parse_links
    from bytefed.simulation.run import Environment, Simulation, load_clients
    from bytefed.tracking import tracked

    options = {name: value for name, value in given_options(args).items() if name in _KEYS}
    config = RunConfig.resolve(args.config, {**options, "central": args.central})
    environment = Environment(
        links=parse_links(args.links, sealed=not config.open),
        dropout=args.dropout,
        check=args.check,
        threads=args.threads,
        most_rows=args.rows,
    )
    with (
        shown(quiet=args.quiet, as_json=args.json) as terminal,
        tracked(args.track, terminal) as listener,
    ):
        config.with_strategy(None)  # one that can't be imported is refused before data are loaded
        listener(Preparing(f"loading {config.data}"))
        assignment = load_clients(config, args.clients)
        simulation = Simulation(config, environment, assignment, args.run_dir, listener)
        summary = simulation.run()
    return 0 if summary["complete"] else _INTERRUPTED
