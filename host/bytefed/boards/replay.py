"""Recordings that stand in for the sensor of a virtual board: CAPTURE takes its windows from one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data import TASKS, load_windows
from bytefed.errors import ConfigError, DataError, did_you_mean
from bytefed.extractor.extractor import Extractor

WINDOW_SECONDS = 2.5
"""From one window to the next, as the boards with a motion sensor have it. A replay does not wait that long."""

_HELP = "Write it with numpy.savez(file, X=windows, y=labels), windows shaped as the extractor takes them."


@dataclass(frozen=True, eq=False)
class Recording:
    """Windows that were recorded.

    Attributes:
        windows: int8 [n, ...], as the extractor takes them.
        labels: uint8 [n], with at least one window of each class; None where nobody knows them.
    """

    windows: NDArray[np.int8]
    labels: NDArray[np.uint8] | None

    @classmethod
    def load(cls, source: str, extractor: Extractor, classes: int) -> Recording:
        """Read a recording.

        Args:
            source: Name of a task, whose federated inputs are replayed, or an .npz file with `X` (int8, or float32 in
                the units of the extractor's training, [n, ...]) and, where they are known, labels `y`.
            extractor: The extractor that the windows go into.
            classes: C of the board's head.

        Raises:
            ConfigError: E_CONFIG_REPLAY for a source that is neither.
            DataError: E_DATA_SHAPE for windows that the extractor does not take, E_DATA_LABEL for labels that the
                head does not have or classes without a window; or what reading the data raised.
        """
        X, labels = _read(source)
        if X.shape[1:] != extractor.input_shape:
            raise DataError(
                "E_DATA_SHAPE",
                f"--replay {source}: windows are {X.shape[1:]}, the extractor takes {extractor.input_shape}.",
                "Name the --model that takes them.",
            )
        if labels is not None and set(labels.tolist()) != set(range(classes)):
            raise DataError(
                "E_DATA_LABEL",
                f"--replay {source}: windows of classes {sorted(set(labels.tolist()))}, the head has {classes}.",
                f"There must be some of each, 0 to {classes - 1}; leave y away where labels are not known.",
            )
        return cls(X if X.dtype == np.int8 else extractor.quantize(X), labels)


class Replay:
    """One board's sensor: goes through a recording, and begins again at its end.

    Args:
        recording: The windows to replay; boards may share a recording.
        uid: The board's uid; it decides which window comes first, so that boards are not in step.
    """

    def __init__(self, recording: Recording, uid: int) -> None:
        self._recording = recording
        self._uid = uid
        self._taken: dict[int, int] = {}

    def sense(self, label: int) -> bytes:
        """Return the next window: of that label where labels are known, the next of all where they are not."""
        known = self._recording.labels
        of_label = (
            np.arange(len(self._recording.windows)) if known is None else np.flatnonzero(known == label)
        )
        key = -1 if known is None else label
        taken = self._taken.get(key, 0)
        self._taken[key] = taken + 1
        window = self._recording.windows[of_label[(self._uid + taken) % len(of_label)]]
        return bytes(window.tobytes())


def _read(source: str) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    if source.endswith(".npz"):
        return load_windows(Path(source))
    if source not in TASKS:
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"--replay {source} is no recording.",
            f"{did_you_mean(source, TASKS)}Name an .npz file, or one of {', '.join(sorted(TASKS))}. {_HELP}",
        )
    raw, division = TASKS[source].load()
    return raw.inputs[division.federated], raw.labels[division.federated]
