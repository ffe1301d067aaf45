"""Reads an image as it would be flashed, and refuses what no emulated nRF52840 could run, before anything is started.

An image is the ELF that PlatformIO links, or the Intel hex that it makes of that, beside which the ELF must lie: its
symbols say where in the code a fault is, and what in RAM is a stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytefed.errors import ConfigError

if TYPE_CHECKING:  # of the extra `emulator`
    from elftools.elf.elffile import ELFFile

FLASH = range(0x100000)
RAM = range(0x20000000, 0x20040000)
_REBUILD = "Give firmware.elf of an nRF52840 board as PlatformIO leaves it in .pio/build/ENV."
_ARMV7E_M = 13  # Tag_CPU_arch, "Addenda to, and Errata in, the ABI for the Arm Architecture"
_SOFTDEVICE_INFO = 0x3000  # nrf_sdm.h: the structure is 0x2000 behind the end of the MBR
_SOFTDEVICE_MAGIC = 0x51B1E5DB
BEHIND_SOFTDEVICE = {0x26000: "S140 6", 0x27000: "S140 7"}
"""Where images begin that need a SoftDevice, and which one ends there."""


@dataclass(frozen=True)
class Image:
    """An image that fits the chip.

    Attributes:
        path: The file that is run.
        symbols: The ELF that has its symbols: the same file, or the one beside it.
        start: Address in flash at which it begins, where its vectors are.
        size: Bytes of flash from there to its end.
    """

    path: Path
    symbols: Path
    start: int
    size: int

    @property
    def softdevice(self) -> str:
        """The SoftDevice that it begins behind, such as "S140 6"; "" if it needs none."""
        return BEHIND_SOFTDEVICE.get(self.start, "")


@dataclass(frozen=True)
class SoftDevice:
    """A SoftDevice in a bootloader's hex.

    Attributes:
        name: Its name and version, such as "S140 6.1.1".
        end: Address behind it, at which an image begins.
    """

    name: str
    end: int


def read_image(path: Path) -> Image:
    """Return an image, once it is known to be one for this chip and to have symbols.

    Raises:
        ConfigError: E_IMAGE_FILE for a file that can't be read, E_IMAGE_CHIP for another chip's, E_IMAGE_SYMBOLS
            where symbols are missing or of another build.
    """
    is_elf = _begins_as_elf(path)
    symbols = path if is_elf else path.with_suffix(".elf")
    if not is_elf:
        memory = _read_hex(path)
        if not symbols.is_file():
            raise _without_symbols(path, f"there is no {symbols.name} beside it")
    pieces = _read_elf(symbols)
    if not is_elf and any(memory.tobinstr(start=where, size=len(what)) != what for where, what in pieces):
        raise _without_symbols(path, f"{symbols.name} beside it is of another build")
    start = min(where for where, _ in pieces)
    _check_vectors(path, next(what for where, what in pieces if where == start))
    return Image(path, symbols, start, max(where + len(what) for where, what in pieces) - start)


def _begins_as_elf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError as error:
        raise ConfigError(
            "E_IMAGE_FILE", f"The image {path} can't be read: {error.strerror}.", _REBUILD
        ) from error


def _read_hex(path: Path) -> Any:  # an IntelHex; its package has no types
    from intelhex import IntelHex, IntelHexError

    try:
        return IntelHex(str(path))
    except (IntelHexError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            "E_IMAGE_FILE", f"{path} is neither an ELF nor an Intel hex: {error}.", _REBUILD
        ) from error


def _read_elf(path: Path) -> list[tuple[int, bytes]]:
    """Return what an ELF puts into flash: addresses and bytes, at least one piece."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            _check_processor(path, elf)
            pieces = list(_pieces(elf))
            symbols = elf.get_section_by_name(".symtab")
            count = symbols.num_symbols() if isinstance(symbols, SymbolTableSection) else 0
    except (ELFError, OSError, ValueError, KeyError) as error:
        raise ConfigError("E_IMAGE_FILE", f"{path} is a damaged ELF: {error}.", _REBUILD) from error
    outside = [where for where, what in pieces if where not in FLASH or where + len(what) > FLASH.stop]
    if outside or not pieces:
        where = f"at {outside[0]:#x}" if outside else "nowhere"
        raise _for_another_chip(path, f"it lies {where}, and this chip's flash from 0 to {FLASH.stop:#x}")
    if count < 2:  # the first one is empty
        raise _without_symbols(path, "they were stripped from it")
    return pieces


