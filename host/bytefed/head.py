"""The head: the weights and biases of the last layer, float32 [P], and how many there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Head = NDArray[np.float32]


def widened(head: Head, features: int, classes: int, to: int) -> Head:
    """Return a head with further classes behind its own, whose weights and biases are zeros.

    Args:
        head: float32 [D * C + C], or a delta.
        features: D.
        classes: C.
        to: The new C, not below the old one.
    """
    cut = features * classes
    weights = np.zeros((features, to), np.float32)
    biases = np.zeros(to, np.float32)
    weights[:, :classes] = head[:cut].reshape(features, classes)
    biases[:classes] = head[cut:]
    return np.concatenate([weights.ravel(), biases])


def reordered(head: Head, features: int, columns: NDArray[np.intp]) -> Head:
    """Return a head with its classes in another order.

    Args:
        head: float32 [D * C + C], or a delta.
        features: D.
        columns: int [C], for each class of the new order its number in the old one.
    """
    cut = features * len(columns)
    weights = head[:cut].reshape(features, len(columns))
    return np.concatenate([weights[:, columns].ravel(), head[cut:][columns]])


def parameters(features: int, classes: int) -> int:
    """Return P, the parameters of a head: D * C weights and C biases."""
    return features * classes + classes
