"""Extractor and head in one .tflite file.

The head is an int8 layer where that gives at least ``LEAST`` of the test samples the label that boards give them, else
one of float32 behind the int8 extractor. The labels are those of TensorFlow Lite Micro, which runs the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bytefed.data.task import Extraction
from bytefed.export.agreement import LEAST, Agreement
from bytefed.export.trained import Trained
from bytefed.extractor import tflite
from bytefed.extractor.check import check
from bytefed.extractor.dense import Dense, append
from bytefed.extractor.describe import arena_bytes
from bytefed.extractor.edit import DEQUANTIZE, FULLY_CONNECTED, Editor
from bytefed.extractor.extractor import outputs

_NAME = "head"


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier as one file.

    Attributes:
        model: The .tflite file.
        agreement: The comparison with boards on the global test set.
        coarse: The comparison of an int8 head with boards, where it was not good enough; None for an int8 head.
        arena_bytes: Bytes of the tensor arena that it needs on a 64-bit machine; boards need less.
        operators: Names of the operators that it uses.
    """

    model: bytes
    agreement: Agreement
    coarse: Agreement | None
    arena_bytes: int
    operators: tuple[str, ...]

    @property
    def head(self) -> Literal["int8", "float32"]:
        """The type of the head in it, and of its scores."""
        return "int8" if self.coarse is None else "float32"


def classifier(trained: Trained, extraction: Extraction) -> Classifier:
    """Put extractor and head together, and compare the whole with boards on the global test set.

    Args:
        trained: The head, and the task that it is for.
        extraction: The task's extractor.

    Raises:
        ModelError: E_MODEL_ARENA.
        ConfigError: E_CONFIG_EXTRA if tflite-micro is not installed.
    """
    used = check(tflite.read(extraction.model)).op_names
    model = append(extraction.model, int8_head(trained), _NAME)
    agreement, coarse = _compare(trained, model, extraction), None
    operators = {*used, "FULLY_CONNECTED"}
    # Without samples nobody knows the range of the logits, which int8 would need.
    if trained.held or agreement.fraction < LEAST:
        model, coarse = append_float(extraction.model, trained.W, trained.b), agreement
        agreement = _compare(trained, model, extraction)
        operators |= {"DEQUANTIZE"}
    return Classifier(model, agreement, coarse, arena_bytes(model), tuple(sorted(operators)))


def int8_head(trained: Trained) -> Dense:
    """Return the head as an int8 layer, its range that of the samples that boards train on.

    The mean over the classes is taken away: labels stay, and codes are not spent on what all classes share.
    """
    W, b = trained.W.astype(np.float64), trained.b.astype(np.float64)
    return Dense.of(
        W - W.mean(axis=1, keepdims=True),
        b - b.mean(),
        trained.task.quantization,
        trained.task.federated.features,
    )


def append_float(model: bytes, W: NDArray[np.float32], b: NDArray[np.float32]) -> bytes:
    """Put a float32 layer behind an int8 extractor: DEQUANTIZE, then FULLY_CONNECTED.

    Args:
        model: The .tflite file with D features.
        W: float32 [D, C].
        b: float32 [C].
    """
    features = check(tflite.read(model)).output
    edit = Editor(model)
    real = edit.computed(f"{_NAME}/features", features.shape, np.float32)
    edit.append(DEQUANTIZE, [edit.output], real)
    weights = edit.constant(f"{_NAME}/weights", np.ascontiguousarray(W.T))
    biases = edit.constant(f"{_NAME}/bias", b)
    logits = edit.computed(_NAME, (1, len(b)), np.float32)
    edit.append(FULLY_CONNECTED, [real, weights, biases], logits)
    return edit.packed()


def _compare(trained: Trained, model: bytes, extraction: Extraction) -> Agreement:
    board = trained.logits(trained.task.test.features)
    what = "random windows" if trained.held else "test samples"
    return Agreement.of(board, outputs(model, extraction.test_inputs), trained.labels, what)
