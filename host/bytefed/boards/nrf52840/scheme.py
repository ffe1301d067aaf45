"""`nrf52840:ENV`: the image that PlatformIO has built, on an emulated chip, as a board like any other."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bytefed.boards.scheme import MOST_BOARDS, Found, Scheme, rest_of
from bytefed.errors import ConfigError
from bytefed.transport.base import Transport

if TYPE_CHECKING:  # loaded when such a board is asked for
    from bytefed.boards.nrf52840.builds import Build
    from bytefed.boards.virtual import VirtualOptions


def parse(uri: str) -> tuple[str, int]:
    """Return what a URI names, an environment or a file, and how many boards of it.

    Raises:
        ConfigError: E_CONFIG_BOARDS if it says no name, or a count that is out of range.
    """
    name, times, count = rest_of(uri).rpartition("*")
    if not times:
        return count, 1
    if not name or not re.fullmatch(r"[0-9]{1,4}", count) or not 1 <= int(count) <= MOST_BOARDS:
        raise ConfigError(
            "E_CONFIG_BOARDS",
            f"--boards {uri}: how many of what?",
            f"Say nrf52840:ENV*N in quotes, N from 1 to {MOST_BOARDS}, such as 'nrf52840:nano33ble*2'.",
        )
    return name, int(count)


async def _find(uri: str) -> Found:
    """Find image and emulator before anything is started; both are needed later for certain."""
    what, count = parse(uri)
    from bytefed.boards.nrf52840.builds import find_build
    from bytefed.boards.nrf52840.emulator import find_emulator

    build = find_build(what)
    find_emulator()
    return Found(uri, lambda first, options: _started(build, count, first, options))


@asynccontextmanager
async def _started(
    build: Build, count: int, first: int, options: VirtualOptions
) -> AsyncIterator[Sequence[Transport]]:
    import asyncio

    from bytefed.boards.nrf52840.emulator import EmulatedTransport, emulated_board
    from bytefed.boards.virtual import board_uid

    async with AsyncExitStack() as stack:
        emulators = []
        for number in range(first, first + count):
            uri, uid = f"nrf52840:{build.name}#{number}", board_uid(options.uid_seed, number)
            emulators.append(
                await stack.enter_async_context(emulated_board(build, uri, uid, state_file(uid)))
            )
        await asyncio.gather(*(emulator.enumerated() for emulator in emulators))
        yield [EmulatedTransport(emulator) for emulator in emulators]


def state_file(uid: int, folder: Path | None = None) -> Path | None:
    """Return the file that keeps a board's flash, in a folder or in $BYTEFED_EMULATED_STATE; None if neither is named.

    Raises:
        ConfigError: E_CONFIG_STATE if the folder can't be made.
    """
    named = folder or os.environ.get("BYTEFED_EMULATED_STATE")
    if not named:
        return None
    try:
        Path(named).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "E_CONFIG_STATE", f"The folder {named} can't be made: {error.strerror}.", "Name another one."
        ) from error
    return Path(named) / f"{uid:016x}.flash"


NRF52840 = Scheme(
    "nrf52840",
    {
        "nrf52840:ENV": "the image that `pio run -e ENV` has built, on an emulated chip; ENV*3: three of it",
        "nrf52840:FILE": "the same with the path of an ELF (or a hex with its ELF beside it)",
    },
    _find,
    emulates="the exact image on an emulated nRF52840",
)
