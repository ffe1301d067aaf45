"""The things that a board tells live, as news for open pages: its sensor's signal, how loud it is, its predictions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from bytefed.device.device import Device
from bytefed.device.loudness import decibels
from bytefed.device.recording import Signal
from bytefed.device.watch import Majority, Watch, Way
from bytefed.errors import BytefedError
from bytefed.protocol.message import Levelled

Tell = Callable[..., None]
"""Tells open pages something; see ``News.tell``."""


def loudness_told(level: Levelled) -> dict[str, float | None]:
    """Return how loud a board's sound is, as the page gets it: decibels, None for no sound; and values cut off."""
    return {"decibels": decibels(level.peak), "clipped": level.clipped}


async def tell_signal(device: Device, tell: Tell) -> None:
    """Tell the signal of a connected board's sensor until this is cancelled; raises as ``Signal``."""
    signal = Signal(device)
    device.take_bytes()
    total = 0
    async for piece in signal:
        total += device.take_bytes().wire_total
        tell(
            "signal",
            window=piece.window,
            joins=piece.joins,
            axes=[[round(float(value), 4) for value in axis] for axis in piece.readings.T],
            seconds=len(piece.readings) / await signal.rate(),
            wire=total,
            estimate=signal.estimate().wire_total,
        )


async def tell_predictions(device: Device, way: Way, names: Sequence[str], tell: Tell) -> None:
    """Tell what a connected board takes its windows for until this is cancelled; raises as ``Watch``.

    Args:
        device: The board.
        way: How it classifies.
        names: Its labels.
        tell: Tells open pages.
    """
    watch, majority = Watch(device, way), Majority(3)
    device.take_bytes()
    total = 0
    try:
        async for seen in watch:
            total += device.take_bytes().wire_total
            tell(
                "prediction",
                window=seen.window,
                label=_name(seen.label, names),
                smoothed=_name(majority.add(seen.label), names),
                likeliest=_name(seen.likeliest, names),
                confidence=round(seen.confidence, 3),
                threshold=round(seen.threshold, 3),
                wire=total,
                estimate=watch.estimate().wire_total,
            )
    finally:
        with suppress(BytefedError):
            await asyncio.shield(asyncio.ensure_future(watch.stop()))


def _name(label: int | None, names: Sequence[str]) -> str | None:
    if label is None:
        return None
    return names[label] if label < len(names) else str(label)
