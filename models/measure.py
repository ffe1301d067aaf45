"""Measures the quality of a model for its manifest: the error of int8, and accuracy."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bytefed.data import Samples, Task
from bytefed.data.raw import Division, RawData
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.quantization import Quantization
from bytefed.federation import evaluation as central

EPOCHS, BATCH_SIZE, LEARNING_RATE = 100, 8, 0.05
"""The training of heads: long enough to converge on plain features, too."""
SEEDS = range(5)


class Features(Protocol):
    """A float32 network with the interface of Keras."""

    def predict(self, inputs: np.ndarray, verbose: int) -> np.ndarray:
        """Return features float32 [n, D] of inputs float32 [n, ...]."""


def int8_error(features: Features, extractor: Extractor, inputs: np.ndarray) -> dict[str, float]:
    """Return the mean difference between features in TFLM and in float32, in steps of their code.

    Args:
        features: The network that was converted.
        extractor: The extractor that it was converted to.
        inputs: float32 [n, ...].
    """
    exact = features.predict(inputs, verbose=0) / extractor.quantization.scale
    codes = extractor.extract(extractor.quantize(inputs))
    found = codes.astype(np.float32) - extractor.quantization.zero_point
    return {"int8_error_steps": round(float(np.abs(np.clip(exact, 0, 255) - found).mean()), 2)}


def heads(name: str, raw: RawData, division: Division, extractor: Extractor) -> dict[str, float]:
    """Return the accuracy on the global test, in per cent, of heads trained on all federated samples together.

    Args:
        name: Name of the task.
        raw: The data set.
        division: Its division into three parts.
        extractor: The extractor that makes its features.

    Returns:
        Mean, smallest and largest over SEEDS, on the features and, to compare with, on the raw inputs.
    """
    flat = raw.inputs.reshape(len(raw.inputs), -1)
    # Raw inputs are scaled to the unit range, or the learning rate would mean something else for them.
    flat = flat / np.abs(flat[division.federated]).max()
    code = Quantization.covering(float(flat[division.federated].min()), float(flat[division.federated].max()))
    codes = extractor.extract(extractor.quantize(raw.inputs))
    return {
        **_spread("head", _task(name, raw, division, codes, extractor.quantization)),
        **_spread("linear_on_raw", _task(name, raw, division, code.quantize(flat), code)),
    }


def _task(name: str, raw: RawData, division: Division, codes: np.ndarray, code: Quantization) -> Task:
    federated, test = (Samples(codes[part], raw.labels[part]) for part in (division.federated, division.test))
    return Task(name, federated, test, len(raw.classes), code)


def _spread(what: str, task: Task) -> dict[str, float]:
    """Return the accuracies of the task's head, trained centrally, over SEEDS."""
    found = []
    for seed in SEEDS:
        head = central.train(
            task,
            task.federated,
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            seed=seed,
        )
        found.append(100 * central.evaluate(task, head, task.test).accuracy)
    return {
        f"{what}_accuracy_mean": round(float(np.mean(found)), 2),
        f"{what}_accuracy_min": round(min(found), 2),
        f"{what}_accuracy_max": round(max(found), 2),
    }
