"""Reports what the boards' object files must not use: `python tools/check_objects.py .pio/build/nano33ble`.

Software floating point (a Cortex-M4F has an FPU, and flags that are easily lost switch it off), fused multiply-add (it
rounds once where the kernel is defined with two roundings), and heap memory. Takes objects, archives, and PlatformIO's
build folders; of these, the objects of our own code.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OURS = ("bytefed", "tflm_features")  # libraries
# Run-time ABI for the Arm architecture, 5.1.2 (floating-point helpers), and what C++ mangles.
FORBIDDEN = {
    "software floating point": r"__aeabi_(c?[fd](add|r?sub|mul|div|cmp\w+)|[dfh]2\w+|u?[il]2[df])",
    "heap memory": r"(_?[mc]alloc(_r)?|_?realloc(_r)?|strdup|_Zn[wa]\w+)",
}
FUSED = re.compile(r"\tvfn?m[as]\.")


def objects(path: Path) -> list[Path]:
    """Return the objects and archives that a path stands for."""
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("*.o"))
    return [file for file in found if _is_ours(file.relative_to(path).parts)]


def _is_ours(parts: tuple[str, ...]) -> bool:
    """Return whether an object is ours: PlatformIO puts the app into src/, a library into libXYZ/NAME/."""
    return parts[0] == "src" or (parts[0].startswith("lib") and parts[1] in OURS)


def complaints(file: Path, prefix: str = "arm-none-eabi-") -> Iterator[str]:
    """Yield the complaints about an object or an archive.

    Args:
        file: The object or archive, compiled for Arm.
        prefix: Prefix of the tools nm and objdump.

    Raises:
        subprocess.CalledProcessError: The tools can't read it.
    """
    for line in _run(f"{prefix}nm", "-A", "-u", file):
        name = line.split()[-1]
        for what, pattern in FORBIDDEN.items():
            if re.fullmatch(pattern, name):
                yield f"{line.split(':')[0]}: {what}: {name}"
    for line in _run(f"{prefix}objdump", "-d", "--no-show-raw-insn", file):
        if FUSED.search(line):
            yield f"{file}: fused multiply-add: {line.strip()}"


def _run(*command: str | Path) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main() -> int:
    """Print all complaints; return 1 if there is any, or if there is nothing to look at."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--prefix", default="arm-none-eabi-", help="of nm and objdump (default %(default)s)")
    args = parser.parse_args()
    files = [file for path in args.paths for file in objects(path)]
    found = [line for file in files for line in complaints(file, args.prefix)]
    print("\n".join([*found, f"{len(files)} objects, {len(found)} complaints"]))
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
