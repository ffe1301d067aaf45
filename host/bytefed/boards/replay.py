"""Recordings that stand in for the sensor of a virtual board: CAPTURE, CLASSIFY and RECORD take their windows from one.

A CAPTURE takes the recorded windows of its label one by one, as fast as it can. CLASSIFY and RECORD follow what the
sensor tells from one moment to the next, so they get a continuous signal in its own time: the recorded windows joined
together, label after label. Each window shares its first half with the one before it, as on a board (SPEC 3); where
two recordings are joined, or one label follows another, a window has some of both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data import TASKS, load_windows, own
from bytefed.errors import ConfigError, DataError, check_range, did_you_mean
from bytefed.extractor.extractor import Extractor

WINDOW_SECONDS = 2.5
"""From one window to the next, as the boards with a motion sensor have it. A CAPTURE does not wait that long."""
SPEED = "BYTEFED_REPLAY_SPEED"
"""The variable of the environment that says how many times faster a replay gives windows to CLASSIFY and RECORD."""
LOOK = 0.005
"""Seconds between two looks at a sensor that is waited for."""
RUN = 8
"""Halves of windows of one label before the next label's begin: 20 s of each."""
_LATE = 2  # windows that a board may be behind its sensor; one that looks later has not listened

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
            source: Name of a task, whose federated inputs are replayed, or of a model of the user's own, whose
                recordings are (but for those that it learned from); or an .npz file with `X` (int8, or float32 in
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

    def sensor(self, uid: int) -> Replay:
        """Return the sensor of a board that replays it."""
        return Replay(self, uid)

    @cached_property
    def signals(self) -> list[NDArray[np.int8]]:
        """The continuous signal of each label, int8 [readings, ...]; of all windows where labels are not known."""
        if self.labels is None:
            return [_joined(self.windows)]
        return [_joined(self.windows[self.labels == label]) for label in np.unique(self.labels)]


class Beat:
    """Says when windows of a signal that goes on are complete: one each period, in time.

    Args:
        period: Seconds from one to the next.
        clock: Tells the seconds.

    Attributes:
        due: When the next one is complete, by the clock; None before the first.
    """

    def __init__(self, period: float, clock: Callable[[], float]) -> None:
        self._period, self._clock = period, clock
        self.due: float | None = None

    def struck(self) -> bool:
        """Return whether a window is complete, and wait for the next one from then on."""
        now = self._clock()
        if self.due is None or now - self.due > _LATE * self._period:
            self.due = now + self._period  # nobody has listened: the window begins now
        if now < self.due:
            return False
        self.due += self._period
        return True


class Replay:
    """One board's sensor: goes through a recording, and begins again at its end.

    Args:
        recording: The windows to replay; boards may share a recording.
        uid: The board's uid; it decides which window comes first, so that boards are not in step.
        period: Seconds from one window of CLASSIFY and RECORD to the next; None for as many as a board takes, by the
            environment's speed.
        clock: Tells the seconds.

    Raises:
        ConfigError: E_CONFIG_REPLAY, E_CONFIG_RANGE for a speed in the environment that can't be.
    """

    seconds = WINDOW_SECONDS

    def __init__(
        self,
        recording: Recording,
        uid: int,
        *,
        period: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recording = recording
        self._uid = uid
        self._taken: dict[int, int] = {}
        self._live: _Live | None = None
        self._beat = Beat(WINDOW_SECONDS / speed() if period is None else period, clock)

    def sense(self, label: int) -> bytes | None:
        """Return the next window: of that label, or for -1 of the continuous signal, once it is complete; else None."""
        if label < 0:
            return self._next_live()
        known = self._recording.labels
        of_label = (
            np.arange(len(self._recording.windows)) if known is None else np.flatnonzero(known == label)
        )
        if not len(of_label):  # a label that was added since: any motion will do
            of_label = np.arange(len(self._recording.windows))
        key = -1 if known is None else label
        taken = self._taken.get(key, 0)
        self._taken[key] = taken + 1
        window = self._recording.windows[of_label[(self._uid + taken) % len(of_label)]]
        return bytes(window.tobytes())

    def _next_live(self) -> bytes | None:
        if not self._beat.struck():
            return None
        if self._live is None:
            self._live = _Live(self._recording.signals, self._recording.windows.shape[1], self._uid)
        return self._live.window()


class _Live:
    """A continuous signal: some of each label in turn, each from where it stopped.

    Args:
        signals: The readings of each label, int8 [readings, ...].
        length: Readings in a window.
        uid: The board's uid: it decides where the signals begin.
    """

    def __init__(self, signals: list[NDArray[np.int8]], length: int, uid: int) -> None:
        self._signals = signals
        self._length, self._hop = length, max(1, length // 2)
        self._next = [uid % len(signal) for signal in signals]
        self._given = 0  # readings
        self._last: NDArray[np.int8] | None = None

    def window(self) -> bytes:
        """Return the next window; it begins in the middle of the one before."""
        if self._last is None:
            self._last = self._readings(self._length)
        else:
            self._last = np.concatenate([self._last[self._hop :], self._readings(self._hop)])
        return bytes(self._last.tobytes())

    def _readings(self, count: int) -> NDArray[np.int8]:
        label = self._given // (RUN * self._hop) % len(self._signals)
        self._given += count
        signal, start = self._signals[label], self._next[label]
        self._next[label] = (start + count) % len(signal)
        return signal[np.arange(start, start + count) % len(signal)]


def _joined(windows: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return windows as one signal: what a window repeats of the one before it is there once."""
    pieces = [windows[0]]
    for before, window in pairwise(windows):
        most = len(window) - 1
        repeated = next((n for n in range(most, 0, -1) if np.array_equal(before[-n:], window[:n])), 0)
        pieces.append(window[repeated:])
    return np.concatenate(pieces)


def speed() -> float:
    """Return how many times faster than a board's sensor a replay is, as the environment says.

    Raises:
        ConfigError: E_CONFIG_REPLAY, E_CONFIG_RANGE.
    """
    text = os.environ.get(SPEED, "1")
    try:
        speed = float(text)
    except ValueError:
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"{SPEED}={text} is no number.",
            f"Unset {SPEED}, or say 10 for ten times as fast.",
        ) from None
    check_range(SPEED, speed, 0.01, 1000)
    return speed


def _read(source: str) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    if source.endswith(".npz"):
        return load_windows(Path(source))
    if source not in TASKS and own.has_recordings(source):
        raw, _, _, _ = own.read(source)
        return raw.inputs, raw.labels
    if source not in TASKS and Path(source).is_dir():
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"--replay {source} is a folder, and a board replays folders of sound alone, by a model that takes sound.",
            "For WAV files name such a model: --model keywords. Other recordings become one file: "
            f"{_HELP[0].lower()}{_HELP[1:]}",
        )
    if source not in TASKS:
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"--replay {source} is no recording.",
            f"{did_you_mean(source, TASKS)}Name an .npz file, or one of {', '.join(sorted(TASKS))}. {_HELP}",
        )
    raw, division = TASKS[source].load()
    return raw.inputs[division.federated], raw.labels[division.federated]
