"""Measures flash, RAM and stack of the firmware's core and of a whole image, by module: `make size`.

Reads the linker map of board-32x10.elf, the image for the digits, and the largest stack depth of mcu-counts.elf.
With --record the table becomes docs/size.md; a test fails when flash, RAM or stack is more than 3 % above it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from mcu_counts import QEMU, ROOT, count, table

PAGE = ROOT / "docs" / "size.md"
BOARD = "board-32x10"
ALLOWED_GROWTH = 1.03
_SECTION = re.compile(r"^ (\.\S+|COMMON)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$")
_KINDS = {"bss": "bss", "COMMON": "bss", "noinit": "bss", "stack": "bss", "data": "data"}
_FLASH = (".vectors", ".text", ".rodata", ".init_array", ".ARM.exidx", ".ARM.extab")

Sizes = Mapping[str, Mapping[str, int]]
"""Bytes by module and kind: text (with constants), data, bss."""


def module_sizes(map_file: Path) -> dict[str, dict[str, int]]:
    """Return the bytes of an image by module and kind.

    Args:
        map_file: The linker map, which GNU ld wrote.
    """
    sizes: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("text", "data", "bss"), 0))
    for section, size, source in _sections(map_file.read_text(encoding="utf-8")):
        kind = _kind(section)
        if kind is not None:
            sizes[_module(source)][kind] += size
    return {name: sizes[name] for name in sorted(sizes)}


def _sections(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield section, size and object file of each input section; ld breaks the line after a long name."""
    placed = text[text.index("Linker script and memory map") :]
    joined = re.sub(r"^( \.\S+)\n +0x", r"\1 0x", placed, flags=re.MULTILINE)
    for line in joined.splitlines():
        if match := _SECTION.match(line):
            yield match[1], int(match[2], 16), match[3]


def _kind(section: str) -> str | None:
    if section.startswith(_FLASH):
        return "text"
    return _KINDS.get(section.removeprefix(".").split(".")[0])


def _module(source: str) -> str:
    name = Path(source.rstrip(")").replace("(", "/")).name.removesuffix(".obj")
    if "bytefed_core" in source:
        return f"core: {name}"
    if "libmonocypher" in source:
        return "Monocypher"
    if ".a(" in source or name.startswith("crt"):
        return "C library"
    return f"board: {name}"


def stack_size(map_file: Path) -> int:
    """Return the bytes that an image reserves for its stack."""
    match = re.search(r"^ +0x([0-9a-f]+) +stack_size = ", map_file.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise SystemExit(f"{map_file} names no stack_size")
    return int(match[1], 16)


def totals(sizes: Sizes, prefix: str = "") -> dict[str, int]:
    """Return sums over the modules whose names begin with `prefix`."""
    chosen = [parts for name, parts in sizes.items() if name.startswith(prefix)]
    return {kind: sum(parts[kind] for parts in chosen) for kind in ("text", "data", "bss")}


def measure(images: Path) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Return the modules' sizes, and the figures that the test guards, in bytes."""
    map_file = images / f"{BOARD}.map"
    sizes = module_sizes(map_file)
    core, image = totals(sizes, "core"), totals(sizes)
    counts = count(images / "mcu-counts.elf")
    guarded = {
        "flash of the core": core["text"] + core["data"],
        "flash of the image": image["text"] + image["data"],
        "RAM of the image": image["data"] + image["bss"] + stack_size(map_file),
        "stack of a training step": counts["training_step_stack_bytes"],
        "stack of a whole round": counts["session_stack_bytes"],
        "training state and workspace": counts["training_memory_d64_c10_bytes"],
    }
    return sizes, guarded


def grown(then: Mapping[str, int], now: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the figures that have grown by more than 3 %, before and now."""
    return {name: (then[name], size) for name, size in now.items() if size > then[name] * ALLOWED_GROWTH}


def page(sizes: Sizes, guarded: Mapping[str, int]) -> str:
    """Return docs/size.md."""
    rows = [*sizes.items(), ("core", totals(sizes, "core")), ("image", totals(sizes))]
    modules = table(
        ["module", "text", "data", "bss"],
        [[name, *(f"{parts[kind]:,}" for kind in ("text", "data", "bss"))] for name, parts in rows],
    )
    return f"""\
# What the firmware takes of flash and RAM

Made by `make size RECORD=1` from the image `{BOARD}` for an emulated Cortex-M4F: D = 32, C = 10, 500 samples, all
codecs, without TensorFlow Lite Micro. A test fails when one of these grows by more than 3 %:

{table(["", "bytes"], [[name, f"{size:,}"] for name, size in guarded.items()])}
RAM of the image is data, bss and the 8 KB that are reserved for the stack. The board's `main.cpp` holds heads, codec
memory and samples. *text* is code and constants, in flash; *data* is in flash and in RAM.

{modules}"""


def recorded() -> dict[str, int]:
    """Return the guarded figures of docs/size.md."""
    rows = re.findall(r"^\| (\S[^|]*) \| ([0-9,]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(size.replace(",", "")) for name, size in rows}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Flash, RAM and stack of the firmware, by module.")
    parser.add_argument(
        "--images", type=Path, default=ROOT / "build" / "qemu", help="where `make qemu` built"
    )
    parser.add_argument("--record", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    args = parser.parse_args()
    if shutil.which(QEMU) is None or not (args.images / f"{BOARD}.map").is_file():
        sys.exit(f"This needs {QEMU} (apt-get install {QEMU}) and the images (make qemu).")
    text = page(*measure(args.images))
    print(text)
    if args.record:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
