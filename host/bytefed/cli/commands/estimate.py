"""`bytefed estimate`: what training will send, before anything runs."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import fields, replace
from pathlib import Path

from bytefed.cli.budget import show_plan
from bytefed.cli.estimate_shown import Air, Estimate, Lossy, Update
from bytefed.codec import find, pair
from bytefed.errors import ConfigError
from bytefed.federation.config import KEYS, option
from bytefed.ledger.air import AirTable, Airtime, measured
from bytefed.ledger.budget import KEYS as BUDGETS
from bytefed.ledger.budget import RULE, Budget, require_even_rounds
from bytefed.ledger.count import ByteCount
from bytefed.ledger.estimate import (
    LINKS,
    RANGES,
    check_ranges,
    link_profile,
    predict,
    require_first_round,
)
from bytefed.ledger.estimate_sums import require_masks
from bytefed.ledger.planned_run import FIRST_ROUNDS, STATISTICS_ROUNDS, PlannedRun, Prediction
from bytefed.ledger.wire_size import CODECS, LinkProfile, blob_size

_FLOAT_BYTES = 4
_USUAL = {"rounds": 20, "codec": "float32", "fraction_train": 1.0}
"""The values of options that a budget plans, without one."""
_EXAMPLES = """\
examples:
  bytefed estimate --shape 100x100x32 --clients 100 --rounds 100   the classic W x C x R of a float32 array
  bytefed estimate --update-bytes 8946728 --rounds 100             the same from an update's size
  bytefed estimate --features 64 --classes 10 --clients 20         exact, over serial
  bytefed estimate --link ble --mtu 247 --fraction-train 0.1       exact, over BLE, a tenth of the boards a round
  bytefed estimate --loss 0.01                                     and what to expect where 1 % of the frames are lost
  bytefed estimate --link ble --mtu 247 --interval 30ms            and what that takes in the air: bytes, time, energy
  bytefed estimate --watch 60 --link ble --clients 3               watching three boards for a minute, exact, too
  bytefed estimate --link ble --budget 10kB                        the other way round: the run that 10 kB a board pay
  bytefed estimate --link ble --budget 10kB --codec float32        likewise, with a codec of your own choice

