"""A user's own recordings or pictures: a folder with one .tflite file, and a subfolder of samples for each label."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bytefed.checkout import shipped
from bytefed.data import audio, edge_impulse, pictures, tables, windows
from bytefed.data.notes import Notes
from bytefed.data.raw import Division, RawData, divide
from bytefed.data.task import MAX_CLASSES, Extraction, Samples, Task
from bytefed.data.windows import Cut
from bytefed.errors import DataError, ModelError, counted
from bytefed.extractor.extractor import Extractor, read_model
from bytefed.extractor.manifest import FILE_NAME, is_whitened
from bytefed.extractor.sound import FrontEnd, front_end_of

TEST = 0.2
"""Fraction of the samples for the global test if the folder doesn't say which they are."""
SEED = 42
TABLES = (".csv", ".tsv", ".txt")
RECORDINGS = (*TABLES, ".json", audio.KIND)
MAX_FILE_BYTES = 1 << 26
"""The largest sample read: a picture of a good camera, or a recording of a million values."""
MAX_VALUES = 1 << 29
"""The most input values of all samples together: 2 GiB of float32."""
_TRAINING, _TESTING = ("training", "train"), ("testing", "test")
_BESIDE = ("", ".tflite", ".labels", ".md", ".toml")  # what a folder has beside its samples
_OF_THE_SYSTEM = ("__macosx", "thumbs.db", "desktop.ini")
_DEAF = "Left out, sound, which this extractor does not take"
_HELP = f"{shipped('docs/your-data.md')} shows a folder."


@dataclass(frozen=True)
class Source:
    """A file of samples.

    Attributes:
        file: Path of the file.
        label: Label of its samples.
        test: Whether the folder says that its samples are for the global test.
        owner: The subfolder of its label's folder that it lies in, at any depth; empty for the label's folder itself.
    """

    file: Path
    label: str
    test: bool = False
    owner: str = ""


def load(folder: Path, cut: Cut = Cut()) -> Task:  # noqa: B008 (immutable)
    """Load a task from a folder with an extractor, such as this one; `own.load` reads one without.

        NAME.tflite               any int8 feature extractor that boards can run
        walking/one.csv           a recording: a row a point in time, a column an axis
        walking/anna/two.txt      subfolders below a label's are read with it, and are owners if all samples have one
        running/one.png           or pictures, which are scaled to the extractor's input: 0 is black, 1 white

    The labels are the subfolders in alphabetical order. A fifth of each, drawn with seed 42, is the global test;
    a folder whose subfolders are `training` and `testing`, with the labels below them, decides that itself.

    Args:
        folder: The folder.
        cut: The windows to cut from recordings that are longer than the extractor's input. Windows of one recording
            stay together when the data are divided.

    Raises:
        DataError: E_DATA_MISSING, E_DATA_FORMAT, E_DATA_SHAPE, E_DATA_NAN; E_DATA_CLASSES, E_DATA_SIZE or
            E_DATA_EMPTY.
        ModelError: If there is no extractor, or it can't be used.
        ConfigError: E_CONFIG_WINDOW for a window that the extractor doesn't take; E_CONFIG_EXTRA if a package is
            missing.
    """
    extractor = _extractor(folder)
    notes = Notes()
    raw, test = read_for(extractor, folder, cut, notes, sound=front_end_of(extractor.model_hash))
    return task_of(folder.resolve().name, extractor, raw, test, notes.warnings(folder))


def task_of(
    name: str,
    extractor: Extractor,
    raw: RawData,
    test: NDArray[np.bool_] | None,
    warnings: tuple[str, ...],
    model: str = "",
) -> Task:
    """Return the task of samples and an extractor.

    Args:
        name: The task's name.
        extractor: Makes features of the samples' inputs.
        raw: The samples.
        test: bool [samples], those of the global test; None to draw a fifth of each label.
        warnings: Sentences for the user.
        model: Name of the extractor, if boards can be given it: then they get inputs; "" if they get features.
    """
    division = division_of(name, raw, test)
    inputs = extractor.quantize(raw.inputs)
    features = extractor.extract(inputs)
    return Task(
        name=name,
        federated=Samples(features[division.federated], raw.labels[division.federated]),
        test=Samples(features[division.test], raw.labels[division.test]),
        inputs=inputs[division.federated] if model else None,
        extraction=Extraction(extractor.model, inputs[division.test]),
        num_classes=len(raw.classes),
        quantization=extractor.quantization,
        classes=raw.classes,
        groups=None if raw.groups is None else raw.groups[division.federated],
        clients=None if raw.owners is None else raw.owners[division.federated],
        owners=raw.owner_names,
        model=model,
        model_hash=extractor.model_hash if model else 0,
        whitened=is_whitened(extractor.model_hash, model or None),
        warnings=warnings,
    )


