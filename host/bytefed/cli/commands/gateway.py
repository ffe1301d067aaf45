"""`bytefed gateway`: a room's boards for a federation of rooms."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bytefed.cli.options import add_options, given_options
from bytefed.cli.preferences import preferred_boards
from bytefed.errors import ConfigError, check_range, counted
from bytefed.federation.config import RunConfig
from bytefed.ledger.budget import KEYS as BUDGETS
from bytefed.ledger.planned_run import CLASS_MEANS
from bytefed.waiting import interrupts, stopping_signals

if TYPE_CHECKING:
    from bytefed.gateway.wide_area import WideArea

_KEYS = frozenset(RunConfig.__dataclass_fields__) - {
    "rounds",
    "central",
    "strategy",
    "first_round",
    "head",
    *BUDGETS,
}
_EXAMPLES = """\
examples:
  bytefed gateway --socket a.sock --boards virtual:50 --clients 100 --first 0      room a: clients 0 to 49
  bytefed gateway --socket b.sock --boards virtual:50 --clients 100 --first 50     room b: clients 50 to 99
  bytefed gateway --socket a.sock --boards virtual:8 --clients 16 --secure-sum     passes on the room's sum alone
  bytefed gateway --socket a.sock --boards serial:auto --clients 12 --superlink server:9092 --wide-port 9192

A Flower SuperNode beside it speaks for the room (docs/flower.md). With --superlink, let the SuperNode connect to
127.0.0.1 and --wide-port: the gateway forwards and counts the wide-area bytes. Ctrl-C stops.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "gateway",
        description="Train a room's boards for whoever asks on a local socket, and answer with their mean.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--socket", type=Path, required=True, metavar="PATH", help="the local socket to serve")
    add("--clients", type=int, metavar="N", help="boards in all rooms (default: those here)")
    add("--first", type=int, default=0, metavar="K", help="number of this room's first client (default: 0)")
    add("--run-dir", type=Path, default=Path("runs/gateway"), metavar="DIR", help="(default: runs/gateway)")
    add("--superlink", metavar="HOST:PORT", help="forward to this server, and count")
    add("--wide-port", type=int, default=0, metavar="PORT", help="where to listen for that (default: any)")
    add("--config", type=Path, metavar="FILE", help="TOML file with any of the keys below")
    add("--json", action="store_true", help="one JSON object a line, for scripts")
    add_options(parser.add_argument_group("keys, as of bytefed run"), _KEYS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal says stop; 0.

    Raises:
        BytefedError: Whatever keeps the gateway from serving.
    """
    options = {name: value for name, value in given_options(args).items() if name in _KEYS}
    config = RunConfig.resolve(args.config, options, preferred_boards())
    if config.limit is not None:
        raise ConfigError(
            "E_CONFIG_BUDGET",
            f"{config.limit.option} is no option of a gateway: its rounds are asked for from outside.",
            "Leave the budget out of the file, and give the federation fewer rounds.",
        )
    if config.first_round == CLASS_MEANS:
        raise ConfigError(
            "E_CONFIG_FIRST_ROUND",
            "first_round is no key of a gateway: the federation makes heads of what rooms answer.",
            "Leave first_round out of the file.",
        )
    check_range("--first", args.first, 0, 9_999_999)
    check_range("--wide-port", args.wide_port, 0, 65_535)
    if args.clients is not None:
        check_range("--clients", args.clients, 1, 10_000_000)
    asyncio.run(_serve(args, config))
    return 0


async def _serve(args: argparse.Namespace, config: RunConfig) -> None:
    from bytefed.cli.terminal import shown
    from bytefed.federation.experiment import Experiment, air_table, samplings, task_and_boards
    from bytefed.gateway.server import Gateway, Room
    from bytefed.strategies.base import FedAvg

    config, strategy = config.with_strategy(FedAvg())
    air = air_table(config)
    async with _forwarder(args.superlink, args.wide_port) as wide_area:
        with shown(quiet=True, as_json=args.json) as listener:
            async with task_and_boards(config, listener, uid_seed=args.first) as (task, devices):
                assignment = samplings(config, task, args.clients or len(devices))
                room = Room(Experiment(config, strategy, air, assignment), args.first, args.run_dir)
                gateway = Gateway(room, devices, wide_area, listener)
                boards = counted(len(devices), "board")
                sys.stdout.write(f"{boards}, clients from {args.first} on; serving {args.socket}\n")
                sys.stdout.flush()
                await _until_stopped(gateway.serve(args.socket))


async def _until_stopped(serving: Coroutine[None, None, None]) -> None:
    work, loop = asyncio.ensure_future(serving), asyncio.get_running_loop()
    stop = partial(loop.call_soon_threadsafe, work.cancel)  # a signal handler alone would not wake the loop
    with interrupts(stop, numbers=stopping_signals()):
        await asyncio.wait([work])
    if not work.cancelled():
        work.result()


@asynccontextmanager
async def _forwarder(superlink: str | None, port: int) -> AsyncIterator[WideArea | None]:
    """Forward a port to the federation's server inside this context; None where there is no server to forward to."""
    from bytefed.gateway.wide_area import WideArea

    if superlink is None:
        yield None
        return
    host, _, number = superlink.rpartition(":")
    if not host or not number.isdecimal() or not 0 < int(number) < 65_536:
        raise ConfigError(
            "E_CONFIG_SUPERLINK", f"--superlink {superlink} is no address.", "Write it as HOST:PORT."
        )
    wide_area = WideArea(host, int(number))
    listening = await wide_area.start(port)
    try:
        sys.stdout.write(f"forwarding 127.0.0.1:{listening} to {superlink}\n")
        yield wide_area
    finally:
        await wide_area.close()
