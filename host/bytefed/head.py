"""The head: the weights and biases of the last layer, float32 [P], and how many there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Head = NDArray[np.float32]


def parameters(features: int, classes: int) -> int:
    """Return P, the parameters of a head: D * C weights and C biases."""
    return features * classes + classes
