"""Makes an extractor of a folder of recordings: who learns from what, the network, its whitening, and how good it is.

Recordings (files, never parts of them) are divided once: the network learns from some, and everything that is said of
it is measured on the others, of which it has seen nothing. They are also all that boards ever get (`own`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.checkout import shipped
from bytefed.data import audio, folder, pictures
from bytefed.data.columns import Columns
from bytefed.data.folder import Source
from bytefed.data.notes import Notes
from bytefed.data.raw import RawData, divide
from bytefed.data.windows import Cut
from bytefed.errors import ConfigError, DataError, ModelError, counted
from bytefed.extractor import sensor
from bytefed.extractor.choice import (
    FOLDS,
    LEAST_SAMPLES,
    Choice,
    choose,
    held_out,
    layer_of,
    network_folds,
    whitened,
)
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.quantization import Quantization
from bytefed.extractor.sound import FrontEnd

LEAST_RECORDINGS = 5
"""Recordings of a label, at least: two to learn from, and enough others to learn and to test heads."""
LEAST_FOLDS = 3
"""Recordings of a label that the network learns from, at least, to try whitening: one of each in three parts."""
LEAST_READINGS, MOST_VALUES = 8, 65_535
"""The shortest window that the network takes, and the most values that a board's window holds."""
SEED = 42
_STEPS = 300


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The order for an extractor: its data and its name.

    Attributes:
        folder: The recordings, a subfolder for each label.
        cut: The windows to cut; without a window, recordings are windows.
        share: Fraction of the recordings that the network learns from, 0.2 to 0.6.
        hertz: Readings a second of a board's motion sensor; 0 for windows that no board takes itself.
        axes: Names of the values of a reading; may be empty.
        units: Units of the recordings, as `sensor.each` takes them; may be empty.
        features: Features that the network is to have.
        rate: Samples a second of sound that the network is to hear, one of `sound.RATES`.
    """

    folder: Path
    cut: Cut = Cut()  # noqa: RUF009 (immutable)
    share: float = 0.4
    hertz: int = 0
    axes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    features: int = 64
    rate: int = FrontEnd.rate


@dataclass(frozen=True, eq=False)
class Recordings:
    """All windows of a folder, divided.

    Attributes:
        raw: The windows, float32 [n, readings, 1, values], in a board's units where these are known; `groups` is the
            recording of each.
        seen: bool [n], those that the network learns from.
        fingerprints: That of each recording, by its number in `groups`.
        window: The manifest's facts about the window (`sensor.window`, or the front end of sound).
        units: Units in which the folder has them; empty if they are not known.
        warnings: Sentences about the data for the user.
        sound: The front end that hears WAV files; None for recordings of other kinds.
    """

    raw: RawData
    seen: NDArray[np.bool_]
    fingerprints: tuple[str, ...]
    window: dict[str, Any]
    units: tuple[str, ...]
    warnings: tuple[str, ...]
    sound: FrontEnd | None = None

    @property
    def groups(self) -> NDArray[np.int32]:
        """int32 [n], the recording of each window."""
        assert self.raw.groups is not None  # noqa: S101  # `gather` gives them
        return self.raw.groups

    def takes(self, features: int) -> bool:
        """Return whether boards can take the windows with a head of so many features."""
        sensed, shape = "sensor_hertz" in self.window, self.raw.inputs.shape[1:]
        return not sensed or sensor.fits_buffer(shape, features, len(self.raw.classes))

    @property
    def seen_fingerprints(self) -> list[str]:
        """Those of the recordings that the network learns from."""
        return sorted({self.fingerprints[group] for group in np.unique(self.groups[self.seen])})

    def least(self, mask: NDArray[np.bool_]) -> int:
        """Return the number of recordings of the label that has fewest, among some windows."""
        labels, groups = self.raw.labels[mask], self.groups[mask]
        return min(len(np.unique(groups[labels == label])) for label in range(len(self.raw.classes)))


@dataclass(frozen=True)
class Score:
    """Accuracy of heads on some features, on recordings of which neither they nor the network had seen anything.

    Attributes:
        features: Number of features.
        right: Number of windows that were right.
        windows: Number of windows.
        recordings: Number of recordings that they come from.
    """

    features: int
    right: int
    windows: int
    recordings: int

    @property
    def accuracy(self) -> float:
        """Fraction right, 0 to 1."""
        return self.right / self.windows


@dataclass(frozen=True, eq=False)
class Made:
    """An extractor that was made.

    Attributes:
        model: The .tflite file.
        whitened: Whether its features are whitened.
        found: The verdict of cross-validation on whitening, with further networks; None where there was too little.
        scores: By name: "plain" and, where whitening was tried, "whitened" features; and "raw", the values of the
            windows themselves, each scaled by the recordings that the network learned from; of sound also "keywords",
            the features of the network that comes with bytefed.
    """

    model: bytes
    whitened: bool
    found: Choice | None
    scores: dict[str, Score]


Make = Callable[[NDArray[np.float32], NDArray[np.uint8]], bytes]
"""Makes the .tflite file of a network that was trained on inputs and labels."""


def gather(wish: Wish) -> Recordings:
    """Read and divide the recordings of a folder.

    Raises:
        DataError: As `folder.load` raises it; E_DATA_RECORDINGS for too few recordings of a label.
        ConfigError: E_CONFIG_WINDOW where the window has to be said.
        ModelError: E_MODEL_SENSOR for axes and units that do not fit, or windows too long for a board's sensor.
    """
    notes = Notes()
    sources = folder.sources_of(wish.folder, notes)
    sound = front_end(sources, wish)
    shape = window_shape(sources, wish.cut) if sound is None else (sound.frames, 1, sound.bands)
    units = sensor.each(wish.units, shape[-1])
    ours, factors = sensor.converted(units)
    described = sensor.window(shape, wish.hertz, wish.axes, ours)
    if sound is not None:
        described = {"sound": sound.document()}
    raw, files, test = folder.read(sources, shape, wish.cut, notes, sound)
    marks = [folder.fingerprint(file) for file in dict.fromkeys(files)]
    of_file = dict(zip(dict.fromkeys(files), marks, strict=True))
    # Copies of a file are one recording, or the network would be judged by what it has seen.
    fingerprints, groups = np.unique([of_file[file] for file in files], return_inverse=True)
    inputs = raw.inputs * np.array(factors, np.float32) if factors else raw.inputs
    raw = RawData(inputs, raw.labels, raw.classes, groups.reshape(-1).astype(np.int32))
    seen = _divided(raw, test, wish.share)
    made = Recordings(
        raw, seen, tuple(map(str, fingerprints)), described, units, notes.warnings(wish.folder), sound
    )
    _refuse_few(made)
    if wish.hertz:
        sensor.check_buffer(shape, wish.features, len(raw.classes))
    return made


def front_end(sources: Sequence[Source], wish: Wish) -> FrontEnd | None:
    """Return the front end for a folder of WAV files; None where there are recordings of other kinds, or pictures.

    Raises:
        DataError: E_DATA_SHAPE for a window of so many frames; E_DATA_SOUND where recordings have fewer samples a
            second than are wanted, or a rate is wanted and not all is sound.
        ModelError: E_MODEL_SENSOR for what only a motion sensor has.
    """
    heard = any(source.file.suffix.lower() == audio.KIND for source in sources)
    seen = (source.file for source in sources if source.file.suffix.lower() != audio.KIND)
    if not heard or any(file.suffix.lower() in pictures.KINDS or folder.size(file) for file in seen):
        _refuse_rate(wish)
        return None
    if wish.hertz or wish.axes or wish.units:
        raise ModelError(
            "E_MODEL_SENSOR",
            f"{wish.folder} holds sound; --hertz, --axes and --units are for recordings of a motion sensor.",
            "Leave them out: sound is brought to the rate of the boards' front end.",
        )
    usual = FrontEnd.at(wish.rate)
    _refuse_slower(sources, usual.rate)
    frames = wish.cut.window or usual.frames
    _check_window(frames, usual.bands)
    return replace(usual, frames=frames)


def _refuse_rate(wish: Wish) -> None:
    """Refuse a rate that is wanted where not all is sound."""
    if wish.rate != FrontEnd.rate:
        raise DataError(
            "E_DATA_SOUND",
            f"{wish.folder}: --rate is for folders of WAV files alone.",
            "Leave it out, or name a folder with a subfolder of WAV files for each word.",
        )


def _refuse_slower(sources: Sequence[Source], rate: int) -> None:
    """Refuse recordings that lack the upper part of what the network is to hear; at the usual rate all will do."""
    if rate == FrontEnd.rate:
        return
    found = ((audio.rate(source.file), source.file) for source in sources)
    slower = [(has, file) for has, file in found if 0 < has < rate]
    if slower:
        has, file = slower[0]
        raise DataError(
            "E_DATA_SOUND",
            f"{len(slower):,} of {len(sources):,} recordings have fewer than the {rate:,} samples a second that boards "
            f"are to hear; {file} has {has:,}.",
            f"Record with {rate:,} or more, or leave --rate out: {FrontEnd.rate:,} hears them all.",
        )


def window_shape(sources: Sequence[Source], cut: Cut) -> tuple[int, int, int]:
    """Return the shape of a window, [readings, 1, values], as recordings and options have it.

    Raises:
        ConfigError: E_CONFIG_WINDOW.
        DataError: E_DATA_FORMAT; E_DATA_SHAPE for recordings of which no windows can be made.
    """
    for source in sources:
        if source.file.suffix.lower() in pictures.KINDS:
            raise DataError(
                "E_DATA_FORMAT", f"{source.file} is a picture; networks are made of recordings here.",
                f"Train one of pictures elsewhere ({shipped('models/digits/train.py')} is one), then: "
                "`bytefed model add FILE --name NAME --classes C`.",
            )  # fmt: skip
    sizes = [size for source in sources if (size := folder.size(source.file)) is not None]
    if not sizes:
        raise DataError(
            "E_DATA_EMPTY", "There are no recordings.", f"{shipped('docs/your-data.md')} shows a folder."
        )
    lengths, width = sorted({rows for rows, _ in sizes}), sizes[0][1]
    if not cut.window and len(lengths) > 1:
        raise ConfigError(
            "E_CONFIG_WINDOW",
            f"Recordings have {lengths[0]:,} to {lengths[-1]:,} readings, and it is not said how many make a window.",
            f"Say it: --window {max(LEAST_READINGS, min(lengths[0], 128))}, and --hop N for windows that overlap.",
        )
    length = cut.window or lengths[0]
    _check_window(length, width)
    return length, 1, width


def _check_window(length: int, width: int) -> None:
    """Refuse windows that the network does not take, or no board does."""
    if length < LEAST_READINGS or not 1 <= length * width <= MOST_VALUES:
        raise DataError(
            "E_DATA_SHAPE",
            f"A window of {counted(length, 'reading')} with {counted(width, 'value')} each can't be learned.",
            f"Write a row a point in time and a column an axis: {LEAST_READINGS} readings at least, and "
            f"{MOST_VALUES:,} values at most; --window N cuts long recordings.",
        )


def _divided(raw: RawData, test: NDArray[np.bool_] | None, share: float) -> NDArray[np.bool_]:
    """Return a mask of the windows that the network learns from: none that the folder keeps for tests."""
    training = np.arange(len(raw.labels)) if test is None else np.flatnonzero(~test)
    assert raw.groups is not None  # noqa: S101
    if test is not None:  # a copy of a test recording is one
        training = training[~np.isin(raw.groups[training], raw.groups[test])]
    among = RawData(np.empty(0, np.float32), raw.labels[training], raw.classes, raw.groups[training])
    seen = np.zeros(len(raw.labels), np.bool_)
    seen[training[divide(among, share, 0.0, SEED).pretrain]] = True
    return seen


def _refuse_few(made: Recordings) -> None:
    """Refuse recordings that are too few to learn from some and to judge by others."""
    everything = np.ones(len(made.raw.labels), np.bool_)
    counts = {
        label: len(np.unique(made.groups[made.raw.labels == number]))
        for number, label in enumerate(made.raw.classes)
    }
    scarce = min(counts, key=lambda label: counts[label])
    if (
        made.least(everything) < LEAST_RECORDINGS
        or made.least(made.seen) < 1  # of a folder with parts of its own
        or made.least(~made.seen) < 2
    ):
        raise DataError(
            "E_DATA_RECORDINGS",
            f"There {'is' if counts[scarce] == 1 else 'are'} {counted(counts[scarce], 'recording')} of '{scarce}': too "
            "few to learn from some and to test by others.",
            f"Give {LEAST_RECORDINGS} files of each label at least, each recorded anew; 8 to know whether whitening "
            "pays.",
        )


def make(recordings: Recordings, made: Make) -> Made:
    """Make an extractor, and measure it on the recordings that it has not seen.

    Features of a board's own sensor are whitened only where its window fits the smaller head.

    Args:
        recordings: The recordings.
        made: Makes a network; it is called for the extractor, and for each part of the cross-validation.

    Raises:
        ModelError: For a network that boards can't run.
    """
    raw, seen, groups = recordings.raw, recordings.seen, recordings.groups
    found = _choice(recordings, made)
    plain = made(raw.inputs[seen], raw.labels[seen])
    extractor = Extractor(plain)
    codes, meaning = extractor.extract(extractor.quantize(raw.inputs)), extractor.quantization
    labels, others = raw.labels[~seen], groups[~seen]
    model = plain
    scores = {"plain": _score(codes[~seen], meaning, labels, others)}
    if found is not None:
        d, a = found.setting
        layer = layer_of(codes[seen], meaning, raw.labels[seen], shrinkage=a, directions=d)
        scores["whitened"] = _score(layer.apply(codes[~seen]), layer.output, labels, others)
        if recordings.takes(d):
            model = whitened(plain, codes[seen], meaning, raw.labels[seen], found)
    if recordings.sound == FrontEnd():  # the network that comes with bytefed hears it, too
        shipped = Extractor.load("keywords")
        heard = shipped.extract(shipped.quantize(raw.inputs[~seen]))
        scores["keywords"] = _score(heard, shipped.quantization, labels, others)
    columns = Columns.fit(raw.inputs.reshape(len(seen), -1), seen)
    flat = columns.encode(raw.inputs.reshape(len(seen), -1))
    scores["raw"] = _score(flat[~seen], columns.quantization, labels, others)
    return Made(model, model != plain, found, scores)


def networks(recordings: Recordings) -> int:
    """Return how many networks `make` will train."""
    return 1 + _folds(recordings)


def passes(recordings: Recordings) -> int:
    """Return the number of passes over the network's windows: some 300 steps of 32, so that few windows are enough."""
    steps = math.ceil(int(recordings.seen.sum()) / 32)
    return min(max(math.ceil(_STEPS / steps), 20), 200)


def _folds(recordings: Recordings) -> int:
    """Return into how many parts the network's recordings are divided to try whitening; 0 where they are too few."""
    among = min(FOLDS, recordings.least(recordings.seen))
    return among if among >= LEAST_FOLDS and int(recordings.seen.sum()) >= LEAST_SAMPLES else 0


def _choice(recordings: Recordings, made: Make) -> Choice | None:
    raw, seen, among = recordings.raw, recordings.seen, _folds(recordings)
    if not among:
        return None
    splits = network_folds(
        made,
        raw.inputs[seen],
        raw.labels[seen],
        recordings.groups[seen],
        seen=range(len(raw.classes)),
        seed=SEED,
        among=among,
        trials=among,
    )
    return choose(splits, int(seen.sum()))


def _score(
    codes: NDArray[np.int8], meaning: Quantization, labels: NDArray[np.uint8], groups: NDArray[np.int32]
) -> Score:
    right = held_out(np.ascontiguousarray(codes), meaning, labels, groups)
    return Score(codes.shape[1], int(right.sum()), len(right), len(np.unique(groups)))
