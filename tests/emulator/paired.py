"""Boards that were paired by their cable before they are switched on over the air."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from bytefed.boards.nrf52840.builds import find_build
from bytefed.boards.nrf52840.emulator import Chip, EmulatedTransport, emulated_board
from bytefed.device.device import Device
from bytefed.device.pairing import give_own_key


async def pair(
    what: str, uid: int, state: Path, work: Callable[[Device], Awaitable[None]] | None = None
) -> bytes:
    """Start an emulated board, give it a key over USB, and switch it off again.

    Args:
        what: Environment or ELF of its image.
        uid: Identity of its chip.
        state: File that keeps its flash.
        work: Called with the board, over its sealed cable, before it is switched off.

    Returns:
        The key.
    """
    async with emulated_board(find_build(what), what, Chip(uid, state=state)) as emulator:
        await emulator.enumerated()
        transport = EmulatedTransport(emulator)
        transport.key = key = await give_own_key(transport)
        if work is not None:
            device = Device(transport)
            await work(device)
            await device.close()
    return key
