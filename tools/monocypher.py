"""Puts Monocypher's two files into a folder, for CMake: `python tools/monocypher.py build/monocypher`.

Monocypher is a dependency, so nothing of it is kept in this repository. pip gets the archive that
firmware/monocypher.txt pins, from wherever the user has set pip to look; its hash and those of the two files are
checked. Without a network: BYTEFED_MONOCYPHER=FOLDER names one that holds both files of the release.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REQUIREMENT = Path(__file__).resolve().parents[1] / "firmware" / "monocypher.txt"
FILES = {
    "monocypher.c": "57eb914fc88136119bd41655cccb8c250048bf54d470540625186f8ab16f64be",
    "monocypher.h": "c494da712122da7ff679fdcf318a5317e84972b6c950fe9d896212947797facd",
}
"""SHA-256 of the files of release 4.0.3."""
REMEDY = f"""\
Monocypher could not be had. bytefed needs it to seal its links. Either
  - let pip reach a package index (or a folder, by PIP_FIND_LINKS) that has what {REQUIREMENT.name} names, or
  - take monocypher.c and monocypher.h from the release 4.0.3 of Monocypher, and say BYTEFED_MONOCYPHER=FOLDER."""


def complaint(folder: Path) -> str | None:
    """Return what is wrong with a folder's two files, or None."""
    for name, digest in FILES.items():
        file = folder / name
        if not file.is_file():
            return f"{file} is not there"
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            return f"{file} is not that of release 4.0.3: its SHA-256 is another one"
    return None


def download(folder: Path) -> None:
    """Let pip download the archive, check its hash, and put the two files into `folder`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [*pip, "--no-binary", "pymonocypher", "--require-hashes", "--requirement", REQUIREMENT]
    done = subprocess.run([*command, "--dest", folder], capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode != 0 or len(archives) != 1:
        raise SystemExit(f"{done.stderr}\n{REMEDY}")
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            path = Path(member.name)
            if path.name in FILES and len(path.parts) == 2 and (source := archive.extractfile(member)):
                (folder / path.name).write_bytes(source.read())


def fill(target: Path) -> None:
    """Put the two files into a folder, unless they are there already.

    Raises:
        SystemExit: They could not be had.
    """
    if complaint(target) is None:
        return
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        given = os.environ.get("BYTEFED_MONOCYPHER")
        source = Path(given or scratch)
        if not given:
            download(source)
        if wrong := complaint(source):
            raise SystemExit(f"{wrong}\n{REMEDY}")
        for name in FILES:  # by renaming, so that builds side by side see a whole file or none
            shutil.copyfile(source / name, Path(scratch) / f"whole-{name}")
            (Path(scratch) / f"whole-{name}").replace(target / name)


def main() -> int:
    """Fill the folder that the command line names."""
    fill(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
