"""Harder tasks without an extractor: recordings that the package aeon ships, and features of them worked out by hand.

They are there to see where a method fails, too: few samples, many features, classes that overlap. No network makes
their features, so boards that would learn them have to be given these features.

- ``vowels``: 9 speakers say two vowels (Kudo, Toyama and Shimbo 1999, JapaneseVowels): 12 cepstral coefficients.
- ``leaves``: outlines of the leaves of 6 kinds of trees (Gandhi 2002, OSULeaf), as one curve.
- ``appliances``: 10 kinds of household appliances by the current that they draw (Gisler and others 2013, ACSF1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data.columns import Columns
from bytefed.data.raw import Division, RawData, divide
from bytefed.data.task import Samples, Task
from bytefed.data.ts import Archive, Series
from bytefed.extractor.choice import layer_of

PRETRAIN, TEST, SEED = 0.3, 0.3, 42
"""Fractions of the recordings that say how features are scaled, and that are the global test; seed of the division."""

_WAVES, _QUANTILES = 24, 12


@dataclass(frozen=True)
class SeriesTask:
    """A task of recordings.

    Attributes:
        archive: The recordings.
        classes: Names of the labels.
        features: Recording, float64 [axes, points], -> its features [D].
        whitening: Shrinkage and directions by which the features are whitened; None where the guard (``choice``) says,
            of the recordings that are set apart, that it does not pay.
    """

    archive: Archive
    classes: tuple[str, ...]
    features: Callable[[Series], Series]
    whitening: tuple[float, int] | None = None

    def read(self, data_dir: Path | None = None) -> RawData:
        """Read the features as float32 [n, D], and the labels; the Args and errors are those of ``Archive.read``."""
        series, labels = zip(*self.archive.read(data_dir), strict=True)
        features = np.stack([self.features(one) for one in series])
        return RawData(features.astype(np.float32), np.array(labels, np.uint8), self.classes)


def spread(series: Series) -> Series:
    """Return six figures of each axis [6 axes]: mean, standard deviation, least, greatest, first and last value."""
    parts = (series.mean(1), series.std(1), series.min(1), series.max(1), series[:, 0], series[:, -1])
    return np.concatenate(parts)


def shape(series: Series) -> Series:
    """Return 48 figures of a single curve: amplitudes of its slowest waves, quantiles of its values and of its steps.

    The amplitudes (logarithms) don't depend on where a closed outline begins.
    """
    curve = series[0]
    waves = np.abs(np.fft.rfft(curve - curve.mean()))[1 : _WAVES + 1]
    values = np.quantile(curve, np.linspace(0, 1, _QUANTILES))
    steps = np.quantile(np.abs(np.diff(curve)), np.linspace(0.5, 1, _QUANTILES))
    return np.concatenate([np.log(waves + 1e-3), values, steps])


def _numbers(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(first, last + 1))


SERIES = {
    "vowels": SeriesTask(
        Archive("JapaneseVowels", _numbers(1, 9), axes=12, lengths=(7, 29)),
        tuple(f"speaker {number}" for number in range(1, 10)),
        spread,
        whitening=(0.05, 32),
    ),
    "leaves": SeriesTask(
        Archive("OSULeaf", _numbers(1, 6), axes=1, lengths=(427, 427)),
        (
            "acer circinatum",
            "acer glabrum",
            "acer macrophyllum",
            "acer negundo",
            "quercus garryana",
            "quercus kelloggii",
        ),
        shape,
    ),
    "appliances": SeriesTask(
        Archive("ACSF1", _numbers(0, 9), axes=1, lengths=(1460, 1460)),
        tuple(f"appliance {number}" for number in range(10)),
        shape,
    ),
}
SERIES["vowels_plain"] = replace(SERIES["vowels"], whitening=None)
"""Tasks by name; a whitened one stands beside its plain features."""


def load(name: str, data_dir: Path | None = None) -> Task:
    """Load a task of SERIES, ready to be divided among boards.

    Features are scaled column by column, and whitened where that pays, by a part of the recordings that no board gets
    and that nothing is tested on.

    Raises:
        DataError: As ``Archive.read`` raises it.
    """
    raw, whitening = SERIES[name].read(data_dir), SERIES[name].whitening
    division = divide(raw, PRETRAIN, TEST, SEED)
    columns, codes = scaled(raw, division)
    quantization = columns.quantization
    if whitening:
        apart, labels = codes[division.pretrain], raw.labels[division.pretrain]
        layer = layer_of(apart, quantization, labels, shrinkage=whitening[0], directions=whitening[1])
        codes, quantization = layer.apply(codes), layer.output
    return Task(
        name=name,
        federated=Samples(codes[division.federated], raw.labels[division.federated]),
        test=Samples(codes[division.test], raw.labels[division.test]),
        num_classes=len(raw.classes),
        classes=raw.classes,
        quantization=quantization,
        columns=None if whitening else columns,
        whitened=whitening is not None,
    )


def scaled(raw: RawData, division: Division) -> tuple[Columns, NDArray[np.int8]]:
    """Return the code of the features, measured on the part that is set apart, and all features in it, int8 [n, D]."""
    own = np.zeros(len(raw.labels), np.bool_)
    own[division.pretrain] = True
    columns = Columns.fit(raw.inputs, own)
    return columns, columns.encode(raw.inputs)
