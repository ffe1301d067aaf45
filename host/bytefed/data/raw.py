"""Raw data sets, and their division into three parts: for the extractor, for the boards, and for the global test.

The training scripts under models/ and the loaders of the host share this code, so that boards never train or test on
samples that the extractor has seen. The division depends only on the labels and a seed: it uses numpy's RandomState,
whose stream never changes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RawData:
    """A data set before feature extraction.

    Attributes:
        inputs: float32 [n, ...], in the units that the extractor was trained on.
        labels: uint8 [n].
        classes: Names of the labels.
        groups: int32 [n], the group (a recording) of each sample: a group stays together; None if each sample is alone.
        owners: int32 [n], the natural owner of each sample, counted from 0; -1 for samples that are the extractor's,
            whose labels may be others than those in `classes`; None if there are no owners.
        owner_names: Their names.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.uint8]
    classes: tuple[str, ...]
    groups: NDArray[np.int32] | None = None
    owners: NDArray[np.int32] | None = None
    owner_names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Division:
    """Indices of the three parts, ascending; together they contain every sample once."""

    pretrain: NDArray[np.int64]
    federated: NDArray[np.int64]
    test: NDArray[np.int64]

    def describe(self) -> dict[str, dict[str, int]]:
        """Return size and CRC-32 of each part (indices as little-endian int64), as manifests keep them."""
        return {
            name: {"n": len(part), "crc32": zlib.crc32(part.astype("<i8").tobytes())}
            for name, part in vars(self).items()
        }


def divide(raw: RawData, pretrain: float, test: float, seed: int) -> Division:
    """Divide a data set, each class in the same proportions.

    Args:
        raw: The data set; the label of a group's first sample counts for the whole group.
        pretrain: Fraction of the samples for the extractor, 0 to 1; of data with owners those of owner -1 instead.
        test: Fraction of the samples for the global test; pretrain + test < 1. Of data with owners this fraction of
            each owner's samples of each class.
        seed: Seed of the shuffle.

    Returns:
        The three parts.
    """
    groups = np.arange(len(raw.labels)) if raw.groups is None else raw.groups
    if raw.owners is not None:
        return _divide_owned(raw.labels, raw.owners, groups, test, seed)
    members, firsts = np.unique(groups, return_index=True)
    random = np.random.RandomState(seed)
    part_of_group = np.empty(len(members), np.int8)
    ranks = _stratified_ranks(raw.labels[firsts], random)
    part_of_group[ranks] = np.digitize(
        np.arange(len(members)), [round(pretrain * len(members)), round((1 - test) * len(members))]
    )
    part = part_of_group[np.searchsorted(members, groups)]
    return Division(*(np.flatnonzero(part == number) for number in range(3)))


def _divide_owned(
    labels: NDArray[np.uint8],
    owners: NDArray[np.int32],
    groups: NDArray[np.integer[Any]],
    test: float,
    seed: int,
) -> Division:
    """Divide samples that have owners."""
    owned = owners >= 0
    members, firsts = np.unique(groups[owned], return_index=True)
    kinds = (owners * 256 + labels)[owned][firsts]
    order = members[_stratified_ranks(kinds, np.random.RandomState(seed))]
    tested = owned & np.isin(groups, order[round((1 - test) * len(order)) :])
    return Division(np.flatnonzero(~owned), np.flatnonzero(owned & ~tested), np.flatnonzero(tested))


def _stratified_ranks(labels: NDArray[np.integer[Any]], random: np.random.RandomState) -> NDArray[Any]:
    """Return the indices in an order in which every stretch holds each class in proportion."""
    position = np.empty(len(labels))
    for label in np.unique(labels):
        indices = random.permutation(np.flatnonzero(labels == label))
        # The k-th of m samples of a class stands at (k + 1/2) / m of the way.
        position[indices] = (np.arange(len(indices)) + 0.5) / len(indices)
    return np.argsort(position, kind="stable")
