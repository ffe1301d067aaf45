"""Describes extractors: makes a manifest from a .tflite file, and saves a user's own models with theirs."""

from __future__ import annotations

import ctypes
import json
import os
import re
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ModelError, counted
from bytefed.extractor.extractor import ARENA_BYTES, Extractor
from bytefed.extractor.manifest import FILE_NAME, Manifest, digest, model_folder, model_names

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def describe(name: str, model: bytes, classes: Sequence[str]) -> dict[str, Any]:
    """Return the content of `manifest.json` for a model, after checking the model.

    Args:
        name: Name of the model and stem of its file.
        model: The .tflite file.
        classes: Names of the classes that its head is to tell apart.

    Raises:
        ModelError: As `Extractor` raises it.
        ConfigError: E_CONFIG_EXTRA if tflite-micro is not installed.
    """
    extractor = Extractor(model)
    return {
        "name": name,
        "sha256": digest(model),
        "model_hash": extractor.model_hash,
        "bytes": len(model),
        "D": extractor.D,
        "C": len(classes),
        "classes": list(classes),
        "input_shape": list(extractor.input_shape),
        "input_scale": extractor.input_quantization.scale,
        "input_zero_point": extractor.input_quantization.zero_point,
        "feature_scale": extractor.quantization.scale,
        "feature_zero_point": extractor.quantization.zero_point,
        "arena_bytes": arena_bytes(model),
        "ops": list(extractor.ops),
        "golden": golden(extractor),
    }


def save(name: str, model: bytes, classes: int, models: Path) -> Path:
    """Save a model with its manifest in a place where it is found by name.

    Args:
        name: Name of the model: letters, digits, - and _.
        model: The .tflite file.
        classes: Number of classes that its head is to tell apart, 2 to 64.
        models: The folder of model folders.

    Returns:
        The model's folder.

    Raises:
        ModelError: As `describe` raises it; E_MODEL_NAME for a name that is not allowed, E_MODEL_EXISTS for one that is
            taken, E_MODEL_CLASSES, or E_MODEL_WRITE.
    """
    if not _PLAIN.fullmatch(name):
        raise ModelError(
            "E_MODEL_NAME",
            f"'{name[:80]}' can't be the name of a model.",
            "Give --name letters, digits, - and _; 63 at most.",
        )
    if name in model_names():
        raise ModelError(
            "E_MODEL_EXISTS",
            f"There is a model '{name}' already, in {model_folder(name)}.",
            f"Give it another --name; these are taken: {', '.join(model_names())}.",
        )
    if not 2 <= classes <= 64:
        raise ModelError(
            "E_MODEL_CLASSES",
            f"A head for {counted(classes, 'class')} fits no board; 2 to 64 classes do.",
            "Say with --classes how many the boards shall tell apart.",
        )
    document = describe(name, model, [str(number) for number in range(classes)])
    folder = models / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.tflite").write_bytes(model)
        # Last: a folder without its manifest is no model.
        (folder / FILE_NAME).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(
            "E_MODEL_WRITE", f"{folder} cannot be written ({error.strerror}).",
            "Free some space, or name a folder with BYTEFED_CACHE that can be written to.",
        ) from error  # fmt: skip
    Manifest.load(folder)
    return folder


def arena_bytes(model: bytes) -> int:
    """Return the bytes of the tensor arena that a model needs, as TFLM's own allocator reports on this machine."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    report = _stderr_of(interpreter.print_allocations)
    found = re.search(r"Arena allocation total (\d+) bytes", report)
    if found is None:
        raise RuntimeError(f"TFLM did not report its memory: {report!r}")
    return int(found[1])


def golden(extractor: Extractor) -> dict[str, int]:
    """Return the golden values that any device must compute: CRC-32 of the features of pseudo-random inputs."""
    seed, n = 1, 32
    features = extractor.extract(golden_inputs(seed, n, extractor.input_shape))
    return {"seed": seed, "n": n, "features_crc32": zlib.crc32(features.tobytes())}


def golden_inputs(seed: int, n: int, shape: Sequence[int]) -> NDArray[np.int8]:
    """Return the inputs of the golden features, int8 [n, *shape].

    Args:
        seed: Seed of `numpy.random.RandomState`, as in the manifest.
        n: Number of inputs, as in the manifest.
        shape: Shape of one input.
    """
    return np.random.RandomState(seed).randint(-128, 128, (n, *shape)).astype(np.int8)


def _stderr_of(call: Callable[[], object]) -> str:
    """Return the text that C++ code writes to the process's error stream during a call."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            call()
            ctypes.CDLL(None).fflush(None)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        file.seek(0)
        return file.read().decode(errors="replace")
