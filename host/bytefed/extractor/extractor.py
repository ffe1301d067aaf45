"""The frozen int8 feature extractor, on the runtime that boards use: TensorFlow Lite Micro.

The same .tflite file that a board holds in flash runs here, so virtual boards and the host's global test
see the features that a board would compute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import ConfigError, DataError, ModelError
from bytefed.extractor import check as model_check
from bytefed.extractor import tflite
from bytefed.extractor.manifest import Manifest, digest, model_folder, model_hash
from bytefed.extractor.quantization import Quantization

ARENA_BYTES = 256 * 1024
"""Memory for one model's tensors: all the RAM of the boards that bytefed is made for."""


class Extractor:
    """Turns raw inputs into D int8 features. It must not be used by several threads at once.

    Attributes:
        input_shape: Shape of one input, without the batch.
        input_quantization: Real input -> int8.
        quantization: int8 feature -> real.
        D: Number of features per input.
        model_hash: CRC-32 of the .tflite file.
        ops: Names of the operators used, sorted.
    """

    def __init__(self, model: bytes) -> None:
        """Check a .tflite file and make it ready to run.

        Args:
            model: The file's bytes.

        Raises:
            ModelError: E_MODEL_CORRUPT, E_MODEL_UNSUPPORTED or E_MODEL_PER_CHANNEL, as `model_check.check`
                raises them; E_MODEL_ARENA if it needs more memory than a board has.
            ConfigError: E_CONFIG_EXTRA if tflite-micro is not installed.
        """
        graph = model_check.check(tflite.read(model))
        self.input_shape = graph.input.shape[1:]
        self.input_quantization: Quantization = graph.input.quantization
        self.quantization: Quantization = graph.output.quantization
        self.D = graph.output.size
        self.model_hash = model_hash(model)
        self.ops = tuple(graph.op_names)
        self._interpreter = _interpreter(model)

    @classmethod
    def load(cls, name: str | Path) -> Extractor:
        """Load the extractor of a model folder and compare it with its manifest.

        Args:
            name: One of bytefed's own models ("digits"), or a folder with manifest.json.

        Raises:
            ModelError: As the constructor; E_MODEL_MISSING, E_MODEL_MANIFEST, or E_MODEL_SHA256 if the
                .tflite file is not the one that the manifest describes.
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
        features = np.empty((len(inputs), self.D), np.int8)
        for row, sample in enumerate(np.ascontiguousarray(inputs)):
            self._interpreter.set_input(sample[np.newaxis], 0)
            self._interpreter.invoke()
            features[row] = self._interpreter.get_output(0).ravel()
        return features

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


def _interpreter(model: bytes) -> Any:
    """Return a TFLM interpreter for a model that has been checked."""
    try:
        from tflite_micro import runtime
    except ImportError as error:
        raise ConfigError(
            "E_CONFIG_EXTRA",
            "Feature extraction needs the package tflite-micro, which is not installed.",
            "Run: pip install 'bytefed[virtual]'",
        ) from error
    try:
        return runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    except RuntimeError as error:
        raise ModelError(
            "E_MODEL_ARENA",
            f"TensorFlow Lite Micro cannot allocate the model's tensors in {ARENA_BYTES:,} bytes.",
            "Use a smaller model.",
        ) from error


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(str(n) for n in shape)
