"""The bytes of watching what boards classify, before anybody watches: `bytefed estimate --watch`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from bytefed.cli.tables import count_table
from bytefed.device.labels import check_names
from bytefed.errors import check_range
from bytefed.ledger.air import AirTable, Airtime, measured
from bytefed.ledger.count import CAUSES, ByteCount
from bytefed.ledger.plan import planned_opening, planned_watch
from bytefed.ledger.wire_size import LinkProfile, watch_bytes

_LONGEST = 655.35  # seconds from a window to the next that DETAILS can tell


@dataclass(frozen=True)
class Watching:
    """A watch of one board on a link that loses nothing.

    Attributes:
        windows: Windows that the board classifies in that time.
        prediction: Bytes of one window: a question and its answer.
        opening: Bytes before the watch.
        watch: Bytes of the watch with its end.
    """

    windows: int
    prediction: ByteCount
    opening: ByteCount
    watch: ByteCount

    @classmethod
    def of(cls, profile: LinkProfile, windows: int, labels: Sequence[str]) -> Watching:
        """Predict it for a board with these labels."""
        return cls(
            windows,
            watch_bytes(profile, 1),
            planned_opening(profile, labels),
            planned_watch(profile, windows),
        )

    @property
    def total(self) -> ByteCount:
        """All bytes."""
        return self.opening + self.watch


def show_watch(args: argparse.Namespace, profile: LinkProfile, air: AirTable | None) -> int:
    """Print what watching takes, for people or as JSON; returns 0.

    Args:
        args: The options of `bytefed estimate`.
        profile: Profile of the link.
        air: Settings of a BLE link; None for others.

    Raises:
        ConfigError: E_CONFIG_RANGE; E_LABELS_NAME and the like for labels that no board can have.
    """
    check_range("--watch", args.watch, 0.1, 31_536_000)
    check_range("--window", args.window, 0.01, _LONGEST)
    labels = check_names(args.labels) if args.labels else ("",) * args.classes
    found = Watching.of(profile, max(1, round(args.watch / args.window)), labels)
    if args.json:
        sys.stdout.write(json.dumps(_document(args, found), indent=2) + "\n")
        return 0
    console = Console(emoji=False, highlight=False)
    _show(args, found, console)
    if air is not None:
        console.print(_in_the_air(profile, air), soft_wrap=True)
    return 0


def _document(args: argparse.Namespace, found: Watching) -> dict[str, Any]:
    counts = {name: getattr(found, name) for name in ("prediction", "opening", "watch", "total")}
    return {
        "link": args.link,
        "security": "OPEN" if args.open else "sealed",
        "boards": args.clients,
        "windows": found.windows,
        "bytes_a_second": found.prediction.wire_total / args.window,
        **{name: {**vars(count), "wire_total": count.wire_total} for name, count in counts.items()},
        "all_boards": args.clients * found.total.wire_total,
    }


def _show(args: argparse.Namespace, found: Watching, console: Console) -> None:
    where = "OPEN" if args.open else "sealed"
    where += " serial (USB)" if args.link == "serial" else f" BLE, MTU {args.mtu}"
    console.print(
        f"[bold]Watching[/] a board for {args.watch:g} s over {where}, a window every {args.window:g} s:"
        f" {found.windows:,} windows",
        soft_wrap=True,
    )
    rows = {
        "one window": found.prediction,
        "before it: connecting, labels, details": found.opening,
        "the watch, with its end": found.watch,
        "total": found.total,
    }
    console.print(count_table("board", rows))
    causes = [cause for cause in CAUSES if getattr(found.prediction, cause)]
    parts = ", ".join(f"{cause} {getattr(found.prediction, cause)}" for cause in causes)
    rate = found.prediction.wire_total / args.window
    console.print(f"{rate:,.1f} B a second and board. Of a window: {parts}.", soft_wrap=True)
    console.print(
        f"All {args.clients:,} boards: {args.clients * found.total.wire_total:,} B. `bytefed watch --log DIR` counts"
        " them.",
        soft_wrap=True,
    )


def _in_the_air(profile: LinkProfile, air: AirTable) -> str:
    """Say what one window takes in the air."""
    packets, data = (watch_bytes(measured(profile, by), 1) for by in (air.radio.count, air.radio.data))
    one = Airtime(packets.wire_down, packets.wire_up, data.wire_down, data.wire_up)
    return f"In the air (LE {air.radio.phy}M) a window takes {one.bytes(air.radio):,} B."
