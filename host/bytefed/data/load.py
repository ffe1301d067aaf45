"""Loads tasks by name: reads the raw data, takes the part that no extractor has seen, and extracts its features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bytefed.checkout import shipped
from bytefed.data import cifar10, digits, folder, gesture, keywords, motion, npz, own, pictures, series
from bytefed.data.first_use import make_model
from bytefed.data.raw import Division, RawData, divide
from bytefed.data.task import Extraction, Samples, Task
from bytefed.data.windows import Cut
from bytefed.errors import ConfigError, DataError, did_you_mean
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import PLAIN, Manifest, model_folder


@dataclass(frozen=True)
class Source:
    """The source of a task's data and the way they are divided.

    Attributes:
        read: Reads the raw data from a folder, or from their usual place for None.
        pretrain: Fraction of the samples that the extractor may see; 0 where owners divide the data (`raw.divide`).
        test: Fraction of the samples for the global test.
        seed: Seed of the division.
        made_on_use: Whether the extractor is not part of bytefed, but trained when it is first needed.
    """

    read: Callable[[Path | None], RawData]
    pretrain: float
    test: float
    seed: int = 42
    made_on_use: bool = False

    def load(self, data_dir: Path | None = None) -> tuple[RawData, Division]:
        """Read the raw data and divide them."""
        raw = self.read(data_dir)
        return raw, divide(raw, self.pretrain, self.test, self.seed)


ON_BOARDS = "boards"
"""The name, with --data, of the samples that boards hold already."""

_DIGITS = Source(digits.read, pretrain=500 / 1797, test=400 / 1797)
_SOURCES = {
    "cifar10": Source(cifar10.read, pretrain=0.2, test=1 / 6, made_on_use=True),
    "digits": _DIGITS,
    "digits04": _DIGITS,
    "gesture": Source(gesture.read, pretrain=0.4, test=0.2),
    "keywords": Source(keywords.read, pretrain=0.0, test=0.3),
    "motion": Source(motion.read, pretrain=0.3, test=0.3),
}
TASKS: dict[str, Source] = _SOURCES | {f"{name}{PLAIN}": source for name, source in _SOURCES.items()}
"""Tasks by name; each name is also that of the task's model under models/."""


def task_names() -> list[str]:
    """Return the names of all tasks, sorted: those with a model, and those of ``series``."""
    return sorted([*TASKS, *series.SERIES])


def load_task(
    name: str,
    data_dir: Path | None = None,
    cut: Cut = Cut(),  # noqa: B008 (immutable)
    model: str = "",
) -> Task:
    """Load a task, ready to be divided among boards.

    Args:
        name: One of ``task_names``; or a model of the user's own that knows its recordings (see `own.load`); or the
            path of an .npz file (see `npz.load`) or of a folder (see `folder.load`).
        data_dir: Folder with the raw data of tasks that bytefed doesn't ship; ignored by the others.
        cut: The windows to cut from the recordings of a folder.
        model: Name of the extractor of a folder that has none; empty for the folder's own.

    Raises:
        DataError: E_DATA_UNKNOWN for a name that is none of these, or what reading the data raised.
        ModelError: The extractor can't be used.
        ConfigError: E_CONFIG_EXTRA if a package is missing; E_CONFIG_WINDOW for a cut that doesn't fit the data;
            E_CONFIG_MODEL for a model where the data have their own.
    """
    if name == ON_BOARDS:
        raise on_boards()
    by_name = name in task_names() or name.endswith(".npz")
    is_model = not by_name and not model and own.has_recordings(name)
    is_folder = not by_name and not is_model and Path(name).is_dir()
    if model and not (is_folder or by_name or Path(name).exists() or own.has_recordings(name)):
        raise _unknown(name)
    if model and not is_folder:
        raise ConfigError(
            "E_CONFIG_MODEL",
            f"--model is for recordings in a folder; {name} is none, or has its own extractor.",
            "Leave --model out, or name a folder with --data.",
        )
    if cut.wanted and not (is_folder or is_model):
        raise ConfigError(
            "E_CONFIG_WINDOW",
            f"--window and --hop cut recordings in a folder; {name} has its windows already.",
            "Leave --window and --hop out.",
        )
    if is_model or model:
        return own.load(name, model, cut)
    if is_folder:
        return folder.load(Path(name), cut)
    if name.endswith(".npz"):
        return npz.load(Path(name))
    if name in series.SERIES:
        return series.load(name, data_dir)
    if name not in TASKS:
        raise _unknown(name)
    return _with_model(name, data_dir)


