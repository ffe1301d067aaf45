"""`bytefed watch`: boards classify what their sensors tell, and all of it is shown live."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from bytefed.cli.telling import Teller, add_json
from bytefed.errors import check_range

if TYPE_CHECKING:
    from bytefed.cli.watching import Seat
    from bytefed.device.device import Device
    from bytefed.device.watch import Way

_EPILOG = """\
examples:
  bytefed watch                                     the board on USB
  bytefed watch --boards ble:auto --smooth 3        all in reach; the label of most of the last three windows
  bytefed watch --boards A B --unknown 5            5 % of a board's own samples may be taken for none of its labels
  bytefed watch --seconds 60 --log used             and every byte of it into used/use.csv, beside the estimate
  bytefed watch --personal --seconds 60 --csv p.csv by personal heads, for a minute, into a file
  bytefed watch --alone --seconds 10                the boards go on, each for whoever looks at its light
  bytefed watch --alone --open-to-phones            and everybody near reads it with a phone, without a key
  bytefed watch --stop                              and stop

A board classifies each window of its sensor itself; a label and how certain it is are all that crosses the link.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "watch",
        description="Let boards classify what their sensors tell, and show it live. Ctrl-C stops them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--boards", nargs="+", default=["serial:auto"], metavar="URI", help="boards (default serial:auto)"
    )
    parser.add_argument("--personal", action="store_true", help="by each board's personal head")
    parser.add_argument(
        "--unknown", type=int, default=0, metavar="PERCENT",
        help="per cent of a board's own samples that may be taken for none of its labels, 0 to 50 (default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--smooth",
        type=int,
        default=1,
        metavar="N",
        help="show the label of most of the last N windows (default 1)",
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="for so long (default: until Ctrl-C)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write each prediction into this file, too")
    parser.add_argument(
        "--log",
        type=Path,
        metavar="DIR",
        help="add every byte by its cause, beside the estimate, to DIR/use.csv",
    )
    parser.add_argument(
        "--open-to-phones", action="store_true",
        help="everybody near can read label and confidence by Bluetooth, OPEN: no key is needed",
    )  # fmt: skip
    ending = parser.add_mutually_exclusive_group()
    ending.add_argument("--alone", action="store_true", help="the boards go on when this ends")
    ending.add_argument("--stop", action="store_true", help="only stop boards that classify alone")
    parser.add_argument("--open", action="store_true", help="boards without a key, OPEN to strangers")
    add_json(parser, goes_on=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Watch boards; 1 if one of them failed."""
    check_range("--unknown", args.unknown, 0, 50)
    check_range("--smooth", args.smooth, 1, 100)
    if args.seconds is not None:
        check_range("--seconds", args.seconds, 0.1, 1_000_000)
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import replaying_kind
    from bytefed.cli.watching import Seat
    from bytefed.device.watch import Way
    from bytefed.runs.use_log import UseLog

    options = VirtualOptions(replaying_kind("motion"), sealed=not args.open)
    async with open_devices(args.boards, options) as devices:
        if args.stop:
            return await _stop(devices, Teller(args.json))
        log = None if args.log is None else UseLog(args.log)
        seats = [Seat(device, args.smooth) for device in devices]
        way = Way(args.personal, args.unknown, args.alone, args.open_to_phones)
        if way.phones:
            _warn_of_phones(devices, way, quietly=args.json)
        with _shown(seats, args.csv, as_json=args.json) as seen:
            await _watch(seats, way, args.seconds, seen)
        if log is not None:
            log.add(row for seat in seats for row in seat.rows())
    return _ended(seats, as_json=args.json)


async def _stop(devices: list[Device], tell: Teller) -> int:
    from bytefed.device.watch import stop
    from bytefed.protocol.message import VISIT

    for device in devices:
        await device.connect(VISIT)
        await stop(device)
        tell("stopped", f"{device.uri} classifies no more", board=device.name, uri=device.uri)
    return 0


def _warn_of_phones(devices: list[Device], way: Way, *, quietly: bool) -> None:
    """Say that it is open, and when a phone finds no connection free; quietly, on standard error."""
    from bytefed.cli.terminal import OPEN_TO_PHONES

    said = f"{OPEN_TO_PHONES}."
    if any(device.transport.framing == "ble" for device in devices):
        said += " A board takes one Bluetooth connection, now this one: "
        said += (
            "phones can connect when this has ended."
            if way.alone
            else "phones need --alone, or a cable here."
        )
    Console(emoji=False, highlight=False, stderr=quietly).print(
        said, style="yellow", markup=False, soft_wrap=True
    )


async def _watch(seats: list[Seat], way: Way, seconds: float | None, seen: Callable[[Seat], None]) -> None:
    """Watch all boards at once, until the time is over, Ctrl-C, or all have failed."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for seat in seats:
                group.create_task(seat.watch(way, seen))
    except TimeoutError:
        pass
    except asyncio.CancelledError:  # Ctrl-C is how a watch ends
        if task is not None:
            task.uncancel()


@contextmanager
def _shown(seats: list[Seat], csv: Path | None, *, as_json: bool) -> Iterator[Callable[[Seat], None]]:
    """Give a function that shows a prediction: in a live table, on a line where there is no terminal, in a file."""
    from bytefed.cli.watching import JsonLines, Lines, PredictionFile, table

    console = Console(emoji=False, highlight=False)
    with ExitStack() as stack:
        shows: list[Callable[[Seat], None]] = []
        if csv is not None:
            shows.append(PredictionFile(stack.enter_context(csv.open("w", newline="", encoding="utf-8"))))
        if as_json:
            shows.append(JsonLines())
        elif console.is_terminal:
            live = stack.enter_context(Live(table(seats), console=console, refresh_per_second=8))
            shows.append(lambda _seat: live.update(table(seats)))
        else:
            shows.append(Lines(console))

        def seen(seat: Seat) -> None:
            for show in shows:
                show(seat)

        yield seen


def _ended(seats: list[Seat], *, as_json: bool) -> int:
    """Say what the watch took, and what went wrong; 1 if something did."""
    from bytefed.cli.output import report
    from bytefed.cli.watching import bytes_table, write_bytes

    failed = [seat for seat in seats if seat.error is not None]
    if len(failed) == len(seats) and failed[0].error is not None:
        raise failed[0].error
    if as_json:
        write_bytes(seats)
    else:
        Console(emoji=False, highlight=False).print(bytes_table(seats))
    for seat in failed:
        if seat.error is not None:
            report(seat.error)
    return 1 if failed else 0
