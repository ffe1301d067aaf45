"""`bytefed capture`: boards take samples from their sensors, label after label, and forget those that went wrong."""

from __future__ import annotations

import argparse
import asyncio

from bytefed.cli.commands.pair import confirmed
from bytefed.cli.replaying import add_replaying, replaying
from bytefed.cli.telling import Teller, add_json
from bytefed.errors import ConfigError, check_range

_EPILOG = """\
examples:
  bytefed capture --labels walk run rest                           the board on USB; do what is said while it counts
  bytefed capture --labels walk run --boards A B --rounds 2        two boards, one after the other, all of it twice
  bytefed capture --label walk --seconds 60 --boards ble:NAME      one label for a minute, over the air
  bytefed capture --labels go stop left --seconds 30               words: say each again and again, with a pause
  bytefed capture --label five --boards virtual:1 --model keywords --replay my-words/
                                                                   to try it: a virtual board hears your WAV files
  bytefed capture --label rest --test                              for the board's own test
  bytefed capture --undo 2                                         forget the last two windows
  bytefed capture --delete run                                     forget all of a label
  bytefed capture --show                                           draw what the sensor tells (by cable, or sealed)

Readings become features on the board; nothing else is kept, and nothing leaves it. --show alone fetches raw windows:
they are drawn, and kept nowhere.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "capture",
        description="Let boards take labelled samples from their sensors. Ctrl-C stops; what they have, they keep.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--boards", "--board", nargs="+", default=["serial:auto"], metavar="URI",
        help="boards, one after the other (default serial:auto)",
    )  # fmt: skip
    parser.add_argument(
        "--labels", "--label", nargs="+", default=[], metavar="LABEL",
        help="labels to take, one after the other: each a board's own, a class of its model, or a number",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each (default 20)")
    parser.add_argument(
        "--rounds", type=int, default=1, metavar="N", help="go through all labels N times (default 1)"
    )
    parser.add_argument("--test", action="store_true", help="for the test split")
    parser.add_argument("--no-countdown", action="store_true", help="don't count 3 2 1")
    parser.add_argument(
        "--any-time", action="store_true",
        help="boards that hear: take windows one behind the other, and don't wait for each word to begin",
    )  # fmt: skip
    parser.add_argument(
        "--show", action="store_true", help="draw the sensor's signal, alone or before each label"
    )
    forgetting = parser.add_mutually_exclusive_group()
    forgetting.add_argument(
        "--undo", type=int, metavar="N", help="forget the last N windows (with --test: for the test)"
    )
    forgetting.add_argument("--delete", metavar="LABEL", help="forget all samples of a label")
    forgetting.add_argument("--erase", action="store_true", help="forget all samples; what was learnt stays")
    parser.add_argument("--yes", action="store_true", help="forget without asking")
    parser.add_argument("--open", action="store_true", help="boards without a key, OPEN to strangers")
    add_replaying(parser)
    add_json(parser, goes_on=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Capture, or forget, or show; 1 if a board stopped early, or its user does not want to forget after all."""
    check_range("--seconds", args.seconds, 0.01, 3600)
    check_range("--rounds", args.rounds, 1, 1000)
    if args.undo is not None:
        check_range("--undo", args.undo, 1, 65535)
    forgets = args.undo is not None or args.delete is not None or args.erase
    if not (args.labels or forgets or args.show):
        raise ConfigError(
            "E_CONFIG_LABEL", "capture: which label?", "Give --labels: names, or numbers from 0 on."
        )
    return asyncio.run(_run(args, forgets=forgets))


async def _run(args: argparse.Namespace, *, forgets: bool) -> int:
    from bytefed.boards.open import open_devices
    from bytefed.cli.capturing import Wish, capture_all, forget, show
    from bytefed.protocol.message import VISIT

    tell = Teller(args.json)
    async with open_devices(args.boards, replaying(args)) as devices:
        for device in devices:
            await device.connect(VISIT)
        if forgets:
            losses = [await forget(device, args.undo, args.delete, test=args.test) for device in devices]
            if not confirmed("\n".join(loss.words for loss in losses), yes=args.yes):
                return 1
            for loss in losses:
                await loss.suffer(tell)
        if args.labels:
            wish = Wish(
                args.labels, args.seconds, args.rounds, args.test,
                countdown=not args.no_countdown, show=args.show, any_time=args.any_time,
            )  # fmt: skip
            return 0 if await capture_all(devices, wish, tell) else 1
        if args.show:
            await show(devices, tell)
    return 0