def _with_model(name: str, data_dir: Path | None) -> Task:
    """Load one of TASKS with its extractor."""
    raw, division = TASKS[name].load(data_dir)
    if TASKS[name].made_on_use:
        make_model(name.removesuffix(PLAIN), data_dir)
    extractor = Extractor.load(name)
    manifest = Manifest.load(model_folder(name))
    _check_division(name, manifest, division)
    inputs = extractor.quantize(raw.inputs)
    features = extractor.extract(np.concatenate([inputs[division.federated], inputs[division.test]]))
    end = len(division.federated)
    return Task(
        name=name,
        federated=Samples(features[:end], raw.labels[division.federated]),
        test=Samples(features[end:], raw.labels[division.test]),
        inputs=inputs[division.federated],
        extraction=Extraction(extractor.model, inputs[division.test]),
        num_classes=len(raw.classes),
        classes=raw.classes,
        clients=None if raw.owners is None else raw.owners[division.federated],
        owners=raw.owner_names,
        quantization=extractor.quantization,
        model=name,
        model_hash=extractor.model_hash,
        whitened=manifest.whitened,
    )


def on_boards() -> DataError:
    """Return the error where the samples that boards hold are asked for, and not their boards to learn from them."""
    return DataError(
        "E_DATA_ON_BOARDS",
        "The samples that boards hold never leave them, so nothing can be done with them here.",
        "Learn from them where they are (`bytefed run --help` says how). Otherwise name another --data; a folder of "
        f"that name is ./{ON_BOARDS}.",
    )


_IN_A_FOLDER = (
    "put it in a folder with a subfolder for each label; that folder needs --model NAME or one .tflite file."
)


def _unknown(name: str) -> DataError:
    """Return the error for a name that is no data set, with a remedy for what the user may have meant."""
    path = Path(name)
    kind = path.suffix.lower()
    if kind in folder.TABLES:
        remedy = (
            'If its rows are features with the label last: python -c "import numpy as np; '
            f"t = np.loadtxt('{path.name}', delimiter=',', skiprows=1); "
            "np.savez('mine.npz', X=t[:, :-1], y=t[:, -1])\" and --data mine.npz. "
            f"If it is a recording, {_IN_A_FOLDER}"
        )
    elif kind in (*folder.RECORDINGS, *pictures.KINDS):
        remedy = f"P{_IN_A_FOLDER[1:]}"
    elif path.is_file():
        remedy = "Save the features as .npz: numpy.savez('mine.npz', X=features, y=labels)."
    else:
        remedy = f"{did_you_mean(name, task_names())}Name one of {', '.join(task_names())}, an .npz file, or a folder."
    what = (
        f"{name} is one file, and no data set that is read."
        if path.is_file()
        else f"There is no data set '{name}', and no such folder"
        + ("." if path.is_absolute() else f" in {Path.cwd()}.")
    )
    return DataError("E_DATA_UNKNOWN", what, remedy)


def _check_division(name: str, manifest: Manifest, division: Division) -> None:
    """Refuse data that divide differently from when the extractor was trained: it could have seen test samples."""
    if manifest.document.get("division") != division.describe():
        raise DataError(
            "E_DATA_DIVISION",
            f"The data of '{name}' are not those that its extractor was trained beside.",
            f"Use the version of the data that {shipped(f'models/{name}/README.md')} names, or train the extractor "
            "again.",
        )
