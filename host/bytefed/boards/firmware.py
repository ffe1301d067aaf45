"""The firmware's sources as a PlatformIO project: the checkout itself, or a copy of those that a wheel carries."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

from bytefed.checkout import firmware_sources, is_checkout
from bytefed.download import cache_folder
from bytefed.errors import ConfigError
from bytefed.extractor.manifest import is_shipped, model_folder

RULES = Path("tools/udev/60-bytefed.rules")


def project() -> Path | None:
    """Return the folder in which PlatformIO builds the firmware; None where there are no sources."""
    sources = firmware_sources()
    if sources is None or is_checkout():
        return sources
    return cache_folder() / f"firmware-{version('bytefed')}"


def prepared_project() -> Path:
    """Return that folder, ready to build: of a wheel's sources a copy, as a package's own folder is not for building.

    Raises:
        ConfigError: E_CONFIG_PIO where there are no sources, or no place for a copy.
    """
    sources, folder = firmware_sources(), project()
    if sources is None or folder is None:
        raise ConfigError(
            "E_CONFIG_PIO", "The firmware is not here.", "Install bytefed anew, or run this from a checkout."
        )
    if folder != sources:
        try:
            shutil.copytree(
                sources, folder, dirs_exist_ok=True
            )  # keeps times: what is unchanged is not compiled again
        except (OSError, shutil.Error) as error:
            raise ConfigError(
                "E_CONFIG_PIO",
                f"The firmware's sources can't be copied to {folder} ({error}).",
                "Make room there, or name another folder with BYTEFED_CACHE.",
            ) from error
    return folder


def model_for_build(model: str) -> str:
    """Return the value of BYTEFED_MODEL by which a build takes a model.

    Args:
        model: Name of the model, or its folder.

    Raises:
        ModelError: E_MODEL_MISSING if there is no such model.
    """
    # tools/pio_model.py knows the models of the checkout by name; others lie elsewhere.
    return model if is_shipped(model) and is_checkout() else str(model_folder(model).resolve())


def udev_rules() -> Path:
    """Return the file of udev rules that came with bytefed."""
    return (firmware_sources() or Path()) / RULES