def read_for(
    extractor: Extractor,
    folder: Path,
    cut: Cut,
    notes: Notes,
    *,
    seen: Collection[str] = (),
    factors: Sequence[float] = (),
    sound: FrontEnd | None = None,
) -> tuple[RawData, NDArray[np.bool_] | None]:
    """Read all samples of a folder as inputs of an extractor.

    Args:
        extractor: The extractor that the samples are for.
        folder: The folder, with a subfolder for each label.
        cut: The windows to cut from recordings.
        notes: Gathers remarks about what was left out or looks odd.
        seen: Fingerprints of the files that are left out, as the extractor has learned from them.
        factors: Factor of each value of a reading, as recordings may be in other units; none for 1.
        sound: The front end of an extractor that takes sound.

    Returns:
        The samples, and a mask of those for the global test, None if the folder doesn't say; errors as `load` raises
        them.
    """
    windows.check_window(cut, extractor.input_shape)
    sources = _strangers(sources_of(folder, notes), seen, notes)
    raw, files, test = read(sources, extractor.input_shape, cut, notes, sound)
    if factors:
        raw = replace(raw, inputs=raw.inputs * np.array(factors, np.float32))
    windows.check_units(raw.inputs, files, extractor.input_quantization, notes)
    return raw, test


def read(
    sources: list[Source], shape: tuple[int, ...], cut: Cut, notes: Notes, sound: FrontEnd | None = None
) -> tuple[RawData, list[Path], NDArray[np.bool_] | None]:
    """Read all samples.

    Args:
        sources: The files.
        shape: Shape of an input of the extractor.
        cut: The windows to cut from recordings.
        notes: Gathers remarks about what was left out.
        sound: The front end by which the extractor hears; None for one that takes no sound.

    Returns:
        The samples as float32 [n, *shape], with their labels, the labels' names, their recordings if some gave several
        windows, and their owners if all have one; the file of each sample; and a mask of the samples for the global
        test, None if the folder doesn't say.
    """
    inputs: list[NDArray[np.float32]] = []
    recordings: list[int] = []
    for number, source in enumerate(sources):
        found = sample(source.file, shape, cut, notes, sound)
        inputs += found
        recordings += [number] * len(found)
        if len(inputs) * math.prod(shape) > MAX_VALUES:
            raise DataError(
                "E_DATA_SIZE",
                f"The samples hold more than {MAX_VALUES:,} values.",
                "Give fewer recordings, or shorter ones.",
            )
    if not inputs:
        raise _nothing(sources, sound)
    of = [sources[number] for number in recordings]
    classes = _classes({source.label for source in of})
    groups = np.array(recordings, np.int32)
    labels = np.array([classes.index(source.label) for source in of], np.uint8)
    test = np.array([source.test for source in of], np.bool_)
    several = len(np.unique(groups)) < len(groups)
    owners, names = _owners(of)
    raw = RawData(np.stack(inputs), labels, classes, groups if several else None, owners, names)
    return raw, [source.file for source in of], test if test.any() else None


def _owners(sources: list[Source]) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
    """Return the owner of each source by number, and the owners' names; nothing unless all have one."""
    names = sorted({source.owner for source in sources})
    if "" in names:
        return None, ()
    return np.array([names.index(source.owner) for source in sources], np.int32), tuple(names)


