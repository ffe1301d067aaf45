"""A user's own models as tasks: recordings in a folder, and an extractor by its name instead of a file among them.

The manifest of a model that was trained here says where its recordings are, how they are cut and in which units they
are, and has the fingerprints of those that the network learned from. These never come among the samples of boards or of
a test, wherever they lie and whatever they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bytefed.data import folder as folders
from bytefed.data.notes import Notes
from bytefed.data.raw import RawData
from bytefed.data.task import Task
from bytefed.data.windows import Cut, layout
from bytefed.errors import DataError, counted
from bytefed.extractor import sensor
from bytefed.extractor.extractor import Extractor
from bytefed.extractor.manifest import Manifest, model_folder, model_names
from bytefed.extractor.sound import FrontEnd


def has_recordings(name: str) -> bool:
    """Return whether there is a model of that name, and its manifest says where its recordings are.

    Raises:
        ModelError: E_MODEL_MANIFEST for one that is broken.
    """
    return name in model_names() and bool(Manifest.load(model_folder(name)).recordings)


def load(name: str, model: str = "", cut: Cut = Cut()) -> Task:  # noqa: B008 (immutable)
    """Load the task of recordings and a model.

    Args:
        name: The folder of the recordings; or, without `model`, the name of a model that knows its own.
        model: Name of the model, or a folder with its manifest.
        cut: The windows to cut from recordings; as the model's own were cut where it does not say.

    Raises:
        DataError: As `folder.load` raises it; E_DATA_CLASSES for labels that the model's head does not have.
        ModelError: There is no such model, or it can't be used.
        ConfigError: E_CONFIG_WINDOW for a window that the extractor doesn't take; E_CONFIG_EXTRA if a package is
            missing.
    """
    raw, test, extractor, warnings = read(name, model, cut)
    return folders.task_of(Path(name).resolve().name, extractor, raw, test, warnings, model or name)


def read(
    name: str,
    model: str = "",
    cut: Cut = Cut(),  # noqa: B008 (immutable)
) -> tuple[RawData, NDArray[np.bool_] | None, Extractor, tuple[str, ...]]:
    """Read the recordings of a task, but for those that the extractor learned from.

    Returns:
        The samples, with the classes of the model's head; a mask of those for the global test, None if the folder
        doesn't say; the extractor; and sentences for the user. The Args and errors are those of `load`.
    """
    extractor, manifest = Extractor.load(model or name), Manifest.load(model_folder(model or name))
    own = manifest.recordings
    folder = Path(name) if model else Path(str(own["folder"]))
    notes = Notes()
    raw, test = folders.read_for(
        extractor,
        folder,
        cut if cut.wanted else _as_its_own(own, extractor),
        notes,
        seen=frozenset(own.get("seen", ())),
        factors=_factors(own, extractor),
        sound=FrontEnd.of(manifest.document),
    )
    return _with_classes_of(manifest, raw, folder), test, extractor, notes.warnings(folder)


def _as_its_own(own: Mapping[str, Any], extractor: Extractor) -> Cut:
    """Return the way in which the model's own recordings were cut."""
    hop = own.get("hop", 0)
    return Cut(layout(extractor.input_shape)[0], int(hop)) if hop else Cut()


def _factors(own: Mapping[str, Any], extractor: Extractor) -> tuple[float, ...]:
    """Return the factors by which recordings come into the units of the model; none for all 1."""
    _, factors = sensor.converted([str(unit) for unit in own.get("units", ())])
    return () if set(factors) <= {1.0} or len(factors) != extractor.input_shape[-1] else factors


def _with_classes_of(manifest: Manifest, raw: RawData, folder: Path) -> RawData:
    """Return samples whose labels are numbers of the model's classes.

    Raises:
        DataError: E_DATA_CLASSES.
    """
    if not manifest.classes:
        if len(raw.classes) == manifest.C:
            return raw
        raise DataError(
            "E_DATA_CLASSES",
            f"{folder} has {counted(len(raw.classes), 'label')}; the head of '{manifest.name}' has {manifest.C} "
            "classes without names.",
            "Name its classes, as many as there are: `bytefed model add FILE --name NAME --labels walk run --force`.",
        )
    foreign = [label for label in raw.classes if label not in manifest.classes]
    if foreign:
        raise DataError(
            "E_DATA_CLASSES",
            f"{folder} has the label '{foreign[0]}'; model '{manifest.name}' has {', '.join(manifest.classes)}.",
            "Take that subfolder out, or give the same network labels of your own: "
            f"`bytefed model add {manifest.name} --name NAME --labels walk run`.",
        )
    numbers = np.array([manifest.classes.index(label) for label in raw.classes], np.uint8)
    return replace(raw, labels=numbers[raw.labels], classes=manifest.classes)
