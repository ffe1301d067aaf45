"""Visits to a board outside of runs: ask for its details, let it capture samples."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bytefed.device.device import Device
from bytefed.device.refusals import busy
from bytefed.errors import BoardError
from bytefed.protocol.message import (
    Capability,
    Capture,
    Captured,
    CaptureFlag,
    Details,
    Kind,
)


async def about(device: Device) -> Details | None:
    """Ask a connected board what it is made of; None where its firmware can't tell.

    Raises:
        LinkError: It does not answer.
    """
    try:
        _, body = await device.ask(Kind.ABOUT, b"", Kind.DETAILS)
    except BoardError:
        return None
    return Details.unpack(body)


async def sensor_of(device: Device) -> Details:
    """Ask a connected board what it is made of, which must have a sensor.

    Raises:
        BoardError: E_BOARD_NO_SENSOR.
        LinkError: It does not answer.
    """
    details = await about(device)
    if details is None or details.window == 0 or not device.board.capabilities & Capability.SENSOR:
        raise BoardError(
            "E_BOARD_NO_SENSOR",
            f"{device.uri}: this board has no motion sensor, or a model that takes something else.",
            "Flash a model of windows (BYTEFED_MODEL=motion pio run -e ENV -t upload), or start a virtual "
            "board: `bytefed board --model motion --replay motion`. If its light blinks red, the model is too large.",
        )
    return details


_PAUSE = 0.5  # seconds between two looks


async def capture(
    device: Device, label: int, seconds: float, *, test: bool, seen: Callable[[int, int], None] | None = None
) -> tuple[int, int]:
    """Let a connected board take samples.

    Args:
        device: Connected.
        label: Label that all samples get.
        seconds: How long; at least one window is taken.
        test: Whether they are for the test split.
        seen: Called with the samples so far and those asked for.

    Returns:
        Samples asked for and samples taken.

    Raises:
        BoardError: E_BOARD_NO_SENSOR, E_BOARD_STORE_FULL, E_BOARD_BAD_LABEL, E_BOARD_BUSY.
        LinkError: The board was lost.
    """
    details = await sensor_of(device)
    count = max(1, round(seconds * 100 / details.window))
    first = device.stored.test if test else device.stored.train
    message = Capture(first, count, label, int(CaptureFlag.TEST) if test else 0)
    try:
        while True:
            _, body = await device.ask(Kind.CAPTURE, message.pack(), Kind.CAPTURED)
            captured = Captured.unpack(body)
            if seen is not None:
                seen(captured.count, count)
            if captured.state == 0:
                return count, captured.count
            await asyncio.sleep(_PAUSE)
    except BoardError as error:
        if error.code != "E_BOARD_BUSY":
            raise
        raise busy(device.uri, device.welcome) from error
    except asyncio.CancelledError:
        await device.ask(Kind.CAPTURE, Capture(first, 0, label, 0).pack(), Kind.CAPTURED)
        raise
