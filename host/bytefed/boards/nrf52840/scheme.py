"""`nrf52840:ENV`: the image that PlatformIO has built, on an emulated chip, as a board like any other."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bytefed.boards.catalog import BOARDS, Sensor
from bytefed.boards.scheme import MOST_BOARDS, Found, Scheme, rest_of
from bytefed.errors import ConfigError, LinkError, did_you_mean
from bytefed.transport.base import Transport

if TYPE_CHECKING:  # loaded when such a board is asked for
    from bytefed.boards.nrf52840.builds import Build
    from bytefed.boards.nrf52840.emulator import Chip, EmulatedTransport
    from bytefed.boards.virtual import VirtualOptions

_MICROPHONE = (
    "microphone"  # the emulator's name of one: it is no chip on a bus, and all boards' images may use it
)
_LAST_WORDS = 2.0  # seconds for an emulator that ends to say why


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
    """Find image and emulator before anything is started, so that a missing one is told at once."""
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
            emulators.append(await stack.enter_async_context(emulated_board(build, uri, fitted(build, uid))))
        await asyncio.gather(*(emulator.enumerated() for emulator in emulators))
        transports = [EmulatedTransport(emulator) for emulator in emulators]
        if options.sealed and not keeps_flash():
            await asyncio.gather(*(_pair(transport) for transport in transports))
        yield transports


async def _pair(transport: EmulatedTransport) -> None:
    """Pair a new board by its cable, with a key that only this process knows. Say why its emulator has ended, if so."""
    import asyncio

    from bytefed.device.pairing import give_own_key

    try:
        transport.key = await give_own_key(transport)
    except LinkError as lost:
        try:
            async with asyncio.timeout(_LAST_WORDS):
                why = await transport.emulator.end()
        except TimeoutError:
            raise lost from None
        raise why from lost


def keeps_flash() -> bool:
    """Return whether boards keep their flash from one start to the next: then a key would outlive who knows it."""
    return bool(os.environ.get("BYTEFED_EMULATED_STATE"))


def fitted(build: Build, uid: int, state: Path | None = None, sensor: str | None = None) -> Chip:
    """Return the chip of a board, with what the user asked for and what boards of its make have.

    Args:
        build: The image that the board boots.
        uid: Identity of the board, 64 bits.
        state: Folder that keeps boards' flash; None for $BYTEFED_EMULATED_STATE, without which all boards are new.
        sensor: Name of a sensor or "microphone", or NAME:RECORDING, or "none"; None for $BYTEFED_EMULATED_SENSOR,
            without which a board has the first sensor of its make, and lies still.

    Raises:
        ConfigError: E_CONFIG_STATE if the folder can't be made; E_CONFIG_SENSOR for an unknown sensor, or a recording
            that is not there.
    """
    from bytefed.boards.nrf52840.emulator import Chip

    named = sensor or os.environ.get("BYTEFED_EMULATED_SENSOR")
    first = _short(build.board.sensors[0]) if build.board and build.board.sensors else ""
    return Chip(uid, _sensor(named) if named else first, _state_file(uid, state))


def _state_file(uid: int, folder: Path | None) -> Path | None:
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


def _short(sensor: Sensor) -> str:
    """Return the emulator's name of a sensor: "lsm6ds3trc" for LSM6DS3TR-C."""
    return re.sub(r"\W", "", sensor.name).lower()


def _sensor(named: str) -> str:
    name, _, recording = named.partition(":")
    known = [*dict.fromkeys(_short(sensor) for board in BOARDS for sensor in board.sensors), _MICROPHONE]
    if name == "none":
        return ""
    if name not in known:
        raise ConfigError(
            "E_CONFIG_SENSOR",
            f"There is no sensor {name!r}.",
            f"{did_you_mean(name, known)}Say none, or one of {', '.join(known)}.",
        )
    if recording and not Path(recording).is_file():
        raise ConfigError(
            "E_CONFIG_SENSOR",
            f"The recording {recording} is not there.",
            "Give a file as firmware/emulator/README.md describes it: CSV of motion, or WAV of sound.",
        )
    return named


NRF52840 = Scheme(
    "nrf52840",
    {
        "nrf52840:ENV": "the image that `pio run -e ENV` has built, on an emulated chip; ENV*3: three of it",
        "nrf52840:FILE": "the same with the path of an ELF (or a hex with its ELF beside it)",
    },
    _find,
    emulates="the exact image on an emulated nRF52840",
)
