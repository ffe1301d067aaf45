"""Predictions of several boards at the same time, gathered seat by seat, and the table that shows them."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bytefed.cli.telling import write_json
from bytefed.cli.use_rows import Meter, Used, use_row
from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.device.naming import names_told
from bytefed.device.visit import about
from bytefed.device.watch import Majority, Prediction, Watch, Way
from bytefed.errors import BytefedError
from bytefed.ledger.count import ByteCount
from bytefed.ledger.plan import planned_opening
from bytefed.ledger.rows import Status, Traffic
from bytefed.ledger.wire_size import watch_bytes
from bytefed.protocol.message import VISIT

COLUMNS = (
    "seconds",
    "board",
    "window",
    "label",
    "smoothed",
    "likeliest",
    "confidence",
    "threshold",
    "phones",
)
"""The columns of a CSV file of predictions; `phones` is OPEN where everybody near could read them."""
NONE = "none"
"""The word for a window that is none of the labels."""
_BAR = 20


@dataclass
class Seat:
    """A board that is watched.

    Attributes:
        device: The board.
        smooth: Number of windows that decide which label is shown.
        names: The names of its labels.
        round_trip: Seconds that the link takes for a question and its answer; None before the first.
        last: The last prediction; None before the first.
        label: The label that most of the last windows have; None for none of those that the board knows.
        heard: Number of predictions.
        phones: Whether everybody near can read them.
        opening, used: Traffic of getting there, and of watching.
        expected_opening, expected: Bytes of both by the estimate.
        error: The error that ended it; None for none.
    """

    device: Device
    smooth: int
    names: tuple[str, ...] = ()
    round_trip: float | None = None
    last: Prediction | None = None
    label: int | None = None
    heard: int = 0
    phones: bool = False
    opening: Used = field(default_factory=Used)
    used: Used = field(default_factory=Used)
    expected_opening: ByteCount = field(default_factory=ByteCount)
    expected: ByteCount = field(default_factory=ByteCount)
    error: BytefedError | None = None

    def name(self, label: int | None) -> str:
        """Return the name of a label."""
        if label is None:
            return NONE
        return self.names[label] if label < len(self.names) else str(label)

    async def watch(self, way: Way, seen: Callable[[Seat], None]) -> None:
        """Connect the board and watch it until it fails or this is cancelled; then let it stop.

        Args:
            way: The way in which it is to classify.
            seen: Called after each prediction.
        """
        meter = Meter(self.device)
        try:
            try:
                await self._open()
            finally:
                self.opening = meter.take()
            await self._watch(way, seen, meter)
        except BytefedError as error:
            self.error = error

    async def _open(self) -> None:
        await self.device.connect(VISIT)
        self.names, told = await names_told(self.device)
        asked = now()
        await about(self.device)
        self.round_trip = now() - asked
        self.expected_opening = planned_opening(
            self.device.profile, told, first_contact=self.device.introduced
        )

    async def _watch(self, way: Way, seen: Callable[[Seat], None], meter: Meter) -> None:
        watch, majority = Watch(self.device, way), Majority(self.smooth)
        try:
            async for prediction in watch:
                self.phones = way.phones
                self.last, self.label = prediction, majority.add(prediction.label)
                self.heard += 1
                seen(self)
        finally:
            if not way.alone:
                await watch.stop()
            self.expected = watch.estimate()
            await self.device.close()
            self.used = meter.take()

    def rows(self) -> list[Traffic]:
        """Return the rows of use.csv: connecting, and watching if it came to that."""
        if not self.device.connections:
            return []
        status: Status = "ok" if self.error is None else "failed"
        if self.round_trip is None:
            return [use_row(self.device, "connect", self.opening, self.expected_opening, status)]
        return [
            use_row(self.device, "connect", self.opening, self.expected_opening),
            use_row(self.device, "watch", self.used, self.expected, status),
        ]


def table(seats: list[Seat]) -> Table:
    """Return what all boards say now."""
    shown = Table("board", "label", "confidence", "", "window", "link", box=None, pad_edge=False)
    for seat in seats:
        shown.add_row(Text(f"{seat.device.uri}"), *_cells(seat))
    return shown


def _cells(seat: Seat) -> list[Text]:
    link = "" if seat.round_trip is None else f"{1000 * seat.round_trip:.0f} ms"
    if seat.error is not None:
        return [Text(seat.error.code, style="red"), *([Text()] * 3), Text(link)]
    if seat.last is None:
        return [Text("waits", style="dim"), *([Text()] * 3), Text(link)]
    if seat.phones:
        link += " OPEN"
    style = "yellow" if seat.label is None else "bold green"
    label, certain, window = said(seat, seat.last)
    filled = round(_BAR * seat.last.confidence)
    bar = "█" * filled + "·" * (_BAR - filled) if certain else ""
    return [Text(label, style=style), Text(bar), Text(certain), Text(window), Text(link)]


def said(seat: Seat, last: Prediction) -> tuple[str, str, str]:
    """Return the label that is shown, how sure that is, and the window.

    A confidence is that of the last window's likeliest label. Where another one is shown, or none, its place is empty,
    and the window says by itself which label it belongs to.

    Args:
        seat: The board.
        last: Its last prediction.
    """
    certain = f"{100 * last.confidence:.0f} %"
    if last.label is None:
        nearest = f"nearest {seat.name(last.likeliest)} {certain}, below {100 * last.threshold:.1f} %"
        return seat.name(seat.label), "", f"{last.window}: {NONE}, {nearest}"
    if seat.label != last.label:
        return seat.name(seat.label), "", f"{last.window}: {seat.name(last.label)} {certain}"
    return seat.name(seat.label), certain, f"{last.window}"


class Lines:
    """Tells each prediction on a line of its own, where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def __call__(self, seat: Seat) -> None:
        """Tell a board's last prediction."""
        last = seat.last
        if last is None:
            return
        label, certain, window = said(seat, last)
        parts = (seat.device.uri, label, certain, f"window {window}", "OPEN" if seat.phones else "")
        line = "  ".join((f"{time.monotonic() - self._began:8.1f} s", *filter(None, parts)))
        self._console.print(line, markup=False, soft_wrap=True)