With --budget, --budget-air (5s) or --budget-energy (20mJ), codec, epochs, boards a round and rounds are planned for a
board that may spend that much; what you give of them stays (docs/budget.md).
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "estimate",
        description="Predict the bytes of a run: the classic estimate W x C x R (update bytes, clients, rounds),"
        " what it leaves out, and the exact count for a head on a link without loss.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_update(parser)
    _add_link(parser)
    _add_rounds(parser)
    _add_noise(parser)
    _add_watch(parser.add_argument_group("watching instead of training"))
    _add_budget(parser.add_argument_group("a budget for each board"))
    parser.add_argument(
        "--seed", type=int, default=42, help="seed of who trains in which round (default: 42)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def _add_update(parser: argparse.ArgumentParser) -> None:
    update = parser.add_mutually_exclusive_group()
    update.add_argument("--shape", metavar="AxBx...", help="W: a float32 array of this shape")
    update.add_argument("--update-bytes", type=int, metavar="W", help="W: bytes (default: the head's update)")
    add = parser.add_argument
    add("--clients", type=int, default=8, metavar="C", help="boards (default: 8)")
    add("--rounds", type=int, metavar="R", help="rounds (default: 20; with a budget as many as it pays)")
    add("--features", type=int, default=64, metavar="D", help="features of the head (default: 64)")
    add("--classes", type=int, default=10, metavar="K", help="classes of the head (default: 10)")
    add(
        "--codec",
        help=f"NAME or DOWNLINK/UPLINK, of {', '.join(CODECS)} (default: float32; with a budget by its rule)",
    )


def _add_rounds(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--fraction-train",
        type=float,
        metavar="F",
        help="fraction of the boards that trains in a round (default: 1; with a budget by its rule)",
    )
    add(
        "--min-train-nodes",
        type=int,
        default=1,
        metavar="N",
        help="the least number that trains in a round (default: 1)",
    )
    add(
        "--learning-rate-rounds",
        type=int,
        metavar="N",
        help="rounds between two steps of the learning rate, each a CONFIG; 0: it never changes (default: those of the"
        " rate by rule, a fifth of the rounds and 20 at least)",
    )
    add(
        "--statistics-rounds",
        type=int,
        default=STATISTICS_ROUNDS,
        metavar="N",
        help=f"each Nth round brings the boards' statistics, 12 bytes; 0: none does (default: {STATISTICS_ROUNDS})",
    )
    add(
        "--from-head",
        action="store_true",
        help="the run begins with a head, as by `bytefed run --head FILE`: the first round has to bring it",
    )
    add(
        "--first-round",
        choices=FIRST_ROUNDS,
        default=FIRST_ROUNDS[0],
        help="class_means: another CONFIG after the first round, as by `bytefed run --first-round class_means`",
    )


def _add_watch(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--watch", type=float, metavar="S", help="predict the bytes of `bytefed watch` for so many seconds")
    add(
        "--window",
        type=float,
        default=2.5,
        metavar="S",
        help="seconds from a window to the next (default: 2.5, as boards with the motion model have)",
    )
    add("--labels", nargs="+", metavar="NAME", help="the boards' labels (default: --classes without a name)")


def _add_budget(group: argparse._ArgumentGroup) -> None:
    for key in BUDGETS:
        group.add_argument(option(key), default="", metavar=KEYS[key].metavar, help=KEYS[key].help)
    add = group.add_argument
    add(
        "--local-epochs",
        type=int,
        metavar="E",
        help="passes over the samples in a round (default: by the rule)",
    )
    add(
        "--samples",
        type=int,
        default=100,
        metavar="N",
        help="training samples of a board, for its energy (default: 100)",
    )


def _add_link(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--link", choices=LINKS, default="serial", help="the boards' link (default: serial)")
    add("--mtu", type=int, default=247, help="ATT MTU of the BLE link (default: 247)")
    add("--open", action="store_true", help="boards without keys, OPEN to strangers (default: sealed)")
    add("--interval", type=_interval, metavar="MS", help="BLE connection interval, such as 30ms")
    add("--packets", type=int, metavar="N", help="BLE packets in a connection event, each direction")
    add("--phy", type=int, choices=(1, 2), help="BLE radio: 1 for LE 1M, 2 for LE 2M")
    add(
        "--air-table",
        metavar="FILE",
        help="TOML file of radio and currents (default: an nRF52840 at 30 ms, packets as many as fit)",
    )
    add(
        "--loss",
        type=float,
        default=0.0,
        metavar="P",
        help="probability that a frame is lost, 0 to 0.5: also the bytes to expect then (default: 0)",
    )


def _add_noise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dp",
        choices=("sample", "board"),
        default="",
        help="boards train with noise, as by `bytefed run --dp`: a NOISE before each CONFIG, and no statistics; board "
        "with --secure-sum",
    )
    parser.add_argument(
        "--secure-sum",
        action="store_true",
        help="boards hide their deltas, as by `bytefed run --secure-sum`; setup of masks included",
    )


def run(args: argparse.Namespace) -> int:
    """Print the estimates and return 0.

    Raises:
        ConfigError: E_CONFIG_RANGE, E_CONFIG_SHAPE, E_CONFIG_CODEC or E_CONFIG_FIRST_ROUND.
    """
    budget = Budget.of({name: getattr(args, name) for name in BUDGETS})
    for name, value in {**_USUAL, **({"rounds": 0, **RULE} if budget else {})}.items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)
    check_ranges(
        {name: getattr(args, name) for name in RANGES if not (name == "rounds" and args.rounds == 0)}
    )
    require_first_round(_planned(args))
    require_even_rounds(budget, args.first_round)
    _refuse_with_noise(args, budget)
    _refuse_with_sums(args, budget)
    require_masks(args.dp, secure_sum=args.secure_sum)
    if args.watch is not None:
        from bytefed.cli.watch_estimate import show_watch

        profile = link_profile(args.link, args.mtu, sealed=not args.open)
        return show_watch(args, profile, _air_table(args) if args.link == "ble" else None)
    if budget:
        return show_plan(
            args, budget, link_profile(args.link, args.mtu, sealed=not args.open), _air_table(args)
        )
    found = _estimate(args)
    if args.json:
        sys.stdout.write(json.dumps(found.document(), indent=2) + "\n")
    else:
        from rich.console import Console

        found.show(Console(emoji=False, highlight=False))
    return 0


def _estimate(args: argparse.Namespace) -> Estimate:
    update = _update(args, pair(args.codec))
    profile = link_profile(args.link, args.mtu, sealed=not args.open)
    prediction = _predict(args, profile, update)
    air = _air(args, profile, update) if args.link == "ble" else None
    lossy = Lossy.of(args, profile, update, prediction) if args.loss and prediction else None
    return Estimate(args, profile, update, prediction, _planned(args).rate_rounds, air, lossy)


def _update(args: argparse.Namespace, codecs: tuple[str, str]) -> Update:
    """Return what was asked for: a size, an array's shape, or else a head.

    Raises:
        ConfigError: E_CONFIG_SHAPE.
    """
    if args.update_bytes is not None:
        return Update(args.update_bytes, (args.update_bytes,) * 2, f"an update of {args.update_bytes:,} B")
    if args.shape is None:
        down, up = (blob_size(codec, args.features, args.classes) for codec in codecs)
        return Update(up, (down, up), f"a head of {args.features}x{args.classes}, {args.codec}", is_head=True)
    parts = args.shape.lower().split("x")
    # At most 18 digits each: a number longer than that is a slip, and isdecimal alone would let it be converted.
    if not all(part.isascii() and part.isdecimal() and len(part) <= 18 and int(part) > 0 for part in parts):
        raise ConfigError("E_CONFIG_SHAPE", f"--shape {args.shape} is no shape.", "Write it as 100x100x32.")
    values = math.prod(int(part) for part in parts)
    down, up = (find(codec).size(values) for codec in codecs)
    return Update(_FLOAT_BYTES * values, (down, up), f"an array of {args.shape}, {args.codec}")


def _refuse_with_noise(args: argparse.Namespace, budget: Budget | None) -> None:
    """Refuse a byte budget for a run with noise.

    Raises:
        ConfigError: E_CONFIG_PRIVACY.
    """
    if args.dp and budget:
        raise ConfigError(
            "E_CONFIG_PRIVACY",
            "With --dp a byte budget is excluded: its rounds are planned later than the noise of each.",
            "Give --rounds, and no budget.",
        )


def _refuse_with_sums(args: argparse.Namespace, budget: Budget | None) -> None:
    """Refuse what a run with secure sums has not.

    Raises:
        ConfigError: E_CONFIG_SECURE_SUM.
    """
    if not args.secure_sum:
        return
    others = (budget, args.loss, args.watch, args.update_bytes, args.shape)
    if any(others):
        raise ConfigError(
            "E_CONFIG_SECURE_SUM",
            "Secure sums are of heads, and priced for runs without a budget and lost frames.",
            "Give --features and --classes, and none of --budget, --loss, --shape, --update-bytes and --watch.",
        )


def _predict(args: argparse.Namespace, profile: LinkProfile, update: Update) -> Prediction | None:
    """Return the exact estimate; None for an update that is no head, and more than a transfer can carry."""
    try:
        return predict(profile, _planned(args), update.blobs)
    except ConfigError as error:
        if update.is_head or error.code != "E_TOO_LARGE":
            raise
        return None


def _planned(args: argparse.Namespace) -> PlannedRun:
    names = {each.name for each in fields(PlannedRun)} - {"codecs"}  # the options have the same
    return PlannedRun(codecs=pair(args.codec), **{name: getattr(args, name) for name in names})


def _air_table(args: argparse.Namespace) -> AirTable:
    """Return the table of radio and currents, with what the options change."""
    table = AirTable.load(Path(args.air_table) if args.air_table else None)
    changes = {"interval": args.interval, "packets": args.packets, "phy": args.phy}
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(table, radio=replace(table.radio, **given))


def _air(args: argparse.Namespace, profile: LinkProfile, update: Update) -> Air | None:
    table = _air_table(args)
    radio = table.radio
    packets = _predict(args, measured(profile, radio.count), update)
    data = _predict(args, measured(profile, radio.data), update)
    if packets is None or data is None:
        return None

    def airtime(count: ByteCount, size: ByteCount) -> Airtime:
        return Airtime(count.wire_down, count.wire_up, size.wire_down, size.wire_up)

    return Air(
        table,
        airtime(packets.board_round, data.board_round),
        airtime(packets.total, data.total),
    )


def _interval(text: str) -> float:
    """Return the seconds of "30ms" or "30"."""
    try:
        milliseconds = float(text.removesuffix("ms"))
    except ValueError:
        milliseconds = 0.0
    if not 7.5 <= milliseconds <= 4000:
        raise argparse.ArgumentTypeError("an interval is 7.5ms to 4000ms")
    return milliseconds / 1e3
