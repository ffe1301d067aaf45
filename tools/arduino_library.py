"""Writes the libraries as the Arduino IDE takes them: `python tools/arduino_library.py ~/Arduino/libraries`.

The IDE fetches nothing and takes no flags from a library, so `bytefed` gets Monocypher's two files here. With --model,
`tflm_features` is written beside it, with that model's headers: a library does not see the files of a sketch.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import model_to_c
import monocypher

LIBRARIES = Path(__file__).resolve().parents[1] / "firmware" / "lib"
_NOT_ARDUINOS = shutil.ignore_patterns("CMakeLists.txt", "messages.toml")


def write(folder: Path, model: Path | None = None) -> list[Path]:
    """Write the libraries into a folder, over those of before; return theirs.

    Args:
        folder: Where the IDE looks for libraries.
        model: Folder of a model, with manifest.json; without one, tflm_features is left out.

    Raises:
        SystemExit: Monocypher could not be had.
    """
    made = [_copy("bytefed", folder)]
    monocypher.fill(made[0] / "src")
    if model is not None:
        made.append(_copy("tflm_features", folder))
        model_to_c.write(model, made[1] / "src")
    return made


def _copy(name: str, folder: Path) -> Path:
    shutil.rmtree(folder / name, ignore_errors=True)
    return Path(shutil.copytree(LIBRARIES / name, folder / name, ignore=_NOT_ARDUINOS))


def main() -> int:
    """Write the libraries and say where they are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the IDE's folder of libraries")
    parser.add_argument(
        "--model", type=Path, metavar="FOLDER", help="a model for tflm_features: models/digits"
    )
    args = parser.parse_args()
    for made in write(args.folder.expanduser(), args.model):
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
