"""The folders of the package and, in a development checkout, of the whole project."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""The folder of the package `bytefed`."""

CHECKOUT = PACKAGE.parents[1]
"""The root of the checkout. In an installed wheel it is a folder that holds nothing of bytefed's."""

_SOURCES = PACKAGE / "project"  # CMakeLists.txt puts them into a wheel


def is_checkout() -> bool:
    """Return whether the package runs from a checkout, with everything that is beside it there."""
    return (CHECKOUT / "platformio.ini").is_file()


def built(name: str) -> Path:
    """Return the folder in which ``make`` leaves a build, build/NAME.

    It is that of the checkout that the package runs from. A package that was installed out of one, as by
    ``pip install '.[ui]'``, doesn't know where that is: then it is that of the current folder.
    """
    return (CHECKOUT if is_checkout() else Path.cwd()) / "build" / name


def shipped(name: str) -> Path:
    """Return where a file is that a checkout has, and that a wheel carries, too (CMakeLists.txt, pyproject.toml).

    Args:
        name: Its path in the checkout: below models/, or one that CMakeLists.txt puts into a wheel.
    """
    if is_checkout():
        return CHECKOUT / name
    return (PACKAGE if name.startswith("models/") else _SOURCES) / name


def firmware_sources() -> Path | None:
    """Return the folder with platformio.ini, the firmware and its tools; None where nobody has put them."""
    if is_checkout():
        return CHECKOUT
    return _SOURCES if (_SOURCES / "platformio.ini").is_file() else None
