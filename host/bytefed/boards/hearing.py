"""Recordings of sound that stand in for the microphone of a virtual board, whose ear is the core's own.

A CAPTURE hears the recordings of its label one behind the other, as fast as it can; CLASSIFY and RECORD hear some of
each label in turn, in their own time. There is quiet around each recording that is shorter than a window, as a person
who says words leaves it. Longer ones are played as they are: silence behind them would be no quiet of their room, so
that a window would begin where the room's noise does and not where the word does, and a label of quiet would have
silence among its windows. Words that fill a window need none: the ear notices how they rise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.boards.replay import Beat, speed
from bytefed.checkout import shipped
from bytefed.data import audio, folder, keywords, own
from bytefed.data.notes import Notes
from bytefed.errors import ConfigError, DataError
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.quantization import Quantization
from bytefed.extractor.sound import MICROPHONE, FrontEnd, ear

_QUIET = 0.3  # seconds behind a recording that is shorter than a window, beside what fills the window
_RUN = 8  # recordings of one label before the next label's begin
_MOST = 32  # recordings in which a window has to start, else the board looks again later

Samples = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Sounds:
    """Recordings of sound, and the window that a model takes of them.

    Attributes:
        sounds: int16 [n] each, as a microphone gives them, short ones with quiet around them.
        labels: uint8 [sounds].
        front_end: The front end.
        inputs: Scale and zero point of the extractor's inputs.
    """

    sounds: Sequence[Samples]
    labels: NDArray[np.uint8]
    front_end: FrontEnd
    inputs: Quantization

    @classmethod
    def load(cls, source: str, manifest: Manifest, front_end: FrontEnd) -> Sounds:
        """Read the WAV files of a folder, or of a model's own recordings.

        Args:
            source: A folder with a subfolder for each label, or of the spoken digits, whose boards' part is heard; or
                the name of a model of the user's own. Labels that are all classes of the model have their numbers;
                others are numbered in alphabetical order.
            manifest: The model.
            front_end: Its front end.

        Raises:
            ConfigError: E_CONFIG_REPLAY for a source that is neither.
            DataError: A file can't be read; E_DATA_SOUND if none of them is sound.
        """
        files = _files(source)
        names = sorted({label for _, label in files})
        order = manifest.classes if set(names) <= set(manifest.classes) else names
        return cls(
            [_with_quiet(_read(file), front_end) for file, _ in files],
            np.array([order.index(label) for _, label in files], np.uint8),
            front_end,
            manifest.input_quantization,
        )

    def sensor(self, uid: int) -> Hearing:
        """Return the microphone of a board that hears them."""
        return Hearing(self, uid)


class Hearing:
    """One board's microphone and ear.

    Args:
        sounds: The recordings; boards may share them.
        uid: The board's uid: it decides which recording comes first, so that boards are not in step.
        period: Seconds from one window of CLASSIFY and RECORD to the next; None for as many as a board takes, by the
            environment's speed.
        clock: Tells the seconds.

    Raises:
        ConfigError: E_CONFIG_REPLAY, E_CONFIG_RANGE for a speed in the environment that can't be.

    Attributes:
        seconds: From one window to the next, as a board has it.
    """

    def __init__(
        self,
        sounds: Sounds,
        uid: int,
        *,
        period: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = sounds.front_end.hop_seconds
        self._labels = [
            np.flatnonzero(sounds.labels == label) for label in range(int(sounds.labels.max()) + 1)
        ]
        self._sounds, self._uid = sounds.sounds, uid
        self._ear = ear(sounds.front_end, sounds.inputs)
        self._streams: dict[int, Iterator[Samples]] = {}
        self._rest: dict[int, Samples] = {}
        self._mode: tuple[int, bool] | None = None
        self._beat = Beat(self.seconds / speed() if period is None else period, clock)

    def sense(self, label: int, on_sound: bool = False, begins: bool = False) -> bytes | None:
        """Return the next window: of that label, or for -1 of all labels in turn, once it is complete; else None.

        Args:
            label: The label of a capture; -1 outside one.
            on_sound: Whether windows begin where sound does.
            begins: Whether the microphone had a rest before.
        """
        if label < 0 and not self._beat.struck():
            return None
        if begins or self._mode != (label, on_sound):
            self._mode = label, on_sound
            self._ear.clear(on_sound)
            if begins or label >= 0:  # the number of values cut off may be asked for after a capture
                self._ear.restart_level()
        for _ in range(_MOST):
            self._hear(label)
            if window := self._ear.window():
                return window
        return None

    def level(self) -> tuple[int, int]:
        """Return the peak of the last moments, and how many samples were clipped."""
        return self._ear.peak, self._ear.clipped

    def _hear(self, label: int) -> None:
        """Let the ear take what is left of a recording, or the next one, as far as it takes it."""
        rest = self._rest.get(label)
        if rest is None or not len(rest):
            if label not in self._streams:
                self._streams[label] = self._in_turn() if label < 0 else self._of_label(label)
            rest = next(self._streams[label])
        self._rest[label] = rest[self._ear.take(rest) :]

    def _of_label(self, label: int) -> Iterator[Samples]:
        """Yield the recordings of a label again and again; all recordings for a label that has none."""
        known = label < len(self._labels) and len(self._labels[label])
        numbers = self._labels[label] if known else np.arange(len(self._sounds))
        taken = self._uid
        while True:
            yield self._sounds[numbers[taken % len(numbers)]]
            taken += 1

    def _in_turn(self) -> Iterator[Samples]:
        """Yield some recordings of each label that has any, in turn."""
        streams = [self._of_label(label) for label, numbers in enumerate(self._labels) if len(numbers)]
        while True:
            for stream in streams:
                for _ in range(_RUN):
                    yield next(stream)


def folder_of(source: str) -> Path:
    """Return the folder of the recordings that are named: itself, or that of a model that was trained on some.

    Raises:
        ConfigError: E_CONFIG_REPLAY if there is none.
    """
    path = Path(source)
    if not path.is_dir() and own.has_recordings(source):
        path = Path(str(Manifest.load(model_folder(source)).recordings["folder"]))
    if not path.is_dir():
        raise ConfigError(
            "E_CONFIG_REPLAY",
            f"--replay {source} is no folder of sound.",
            "Name a folder with a subfolder of WAV files for each word, such as --replay my-words/.",
        )
    return path


def _files(source: str) -> list[tuple[Path, str]]:
    """Return WAV files and their labels."""
    path = folder_of(source)
    if spoken := keywords.spoken(path):
        return spoken
    sources = folder.sources_of(path, Notes())
    files = [(one.file, one.label) for one in sources if one.file.suffix.lower() == audio.KIND]
    if not files:
        raise DataError(
            "E_DATA_SOUND",
            f"{path} holds no sound, and the board's model takes nothing else.",
            f"Name a folder with a subfolder of WAV files for each word; {shipped('docs/sound.md')} says how.",
        )
    return files


def _read(file: Path) -> Samples:
    try:
        return audio.read(file.read_bytes(), MICROPHONE)
    except (OSError, ValueError) as error:
        raise folder.unreadable(file, error) from error


def _with_quiet(samples: Samples, front_end: FrontEnd) -> Samples:
    """Return a recording that is shorter than a window in the middle of quiet, with some behind it; others as it is."""
    window = front_end.samples * MICROPHONE // front_end.rate
    if len(samples) >= window:
        return samples
    return np.pad(audio.loudest(samples, window), (0, int(_QUIET * MICROPHONE)))