def _pieces(elf: ELFFile) -> Iterator[tuple[int, bytes]]:
    for segment in elf.iter_segments("PT_LOAD"):
        if segment["p_filesz"]:
            yield segment["p_paddr"], segment.data()


def _check_processor(path: Path, elf: ELFFile) -> None:
    """Refuse what is no code for a Cortex-M4; an ELF that doesn't say which core it is for passes."""
    from elftools.elf.sections import ARMAttributesSection

    if elf["e_machine"] != "EM_ARM" or elf.elfclass != 32:
        raise _for_another_chip(path, f"it is for {elf.get_machine_arch()}")
    attributes = elf.get_section_by_name(".ARM.attributes")
    for part in attributes.iter_subsections() if isinstance(attributes, ARMAttributesSection) else ():
        for scope in part.iter_subsubsections():
            for each in scope.iter_attributes("TAG_CPU_ARCH"):
                if each.value > _ARMV7E_M:
                    raise _for_another_chip(path, "it is for a newer core than the Cortex-M4")


def _check_vectors(path: Path, first: bytes) -> None:
    """Refuse what does not begin with a stack in this chip's RAM and an entry in its flash."""
    stack, entry = (int.from_bytes(first[at : at + 4], "little") for at in (0, 4))
    if len(first) < 8 or not (RAM.start < stack <= RAM.stop and entry in FLASH and entry & 1):
        raise _for_another_chip(path, f"its stack would begin at {stack:#010x} and its code at {entry:#010x}")


def _for_another_chip(path: Path, why: str) -> ConfigError:
    return ConfigError("E_IMAGE_CHIP", f"{path} is an image for another chip: {why}.", _REBUILD)


def _without_symbols(path: Path, why: str) -> ConfigError:
    return ConfigError("E_IMAGE_SYMBOLS", f"The symbols of {path} are missing: {why}.", _REBUILD)


def read_softdevice(bootloader: Path) -> SoftDevice:
    """Return the SoftDevice in a bootloader's hex.

    Raises:
        ConfigError: E_IMAGE_FILE, or E_IMAGE_BOOTLOADER if there is none in it.
    """
    memory = _read_hex(bootloader)
    magic, end, _, number, version = (
        int.from_bytes(memory.tobinstr(start=_SOFTDEVICE_INFO + at, size=4), "little")
        for at in (0x04, 0x08, 0x0C, 0x10, 0x14)
    )
    if magic != _SOFTDEVICE_MAGIC:
        raise ConfigError(
            "E_IMAGE_BOOTLOADER",
            f"{bootloader} holds no SoftDevice.",
            "Name one of the core's BOARD_bootloader-VERSION_s140_VERSION.hex, not its update.",
        )
    release = f"{version // 1_000_000}.{version // 1_000 % 1_000}.{version % 1_000}"
    return SoftDevice(f"S{number} {release}", end)


def check_softdevice(image: Image, bootloader: Path) -> None:
    """Refuse a bootloader whose SoftDevice is not the one behind which the image begins.

    Raises:
        ConfigError: E_IMAGE_SOFTDEVICE; and as `read_softdevice`.
    """
    softdevice = read_softdevice(bootloader)
    if softdevice.end != image.start or not softdevice.name.startswith(f"{image.softdevice}."):
        raise ConfigError(
            "E_IMAGE_SOFTDEVICE",
            f"{image.path} begins at {image.start:#x}, behind {image.softdevice or 'no SoftDevice'}, but "
            f"{bootloader.name} holds {softdevice.name}, behind which an image begins at {softdevice.end:#x}.",
            "Build the image with the core that the hex is from, or name that core's hex: BYTEFED_BOOTLOADER=FILE.",
        )
