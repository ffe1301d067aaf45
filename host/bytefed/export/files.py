"""Writes what a run learnt as files: those that were asked for, or all that can be made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytefed.errors import BytefedError, ConfigError, did_you_mean
from bytefed.export.agreement import Agreement
from bytefed.export.archive import npz
from bytefed.export.classifier import Classifier, classifier
from bytefed.export.cpp import head_header, model_header
from bytefed.export.formats import FORMATS
from bytefed.export.keras_layer import keras_file
from bytefed.export.sketch import sketch
from bytefed.export.trained import Trained
from bytefed.private_files import make_file, make_folder
from bytefed.runs.directory import coded_errors

FOLDER = "export"
"""The folder of a run directory that files are written to, if no other is named."""


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: The file.
        size: Its bytes.
        about: Sentence that says what it is.
        agreement: The comparison with boards on the global test set; None where it is not a classifier of its own.
    """

    path: Path
    size: int
    about: str
    agreement: Agreement | None = None

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        agreement = self.agreement.document() if self.agreement else None
        return {"file": str(self.path), "bytes": self.size, "about": self.about, "agreement": agreement}


@dataclass(frozen=True)
class Export:
    """An export of a run.

    Attributes:
        files: The files that were written.
        left_out: Format to the reason why it was not, of those that were not asked for by name.
    """

    files: Sequence[Exported]
    left_out: dict[str, BytefedError]


class _Writer:
    """Writes the files of one export."""

    def __init__(self, trained: Trained, folder: Path) -> None:
        self._trained, self._folder = trained, folder
        self._made: Classifier | None = None
        self.files: list[Exported] = []

    def npz(self) -> None:
        features, classes = self._trained.W.shape
        about = f"the head in float32, W [{features}, {classes}] and b [{classes}]: `bytefed run --head` begins with it"
        self._write("head.npz", npz(self._trained), about)

    def keras(self) -> None:
        content, agreement = keras_file(self._trained)
        about = "the head as a Keras layer, from real features to logits"
        self._write("head.keras", content, about, agreement)

    def tflite(self) -> None:
        made = self._classifier()
        about = f"extractor and head in one, head of {made.head}"
        if self._trained.held:
            about += ": the samples stay on the boards, so there is no test set here, and no range for int8"
        elif made.coarse:
            about += f": int8 is too coarse for it, {made.coarse.share()} would get the label that boards give them"
        self._write("classifier.tflite", made.model, about, made.agreement)

    def c(self) -> None:
        """Write a folder as Arduino's tools want it: the sketch has its name."""
        extraction = self._trained.task.extraction
        if extraction is None:
            header = head_header(self._trained)
            about = "the head as C++, with the labels; features come from elsewhere"
            agreement = None
        else:
            made = self._classifier()
            header = model_header(self._trained, extraction, made)
            about, agreement = "the .tflite file as C++, with the labels", self._new(made.agreement)
        self._write("classify/classifier.h", header.encode("ascii"), about, agreement)
        text, about = sketch(extraction)
        self._write("classify/classify.ino", text.encode("ascii"), about)

    def _new(self, agreement: Agreement) -> Agreement | None:
        """Return an agreement that no file has told of yet."""
        return None if any(file.agreement is agreement for file in self.files) else agreement

    def _classifier(self) -> Classifier:
        extraction = self._trained.task.extraction
        if extraction is None:
            raise ConfigError(
                "E_EXPORT_FEATURES",
                f"{self._trained.task.name} has no extractor: its features came ready, and no .tflite file makes them.",
                "Take the head alone: `bytefed export DIR --format npz c`.",
            )
        if self._made is None:
            self._made = classifier(self._trained, extraction)
        return self._made

    def _write(self, name: str, content: bytes, about: str, agreement: Agreement | None = None) -> None:
        path = self._folder / name
        with coded_errors(self._folder, "--to", "export again"):
            make_folder(path.parent)
            make_file(path).write_bytes(content)
        self.files.append(Exported(path, len(content), about, agreement))


def export(trained: Trained, folder: Path | None = None, formats: Collection[str] = ()) -> Export:
    """Write what a run learnt; files that are there already are written anew.

    Args:
        trained: The run's head.
        folder: Where to; None for export/ in the run directory.
        formats: Those of FORMATS that are wanted; none for all that can be made.

    Raises:
        ConfigError: E_EXPORT_FORMAT for a format that is none; E_EXPORT_FEATURES or E_CONFIG_EXTRA for one that was
            asked for by name and can't be made.
        ModelError: The classifier needs more memory than a board has.
        StoreError: The folder can't be written to.
    """
    for name in formats:
        if name not in FORMATS:
            raise ConfigError(
                "E_EXPORT_FORMAT",
                f"There is no format '{name[:40]}'.",
                f"{did_you_mean(name, FORMATS)}Give --format some of: {', '.join(FORMATS)}.",
            )
    writer = _Writer(trained, trained.directory / FOLDER if folder is None else folder)
    write: dict[str, Callable[[], None]] = {
        "npz": writer.npz,
        "keras": writer.keras,
        "tflite": writer.tflite,
        "c": writer.c,
    }
    left_out: dict[str, BytefedError] = {}
    for name in (name for name in FORMATS if not formats or name in formats):
        try:
            write[name]()
        except ConfigError as error:  # what is not here; all else is wrong with the run
            if formats:
                raise
            left_out[name] = error
    return Export(writer.files, left_out)
