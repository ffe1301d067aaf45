"""Labelled inputs of an extractor that no board gets: what a model is whitened with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.data import folder, npz
from bytefed.data.load import TASKS
from bytefed.data.notes import Notes
from bytefed.data.windows import Cut
from bytefed.errors import DataError, did_you_mean
from bytefed.extractor.extractor import Extractor


@dataclass(frozen=True, eq=False)
class Labelled:
    """Inputs and what they are.

    Attributes:
        inputs: int8 [n, ...], quantised for the extractor.
        labels: uint8 [n].
        classes: Names of the labels.
        groups: int32 [n], the recording of each sample; None if each stands alone.
        warnings: Sentences about the data for the user.
    """

    inputs: NDArray[np.int8]
    labels: NDArray[np.uint8]
    classes: tuple[str, ...]
    groups: NDArray[np.int32] | None = None
    warnings: tuple[str, ...] = ()


def from_path(path: Path, extractor: Extractor) -> Labelled:
    """Read all samples of a folder with a subfolder for each label, or of an .npz file with X and y.

    Args:
        path: The folder (its samples are as for `folder.load`; no .tflite is needed), or the file (X as int8 codes or
            real inputs [n, ...], and y as for `npz.load_windows`).
        extractor: The extractor that the samples are for.

    Raises:
        DataError: As `folder.load` and `npz.load_windows` raise it; E_DATA_ARRAY for a file without y, E_DATA_SHAPE for
            inputs that the extractor doesn't take.
    """
    if path.is_dir():
        notes = Notes()
        raw, _ = folder.read_for(extractor, path, Cut(), notes)
        return Labelled(
            extractor.quantize(raw.inputs), raw.labels, raw.classes, raw.groups, notes.warnings(path)
        )
    X, y = npz.load_windows(path)
    if y is None:
        raise DataError(
            "E_DATA_ARRAY", f"{path} has no array y, the labels.",
            "Save them beside X: numpy.savez('mine.npz', X=inputs, y=labels).",
        )  # fmt: skip
    if X.shape[1:] != extractor.input_shape:
        raise DataError(
            "E_DATA_SHAPE",
            f"{path}: X has the shape {X.shape}; the model takes inputs of {extractor.input_shape}.",
            "Save the model's inputs, one after another, not its features.",
        )
    inputs = X if X.dtype == np.int8 else extractor.quantize(X)
    return Labelled(inputs, y, tuple(str(number) for number in range(int(y.max()) + 1)))


def of_task(name: str, data_dir: Path | None, extractor: Extractor) -> Labelled:
    """Read the extractor's own part of a task, of which boards and global test get nothing.

    Args:
        name: One of TASKS.
        data_dir: Folder with the raw data of tasks that bytefed doesn't ship.
        extractor: The extractor that the samples are for.

    Raises:
        DataError: E_DATA_UNKNOWN, E_DATA_SHAPE, or what reading the data raised.
    """
    if name not in TASKS:
        raise DataError(
            "E_DATA_UNKNOWN", f"There is no task '{name}'.",
            f"{did_you_mean(name, TASKS)}Name one of {', '.join(sorted(TASKS))}; or give --data a folder or a file.",
        )  # fmt: skip
    raw, division = TASKS[name].load(data_dir)
    own = division.pretrain
    if raw.inputs.shape[1:] != extractor.input_shape:
        raise DataError(
            "E_DATA_SHAPE",
            f"Inputs of {name} are {raw.inputs.shape[1:]}; the model takes {extractor.input_shape}.",
            "Name a model that was made for this task.",
        )
    groups = None if raw.groups is None else raw.groups[own]
    return Labelled(extractor.quantize(raw.inputs[own]), raw.labels[own], raw.classes, groups)
