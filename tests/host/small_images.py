"""Images as small as can be, for tests of what reads them: ELFs with one piece of flash, and a bootloader's hex."""

from __future__ import annotations

import struct
from pathlib import Path

from intelhex import IntelHex

ARM, XTENSA = 40, 94
CORTEX_M4, CORTEX_M33 = 13, 17


def write_elf(
    path: Path, start: int = 0x26000, *, machine: int = ARM, core: int = CORTEX_M4, symbols: int = 3,
    stack: int = 0x20040000, entry: int | None = None,
) -> Path:  # fmt: skip
    """Write an ELF whose vectors are at `start`, with that many symbols."""
    code = struct.pack("<II", stack, (start + 9) if entry is None else entry) + bytes(56)
    attributes = b"aeabi\0" + b"\x01" + struct.pack("<I", 7) + bytes([6, core])
    attributes = b"A" + struct.pack("<I", 4 + len(attributes)) + attributes
    names = b"\0.ARM.attributes\0.symtab\0.strtab\0.shstrtab\0"
    table, strings = bytes(16 * symbols), b"\0"
    pieces, offset = [], 52 + 32
    for piece in (code, attributes, table, strings, names):
        pieces.append(offset)
        offset += len(piece)
    sections = struct.pack("<10I", *[0] * 10)
    for name, kind, piece, at, link, entry_size in (
        (1, 0x70000003, attributes, pieces[1], 0, 0), (17, 2, table, pieces[2], 3, 16),
        (25, 3, strings, pieces[3], 0, 0), (33, 3, names, pieces[4], 0, 0),
    ):  # fmt: skip
        sections += struct.pack("<10I", name, kind, 0, 0, at, len(piece), link, 0, 1, entry_size)
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, start, 52, offset, 0x05000400, 52, 32, 1, 40, 5, 4)
    segment = struct.pack("<8I", 1, pieces[0], start, start, len(code), len(code), 5, 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + segment + code + attributes + table + strings + names + sections)
    return path


def write_hex(path: Path, start: int = 0x26000, code: bytes | None = None) -> Path:
    """Write the hex of what `write_elf` writes, or of other code."""
    memory = IntelHex()
    memory.puts(start, code or struct.pack("<II", 0x20040000, start + 9) + bytes(56))
    path.parent.mkdir(parents=True, exist_ok=True)
    memory.write_hex_file(str(path))
    return path


def write_bootloader(
    path: Path, end: int = 0x26000, version: int = 6_001_001, magic: int = 0x51B1E5DB, number: int = 140
) -> Path:
    """Write a bootloader's hex with a SoftDevice S140 that ends at `end`."""
    return write_hex(path, 0x3004, struct.pack("<IIIII", magic, end, 0xFFFF00B6, number, version))
