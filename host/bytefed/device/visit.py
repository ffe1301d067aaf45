"""Visits to a board outside of runs: ask for its details, let it capture samples."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bytefed.clock import now
from bytefed.device.device import Device
from bytefed.device.loudness import Loudness
from bytefed.device.refusals import busy
from bytefed.errors import BoardError
from bytefed.protocol.message import (
    Capability,
    Capture,
    Captured,
    CaptureFlag,
    Details,
    Kind,
    Levelled,
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
            f"{device.uri}: this board has no sensor, or its model takes something else than that sensor gives.",
            "Flash a model of its sensor's windows (BYTEFED_MODEL=motion pio run -e ENV -t upload; words need a "
            "microphone), or start a virtual board: `bytefed board --model motion --replay motion`. If its light "
            "blinks red, the model is too large.",
        )
    return details


def hears(device: Device) -> bool:
    """Return whether a connected board's sensor is a microphone."""
    return bool(device.board.capabilities & Capability.HEARS)


def windows_in(details: Details, seconds: float, *, on_sound: bool) -> int:
    """Return how many windows a capture of so many seconds is to take, at least one.

    Args:
        details: The board, which has a sensor.
        seconds: Length of the capture.
        on_sound: Whether each window waits for sound: then they don't share halves.
    """
    return max(1, round(seconds / window_seconds(details, on_sound=on_sound)))


def window_seconds(details: Details, *, on_sound: bool) -> float:
    """Return the seconds that a capture takes for each window, not counting waits for sound.

    Args:
        details: The board, which has a sensor.
        on_sound: Whether each window waits for sound: then they don't share halves.
    """
    return details.window / 100 * (1 + on_sound)


_KEPT = ("E_BOARD_WITHHELD", "E_BOARD_UNPAIRED")  # answers of a board that tells nothing of its sound


async def level(device: Device) -> Levelled | None:
    """Ask a connected board how loud its microphone's sound is.

    Returns:
        None for a board without one, and where it keeps that to itself: with a privacy budget, in a masked run, over an
        open radio link.

    Raises:
        LinkError: It does not answer.
    """
    if not hears(device):
        return None
    try:
        _, body = await device.ask(Kind.LEVEL, b"", Kind.LEVELLED)
    except BoardError as error:
        if error.code not in _KEPT:
            raise
        return None
    return Levelled.unpack(body)


_PAUSE = 0.5  # seconds between two looks


async def capture(
    device: Device,
    label: int,
    seconds: float,
    *,
    test: bool,
    on_sound: bool = False,
    seen: Callable[[int, int, Levelled | None], None] | None = None,
) -> tuple[int, int]:
    """Let a connected board take samples.

    Args:
        device: Connected.
        label: Label that all samples get.
        seconds: How long; at least one window is taken.
        test: Whether they are for the test split.
        on_sound: Whether each window begins where sound starts; for boards that hear.
        seen: Called with the samples so far, those asked for, and how loud it is where the board hears: the values that
            were cut off are all of this capture.

    Returns:
        Samples asked for and samples taken.

    Raises:
        BoardError: E_BOARD_NO_SENSOR, E_BOARD_STORE_FULL, E_BOARD_BAD_LABEL, E_BOARD_BUSY; E_BOARD_DEAF of a board
            whose microphone gives nothing, where `seen` is told how loud it is.
        LinkError: The board was lost.
    """
    details = await sensor_of(device)
    count = windows_in(details, seconds, on_sound=on_sound)
    first = device.stored.test if test else device.stored.train
    message = Capture(first, count, label, CaptureFlag.TEST * test | CaptureFlag.ON_SOUND * on_sound)
    loudness = Loudness()
    try:
        captured = await _begin(device, message)
        while True:
            if seen is not None:
                told = await level(device)
                seen(captured.count, count, loudness.add(told, now(), over=captured.state == 0))
            if captured.state == 0:
                return count, captured.count
            if loudness.is_deaf(waits=on_sound):
                await _progress(device, Capture(first, 0, label, 0))
                raise _deaf(device)
            await asyncio.sleep(_PAUSE)
            captured = await _progress(device, message)
    except BoardError as error:
        if error.code != "E_BOARD_BUSY":
            raise
        raise busy(device.uri, device.welcome) from error
    except asyncio.CancelledError:
        await _progress(device, Capture(first, 0, label, 0))
        raise


def _deaf(device: Device) -> BoardError:
    return BoardError(
        "E_BOARD_DEAF",
        f"{device.uri}: this board hears nothing: how loud it is does not change at all.",
        "Capture again and say a word at once. If it still hears nothing: a Nano 33 BLE that is no Nano 33 BLE Sense "
        "has no microphone; take a board that has one. On other boards see whether the hole of the microphone is "
        "covered, and whether the firmware was built for this board.",
    )


async def _progress(device: Device, message: Capture) -> Captured:
    """Begin a capture, or ask how far it is; 0 windows stop the one under way."""
    _, body = await device.ask(Kind.CAPTURE, message.pack(), Kind.CAPTURED)
    return Captured.unpack(body)


async def _begin(device: Device, message: Capture) -> Captured:
    """Begin a capture; anew if it is the board's last one, which ended too early."""
    captured = await _progress(device, message)
    if captured.state == 0 and captured.count < message.count:
        await _progress(device, Capture(message.first, 0, message.label, 0))
        captured = await _progress(device, message)
    return captured
