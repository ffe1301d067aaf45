"""The frozen int8 feature extractor: the same .tflite file that a board holds in flash, run on the host.

So virtual boards and the host's global test see the features that a board would compute.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import DataError, ModelError
from bytefed.extractor import check as model_check
from bytefed.extractor import tflite
from bytefed.extractor.manifest import Manifest, digest, model_folder, model_hash
from bytefed.extractor.quantization import Quantization
from bytefed.extractor.runtime import runtime_of

GOLDEN = 1, 32
"""Seed and number of the inputs of golden values that are made anew."""


class Extractor:
    """Turns raw inputs into D int8 features. It must not be used by several threads at once.

    Attributes:
        input_shape: Shape of one input, without the batch.
        input_quantization: Real input -> int8.
        quantization: int8 feature -> real.
        D: Number of features per input.
        model_hash: CRC-32 of the .tflite file.
        ops: Names of the operators used, sorted.
        work: Number of multiply-accumulates of one inference.
        model: The .tflite file.
    """

    def __init__(self, model: bytes) -> None:
        """Check a .tflite file and make it ready to run.

        Args:
            model: The file's bytes.

        Raises:
            ModelError: E_MODEL_CORRUPT, E_MODEL_UNSUPPORTED or E_MODEL_PER_CHANNEL, as `model_check.check`
                raises them; E_MODEL_ARENA if it needs more memory than a board has.
            ConfigError: E_CONFIG_EXTRA for operators that need tflite-micro, if it is not installed.
        """
        graph = model_check.check(tflite.read(model))
        self.input_shape = graph.input.shape[1:]
        self.input_quantization: Quantization = graph.input.quantization
        self.quantization: Quantization = graph.output.quantization
        self.D = graph.output.size
        self.model = model
        self.model_hash = model_hash(model)
        self.ops = tuple(graph.op_names)
        self.work = model_check.multiply_accumulates(graph)
        self._runtime = runtime_of(model)

    @classmethod
    def load(cls, name: str | Path) -> Extractor:
        """Load the extractor of a model folder and compare it with its manifest.

        Args:
            name: One of bytefed's own models ("digits"), or a folder with manifest.json.

        Raises:
            ModelError: As the constructor; E_MODEL_MISSING, E_MODEL_MANIFEST, E_MODEL_SHA256 if the .tflite file
                is not the one that the manifest describes, or E_MODEL_GOLDEN if this computer's runtime gives other
                features than boards.
        """
        folder = model_folder(name)
        manifest = Manifest.load(folder)
        model = read_model(folder / f"{manifest.name}.tflite")
        if digest(model) != manifest.sha256:
            raise ModelError(
                "E_MODEL_SHA256",
                f"{folder / manifest.name}.tflite is not the file that its manifest describes.",
                "Copy the whole folder again, or make both again with the script that made them.",
            )
        extractor = cls(model)
        extractor._compare(manifest)
        if not extractor._runtime.is_reference and "golden" in manifest.document:
            extractor._guard(manifest)
        return extractor

    def extract(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Compute the features of quantised inputs.

        Args:
            inputs: int8 [n, *input_shape].

        Returns:
            int8 [n, D].

        Raises:
            DataError: E_DATA_SHAPE if inputs have another shape or type.
        """
        if inputs.dtype != np.int8 or inputs.shape[1:] != self.input_shape:
            raise DataError(
                "E_DATA_SHAPE",
                f"The extractor takes int8 [n, {_sizes(self.input_shape)}], "
                f"not {inputs.dtype} [{_sizes(inputs.shape)}].",
                "Quantise raw inputs with Extractor.quantize.",
            )
        if not len(inputs):
            return np.empty((0, self.D), np.int8)
        return np.asarray(self._runtime.run(inputs), np.int8)

    def quantize(self, raw: NDArray[np.floating]) -> NDArray[np.int8]:
        """Quantise raw inputs as the model takes them, with the rounding that boards use.

        Args:
            raw: float [n, *input_shape] in the units of the training script; finite.

        Returns:
            int8 [n, *input_shape].
        """
        return self.input_quantization.quantize(raw)

    def _compare(self, manifest: Manifest) -> None:
        """Refuse a manifest that contradicts the file."""
        pairs = {
            "model_hash": (manifest.model_hash, self.model_hash),
            "D": (manifest.D, self.D),
            "input_shape": (manifest.input_shape, self.input_shape),
            "input scale and zero point": (manifest.input_quantization, self.input_quantization),
            "feature scale and zero point": (manifest.feature_quantization, self.quantization),
            "ops": (manifest.ops, self.ops),
        }
        for what, (said, found) in pairs.items():
            if said != found:
                raise ModelError(
                    "E_MODEL_MANIFEST",
                    f"The manifest of '{manifest.name}' says {what} {said}, the file has {found}.",
                    "Make both again with the script that made the model.",
                )

    def _guard(self, manifest: Manifest) -> None:
        """Refuse a runtime that does not give the golden values of a model."""
        found = golden(self)
        if found != manifest.document["golden"]:
            raise ModelError(
                "E_MODEL_GOLDEN",
                f"On this computer the features of '{manifest.name}' have the CRC-32 {found['features_crc32']:08x}, "
                "which is not that of its manifest: boards would compute others.",
                "Use a computer with Linux on x86-64, and report this error, which is a defect in bytefed.",
            )


def golden(extractor: Extractor) -> dict[str, int]:
    """Return the golden values that any device must compute: CRC-32 of the features of pseudo-random inputs."""
    seed, n = GOLDEN
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


def read_model(path: Path) -> bytes:
    """Return the bytes of a .tflite file; of one that is too large, only the first.

    Raises:
        ModelError: E_MODEL_MISSING.
    """
    try:
        with path.open("rb") as file:
            return file.read(tflite.MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file has
        raise ModelError(
            "E_MODEL_MISSING",
            f"{path} cannot be read ({getattr(error, 'strerror', None) or error}).",
            "Name a .tflite file that is there, and that you may read.",
        ) from error


def outputs(model: bytes, inputs: NDArray[np.int8]) -> NDArray[Any]:
    """Run a model that bytefed put together of checked parts.

    Args:
        model: The .tflite file.
        inputs: int8 [n, ...], as it takes them; n at least 1.

    Returns:
        Its outputs, [n, size], in their own type.

    Raises:
        ModelError: E_MODEL_ARENA.
        ConfigError: E_CONFIG_EXTRA for operators that need tflite-micro, if it is not installed.
    """
    return runtime_of(model).run(inputs)


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(str(n) for n in shape)