def _nothing(sources: list[Source], sound: FrontEnd | None) -> DataError:
    """Return the error for sources without a sample."""
    unheard = [source.file for source in sources if source.file.suffix.lower() == audio.KIND]
    if sound is None and unheard:
        return DataError(
            "E_DATA_SOUND", f"{unheard[0]} is sound, which this extractor does not take, and nothing else is there.",
            "Name one that does with --model, and leave a .tflite file in the folder out; "
            f"{shipped('docs/sound.md')} says how.",
        )  # fmt: skip
    return DataError("E_DATA_EMPTY", "No recording is as long as a window of the extractor.", _HELP)


def sample(
    file: Path, shape: tuple[int, ...], cut: Cut, notes: Notes, sound: FrontEnd | None = None
) -> list[NDArray[np.float32]]:
    """Read the samples in one file, each float32 of that shape; none in a file that is no recording at all.

    Raises:
        DataError: E_DATA_FORMAT, E_DATA_SHAPE or E_DATA_NAN.
    """
    try:
        content = _content(file)
        if file.suffix.lower() in pictures.KINDS:
            return [pictures.read(file, content, shape)]
        if file.suffix.lower() == audio.KIND:
            if sound is None:
                notes.add(_DEAF, file)
                return []
            frames = audio.frames(audio.read(content, sound.rate), sound, whole=cut.wanted)
            return windows.from_values(file, frames, shape, cut, notes)
        found = _recording(file, content, notes)
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from error
    if found is None:
        return []
    if isinstance(found, tables.Table):
        return windows.from_table(file, found, shape, cut, notes)
    return windows.from_values(file, found, shape, cut, notes)


def size(file: Path) -> tuple[int, int] | None:
    """Return (readings, values of a reading) of the recording in a file; None for a picture, sound or no recording.

    Raises:
        DataError: E_DATA_FORMAT.
    """
    try:
        if file.suffix.lower() in (*pictures.KINDS, audio.KIND):
            return None
        found = _recording(file, _content(file), Notes())
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from error
    if isinstance(found, tables.Table):
        return len(found.rows), windows.measured(found)
    return None if found is None else (len(found), found.shape[1])


def _recording(file: Path, content: bytes, notes: Notes) -> tables.Table | NDArray[np.float32] | None:
    """Return the recording in a file: as text, or as float32 [readings, values]; None, remarked, for none at all.

    Raises:
        ValueError: It can't be read.
    """
    if file.suffix.lower() not in TABLES:
        recording = edge_impulse.read(content)
        if recording is None:
            notes.add("Left out, JSON without a recording (no 'payload')", file)
        return None if recording is None else recording[1]
    if tables.is_prose(content):
        notes.add("Left out, words and no table of numbers", file)
        return None
    return tables.read(content)


def unreadable(file: Path, error: Exception) -> DataError:
    """Return the error that says why a file cannot be read, E_DATA_FORMAT."""
    return DataError(
        "E_DATA_FORMAT", f"{file} cannot be read: {error}.",
        f"{shipped('docs/your-data.md')} says which tables and recordings are read; correct the file, or leave it out.",
    )  # fmt: skip


def division_of(name: str, raw: RawData, test: NDArray[np.bool_] | None) -> Division:
    """Divide the samples of a folder: as it says, else with a fifth of each label for the global test.

    Raises:
        DataError: E_DATA_EMPTY for so few recordings that a fifth of them, rounded, is none.
    """
    if test is not None:
        return Division(np.empty(0, np.int64), np.flatnonzero(~test), np.flatnonzero(test))
    division = divide(raw, 0.0, TEST, SEED)
    if not len(division.test):
        recordings = len(raw.labels) if raw.groups is None else len(np.unique(raw.groups))
        raise DataError(
            "E_DATA_EMPTY",
            f"{name} has {counted(recordings, 'recording')}: too few to set a fifth of them apart for the test.",
            "Record each label several times: five times or more.",
        )
    return division


def fingerprint(file: Path) -> str:
    """Return 16 hexadecimal digits that tell the content of a recording from that of others, whatever its name.

    Raises:
        DataError: E_DATA_FORMAT if it can't be read.
    """
    try:
        return hashlib.sha256(_content(file)).hexdigest()[:16]
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from error


