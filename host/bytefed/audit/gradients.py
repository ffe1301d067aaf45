"""Gradients of single samples, and how a sample is read from one (SPEC.md section 7).

The gradient of a sample x with label y is (onehot(y) - p) times (x, 1), p being the head's probabilities. So the
biases' part says the label, where alone it is positive, and the weights' part divided by it is the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.data.task import Samples, Task

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """The last layer of a task: the form of a head and the meaning of its features.

    Attributes:
        features, classes: D and C.
        scale, zero_point: A feature's real value is scale * (q - zero_point).
    """

    features: int
    classes: int
    scale: float
    zero_point: int

    @classmethod
    def of(cls, task: Task) -> Layer:
        """Return the layer of a task."""
        return cls(task.D, task.num_classes, task.quantization.scale, task.quantization.zero_point)

    @property
    def parameters(self) -> int:
        """P, the number of a head's values."""
        return (self.features + 1) * self.classes

    def real(self, samples: Samples) -> Values:
        """Return the real features of samples, float64 [n, D]."""
        return self.scale * (samples.features.astype(np.float64) - self.zero_point)

    def inputs(self, samples: Samples) -> Values:
        """Return (x, 1) of each sample, float64 [n, D + 1]."""
        return np.hstack([self.real(samples), np.ones((len(samples), 1))])

    def probabilities(self, head: Values | NDArray[np.float32], samples: Samples) -> Values:
        """Return what a head says of samples, float64 [n, C]; each row sums to 1."""
        weights, bias = self.parts(np.asarray(head, np.float64))
        logits = self.real(samples) @ weights + bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def losses(self, head: Values | NDArray[np.float32], samples: Samples) -> Values:
        """Return the cross-entropy of each sample, float64 [n]."""
        told = self.probabilities(head, samples)[np.arange(len(samples)), samples.labels]
        return np.asarray(-np.log(np.maximum(told, 1e-300)))

    def errors(self, head: Values | NDArray[np.float32], samples: Samples) -> Values:
        """Return onehot(y) - p of each sample, float64 [n, C]."""
        return np.asarray(np.eye(self.classes)[samples.labels] - self.probabilities(head, samples))

    def parts(self, values: Values) -> tuple[Values, Values]:
        """Return the weights [..., D, C] and biases [..., C] of heads or gradients [..., P]."""
        split = self.features * self.classes
        shape = (*values.shape[:-1], self.features, self.classes)
        return values[..., :split].reshape(shape), values[..., split:]

    def read(self, gradients: Values) -> Samples:
        """Return the sample that each gradient was made of, if it is one sample's: float64 [n, P] to n samples."""
        weights, bias = self.parts(gradients)
        labels = bias.argmax(axis=1)
        rows = np.arange(len(gradients))
        with np.errstate(all="ignore"):
            return self.coded(weights[rows, :, labels] / bias[rows, labels][:, None], labels)

    def coded(self, real: Values, labels: NDArray[np.integer]) -> Samples:
        """Return samples of real features, float64 [n, D], as boards store them."""
        with np.errstate(all="ignore"):
            codes = np.rint(np.nan_to_num(real / self.scale, posinf=1e3, neginf=-1e3) + self.zero_point)
        return Samples(np.clip(codes, -128, 127).astype(np.int8), labels.astype(np.uint8))
