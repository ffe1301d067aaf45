"""Quick features: a linear layer that makes features which a softmax head learns in a few steps.

Features that come from a network have a few directions in which they vary much and many in which they vary little, and
those that tell classes apart are often among the latter: gradient descent from zero needs hundreds of steps to get
there. A linear map that gives the classes the same round spread (whitening) takes that away.

    m_c, n_c   mean and number of the samples of class c;  mu the mean of all n;  k the number of classes
    S_w        (sum x x^T - sum_c n_c m_c m_c^T) / (n - k), the covariance within classes, [D, D]
    S          (1 - a) S_w + a (tr S_w / D) I: shrunk, or S_w of few samples could not be inverted
    A          S^(-1/2), symmetric
    V          the d leading eigenvectors of the covariance of (x - mu) A, [D, d]
    z          g (x - mu) A V, with g so that the mean of |z|^2 over the samples is 32

Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems" (1936), linear discriminant analysis,
whose classifier is the nearest class mean after this map; the shrinkage is that of J. H. Friedman, "Regularized
discriminant analysis" (1989). The length is that of all extractors here, so that one learning rate fits their heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.errors import DataError, counted

FEATURE_NORM = 32.0
"""Mean squared length of a feature vector, so that one learning rate fits the heads of all tasks."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """A linear map of features, z = (x - mean) matrix.

    Attributes:
        mean: float64 [D], what is taken away first.
        matrix: float64 [D, d], finite.
        squares: float64 [d], mean of z^2 over the samples that it was made of; their sum is FEATURE_NORM.
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]
    squares: NDArray[np.float64]

    def first(self, directions: int) -> Whitening:
        """Return the whitening that keeps only so many of its directions, with vectors of the same length."""
        squares = self.squares[:directions]
        longer = FEATURE_NORM / squares.sum()
        return Whitening(self.mean, self.matrix[:, :directions] * np.sqrt(longer), squares * longer)

    def apply(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return z of features: float [n, D] -> float64 [n, d]."""
        return np.asarray((features - self.mean) @ self.matrix, np.float64)


def fit(
    features: NDArray[np.floating], labels: NDArray[np.integer], *, shrinkage: float, directions: int
) -> Whitening:
    """Return the whitening of samples; see the module for the formula.

    Args:
        features: float [n, D], finite real values (not codes).
        labels: integers [n], at least two different ones, and more samples than labels.
        shrinkage: a, above 0 and at most 1.
        directions: d, 1 to D.

    Raises:
        DataError: E_DATA_WHITEN for samples of which no covariance within classes can be made.
    """
    x = features.astype(np.float64)
    n, D = x.shape
    present = np.unique(labels)
    if len(present) < 2 or n <= len(present):
        raise DataError(
            "E_DATA_WHITEN",
            f"{counted(n, 'sample')} of {counted(len(present), 'label')} say nothing about the spread within labels.",
            "Give at least two labels, and several samples of each.",
        )
    mean = x.mean(axis=0)
    # Centred twice: subtracting the means first loses fewer digits than subtracting products of them.
    within = np.zeros((D, D))
    for label in present:
        apart = x[labels == label]
        apart = apart - apart.mean(axis=0)
        within += apart.T @ apart
    within /= n - len(present)
    spread = float(np.trace(within)) / D
    if not spread > 0:
        raise DataError(
            "E_DATA_WHITEN",
            "All samples of a label are the same, so there is no spread within labels.",
            "Give samples that differ.",
        )
    values, vectors = np.linalg.eigh((1 - shrinkage) * within + shrinkage * spread * np.eye(D))
    root = (vectors / np.sqrt(values)) @ vectors.T
    round_ = (x - mean) @ root
    leading = _leading(np.atleast_2d(np.cov(round_, rowvar=False)), directions)
    whole = Whitening(mean, np.asarray(root @ leading), ((round_ @ leading) ** 2).mean(axis=0))
    return whole.first(directions)


def _leading(covariance: NDArray[np.float64], directions: int) -> NDArray[np.float64]:
    """Return the leading eigenvectors [D, d], each with its largest element positive, as a library may give either."""
    vectors = np.linalg.eigh(covariance)[1][:, ::-1][:, :directions]
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return np.asarray(vectors * signs, np.float64)
