"""Finds PlatformIO's builds on this machine, and the bootloaders of their boards."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from bytefed.boards.catalog import BOARDS, BoardType
from bytefed.boards.firmware import model_for_build, project
from bytefed.boards.nrf52840.image import Image, check_softdevice, read_image, read_softdevice
from bytefed.errors import ConfigError, did_you_mean

_CORE = "framework-arduinoadafruitnrf52"


@dataclass(frozen=True)
class Build:
    """An image and all that is needed to boot it.

    Attributes:
        name: The environment, or the file's name.
        image: The image.
        bootloader: Hex of MBR, SoftDevice and bootloader; None for an image that needs none.
        board: The make of board, None where it can't be told.
    """

    name: str
    image: Image
    bootloader: Path | None
    board: BoardType | None


def is_path(what: str) -> bool:
    """Whether words that name an image name a file, and not an environment of PlatformIO."""
    return "/" in what or os.sep in what or what.endswith((".elf", ".hex"))


def find_build(what: str, bootloader: Path | None = None, model: str | None = None) -> Build:
    """Return a build by its PlatformIO environment, or by the path of its ELF or hex.

    Args:
        what: Environment or path.
        bootloader: The hex to take; None for $BYTEFED_BOOTLOADER, or else for the one in PlatformIO's packages.
        model: Name or folder of the model that the image is to hold, as far as it has to be built; None for the one of
            platformio.ini.

    Raises:
        ConfigError: E_IMAGE_BUILD where there is no build of the environment, E_IMAGE_BOOTLOADER where its board's
            bootloader is missing, E_IMAGE_SOFTDEVICE where that is another one than the image needs; E_CONFIG_EXTRA
            without the packages that read images; and as `read_image`.
    """
    path = Path(what).expanduser() if is_path(what) else _built(what, model)
    board = board_of(path.parent.name if is_path(what) else what)
    image = _read(path)
    if not image.softdevice:
        return Build(path.name if is_path(what) else what, image, None, board)
    chosen = bootloader or _named_bootloader()
    found = chosen or _core_bootloader(image, board)
    check_softdevice(image, found)
    return Build(path.name if is_path(what) else what, image, found, board)


def _read(path: Path) -> Image:
    try:
        return read_image(path)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            f"Reading {path.name} needs the package {error.name}, which is not installed.",
            "Run: pip install intelhex pyelftools",
        ) from error


def board_of(environment: str) -> BoardType | None:
    """Return the make of board that an environment is for, such as feather_nrf52840_debug; None if none is."""
    fitting = [board for board in BOARDS if re.fullmatch(rf"{board.environment}(_.*)?", environment)]
    return max(fitting, key=lambda board: len(board.environment), default=None)


def build_folders() -> list[Path]:
    """Return where PlatformIO may have put builds: of the current folder, then of bytefed's firmware."""
    chosen = os.environ.get("PLATFORMIO_BUILD_DIR")
    if chosen:
        return [Path(chosen)]
    places = (Path.cwd(), project())
    return list(dict.fromkeys(place / ".pio/build" for place in places if place is not None))


def built_environments() -> list[str]:
    """Return the environments of which PlatformIO has left an image, sorted."""
    return sorted({path.parent.name for folder in build_folders() for path in folder.glob("*/firmware.elf")})


def _built(environment: str, model: str | None) -> Path:
    """Return the image of an environment: its ELF, or the hex where there is no ELF."""
    folders = build_folders()
    for folder in folders:
        for suffix in ("elf", "hex"):
            path = folder / environment / f"firmware.{suffix}"
            if path.is_file():
                return path
    there = built_environments()
    variable = f"BYTEFED_MODEL={shlex.quote(model_for_build(model))} " if model else ""
    known = {*there, *(board.environment for board in BOARDS)}
    raise ConfigError(
        "E_IMAGE_BUILD",
        f"PlatformIO has built no image of {environment}: it is not in {' or '.join(map(str, folders))}.",
        ("" if environment in known else did_you_mean(environment, sorted(known)))
        + f"Build it from a checkout: `{variable}pio run -e {environment}`"
        + (f"; or take one that is there: {', '.join(there)}." if there else ", or give the path of an ELF."),
    )


def _named_bootloader() -> Path | None:
    named = os.environ.get("BYTEFED_BOOTLOADER")
    return Path(named).expanduser() if named else None


def packages_folder() -> Path:
    """Return where PlatformIO keeps its packages, as its documentation says."""
    chosen = os.environ.get("PLATFORMIO_PACKAGES_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("PLATFORMIO_CORE_DIR") or Path.home() / ".platformio") / "packages"


def _core_bootloader(image: Image, board: BoardType | None) -> Path:
    """Return the bootloader hex of a board: of those there are, the one whose SoftDevice the image begins behind."""
    folder = board.bootloader_folder if board and board.bootloader_folder else "*"
    pattern = f"{_CORE}*/bootloader/{folder}/*_s140_*.hex"
    found = sorted(packages_folder().glob(pattern), reverse=True)
    if not found:
        raise ConfigError(
            "E_IMAGE_BOOTLOADER",
            f"{image.path} needs the core's bootloader and SoftDevice, and there is no {packages_folder() / pattern}.",
            "Let PlatformIO install the core (`pio run -e feather_nrf52840`), or name the hex: "
            "BYTEFED_BOOTLOADER=FILE.",
        )
    return next((path for path in found if read_softdevice(path).end == image.start), found[0])