class PredictionFile:
    """A CSV file of predictions, a row each, in the order in which they come.

    Args:
        file: The file, opened to write.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.writer(file)
        self._writer.writerow(COLUMNS)
        self._began = time.monotonic()

    def __call__(self, seat: Seat) -> None:
        """Write a board's last prediction."""
        if row := _row(seat, self._began):
            self._writer.writerow(row)
            self._file.flush()


class JsonLines:
    """Tells each prediction as a JSON object on a line of its own, with the columns of ``PredictionFile``."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, seat: Seat) -> None:
        """Tell a board's last prediction."""
        if row := _row(seat, self._began):
            write_json(
                {"event": "prediction", **dict(zip(COLUMNS, row, strict=True)), "uri": seat.device.uri}
            )


def _row(seat: Seat, began: float) -> tuple[float | int | str, ...]:
    """Return the values of COLUMNS for a board's last prediction; nothing before the first.

    Args:
        seat: The board.
        began: The moment from which seconds count, by the monotonic clock.
    """
    last = seat.last
    if last is None:
        return ()
    names = seat.name(last.label), seat.name(seat.label), seat.name(last.likeliest)
    certain = round(last.confidence, 4), round(last.threshold, 4)
    phones = "OPEN" if seat.phones else ""
    return round(time.monotonic() - began, 3), seat.device.name, last.window, *names, *certain, phones


def write_bytes(seats: list[Seat]) -> None:
    """Tell the bytes that each board took, beside the estimate, as a JSON object each."""
    for seat in seats:
        write_json({
            "event": "watched", "board": seat.device.name if seat.device.connections else None,
            "uri": seat.device.uri, "predictions": seat.heard,
            "wire_total": seat.used.count.wire_total, "estimate_wire": seat.expected.wire_total,
            "wire_before": seat.opening.count.wire_total, "error": seat.error.code if seat.error else None,
        })  # fmt: skip


def bytes_table(seats: list[Seat]) -> Table:
    """Return the bytes that each board took, and what the estimate said."""
    shown = Table(
        "board",
        "predictions",
        "bytes",
        "by the estimate",
        "a prediction",
        "to begin",
        box=None,
        pad_edge=False,
    )
    for seat in seats:
        used, expected = seat.used.count.wire_total, seat.expected.wire_total
        difference = used - expected
        exact = f"{expected:,} B" + (f" ({difference:+,})" if difference else " (exact)")
        each = f"{watch_bytes(seat.device.profile, 1).wire_total} B" if seat.heard else "-"
        before = f"{seat.opening.count.wire_total:,} B"
        shown.add_row(Text(seat.device.uri), str(seat.heard), f"{used:,} B", exact, each, before)
    return shown
