"""Captures that a person can live with: label after label, with a countdown, what there is now, and a way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from bytefed.cli.telling import Teller
from bytefed.device.device import Device
from bytefed.device.labels import discard_all, discard_label, discard_last, read_labels
from bytefed.device.loudness import decibels
from bytefed.device.naming import label_names, label_number, shown_names
from bytefed.device.recording import Signal
from bytefed.device.visit import capture, hears, sensor_of, window_seconds, windows_in
from bytefed.errors import BoardError, counted
from bytefed.protocol.message import Discarded, Levelled

_COUNTED = 3  # seconds
_ENDED_EARLY = (
    "  It ended early: the board heard nothing begin for 60 s, or its button was pressed. Speak louder or nearer; "
    "--any-time does not wait for words."
)
_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Wish:
    """A wish for captures.

    Attributes:
        labels: The labels, one after the other, as the user named them.
        seconds: Length of each.
        rounds: Number of times that all of them are taken.
        test: Whether for the test split.
        countdown: Whether to count before each.
        show: Whether to draw the signal before each.
        any_time: Whether boards that hear take windows one behind the other, and don't wait for sound.
    """

    labels: Sequence[str]
    seconds: float
    rounds: int = 1
    test: bool = False
    countdown: bool = True
    show: bool = False
    any_time: bool = False


async def capture_all(devices: Sequence[Device], wish: Wish, tell: Teller) -> bool:
    """Go through all rounds, labels and boards; return whether each board took all that it was asked for.

    Raises:
        ConfigError: E_CONFIG_LABEL if a board does not have a label.
        BoardError: E_BOARD_STORE_FULL before anything is taken; else as ``capture`` raises it.
        LinkError: A board was lost.
    """
    takers = [await _Taker.of(device, wish) for device in devices]
    complete = True
    for number in range(wish.rounds):
        if wish.rounds > 1:
            tell("round", f"Round {number + 1} of {wish.rounds}", round=number + 1, rounds=wish.rounds)
        for label in wish.labels:
            for taker in takers:
                complete &= await taker.take(label, tell)
    return complete


@dataclass(frozen=True)
class _Taker:
    """A board that takes samples.

    Attributes:
        device: The board, connected.
        wish: The captures that it is to take.
        numbers: The number of each label on this board.
    """

    device: Device
    wish: Wish
    numbers: dict[str, int]

    @classmethod
    async def of(cls, device: Device, wish: Wish) -> _Taker:
        names = await label_names(device)
        taker = cls(device, wish, {label: label_number(label, names) for label in wish.labels})
        await taker._check_room()
        return taker

    async def _check_room(self) -> None:
        """Refuse what does not fit before anything is taken."""
        details, stored = await sensor_of(self.device), self.device.stored
        free = stored.capacity - stored.train - stored.test
        each = windows_in(details, self.wish.seconds, on_sound=self._on_sound)
        window = window_seconds(details, on_sound=self._on_sound)
        need = each * len(self.wish.labels) * self.wish.rounds
        if need > free:
            raise BoardError(
                "E_BOARD_STORE_FULL",
                f"{self.device.uri}: {counted(free, 'window')} still fit, {free * window:.0f} s; asked for are {need}, "
                f"{need * window:.0f} s.",
                "Give fewer --seconds, --labels or --rounds; or let it forget some, by --undo, --delete or --erase: "
                "`bytefed capture --help`.",
            )

    @property
    def _on_sound(self) -> bool:
        return hears(self.device) and not self.wish.any_time

    async def take(self, label: str, tell: Teller) -> bool:
        """Take one label, and say what there is now."""
        if self.wish.show:
            await show([self.device], tell, windows=1)
        await _count_down(f"{label}, on {self.device.uri}", counts=self.wish.countdown)
        with Progress(console=Console(emoji=False, stderr=True)) as progress:
            asked, got, loudness = await self._capture(label, progress)
        await self.device.refresh()
        words, held = await _held(self.device)
        said = f"{got} of {asked} samples with label {label}\n  {self.device.uri}: {words}"
        if got < asked and self._on_sound:
            said += f"\n{_ENDED_EARLY}"
        if loudness is not None and loudness.clipped:
            cut = f"{loudness.clipped:,} values of the sound were cut off"
            said += f"\n  {cut}: speak more softly, or from farther away."
        heard = {} if loudness is None else {"clipped": loudness.clipped}
        tell("captured", said, **_of(self.device), label=label, asked=asked, taken=got, labels=held, **heard)
        return got == asked

    async def _capture(self, label: str, progress: Progress) -> tuple[int, int, Levelled | None]:
        """Take one label, with a bar and, of boards that hear, a level meter.

        Returns:
            Samples asked for and taken, and how loud it was.
        """
        name = f"label {label}"
        task = progress.add_task(name, total=None)
        heard: Levelled | None = None

        def seen(done: int, total: int, loudness: Levelled | None) -> None:
            nonlocal heard
            heard = loudness
            meter = "" if loudness is None else f"  {level_words(loudness)}"
            progress.update(task, completed=done, total=total, description=name + meter)

        asked, got = await capture(
            self.device, self.numbers[label], self.wish.seconds,
            test=self.wish.test, on_sound=self._on_sound, seen=seen,
        )  # fmt: skip
        return asked, got, heard


def level_words(loudness: Levelled) -> str:
    """Return a level in words: decibels below the loudest sound that there can be, and whether values were cut off."""
    loud = decibels(loudness.peak)
    if loud is None:
        return "silence"
    return f"{loud:.0f} dB" + (" CLIPPED" if loudness.clipped else "")


async def _held(device: Device) -> tuple[str, list[dict[str, Any]]]:
    """Return how many samples a board has of each label, in words and for scripts."""
    try:
        labels = await read_labels(device)
    except BoardError:  # an older firmware's
        return f"{device.stored.train} + {device.stored.test} for test", []
    rows = [*zip(shown_names(device, labels), labels.train, labels.test, strict=True)]
    words = [f"{name} {train}" + (f" + {test} for test" if test else "") for name, train, test in rows]
    return ", ".join(words), [{"name": name, "train": train, "test": test} for name, train, test in rows]


def _of(device: Device) -> dict[str, str]:
    return {"board": device.name, "uri": device.uri}


async def _count_down(what: str, *, counts: bool) -> None:
    console = Console(emoji=False, highlight=False, stderr=True)
    if not (counts and console.is_terminal):
        return
    console.print(f"{what}: ", end="", markup=False)
    for left in range(_COUNTED, 0, -1):
        console.print(f"{left} ", end="")
        await asyncio.sleep(1.0)
    console.print("now")


# ---- Forgetting


@dataclass(frozen=True)
class Loss:
    """Samples that a board is about to forget.

    Attributes:
        device: The board.
        words: The things that are about to be lost.
        act: Lets the board forget them.
    """

    device: Device
    words: str
    act: Callable[[], Awaitable[Discarded]]

    async def suffer(self, tell: Teller) -> None:
        """Let the board forget, and say what it has left."""
        left = await self.act()
        words, held = await _held(self.device)
        said = f"{self.device.uri}: {left.train} + {left.test} for test are left; {words}"
        tell("forgot", said, **_of(self.device), train=left.train, test=left.test, labels=held)


async def forget(device: Device, undo: int | None, delete: str | None, *, test: bool) -> Loss:
    """Return what a connected board is about to forget.

    Args:
        device: Connected.
        undo: Number of the last windows; None for none.
        delete: The label whose samples go; None for none. With neither it is all samples.
        test: Whether `undo` is about the test split.

    Raises:
        ConfigError: E_CONFIG_LABEL for a label that the board does not have.
    """
    stored = device.stored
    if undo is not None:
        held, split = (stored.test, "test") if test else (stored.train, "training")
        what = f"its last {counted(min(undo, held), f'{split} sample')} of {held}"
        return Loss(device, _words(device, what), lambda: discard_last(device, undo, test=test))
    if delete is not None:
        labels = await read_labels(device)
        number = label_number(delete, shown_names(device, labels))
        count = labels.train[number] + labels.test[number]
        what = f"its {counted(count, 'sample')} of {delete}"
        return Loss(device, _words(device, what), lambda: discard_label(device, number))
    what = f"all its {counted(stored.train + stored.test, 'sample')}"
    return Loss(device, _words(device, what), lambda: discard_all(device))


def _words(device: Device, what: str) -> str:
    return f"Board {device.name} at {device.uri} is about to forget {what}."


# ---- The signal


async def show(devices: Sequence[Device], tell: Teller, windows: int | None = None) -> None:
    """Draw the signals of connected boards; so many windows of each, None for until Ctrl-C.

    Raises:
        BoardError: E_BOARD_UNPAIRED over an open radio link; E_BOARD_NO_SENSOR.
        LinkError: A board was lost.
    """
    signals = [(device, Signal(device)) for device in devices]
    for device in devices:
        device.take_bytes()
    try:
        left = windows
        while left is None or left > 0:
            for device, signal in signals:
                piece = await anext(signal)
                drawn = "\n".join([f"{device.uri}, window {piece.window}", *sparklines(piece.readings)])
                tell("signal", drawn, **_of(device), window=piece.window, axes=piece.readings.T.tolist())
            left = None if left is None else left - 1
    finally:
        for device, signal in signals:
            used, expected = device.take_bytes(), signal.estimate().wire_total
            exact = "= estimate" if used.wire_total == expected else f"estimate {expected:,} B"
            said = f"{device.uri}: {used.wire_total:,} B for the signal, {exact}; {used.payload_up:,} B of it raw"
            tell("signal_bytes", said, **_of(device), wire_total=used.wire_total, estimate_wire=expected)


def sparklines(readings: NDArray[np.float32]) -> list[str]:
    """Return a line for each axis: its course in eighths between its least and its greatest value, and these two.

    Args:
        readings: float32 [n, axes].
    """
    return [
        f"  {number + 1}  {_course(axis)}  {axis.min():.4g} to {axis.max():.4g}"
        for number, axis in enumerate(readings.T)
    ]


def _course(axis: NDArray[np.float32]) -> str:
    low, span = float(axis.min()), float(axis.max() - axis.min())
    if span == 0:
        return _LEVELS[0] * len(axis)
    levels = ((axis - low) / span * (len(_LEVELS) - 1)).round().astype(int)
    return "".join(_LEVELS[level] for level in levels)
