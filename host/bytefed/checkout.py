"""The folders of the package and, in a development checkout, of the whole project."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""The folder of the package `bytefed`."""

CHECKOUT = PACKAGE.parents[1]
"""The root of the checkout. In an installed wheel it is a folder that holds nothing of bytefed's."""
