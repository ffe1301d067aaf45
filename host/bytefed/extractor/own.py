"""A user's own models: saved with a manifest where they are found by name, listed, removed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bytefed.errors import ModelError, counted
from bytefed.extractor import sensor
from bytefed.extractor.describe import describe
from bytefed.extractor.manifest import (
    FILE_NAME,
    MADE_MODELS,
    VARIABLE,
    Manifest,
    is_shipped,
    model_folder,
    model_names,
    own_models,
)
from bytefed.extractor.sound import front_end_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_LONGEST_LABEL = 63


def save(
    name: str,
    model: bytes,
    classes: int | Sequence[str],
    about: Mapping[str, Any] | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Save a model with its manifest among the user's own.

    Args:
        name: Name of the model: letters, digits, - and _.
        model: The .tflite file.
        classes: The classes that its head is to tell apart, 2 to 64: how many, or their names.
        about: Further entries of the manifest.
        replace: Whether an own model of that name may be replaced.

    Returns:
        The model's folder.

    Raises:
        ModelError: As `describe` raises it; E_MODEL_SENSOR for windows that a board's sensor can't fill; E_MODEL_NAME
            for a name that is not allowed, E_MODEL_EXISTS for one that is taken, E_MODEL_CLASSES, or E_MODEL_WRITE.
    """
    check_name(name, replace=replace)
    names = [str(number) for number in range(classes)] if isinstance(classes, int) else list(classes)
    check_classes(names)
    document = describe(name, model, names) | dict(about or {})
    front_end = front_end_of(document["model_hash"])
    if front_end is not None:  # the same network with other labels hears as it did
        document["sound"] = front_end.document()
    if document.get("sensor_hertz"):
        sensor.check_buffer(document["input_shape"], document["D"], len(names))
    folder = own_models() / name
    try:
        _write(folder, f"{name}.tflite", model, (json.dumps(document, indent=2) + "\n").encode())
    except OSError as error:
        raise _unwritable(folder, str(error.strerror)) from error
    Manifest.load(folder)
    return folder


def check_place() -> None:
    """Refuse a place for models that can't be written to, before minutes are spent on one.

    Raises:
        ModelError: E_MODEL_WRITE.
    """
    folder = own_models().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise _unwritable(folder, f"{there} is no folder of yours")


def _unwritable(folder: Path, why: str) -> ModelError:
    return ModelError(
        "E_MODEL_WRITE",
        f"{folder} cannot be written ({why}).",
        f"Free some space, or name a folder with {VARIABLE} that can be written to.",
    )


def remove(name: str) -> Path:
    """Remove one of the user's own models, and return where it was.

    Raises:
        ModelError: E_MODEL_MISSING, E_MODEL_SHIPPED for a model that came with bytefed, or E_MODEL_WRITE.
    """
    if is_shipped(name):
        raise ModelError(
            "E_MODEL_SHIPPED",
            f"The model '{name}' came with bytefed, which would not work without it.",
            "Remove models of your own alone: `bytefed model list` shows which those are.",
        )
    folder = next((base / name for base in (own_models(), MADE_MODELS) if _is_there(base, name)), None)
    if folder is None:
        folder = model_folder(name)  # raises, unless it is the path of a folder
        raise ModelError(
            "E_MODEL_MISSING",
            f"{folder} is not among your own models.",
            "Name a model of `bytefed model list`; a folder of yours is yours to remove.",
        )
    try:
        (folder / FILE_NAME).unlink()  # first: a folder without its manifest is no model
        (folder / f"{name}.tflite").unlink(missing_ok=True)
        with suppress(OSError):  # what the user has put there besides stays
            folder.rmdir()
    except OSError as error:
        raise ModelError(
            "E_MODEL_WRITE",
            f"{folder} cannot be removed ({error.strerror}).",
            "Remove it as the user who owns it.",
        ) from error
    return folder


def check_name(name: str, *, replace: bool = False) -> None:
    """Refuse a name for a new model that is not allowed or is taken.

    Args:
        name: The name.
        replace: Whether one of the user's own models may have it.

    Raises:
        ModelError: E_MODEL_NAME, E_MODEL_EXISTS.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(
            "E_MODEL_NAME",
            f"'{name[:80]}' can't be the name of a model.",
            "Give --name letters, digits, - and _; 63 at most.",
        )
    if name in model_names() and (is_shipped(name) or not replace):
        instead = "" if is_shipped(name) else "--force replaces it. Or "
        raise ModelError(
            "E_MODEL_EXISTS",
            f"There is a model '{name}' already, in {model_folder(name)}.",
            f"{instead}give it another --name; these are taken: {', '.join(model_names())}.",
        )


def check_classes(names: Sequence[str]) -> None:
    """Refuse classes that no head can have.

    Args:
        names: Their names.

    Raises:
        ModelError: E_MODEL_CLASSES.
    """
    if not 2 <= len(names) <= 64:
        raise ModelError(
            "E_MODEL_CLASSES",
            f"A head for {counted(len(names), 'class')} fits no board; 2 to 64 classes do.",
            "Say with --classes how many the boards shall tell apart, or name them: --labels walk run rest.",
        )
    for name in names:
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_LABEL or names.count(name) > 1:
            raise ModelError(
                "E_MODEL_CLASSES",
                f"'{name[:80]}' can't be a label: it is empty, longer than {_LONGEST_LABEL}, not printable or not the "
                "only one of its name.",
                "Give --labels different words, such as: --labels walk run rest.",
            )


def _is_there(base: Path, name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and (base / name / FILE_NAME).is_file()


def _write(folder: Path, file: str, model: bytes, manifest: bytes) -> None:
    """Write both files; while they are written, a model that was there before stays."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = {name: folder / f".{name}.new" for name in (file, FILE_NAME)}
    try:
        fresh[file].write_bytes(model)
        fresh[FILE_NAME].write_bytes(manifest)
        # A folder without its manifest is no model: so none is ever found with the manifest of another.
        (folder / FILE_NAME).unlink(missing_ok=True)
        for name in (file, FILE_NAME):
            fresh[name].replace(folder / name)
    finally:
        for path in fresh.values():
            with suppress(OSError):
                path.unlink()
