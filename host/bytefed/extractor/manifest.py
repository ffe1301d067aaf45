"""A model folder: one `NAME.tflite`, and the `manifest.json` that says what is in it.

The firmware's tools, the estimator and the README read the manifest and need not open the model. The extractor
compares the two each time it loads a model.
"""

from __future__ import annotations

import json
import os
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
PLAIN = "_plain"
"""Ending of the names of models, and of their tasks, whose features are those of the network itself, not whitened."""

VARIABLE = "BYTEFED_MODELS"
"""The environment variable that names another folder for a user's own models than the usual one."""

# The models that come with bytefed: inside an installed package, or else beside host/ in a checkout.
SHIPPED_MODELS = (PACKAGE / "models", CHECKOUT / "models")
# Those that are made on first use can be made again: the cache is their place.
MADE_MODELS = cache_folder() / "models"
MODEL_FOLDERS = (*SHIPPED_MODELS, MADE_MODELS)


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

    @property
    def recordings(self) -> Mapping[str, Any]:
        """The recordings that `--data NAME` reads, as `bytefed.data.own` writes them; empty where there are none."""
        found: Mapping[str, Any] = self.document.get("recordings", {})
        return found

    @property
    def whitened(self) -> bool:
        """Whether its last layer whitens the features, as a cross-validation found that it pays."""
        found = self.document.get("whitening", {})
        return isinstance(found, Mapping) and found.get("pays") is True

    @property
    def takes_windows(self) -> bool:
        """Whether a board's own sensor, of motion or of sound, gives the windows that it takes."""
        return "sensor_hertz" in self.document or "sound" in self.document

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty where they have none but their numbers."""
        names = tuple(str(name) for name in self.document.get("classes", ()))
        return () if names == tuple(str(number) for number in range(self.C)) else names

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
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
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
        _check_recordings(manifest.recordings)
        return manifest


def _check_recordings(found: Any) -> None:
    """Refuse a note of recordings that can't be followed."""
    texts = [found["folder"], *found.get("units", ()), *found.get("seen", ())] if found else []
    hop = found.get("hop", 1) if found else 1
    if not all(isinstance(text, str) for text in texts) or not (isinstance(hop, int) and hop >= 1):
        raise ValueError(
            "recordings must name a folder, and say hop, units and seen as `bytefed model` writes them"
        )


def _quantization(document: Mapping[str, Any], what: str) -> Quantization:
    return Quantization(float(document[f"{what}_scale"]), int(document[f"{what}_zero_point"]))


def digest(model: bytes) -> str:
    """Return the SHA-256 of a .tflite file, as in manifests."""
    return sha256(model).hexdigest()


def model_hash(model: bytes) -> int:
    """Return the 32-bit hash by which boards name a .tflite file: the CRC-32 of zlib."""
    return zlib.crc32(model)


def own_models() -> Path:
    """Return the folder of a user's own models: BYTEFED_MODELS, else one among the user's data, as XDG names it.

    It is the same for a checkout and for an installed package: models outlive both, and a checkout ships none of them.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "bytefed" / "models"


def model_folder(name: str | Path) -> Path:
    """Return the folder of a model, given by its name or by a path.

    Raises:
        ModelError: E_MODEL_MISSING if there is none.
    """
    for folder in (*(base / name for base in _places()), Path(name)):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ModelError(
        "E_MODEL_MISSING",
        f"There is no model '{name}'.",
        f"{did_you_mean(str(name), model_names())}Name one of {', '.join(model_names())}, or a folder with a "
        f"{FILE_NAME}; or add your own: `bytefed model add FILE --name NAME --classes C`.",
    )


def model_names() -> list[str]:
    """Return the names of all models, sorted: those that came with bytefed, and the user's own."""
    return sorted({path.parent.name for base in _places() for path in base.glob(f"*/{FILE_NAME}")})


def is_shipped(name: str) -> bool:
    """Return whether a model of this name came with bytefed."""
    return any((base / name / FILE_NAME).is_file() for base in SHIPPED_MODELS)


def _places() -> tuple[Path, ...]:
    """Return the folders of model folders, in the order in which a name is looked up."""
    return (*MODEL_FOLDERS, own_models())


def known_model(
    model_hash: int, classes: int | None = None, named: str | None = None
) -> tuple[str, Manifest] | None:
    """Return the name and manifest of the model that has this hash; None if none has.

    The same network may be there under several names, with other labels. Then the one that was named counts; else one
    with as many classes, and of these the user's own, whose labels are the user's, and the first by its name.

    Args:
        model_hash: CRC-32 of the .tflite file.
        classes: Number of labels of the board or the run that is asked about; None where that does not matter.
        named: Name or folder of the model that somebody said it is; None if nobody has.
    """

    def unlikeness(twin: tuple[str, Manifest]) -> tuple[bool, bool]:
        return twin[0] != named, classes != twin[1].C

    return min(same_network(model_hash, named), key=unlikeness, default=None)


def is_whitened(model_hash: int, named: str | None = None) -> bool:
    """Return whether a model is known that has this hash and whitens; the Args are those of ``same_network``."""
    return any(manifest.whitened for _, manifest in same_network(model_hash, named))


def same_network(model_hash: int, named: str | None = None) -> list[tuple[str, Manifest]]:
    """Return the names and manifests of all models that have this hash: the user's own first, then by name.

    Args:
        model_hash: CRC-32 of the .tflite file.
        named: Name or folder of a further model to look at; None for none.
    """
    names = sorted({*model_names(), *([named] if named else [])}, key=lambda name: (is_shipped(name), name))
    found = []
    for name in names:
        with suppress(ModelError):  # a broken folder among them is for whoever names it
            manifest = Manifest.load(model_folder(name))
            if manifest.model_hash == model_hash:
                found.append((name, manifest))
    return found
