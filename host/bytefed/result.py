"""The result of a run as an object: its tables, its head, its summary."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bytefed.errors import StoreError
from bytefed.runs.directory import holds_no

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bytefed.runs.columns import Columns

_LARGEST_SUMMARY = 64 * 1024 * 1024


class Layer(NamedTuple):
    """A head as the last layer of a network: logits = features @ W + b.

    Attributes:
        W: float32 [D, C], the weights.
        b: float32 [C], the biases.
    """

    W: NDArray[np.float32]
    b: NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class RunResult:
    """A run on disk, complete or not.

    Tables are dicts of column name to a list, with None for an unknown value; `pandas.DataFrame(result.bytes)` and
    `polars.DataFrame(result.bytes)` take them as they are. Columns and units are those of SPEC.md section 8. A table
    is read when it is first asked for; while a run goes on, call `load_run` again to see newer rows.

    Attributes:
        directory: The run directory.
        summary: The content of summary.json; empty while the run is not over, and after a kill.
    """

    directory: Path
    summary: Mapping[str, Any]

    def __repr__(self) -> str:
        state = "complete" if self.complete else "not complete"
        accuracy = "unknown" if self.accuracy is None else f"{100 * self.accuracy:.1f} %"
        return f"<run {self.directory}: {len(self.rounds['round'])} rounds, {state}, accuracy {accuracy}>"

    @property
    def complete(self) -> bool:
        """Whether the run reached its last round."""
        return self.summary.get("complete") is True

    @property
    def accuracy(self) -> float | None:
        """Accuracy of the newest head on the global test set, 0 to 1; None before the first round is over."""
        known: list[float | None] = self.rounds["accuracy_global"]
        return known[-1] if known else None

    @cached_property
    def rounds(self) -> Columns:
        """Columns of rounds.csv, one row for each round: participants, accuracies, bytes, estimates."""
        return self._table("rounds")

    @cached_property
    def bytes(self) -> Columns:
        """Columns of bytes.csv, one row for each round and board: every byte by its cause, and the estimate."""
        return self._table("bytes")

    @cached_property
    def sessions(self) -> Columns:
        """Columns of sessions.csv: the bytes of connecting, provisioning and the last evaluation."""
        return self._table("sessions")

    @cached_property
    def head(self) -> Layer:
        """The newest global head, weights and biases.

        Raises:
            StoreError: E_RUN_MISSING or E_RUN_CORRUPT if the directory has none that can be read.
        """
        from bytefed.runs.columns import newest_head

        head = newest_head(self.directory)
        features, classes = self._shape()
        if len(head) != features * classes + classes:
            raise StoreError(
                "E_RUN_CORRUPT",
                f"The newest head of {self.directory} has {len(head):,} values, not {features}x{classes} + {classes}.",
                "Take another copy of the directory.",
            )
        return Layer(head[: features * classes].reshape(features, classes), head[features * classes :])

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the page that `bytefed report` writes.

        Args:
            path: The page; None for report.html in the run directory.

        Returns:
            Path of the page.

        Raises:
            StoreError: E_RUN_CORRUPT if the run's files can't be understood, E_REPORT_WRITE if the page can't.
        """
        from bytefed.report.page import write_page
        from bytefed.report.run_files import load

        target = self.directory / "report.html" if path is None else Path(path)
        return write_page(target, [load(self.directory)])

    def export(
        self, folder: str | os.PathLike[str] | None = None, *, formats: Collection[str] = ()
    ) -> list[Path]:
        """Write the files that `bytefed export` writes: the newest head for use without bytefed.

        Args:
            folder: Where to; None for export/ in the run directory.
            formats: Some of "npz", "keras", "tflite" and "c"; none for all that can be made.

        Returns:
            Paths of the files.

        Raises:
            StoreError: E_RUN_MISSING, E_RUN_CORRUPT, E_RUN_UNTRAINED, or the folder can't be written to.
            ConfigError: E_EXPORT_FORMAT; E_EXPORT_FEATURES or E_CONFIG_EXTRA for a format that can't be made.
            BytefedError: The run's data can't be loaded any more.
        """
        from bytefed.export.files import export
        from bytefed.export.trained import Trained

        done = export(Trained.load(self.directory), None if folder is None else Path(folder), formats)
        return [file.path for file in done.files]

    def _table(self, name: str) -> Columns:
        from bytefed.runs.columns import read_columns

        return read_columns(self.directory / f"{name}.csv")

    def _shape(self) -> tuple[int, int]:
        """Return D and C, from the summary or, if there is none, from the task."""
        if "features" in self.summary and "classes" in self.summary:
            return int(self.summary["features"]), int(self.summary["classes"])
        from bytefed.data import Cut, load_task
        from bytefed.federation.config import RunConfig
        from bytefed.runs.directory import RESOLVED

        config = RunConfig.resolve(self.directory / RESOLVED, {})
        task = load_task(
            config.data,
            Path(config.data_dir) if config.data_dir else None,
            Cut(config.window, config.hop),
            config.model,
        )
        return task.D, task.num_classes


def load_run(directory: str | os.PathLike[str]) -> RunResult:
    """Open the directory of a run, which `bytefed run`, a gateway or `bytefed simulate` made; the run may still go on.

    Raises:
        StoreError: E_RUN_MISSING if the directory holds no run, E_RUN_CORRUPT if its summary can't be understood.
    """
    folder = Path(directory)
    if not (folder / "rounds.csv").is_file():
        raise StoreError(
            "E_RUN_MISSING", holds_no("run", folder), "Name the directory that `bytefed run` printed."
        )
    return RunResult(folder, _summary(folder / "summary.json"))


def _summary(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            document = json.loads(file.read(_LARGEST_SUMMARY))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            "E_RUN_CORRUPT", f"{path} can't be read ({error}).", "Delete it: a run can be read without."
        ) from error
    if not isinstance(document, dict):
        raise StoreError("E_RUN_CORRUPT", f"{path} holds no table.", "Delete it: a run can be read without.")
    return document
