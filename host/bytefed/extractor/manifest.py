"""A model folder: one `NAME.tflite`, and the `manifest.json` that says what is in it.

The firmware's tools, the estimator and the README read the manifest and need not open the model. The extractor
compares the two each time it loads a model.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bytefed.checkout import CHECKOUT, PACKAGE
from bytefed.download import cache_folder
from bytefed.errors import ModelError, did_you_mean
from bytefed.extractor.quantization import Quantization

FILE_NAME = "manifest.json"

# The folders of bytefed's own models: inside an installed package, or else beside host/ in a checkout; and the folder
# of those that are made on first use.
MADE_MODELS = cache_folder() / "models"
MODEL_FOLDERS = (PACKAGE / "models", CHECKOUT / "models", MADE_MODELS)


@dataclass(frozen=True)
class Manifest:
    """The content of a `manifest.json`.

    Attributes:
        name: Name of the model and stem of its file.
        sha256: SHA-256 of the .tflite file, 64 hexadecimal digits.
        model_hash: CRC-32 of the .tflite file, by which a board names the model that it holds.
        D: Number of features, 1 to 4096.
        C: Number of classes of the task, 2 to 64.
        input_shape: Shape of an input without the batch, such as (8, 8, 1).
        input_quantization: Real input -> int8.
        feature_quantization: int8 feature -> real.
        arena_bytes: Bytes that the TFLM arena needs, measured on 64-bit x86 (a Cortex-M4 needs less).
        ops: Names of the operators that a board's resolver must hold.
        document: The whole file, including the parts that only people read: data, splits, figures.
    """

    name: str
    sha256: str
    model_hash: int
    D: int
    C: int
    input_shape: tuple[int, ...]
    input_quantization: Quantization
    feature_quantization: Quantization
    arena_bytes: int
    ops: tuple[str, ...]
    document: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read a model folder's manifest.

        Raises:
            ModelError: E_MODEL_MISSING if there is none, E_MODEL_MANIFEST if a key is missing or out of range.
        """
        path = folder / FILE_NAME
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls._from_document(document)
        except OSError as error:
            raise ModelError(
                "E_MODEL_MISSING",
                f"{path} cannot be read ({error.strerror}).",
                "Name a folder that holds manifest.json and its .tflite file.",
            ) from error
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ModelError(
                "E_MODEL_MANIFEST",
                f"{path} is not a usable manifest ({type(error).__name__}: {error}).",
                "Make it again with the script that made the model.",
            ) from error

    @classmethod
    def _from_document(cls, document: Mapping[str, Any]) -> Manifest:
        manifest = cls(
            name=str(document["name"]),
            sha256=str(document["sha256"]),
            model_hash=int(document["model_hash"]),
            D=int(document["D"]),
            C=int(document["C"]),
            input_shape=tuple(int(n) for n in document["input_shape"]),
            input_quantization=_quantization(document, "input"),
            feature_quantization=_quantization(document, "feature"),
            arena_bytes=int(document["arena_bytes"]),
            ops=tuple(str(op) for op in document["ops"]),
            document=document,
        )
        if not (2 <= manifest.C <= 64 and manifest.name == Path(manifest.name).name):
            raise ValueError("C must be 2 to 64, and name a plain file name")
        return manifest


def _quantization(document: Mapping[str, Any], what: str) -> Quantization:
    return Quantization(float(document[f"{what}_scale"]), int(document[f"{what}_zero_point"]))


def digest(model: bytes) -> str:
    """Return the SHA-256 of a .tflite file, as in manifests."""
    return sha256(model).hexdigest()


def model_hash(model: bytes) -> int:
    """Return the 32-bit hash by which boards name a .tflite file: the CRC-32 of zlib."""
    return zlib.crc32(model)


def model_folder(name: str | Path) -> Path:
    """Return the folder of a model, given by the name of one of bytefed's own or by a path.

    Raises:
        ModelError: E_MODEL_MISSING if there is none.
    """
    for folder in (*(base / name for base in MODEL_FOLDERS), Path(name)):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ModelError(
        "E_MODEL_MISSING",
        f"There is no model '{name}'.",
        f"{did_you_mean(str(name), model_names())}Name one of {', '.join(model_names())}, or a folder with a "
        f"{FILE_NAME}; or add your own: `bytefed model add FILE --name NAME --classes C`.",
    )


def model_names() -> list[str]:
    """Return the names of bytefed's own models, sorted."""
    return sorted({path.parent.name for base in MODEL_FOLDERS for path in base.glob(f"*/{FILE_NAME}")})


def known_model(model_hash: int) -> tuple[str, Manifest] | None:
    """Return the name and manifest of the one of bytefed's own models that has this hash; None if none has."""
    for name in model_names():
        with suppress(ModelError):  # a broken folder among them is for whoever names it
            manifest = Manifest.load(model_folder(name))
            if manifest.model_hash == model_hash:
                return name, manifest
    return None
