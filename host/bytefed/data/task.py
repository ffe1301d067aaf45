"""A federated task: features, labels, and the rules for dividing them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bytefed.data.columns import Columns
from bytefed.errors import DataError, counted
from bytefed.extractor.manifest import model_hash
from bytefed.extractor.quantization import Quantization

MAX_FEATURES = 4096
MAX_CLASSES = 64


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples as boards store them.

    Attributes:
        features: int8 [n, D].
        labels: uint8 [n], each below the task's number of classes.
    """

    features: NDArray[np.int8]
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.features.dtype != np.int8 or self.labels.dtype != np.uint8:
            raise TypeError("features must be int8 [n, D] and labels uint8 [n]")
        if self.labels.shape != self.features.shape[:1]:
            raise TypeError(f"{len(self.labels)} labels for {len(self.features)} samples")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.integer]) -> Samples:
        """Return the samples at these indices, in their order."""
        return Samples(self.features[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Extraction:
    """The extractor that made a task's features, and what it made those of the global test set of.

    Attributes:
        model: The .tflite file.
        test_inputs: int8 [len(test), ...], its inputs for the global test set.
    """

    model: bytes
    test_inputs: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Task:
    """The data that a run learns from and is judged by.

    Attributes:
        name: Name of the task, for reports.
        federated: The samples that are divided among boards, each for local training or local test.
        test: The global test set; no board ever gets any of its samples.
        num_classes: C, the number of classes, 2 to 64.
        quantization: int8 feature -> real.
        clients: int32 [len(federated)], the natural owner of each sample, counted from 0; None if there are no owners.
        inputs: int8 [len(federated), ...], the extractor's inputs, for boards that run it themselves; None if the
            features came ready.
        model: Name of the extractor, by which virtual boards find it; empty if the features came ready.
        model_hash: CRC-32 of the extractor's .tflite file; 0 if the features came ready.
        extraction: The extractor and the inputs of the test set; None if the features came ready.
        classes: The names of the C classes; empty if they are known only by number.
        owners: The names of the natural owners by their number in `clients`; empty if there are none.
        local_test: bool [len(federated)], the samples that their owner set aside to test on; None if they are
            drawn (see `partition.divide`).
        groups: int32 [len(federated)], the recording that each sample was cut from, which always stays together;
            None if each sample stands alone.
        columns: The code of the real features; None if the features were int8 from the start.
        whitened: Whether the features are whitened, since a cross-validation on samples of nobody found that it pays:
            then heads learn quickly (``extractor.choice``).
        warnings: Sentences about the data for the user: what was left out, and what looks like a mistake.
    """

    name: str
    federated: Samples
    test: Samples
    num_classes: int
    quantization: Quantization
    clients: NDArray[np.int32] | None = None
    inputs: NDArray[np.int8] | None = None
    model: str = ""
    model_hash: int = 0
    extraction: Extraction | None = None
    classes: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    local_test: NDArray[np.bool_] | None = None
    groups: NDArray[np.int32] | None = None
    columns: Columns | None = None
    whitened: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.D <= MAX_FEATURES:
            raise DataError(
                "E_DATA_D",
                f"{self.name} has {self.D} features; 1 to {MAX_FEATURES} fit a board.",
                "Take a smaller extractor.",
            )
        if not 2 <= self.num_classes <= MAX_CLASSES:
            raise DataError(
                "E_DATA_CLASSES",
                f"{self.name} has {counted(self.num_classes, 'class')}; 2 to {MAX_CLASSES} fit a board.",
                f"Keep 2 to {MAX_CLASSES} different labels; put rare ones together under one.",
            )
        for what, samples in (("to divide among boards", self.federated), ("to test on", self.test)):
            if not len(samples):
                raise DataError(
                    "E_DATA_EMPTY",
                    f"{self.name} has no samples {what}.",
                    "Give both kinds; in an .npz file the array 'test' tells them apart, in a folder the subfolders "
                    "'training' and 'testing'.",
                )

    @property
    def D(self) -> int:  # noqa: N802 - the field's own name
        """Number of features of a sample."""
        return int(self.federated.features.shape[1])

    @property
    def extractor_hash(self) -> int:
        """CRC-32 of the extractor's .tflite file, whether or not boards run it; 0 if the features came ready."""
        return self.model_hash if self.extraction is None else model_hash(self.extraction.model)
