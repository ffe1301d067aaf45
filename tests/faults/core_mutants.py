"""Cores with one exact replacement, and whether the core's tests find it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exact_change import replaced
from shared_board import CORE, MONOCYPHER, ROOT, monocypher

_TESTS = ROOT / "tests" / "core"
_FLAGS = ("-std=gnu++17", "-O0", "-DBYTEFED_DEBUG", "-ffp-contract=off", "-w")


@dataclass(frozen=True)
class CoreMutant:
    """A core that does one thing wrong.

    Attributes:
        name: The thing that it does wrong, or leaves out.
        path: File below firmware/lib/bytefed/src/bytefed.
        old: Text that stands in the file exactly once.
        new: The text that replaces it.
    """

    name: str
    path: str
    old: str
    new: str

    def text(self) -> str:
        """Return its file as it is broken; raises LookupError where that has changed."""
        return replaced(CORE / "bytefed" / self.path, ((self.old, self.new),))


def build_tests(core: Path, objects: Path, suites: tuple[str, ...], changed: str | None = None) -> Path:
    """Compile a core and some of its tests; only a changed file anew.

    Args:
        core: The folder that holds `bytefed/`.
        objects: Folder of the unchanged objects, filled if it is empty.
        suites: Files of tests/core.
        changed: The file that differs, below `bytefed/`; None for none.

    Returns:
        The program.
    """
    compiler = shutil.which("c++") or "g++"
    vectors = f'-DBYTEFED_VECTORS="{ROOT / "tests" / "vectors"}"'
    flags = [*_FLAGS, vectors, f"-I{core}", f"-I{MONOCYPHER}", f"-I{_TESTS}"]
    parts = [monocypher(compiler)]
    for source in [*sorted((core / "bytefed").rglob("*.cpp")), *(_TESTS / name for name in suites)]:
        is_changed = changed is not None and source == core / "bytefed" / changed
        made = core / "changed.o" if is_changed else objects / f"{source.parent.name}-{source.stem}.o"
        if not made.exists():
            subprocess.run([compiler, *flags, "-c", source, "-o", made], check=True)
        parts.append(made)
    program = core / "core_tests"
    subprocess.run([compiler, *parts, "-o", program], check=True)
    return program


def whole_tests(scratch: Callable[[str], Path], suites: tuple[str, ...]) -> Path:
    """Return a folder with the objects of the core as it is, whose tests pass.

    Args:
        scratch: Makes a new folder of that name.
        suites: Files of tests/core.
    """
    objects, core = scratch("objects"), scratch("whole") / "core"
    shutil.copytree(CORE, core)
    subprocess.run([build_tests(core, objects, suites)], check=True)
    return objects


def is_found(mutant: CoreMutant, scratch: Path, objects: Path, suites: tuple[str, ...]) -> bool:
    """Return whether the tests fail on a core with that change."""
    copy = scratch / "core"
    shutil.copytree(CORE, copy)
    path = copy / "bytefed" / mutant.path
    path.write_text(mutant.text(), encoding="utf-8")
    program = build_tests(copy, objects, suites, mutant.path)
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode != 0