def _strangers(sources: list[Source], seen: Collection[str], notes: Notes) -> list[Source]:
    """Return the sources that the extractor has not learned from."""
    if not seen:
        return sources
    strangers = []
    for source in sources:
        if fingerprint(source.file) in seen:
            notes.add("Left out, a recording that the extractor learned from", source.file)
        else:
            strangers.append(source)
    if not strangers:
        raise DataError(
            "E_DATA_EMPTY",
            "The extractor learned from all of these recordings: none is left for boards.",
            "Add recordings that it has not seen.",
        )
    return strangers


def _extractor(folder: Path) -> Extractor:
    found = sorted(path for path in folder.glob("*.tflite") if not _hidden(path.name))
    if len(found) != 1:
        raise ModelError(
            "E_MODEL_MISSING",
            f"{folder} has {len(found)} .tflite files; one is needed.",
            "Name an extractor of `bytefed model list` with --model, or make one of recordings: "
            "`bytefed model train --data FOLDER --name NAME`.",
        )
    return Extractor(read_model(found[0]))


def sources_of(folder: Path, notes: Notes) -> list[Source]:
    """Return the files of all labels, label after label."""
    subfolders = []
    for path in _entries(folder):
        if path.is_dir():
            subfolders.append(path)
        elif path.suffix.lower() not in _BESIDE and path.name != FILE_NAME:
            notes.add("Left out, beside the subfolders of the labels and not in one", path)
    parts = {path.name.lower(): path for path in subfolders}
    if (
        parts.keys() & set(_TRAINING)
        and parts.keys() & set(_TESTING)
        and parts.keys() <= {*_TRAINING, *_TESTING}
    ):
        sources = [source for name, path in parts.items() for source in _part(path, name in _TESTING, notes)]
    else:
        sources = [source for path in subfolders for source in _labelled(path, path.name, False, notes)]
    _classes({source.label for source in sources})
    return sources


def _classes(labels: set[str]) -> tuple[str, ...]:
    """Return the classes of these labels in alphabetical order, if a board can tell so many apart."""
    if len(labels) > MAX_CLASSES:
        raise DataError(
            "E_DATA_CLASSES", f"There are {len(labels)} labels; {MAX_CLASSES} fit a board.",
            "Put rare ones together in one subfolder.",
        )  # fmt: skip
    if len(labels) < 2:
        raise DataError("E_DATA_EMPTY", "There are no two subfolders with recordings or pictures.", _HELP)
    return tuple(sorted(labels))


def _part(folder: Path, test: bool, notes: Notes) -> Iterator[Source]:
    """Yield the files of one part, training or testing: in a subfolder for each label, or named LABEL.ANYTHING.json."""
    for path in _entries(folder):
        if path.is_dir():
            yield from _labelled(path, path.name, test, notes)
        elif path.suffix.lower() in (*RECORDINGS, *pictures.KINDS):
            yield Source(path, path.name.partition(".")[0], test)
        else:
            _leave_out(path, notes)


def _labelled(folder: Path, label: str, test: bool, notes: Notes) -> Iterator[Source]:
    """Yield the files at any depth below a label's folder."""
    empty = True
    for path in _files(folder):
        if path.suffix.lower() in (*RECORDINGS, *pictures.KINDS):
            empty = False
            inside = path.relative_to(folder).parts
            yield Source(path, label, test, inside[0] if len(inside) > 1 else "")
        else:
            _leave_out(path, notes)
    if empty:
        notes.add("Left out, a subfolder without samples", folder)


def _leave_out(path: Path, notes: Notes) -> None:
    notes.add(f"Left out, a kind of file that is not read ({path.suffix or 'no suffix'})", path)


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder in a fixed order, without those of operating systems."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        yield from (Path(here) / name for name in sorted(names) if not _hidden(name))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not _hidden(path.name))
    except OSError as error:
        raise DataError("E_DATA_MISSING", f"{folder} cannot be read ({error.strerror}).", _HELP) from error


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _OF_THE_SYSTEM


def _content(file: Path) -> bytes:
    """Read the bytes of a sample; raises OSError, or ValueError for a file whose size no sample has."""
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"it has more than {MAX_FILE_BYTES:,} bytes")
    return content
